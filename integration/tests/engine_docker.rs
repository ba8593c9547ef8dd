//! dockerd with the shim as its runtime: what Docker does still works, and the shim's own words reach
//! the one who typed `docker run`.
#![expect(clippy::indexing_slicing, reason = "JSON that is not there is null")]

use std::process::{Command, ExitCode};

use integration::engine::{
    Came, Docker, Image, Suite, World, Wrapped, fails, on_a_terminal, says, shows, succeeds, told,
    within,
};
use integration::run;

#[allow(unsafe_code, reason = "a netlink socket")]
#[path = "profile_in_containers/audit.rs"]
mod audit;
#[path = "engine_docker/demonstrations.rs"]
mod demonstrations;

fn main() -> ExitCode {
    SUITE.run(Docker::PROGRAMS, |runtimes| {
        let docker = Docker::start(runtimes, World::UNDER_POLICIES, env!("CARGO_BIN_EXE_probe"))?;
        docker.world.write_policies()?;
        let version = docker.version.clone();
        Ok((docker, version))
    })
}

static SUITE: Suite<Docker> = Suite {
    test: "engine_docker",
    operations: &[
        ("run --rm", run_rm),
        ("run -d, logs", detached_and_logs),
        ("run -it", interactive),
        ("exec", exec),
        ("exec -it", exec_interactive),
        ("attach", attach),
        ("stop", stop),
        ("kill --signal", kill),
        ("pause, unpause", pause),
        ("update", update),
        ("top", top),
        ("stats", stats),
        ("events", events),
        ("exit codes", exit_codes),
        ("restart policy", restart_policy),
        ("healthcheck", healthcheck),
        ("checkpoint", checkpoint),
        ("restart, wait, cp, rm -f", the_rest),
    ],
    unable: &[
        ("youki", "exit codes", Wrapped::ever), // its log is none that Docker reads
        ("runc", "checkpoint", Wrapped::lacks_criu),
        ("crun", "checkpoint", Wrapped::makes_no_checkpoint_here),
        ("crun", "update", |crun| crun.version == "1.8.1"),
        ("youki", "checkpoint", Wrapped::ever),
    ],
    once: &[
        (
            "docker info and version speak to the runtime through the shim",
            info,
        ),
        (
            "a failed checkpoint says what it says without the shim",
            checkpoint_text,
        ),
        ("the classic builder runs its steps through the shim", build),
        ("buildkit runs its steps through the shim", buildkit),
        ("a refused create shows our line", refusal),
        ("thirty containers at once", thirty_at_once),
        (
            "a deny-all profile cannot start a container",
            demonstrations::deny_all,
        ),
        (
            "mkdir is refused where a profile refuses it",
            demonstrations::mkdir,
        ),
        (
            "unshare is refused by default and permitted unconfined",
            demonstrations::unshare,
        ),
        (
            "an allow-list made for one program holds it",
            demonstrations::allow_list,
        ),
        (
            "calls of a SCMP_ACT_LOG profile are found again",
            demonstrations::log,
        ),
    ],
};

const STATUS: &[&str] = &["grep", "Seccomp:", "/proc/self/status"];

/// A container that sleeps, gone when dropped.
struct Sleeping<'a>(&'a Docker, String);

impl<'a> Sleeping<'a> {
    fn with(
        docker: &'a Docker,
        runtime: &str,
        options: &[&str],
        words: &[&str],
    ) -> Result<Self, String> {
        let options = [&["-d"], options].concat();
        succeeds(&mut docker.run(runtime, &options, words)).map(|id| Self(docker, id))
    }

    fn start(docker: &'a Docker, runtime: &str) -> Result<Self, String> {
        Self::with(docker, runtime, &[], &["sleep", "1000"])
    }

    fn does(&self, words: &[&str]) -> Command {
        let mut command = self.0.cli(words);
        command.arg(&self.1);
        command
    }

    fn tells(&self, what: &str) -> Result<String, String> {
        succeeds(&mut self.does(&["inspect", "--format", what]))
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        // Best effort: all ends with the world.
        let _ = run(&mut self.does(&["rm", "--force"]));
    }
}

fn run_rm(docker: &Docker, runtime: &str) -> Came {
    let filtered = if runtime.starts_with("shim") {
        "Seccomp:\t2"
    } else {
        "Seccomp:"
    };
    shows(&mut docker.run(runtime, &["--rm"], STATUS), filtered).map(drop)
}

fn detached_and_logs(docker: &Docker, runtime: &str) -> Came {
    let script = "echo out; echo err >&2; sleep 1000";
    let container = Sleeping::with(docker, runtime, &[], &["sh", "-c", script])?;
    within(|| {
        let outcome = run(&mut container.does(&["logs"]));
        (outcome.stdout == "out\n" && outcome.stderr == "err\n")
            .then_some(())
            .ok_or_else(|| outcome.text())
    })
}

fn interactive(docker: &Docker, runtime: &str) -> Came {
    let command = docker.run(runtime, &["--rm", "-it"], &["sh", "-c", "tty; exit 5"]);
    let outcome = fails(&mut on_a_terminal(&command), 5)?;
    says(&outcome, "/dev/pts/").map(drop)
}

fn exec(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let id = &container.1;
    shows(docker.cli(&["exec", id]).args(STATUS), "Seccomp:")?;
    fails(&mut docker.cli(&["exec", id, "sh", "-c", "exit 9"]), 9)?;
    // Words of the shim's and of runtimes are the user's here.
    let words = [
        "exec",
        id,
        "echo",
        "create",
        "--bundle",
        "/",
        "--shim-policy",
        "x",
    ];
    shows(&mut docker.cli(&words), "create --bundle / --shim-policy x").map(drop)
}

fn exec_interactive(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let command = docker.cli(&["exec", "-it", &container.1, "sh", "-c", "tty; exit 6"]);
    let outcome = fails(&mut on_a_terminal(&command), 6)?;
    says(&outcome, "/dev/pts/").map(drop)
}

fn attach(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::with(
        docker,
        runtime,
        &["-i"],
        &["sh", "-c", "read line; echo got $line; exit 4"],
    )?;
    let outcome = fails(&mut told(&container.does(&["attach"]), "words"), 4)?;
    says(&outcome, "got words").map(drop)
}

fn stop(docker: &Docker, runtime: &str) -> Came {
    let script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    let container = Sleeping::with(docker, runtime, &[], &["sh", "-c", script])?;
    within(|| shows(&mut container.does(&["logs"]), "ready"))?;
    succeeds(&mut container.does(&["stop", "--time", "10"]))?;
    equal(&container.tells("{{.State.ExitCode}}")?, "3")
}

fn kill(docker: &Docker, runtime: &str) -> Came {
    let script = "trap 'exit 8' USR1; echo ready; while :; do sleep 0.1; done";
    let container = Sleeping::with(docker, runtime, &[], &["sh", "-c", script])?;
    within(|| shows(&mut container.does(&["logs"]), "ready"))?;
    succeeds(&mut container.does(&["kill", "--signal", "USR1"]))?;
    equal(&succeeds(&mut container.does(&["wait"]))?, "8")
}

fn pause(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    succeeds(&mut container.does(&["pause"]))?;
    equal(&container.tells("{{.State.Status}}")?, "paused")?;
    succeeds(&mut container.does(&["unpause"]))?;
    equal(&container.tells("{{.State.Status}}")?, "running")
}

fn update(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    succeeds(&mut container.does(&["update", "--cpu-shares", "512"]))?;
    let path = format!("/sys/fs/cgroup/cpu/docker/{}/cpu.shares", container.1);
    equal(&succeeds(docker.world.command("cat").arg(path))?, "512")
}

fn top(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    shows(&mut container.does(&["top"]), "sleep 1000").map(drop)
}

fn stats(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let pids = succeeds(&mut container.does(&["stats", "--no-stream", "--format", "{{.PIDs}}"]))?;
    equal(&pids, "1")
}

fn events(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let id = container.1.clone();
    drop(container);
    let filter = format!("container={id}");
    within(|| {
        let words = [
            "events", "--since", "5m", "--until", "0s", "--filter", &filter,
        ];
        let mut command = docker.cli(&words);
        let seen = succeeds(command.args(["--format", "{{.Action}}"]))?;
        equal(&seen.replace('\n', " "), "create start kill die destroy")
    })
}

fn exit_codes(docker: &Docker, runtime: &str) -> Came {
    fails(
        &mut docker.run(runtime, &["--rm"], &["sh", "-c", "exit 7"]),
        7,
    )?;
    fails(
        &mut docker.run(
            runtime,
            &["--rm"],
            &["sh", "-c", "sh -c 'kill -9 $$'; exit $?"],
        ),
        137,
    )?;
    // What it says of a program that is not there is the runtime's, which Docker reads: 127 for
    // runc's words, 125 for crun's.
    let code = if runtime.ends_with("crun") { 125 } else { 127 };
    fails(&mut docker.run(runtime, &["--rm"], &["/nowhere"]), code).map(drop)
}

fn restart_policy(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::with(docker, runtime, &["--restart", "on-failure:2"], &["false"])?;
    within(|| {
        equal(
            &container.tells("{{.RestartCount}} {{.State.Status}}")?,
            "2 exited",
        )
    })
}

fn healthcheck(docker: &Docker, runtime: &str) -> Came {
    let options = [
        "--health-cmd",
        "test -d /proc",
        "--health-interval",
        "300ms",
    ];
    let container = Sleeping::with(docker, runtime, &options, &["sleep", "1000"])?;
    within(|| equal(&container.tells("{{.State.Health.Status}}")?, "healthy"))
}

fn checkpoint(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    docker
        .says(&["checkpoint", "create", &container.1, "one"])
        .map(drop)
}

fn build(docker: &Docker) -> Came {
    // The classic builder takes the default runtime, which is shim-runc.
    let (file, before) = (
        dockerfile(docker, "classic")?,
        docker.world.decisions().len(),
    );
    let mut command = docker.cli(&["build", "--network", "none", "--no-cache", &file]);
    shows(command.env("DOCKER_BUILDKIT", "0"), "Seccomp:\t2")?;
    let after = docker.world.decisions().len();
    (after > before)
        .then_some(())
        .ok_or_else(|| "no decision was recorded".to_owned())
}

fn the_rest(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let id = &container.1;
    succeeds(&mut container.does(&["restart", "--time", "0"]))?;
    equal(&container.tells("{{.State.Status}}")?, "running")?;
    docker.says(&["cp", &format!("{id}:/etc/passwd"), "/run/passwd"])?;
    docker.says(&["rm", "--force", id])?;
    fails(&mut container.does(&["inspect"]), 1).map(drop)
}

fn info(docker: &Docker) -> Came {
    let info = docker.says(&["info", "--format", "{{json .}}"])?;
    let info: serde_json::Value = serde_json::from_str(&info).map_err(|error| error.to_string())?;
    equal(
        info["DefaultRuntime"].as_str().unwrap_or_default(),
        "shim-runc",
    )?;
    let bare = succeeds(Command::new("runc").arg("--version"))?;
    let bare = bare
        .lines()
        .nth(1)
        .unwrap_or_default()
        .replace("commit: ", "");
    // Of the default runtime Docker asks `--version`, whose lines must be runc's own.
    equal(info["RuncCommit"]["ID"].as_str().unwrap_or_default(), &bare)?;
    let version = docker.says(&["version", "--format", "{{json .Server.Components}}"])?;
    let runc = Wrapped::all().into_iter().find(|one| one.name == "runc");
    says_in(&version, &runc.ok_or("no runc")?.version)
}

fn checkpoint_text(docker: &Docker) -> Came {
    if !Wrapped::all().iter().all(Wrapped::lacks_criu) {
        return Ok(()); // It does not fail here.
    }
    let said = |runtime: String| {
        let container = Sleeping::start(docker, &runtime)?;
        let outcome = fails(
            &mut docker.cli(&["checkpoint", "create", &container.1, "one"]),
            1,
        )?;
        let text = outcome.text().replace(&container.1, "ID");
        // Docker names the program that it ran: its script in front of the shim.
        let script = format!("/var/lib/docker/runtimes/{runtime}");
        let bare = path(docker, &runtime)?;
        Ok::<_, String>(text.replace(&script, "RUNTIME").replace(&bare, "RUNTIME"))
    };
    for runtime in ["runc", "crun"] {
        let (bare, shimmed) = (
            said(format!("bare-{runtime}"))?,
            said(format!("shim-{runtime}"))?,
        );
        equal(&shimmed, &bare)?;
    }
    Ok(())
}

/// Where Docker finds a runtime.
fn path(docker: &Docker, runtime: &str) -> Result<String, String> {
    let format = format!("{{{{(index .Runtimes {runtime:?}).Path}}}}");
    docker.says(&["info", "--format", &format])
}

fn buildkit(docker: &Docker) -> Came {
    let (file, before) = (
        dockerfile(docker, "buildkit")?,
        docker.world.decisions().len(),
    );
    let words = [
        "build",
        "--network",
        "none",
        "--no-cache",
        "--progress",
        "plain",
        &file,
    ];
    shows(
        docker.cli(&words).env("DOCKER_BUILDKIT", "1"),
        "Seccomp:\t2",
    )?;
    let decisions = docker.world.decisions();
    let ours = decisions
        .iter()
        .skip(before)
        .find(|one| one["command"] == "run");
    ours.map(drop)
        .ok_or_else(|| format!("no build step among {:?}", decisions.get(before..)))
}

fn refusal(docker: &Docker) -> Came {
    let outcome = fails(&mut docker.run("shim-broken", &["--rm"], &["true"]), 125)
        .or_else(|_| fails(&mut docker.run("shim-broken", &["--rm"], &["true"]), 128))?;
    let line = "seccomp-shim: /etc/seccomp-shim/broken/policy.toml, line 3";
    let said = says(&outcome, line)?;
    equal(&said.matches("seccomp-shim:").count().to_string(), "1")
}

fn thirty_at_once(docker: &Docker) -> Came {
    let spawn = |number: usize| {
        let runtime = if number.is_multiple_of(2) {
            "shim-runc"
        } else {
            "shim-asked"
        };
        let options = ["--rm", "--security-opt", "seccomp=unconfined"];
        let mut command = docker.run(runtime, &options, STATUS);
        std::thread::spawn(move || (number, run(&mut command)))
    };
    let running: Vec<_> = (0..30).map(spawn).collect();
    for one in running {
        let (number, outcome) = one.join().map_err(|_| "a thread panicked")?;
        let filter = if number.is_multiple_of(2) { 2 } else { 0 };
        says(&outcome, &format!("Seccomp:\t{filter}"))?;
    }
    Ok(())
}

/// A folder with a Dockerfile that shows under what it runs.
fn dockerfile(docker: &Docker, name: &str) -> Result<String, String> {
    let folder = docker.world.path().join(name);
    let text = format!(
        "FROM {}\nRUN grep Seccomp: /proc/self/status && mkdir /made\n",
        Image::NAME
    );
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("Dockerfile"), text));
    written.map_err(|error| error.to_string())?;
    Ok(folder.display().to_string())
}

fn equal(is: &str, should: &str) -> Came {
    if is == should {
        Ok(())
    } else {
        Err(format!("{is:?} instead of {should:?}"))
    }
}

fn says_in(text: &str, word: &str) -> Came {
    if text.contains(word) {
        Ok(())
    } else {
        Err(format!("no {word:?} in {text}"))
    }
}

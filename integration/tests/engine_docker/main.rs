//! dockerd with the shim as its runtime: what Docker does still works, and the shim's own words reach
//! the one who typed `docker run`.
#![expect(clippy::indexing_slicing, reason = "JSON that is not there is null")]

use std::process::{Command, ExitCode};

use integration::engine::{
    Came, CommandLine, Docker, Image, Sleeping, Suite, World, Wrapped, at_once, equal, fails, has,
    operations, says, shows, succeeds, told, within,
};

#[allow(unsafe_code, reason = "a netlink socket")]
#[path = "../profile_in_containers/audit.rs"]
mod audit;
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
        ("run -d, logs", operations::logs),
        ("run -it", operations::interactive),
        ("exec", operations::exec),
        ("exec -it", operations::exec_interactive),
        ("attach", attach),
        ("stop", operations::stop),
        ("kill --signal", operations::kill),
        ("pause, unpause", operations::pause),
        ("update", update),
        ("top", operations::top),
        ("stats", stats),
        ("events", events),
        ("exit codes", exit_codes),
        ("restart policy", operations::restart_policy),
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
            operations::mkdir_is_refused,
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

fn run_rm(docker: &Docker, runtime: &str) -> Came {
    let filtered = if runtime.starts_with("shim") {
        "Seccomp:\t2"
    } else {
        "Seccomp:"
    };
    shows(
        &mut docker.run(runtime, &["--rm"], operations::STATUS),
        filtered,
    )
    .map(drop)
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

fn update(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    succeeds(&mut container.does(&["update", "--cpu-shares", "512"]))?;
    let path = format!("/sys/fs/cgroup/cpu/docker/{}/cpu.shares", container.id);
    equal(&succeeds(docker.world.command("cat").arg(path))?, "512")
}

fn stats(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let pids = succeeds(&mut container.does(&["stats", "--no-stream", "--format", "{{.PIDs}}"]))?;
    equal(&pids, "1")
}

fn events(docker: &Docker, runtime: &str) -> Came {
    let container = Sleeping::start(docker, runtime)?;
    let id = container.id.clone();
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
        .says(&["checkpoint", "create", &container.id, "one"])
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
    let id = &container.id;
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
    has(&version, &runc.ok_or("no runc")?.version)
}

fn checkpoint_text(docker: &Docker) -> Came {
    if !Wrapped::all().iter().all(Wrapped::lacks_criu) {
        return Ok(()); // It does not fail here.
    }
    let said = |runtime: String| {
        let container = Sleeping::start(docker, &runtime)?;
        let outcome = fails(
            &mut docker.cli(&["checkpoint", "create", &container.id, "one"]),
            1,
        )?;
        let text = outcome.text().replace(&container.id, "ID");
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
    let options = ["--rm", "--security-opt", "seccomp=unconfined"];
    let asked = (0..30).map(|number: u32| {
        let (runtime, filter) = if number.is_multiple_of(2) {
            ("shim-runc", 2)
        } else {
            ("shim-asked", 0)
        };
        (filter, docker.run(runtime, &options, operations::STATUS))
    });
    for (filter, outcome) in at_once(asked)? {
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

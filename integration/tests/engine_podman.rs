//! Podman with the shim as its runtime.

use std::process::{Command, ExitCode};

use integration::engine::{
    Came, Image, Podman, Suite, World, Wrapped, fails, on_a_terminal, says, shows, succeeds, told,
    within,
};
use integration::run;

fn main() -> ExitCode {
    SUITE.run(Podman::PROGRAMS, |runtimes| {
        let podman = Podman::start(runtimes, World::UNDER_POLICIES, env!("CARGO_BIN_EXE_probe"))?;
        podman.world.write_policies()?;
        let version = podman.version.clone();
        Ok((podman, version))
    })
}

static SUITE: Suite<Podman> = Suite {
    test: "engine_podman",
    operations: &[
        ("run --rm", run_rm),
        ("run -d, logs", logs),
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
        ("pod", pod),
        ("restart, wait, cp, rm -f", the_rest),
    ],
    unable: &[
        ("runc", "checkpoint", Wrapped::lacks_criu),
        ("crun", "checkpoint", Wrapped::lacks_criu),
        ("youki", "checkpoint", Wrapped::ever),
    ],
    once: &[
        ("a refused create shows our line", refusal),
        ("the policy's runtime.path picks the runtime", by_policy),
        ("mkdir is refused where a profile refuses it", mkdir),
        (
            "unshare is refused by default and permitted unconfined",
            unshare,
        ),
        ("twenty containers at once", twenty_at_once),
    ],
};

const STATUS: &[&str] = &["grep", "Seccomp:", "/proc/self/status"];

/// A container that sleeps, gone when dropped.
struct Sleeping<'a> {
    podman: &'a Podman,
    runtime: String,
    id: String,
}

impl<'a> Sleeping<'a> {
    fn with(
        podman: &'a Podman,
        runtime: &str,
        options: &[&str],
        words: &[&str],
    ) -> Result<Self, String> {
        let options = [&["-d"], options].concat();
        let id = succeeds(&mut podman.run(runtime, &options, words))?;
        let runtime = runtime.to_owned();
        Ok(Self {
            podman,
            runtime,
            id,
        })
    }

    fn start(podman: &'a Podman, runtime: &str) -> Result<Self, String> {
        Self::with(podman, runtime, &[], &["sleep", "1000"])
    }

    fn does(&self, words: &[&str]) -> Command {
        let mut command = self.podman.cli(&["--runtime", &self.runtime]);
        command.args(words).arg(&self.id);
        command
    }

    fn tells(&self, what: &str) -> Result<String, String> {
        succeeds(&mut self.does(&["inspect", "--format", what]))
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        // Best effort: all ends with the world.
        let _ = run(&mut self.does(&["rm", "--force", "--time", "0"]));
    }
}

fn run_rm(podman: &Podman, runtime: &str) -> Came {
    shows(&mut podman.run(runtime, &["--rm"], STATUS), "Seccomp:\t2").map(drop)
}

fn logs(podman: &Podman, runtime: &str) -> Came {
    let script = "echo out; echo err >&2; sleep 1000";
    let container = Sleeping::with(podman, runtime, &[], &["sh", "-c", script])?;
    within(|| {
        let outcome = run(&mut container.does(&["logs"]));
        let both = outcome.stdout == "out\n" && outcome.stderr == "err\n";
        both.then_some(()).ok_or_else(|| outcome.text())
    })
}

fn interactive(podman: &Podman, runtime: &str) -> Came {
    let command = podman.run(runtime, &["--rm", "-it"], &["sh", "-c", "tty; exit 5"]);
    says(&fails(&mut on_a_terminal(&command), 5)?, "/dev/pts/").map(drop)
}

fn exec(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    let exec = |words: &[&str]| {
        let mut command = podman.cli(&["--runtime", runtime, "exec", &container.id]);
        command.args(words);
        command
    };
    fails(&mut exec(&["sh", "-c", "exit 9"]), 9)?;
    let words = ["echo", "create", "--bundle", "/", "--shim-policy", "x"];
    shows(&mut exec(&words), "create --bundle / --shim-policy x").map(drop)
}

fn exec_interactive(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    let words = [
        "--runtime",
        runtime,
        "exec",
        "-it",
        &container.id,
        "sh",
        "-c",
        "tty; exit 6",
    ];
    says(
        &fails(&mut on_a_terminal(&podman.cli(&words)), 6)?,
        "/dev/pts/",
    )
    .map(drop)
}

fn attach(podman: &Podman, runtime: &str) -> Came {
    let script = "read line; echo got $line; exit 4";
    let container = Sleeping::with(podman, runtime, &["-i"], &["sh", "-c", script])?;
    let outcome = run(&mut told(&container.does(&["attach"]), "words"));
    says(&outcome, "got words")?;
    equal(&container.tells("{{.State.ExitCode}}")?, "4")
}

fn stop(podman: &Podman, runtime: &str) -> Came {
    let script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    let container = Sleeping::with(podman, runtime, &[], &["sh", "-c", script])?;
    within(|| shows(&mut container.does(&["logs"]), "ready"))?;
    succeeds(&mut container.does(&["stop", "--time", "10"]))?;
    equal(&container.tells("{{.State.ExitCode}}")?, "3")
}

fn kill(podman: &Podman, runtime: &str) -> Came {
    let script = "trap 'exit 8' USR1; echo ready; while :; do sleep 0.1; done";
    let container = Sleeping::with(podman, runtime, &[], &["sh", "-c", script])?;
    within(|| shows(&mut container.does(&["logs"]), "ready"))?;
    succeeds(&mut container.does(&["kill", "--signal", "USR1"]))?;
    equal(&succeeds(&mut container.does(&["wait"]))?, "8")
}

fn pause(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["pause"]))?;
    equal(&container.tells("{{.State.Status}}")?, "paused")?;
    succeeds(&mut container.does(&["unpause"]))?;
    equal(&container.tells("{{.State.Status}}")?, "running")
}

fn update(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["update", "--cpu-shares", "512"]))?;
    let script = "cat /sys/fs/cgroup/cpu/libpod_parent/libpod-$0/cpu.shares";
    let mut shares = podman.world.command("sh");
    equal(
        &succeeds(shares.args(["-c", script, &container.id]))?,
        "512",
    )
}

fn top(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    shows(&mut container.does(&["top"]), "sleep 1000").map(drop)
}

fn stats(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    let words = ["stats", "--no-stream", "--format", "{{.PIDS}}"];
    equal(&succeeds(&mut container.does(&words))?, "1")
}

fn events(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    let filter = format!("container={}", container.id);
    let words = [
        "events",
        "--stream=false",
        "--since",
        "5m",
        "--filter",
        &filter,
    ];
    within(|| {
        let seen = podman.says(&[&words[..], &["--format", "{{.Status}}"]].concat())?;
        let both = seen.contains("create") && seen.contains("start");
        both.then_some(()).ok_or(seen)
    })
}

fn exit_codes(podman: &Podman, runtime: &str) -> Came {
    fails(
        &mut podman.run(runtime, &["--rm"], &["sh", "-c", "exit 7"]),
        7,
    )?;
    fails(&mut podman.run(runtime, &["--rm"], &["/nowhere"]), 127)?;
    fails(&mut podman.run(runtime, &["--rm"], &["/etc/passwd"]), 126).map(drop)
}

fn restart_policy(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::with(podman, runtime, &["--restart", "on-failure:2"], &["false"])?;
    within(|| {
        equal(
            &container.tells("{{.RestartCount}} {{.State.Status}}")?,
            "2 exited",
        )
    })
}

fn healthcheck(podman: &Podman, runtime: &str) -> Came {
    // Without systemd nothing runs it by the clock: it is run by hand.
    let options = [
        "--health-cmd",
        "test -d /proc",
        "--health-interval",
        "disable",
    ];
    let container = Sleeping::with(podman, runtime, &options, &["sleep", "1000"])?;
    succeeds(&mut container.does(&["healthcheck", "run"])).map(drop)
}

fn checkpoint(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["container", "checkpoint"])).map(drop)
}

fn pod(podman: &Podman, runtime: &str) -> Came {
    let name = format!("pod-{runtime}");
    let infra = [
        "--infra-image",
        Image::NAME,
        "--infra-command",
        "sleep 1000",
    ];
    let with = ["--runtime", runtime];
    podman.says(&[&with[..], &["pod", "create", "--name", &name], &infra].concat())?;
    let words = ["-d", "--pod", &name];
    let inside = Sleeping::with(podman, runtime, &words, &["sleep", "1000"])?;
    let seen = podman.says(&[
        "pod",
        "inspect",
        "--format",
        "{{.State}} {{.NumContainers}}",
        &name,
    ])?;
    equal(&seen, "Running 2")?;
    // Of the container's own program: what is exec'd has no filter under youki.
    let outcome = run(podman
        .cli(&[&with[..], &["exec", &inside.id]].concat())
        .args(["grep", "Seccomp:", "/proc/1/status"]));
    says(&outcome, "Seccomp:\t2")?;
    podman
        .says(&[&with[..], &["pod", "rm", "--force", "--time", "0", &name]].concat())
        .map(drop)
}

fn the_rest(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["restart", "--time", "0"]))?;
    equal(&container.tells("{{.State.Status}}")?, "running")?;
    let from = format!("{}:/etc/passwd", container.id);
    podman.says(&["cp", &from, "/run/passwd"])?;
    succeeds(&mut container.does(&["rm", "--force", "--time", "0"]))?;
    fails(&mut container.does(&["container", "exists"]), 1).map(drop)
}

fn refusal(podman: &Podman) -> Came {
    let outcome = fails(&mut podman.run("shim-broken", &["--rm"], &["true"]), 126)?;
    let line = "seccomp-shim: /etc/seccomp-shim/broken/policy.toml, line 3";
    let said = says(&outcome, line)?;
    equal(&said.matches("seccomp-shim: ").count().to_string(), "1")
}

fn by_policy(podman: &Podman) -> Came {
    for path in ["/usr/bin/crun", "/usr/sbin/runc"] {
        let policy = format!(
            "version = 1\nlog.decisions = \"off\"\nruntime.path = {path:?}\n[defaults]\nprofile = \"Requested\"\n"
        );
        let written = podman.world.policy("asked/policy.toml", &policy);
        written.map_err(|error| error.to_string())?;
        let container = Sleeping::start(podman, "shim-asked")?;
        // crun keeps its containers in /run/crun, runc in /run/runc.
        let state = format!(
            "{}/{}",
            path.replace("/usr/bin/", "/run/")
                .replace("/usr/sbin/", "/run/"),
            container.id
        );
        succeeds(podman.world.command("ls").arg(state))?;
    }
    Ok(())
}

fn mkdir(podman: &Podman) -> Came {
    let path = podman.world.path().join("mkdir.json");
    let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#;
    std::fs::write(&path, profile).map_err(|error| error.to_string())?;
    let asked = format!("seccomp={}", path.display());
    for runtime in ["shim-runc", "shim-crun", "shim-asked"] {
        let options = ["--rm", "--security-opt", &asked];
        let outcome = fails(&mut podman.run(runtime, &options, &["mkdir", "/x"]), 1)?;
        says(&outcome, "Operation not permitted")?;
        succeeds(&mut podman.run(runtime, &["--rm"], &["mkdir", "/x"]))?;
    }
    Ok(())
}

fn unshare(podman: &Podman) -> Came {
    let words = ["unshare", "-U", "echo", "unshared"];
    let unconfined = ["--rm", "--security-opt", "seccomp=unconfined"];
    for runtime in ["shim-runc", "shim-crun"] {
        let outcome = fails(&mut podman.run(runtime, &["--rm"], &words), 1)?;
        says(&outcome, "Operation not permitted")?;
        fails(&mut podman.run(runtime, &unconfined, &words), 1)?;
    }
    shows(
        &mut podman.run("shim-asked", &unconfined, &words),
        "unshared",
    )
    .map(drop)
}

fn twenty_at_once(podman: &Podman) -> Came {
    let spawn = |number: usize| {
        let runtime = if number.is_multiple_of(2) {
            "shim-runc"
        } else {
            "shim-crun"
        };
        let mut command = podman.run(runtime, &["--rm"], STATUS);
        std::thread::spawn(move || run(&mut command))
    };
    let running: Vec<_> = (0..20).map(spawn).collect();
    for one in running {
        says(&one.join().map_err(|_| "a thread panicked")?, "Seccomp:\t2")?;
    }
    Ok(())
}

fn equal(is: &str, should: &str) -> Came {
    if is == should {
        Ok(())
    } else {
        Err(format!("{is:?} instead of {should:?}"))
    }
}

//! containerd by its own client, with the shim as `--runc-binary`.

use std::process::{Command, ExitCode};

use integration::engine::{
    Came, Containerd, Suite, Wrapped, at_once, fails, on_a_terminal, says, shows, succeeds, within,
};
use integration::run;

fn main() -> ExitCode {
    SUITE.run(Containerd::PROGRAMS, |runtimes| {
        let others = ["shim-free", "shim-strict", "shim-missing"].map(|name| (name, &[][..]));
        let containerd = Containerd::start(runtimes, &others, env!("CARGO_BIN_EXE_probe"))?;
        let written = containerd
            .world
            .policy("profiles/strict.json", STRICT)
            .and_then(|()| containerd.world.policy("policy.toml", POLICY));
        written.map_err(|error| error.to_string())?;
        let version = format!("ctr, {}", containerd.version);
        Ok((containerd, version))
    })
}

const POLICY: &str = r#"
version = 1
log.decisions = "/etc/seccomp-shim/decisions.jsonl"
[[rule]]
when = { handler = "shim-free" }
profile = "Unconfined"
[[rule]]
when = { handler = "shim-strict" }
profile = { type = "Localhost", localhostProfile = "strict.json" }
[[rule]]
when = { handler = "shim-missing" }
profile = { type = "Localhost", localhostProfile = "missing.json" }
"#;

const STRICT: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]}"#;

static SUITE: Suite<Containerd> = Suite {
    test: "engine_containerd",
    operations: &[
        ("run --rm", run_rm),
        ("run -t", terminal),
        ("run -d, ps, kill", detached),
        ("exec", exec),
        ("exec -t", exec_terminal),
        ("attach", attach),
        ("pause, resume", pause),
        ("metrics", metrics),
        ("exit codes", exit_codes),
        ("checkpoint", checkpoint),
    ],
    unable: &[
        ("runc", "checkpoint", Wrapped::lacks_criu),
        ("crun", "checkpoint", Wrapped::makes_no_checkpoint_here),
        ("youki", "checkpoint", Wrapped::ever),
        ("youki", "exit codes", Wrapped::ever), // its log is none that containerd reads
    ],
    once: &[
        (
            "a hundred at once all come up, each with its own profile",
            hundred_at_once,
        ),
        ("a refused create shows our line", refusal),
    ],
};

/// A container that sleeps, gone when dropped.
struct Sleeping<'a>(&'a Containerd, String);

impl<'a> Sleeping<'a> {
    fn with(
        engine: &'a Containerd,
        runtime: &str,
        name: &str,
        words: &[&str],
    ) -> Result<Self, String> {
        let id = format!("{name}-{runtime}");
        let container = Self(engine, id);
        succeeds(&mut engine.run(runtime, &["--detach"], &container.1, words))?;
        Ok(container)
    }

    fn start(engine: &'a Containerd, runtime: &str, name: &str) -> Result<Self, String> {
        Self::with(engine, runtime, name, &["sleep", "1000"])
    }

    fn task(&self, verb: &str, options: &[&str]) -> Command {
        let mut command = self.0.ctr(&["task", verb]);
        command.args(options).arg(&self.1);
        command
    }

    fn exec(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.task("exec", &[options, &["--exec-id", "another"]].concat());
        command.args(words);
        command
    }

    fn is(&self, state: &str) -> Came {
        let tasks = self.0.says(&["task", "ls"])?;
        let line = tasks.lines().find(|line| line.starts_with(&self.1));
        let found = line.is_some_and(|line| line.ends_with(state));
        found.then_some(()).ok_or(tasks)
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        // Best effort: all ends with the world.
        let _ = run(&mut self.task("rm", &["--force"]));
        let _ = run(&mut self.0.ctr(&["container", "rm", &self.1]));
    }
}

fn run_rm(engine: &Containerd, runtime: &str) -> Came {
    let words = ["grep", "Seccomp:", "/proc/self/status"];
    let filter = if runtime.starts_with("shim") { 2 } else { 0 };
    let id = format!("rm-{runtime}");
    shows(
        &mut engine.run(runtime, &["--rm"], &id, &words),
        &format!("Seccomp:\t{filter}"),
    )
    .map(drop)
}

fn terminal(engine: &Containerd, runtime: &str) -> Came {
    let id = format!("tty-{runtime}");
    let command = engine.run(
        runtime,
        &["--rm", "--tty"],
        &id,
        &["sh", "-c", "tty; sleep 0.3; exit 5"],
    );
    says(&fails(&mut on_a_terminal(&command), 5)?, "/dev/pts/").map(drop)
}

fn detached(engine: &Containerd, runtime: &str) -> Came {
    let script = "trap 'exit 8' USR1; while :; do sleep 0.1; done";
    let container = Sleeping::with(engine, runtime, "kill", &["sh", "-c", script])?;
    container.is("RUNNING")?;
    shows(&mut container.task("ps", &[]), "PID")?;
    // A signal that comes before the trap is set is not taken by a first process.
    within(|| {
        let stopped = container.is("STOPPED");
        if stopped.is_err() {
            let _ = run(&mut container.task("kill", &["--signal", "USR1"]));
        }
        stopped
    })?;
    says(&run(&mut container.task("rm", &[])), "exit code 8").map(drop)
}

fn exec(engine: &Containerd, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime, "exec")?;
    fails(&mut container.exec(&[], &["sh", "-c", "exit 9"]), 9)?;
    let words = ["echo", "create", "--bundle", "/", "--shim-policy", "x"];
    shows(
        &mut container.exec(&[], &words),
        "create --bundle / --shim-policy x",
    )
    .map(drop)
}

fn exec_terminal(engine: &Containerd, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime, "exec-tty")?;
    let command = container.exec(&["--tty"], &["sh", "-c", "tty; sleep 0.3; exit 6"]);
    says(&fails(&mut on_a_terminal(&command), 6)?, "/dev/pts/").map(drop)
}

fn attach(engine: &Containerd, runtime: &str) -> Came {
    let container = Sleeping::with(engine, runtime, "attach", &["sh", "-c", "sleep 1; exit 4"])?;
    fails(&mut container.task("attach", &[]), 4).map(drop)
}

fn pause(engine: &Containerd, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime, "pause")?;
    succeeds(&mut container.task("pause", &[]))?;
    container.is("PAUSED")?;
    succeeds(&mut container.task("resume", &[]))?;
    container.is("RUNNING")
}

fn metrics(engine: &Containerd, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime, "metrics")?;
    shows(&mut container.task("metrics", &[]), "memory.usage_in_bytes").map(drop)
}

fn exit_codes(engine: &Containerd, runtime: &str) -> Came {
    let id = format!("exit-{runtime}");
    fails(
        &mut engine.run(runtime, &["--rm"], &id, &["sh", "-c", "exit 7"]),
        7,
    )?;
    let outcome = fails(&mut engine.run(runtime, &["--rm"], &id, &["/nowhere"]), 1)?;
    says(&outcome, "/nowhere").map(drop)
}

fn checkpoint(engine: &Containerd, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime, "checkpoint")?;
    succeeds(&mut container.task("checkpoint", &["--image-path", "/run/one"])).map(drop)
}

fn hundred_at_once(engine: &Containerd) -> Came {
    // The errno of mkdir below /none tells the three apart: refused by the strict profile, or not
    // there. unshare tells the default from no filter.
    let script =
        "grep Seccomp: /proc/self/status; mkdir /none/x 2>&1; unshare -U echo unshared 2>&1; true";
    // crun is behind a script that gives its handler's name, the others are links.
    let handlers = ["shim-free", "shim-strict", "shim-runc", "shim-crun"];
    let asked = handlers.into_iter().cycle().take(100).enumerate();
    let asked = asked.map(|(number, runtime)| {
        let id = format!("hundred-{number}");
        let words = ["sh", "-c", script];
        (runtime, engine.run(runtime, &["--rm"], &id, &words))
    });
    for (runtime, outcome) in at_once(asked)? {
        let (filter, mkdir, unshared) = match runtime {
            "shim-free" => (0, "No such file", true),
            "shim-strict" => (2, "No message", true),
            _ => (2, "No such file", false),
        };
        let text = says(&outcome, &format!("Seccomp:\t{filter}"))?;
        says(&outcome, mkdir)?;
        if text.contains("unshared") != unshared {
            return Err(format!("{runtime}: {text}"));
        }
    }
    Ok(())
}

fn refusal(engine: &Containerd) -> Came {
    let outcome = fails(
        &mut engine.run("shim-missing", &["--rm"], "refused", &["true"]),
        1,
    )?;
    says(&outcome, "OCI runtime create failed: seccomp-shim: ")?;
    says(&outcome, "missing.json").map(drop)
}

//! What is done by Docker's command line, and holds alike for each engine that has it.

use crate::engine::{
    Came, CommandLine, Sleeping, equal, fails, on_a_terminal, says, shows, succeeds, within,
};
use crate::run;

/// `logs` keeps what went to each of the two apart.
///
/// # Errors
/// What was not as it should be, as for all of these.
pub fn logs<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let script = "echo out; echo err >&2; sleep 1000";
    let container = Sleeping::with(engine, runtime, &[], &["sh", "-c", script])?;
    within(|| {
        let outcome = run(&mut container.does(&["logs"]));
        let both = outcome.stdout == "out\n" && outcome.stderr == "err\n";
        both.then_some(()).ok_or_else(|| outcome.text())
    })
}

/// `run -it` gives a terminal.
///
/// # Errors
/// As [`logs`].
pub fn interactive<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let command = engine.run(runtime, &["--rm", "-it"], &["sh", "-c", "tty; exit 5"]);
    says(&fails(&mut on_a_terminal(&command), 5)?, "/dev/pts/").map(drop)
}

/// `exec` runs, gives its exit code, and takes any words.
///
/// # Errors
/// As [`logs`].
pub fn exec<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime)?;
    shows(&mut container.exec(&[], STATUS), "Seccomp:")?;
    fails(&mut container.exec(&[], &["sh", "-c", "exit 9"]), 9)?;
    // Words of the shim's and of runtimes are the user's here.
    let words = ["echo", "create", "--bundle", "/", "--shim-policy", "x"];
    let said = "create --bundle / --shim-policy x";
    shows(&mut container.exec(&[], &words), said).map(drop)
}

/// `exec -it` gives a terminal.
///
/// # Errors
/// As [`logs`].
pub fn exec_interactive<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime)?;
    let command = container.exec(&["-it"], &["sh", "-c", "tty; exit 6"]);
    says(&fails(&mut on_a_terminal(&command), 6)?, "/dev/pts/").map(drop)
}

/// `stop` sends SIGTERM.
///
/// # Errors
/// As [`logs`].
pub fn stop<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = trapping(engine, runtime, "exit 3", "TERM")?;
    succeeds(&mut container.does(&["stop", "--time", "10"]))?;
    equal(&container.tells("{{.State.ExitCode}}")?, "3")
}

/// `kill --signal` sends that signal.
///
/// # Errors
/// As [`logs`].
pub fn kill<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = trapping(engine, runtime, "exit 8", "USR1")?;
    succeeds(&mut container.does(&["kill", "--signal", "USR1"]))?;
    equal(&succeeds(&mut container.does(&["wait"]))?, "8")
}

/// A container that has set a trap for a signal.
fn trapping<'a, E: CommandLine>(
    engine: &'a E,
    runtime: &str,
    does: &str,
    signal: &str,
) -> Result<Sleeping<'a, E>, String> {
    let script = format!("trap '{does}' {signal}; echo ready; while :; do sleep 0.1; done");
    let container = Sleeping::with(engine, runtime, &[], &["sh", "-c", &script])?;
    within(|| shows(&mut container.does(&["logs"]), "ready"))?;
    Ok(container)
}

/// `pause` and `unpause`.
///
/// # Errors
/// As [`logs`].
pub fn pause<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime)?;
    succeeds(&mut container.does(&["pause"]))?;
    equal(&container.tells("{{.State.Status}}")?, "paused")?;
    succeeds(&mut container.does(&["unpause"]))?;
    equal(&container.tells("{{.State.Status}}")?, "running")
}

/// `top` shows the container's program.
///
/// # Errors
/// As [`logs`].
pub fn top<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = Sleeping::start(engine, runtime)?;
    shows(&mut container.does(&["top"]), "sleep 1000").map(drop)
}

/// `--restart` starts a program that fails again.
///
/// # Errors
/// As [`logs`].
pub fn restart_policy<E: CommandLine>(engine: &E, runtime: &str) -> Came {
    let container = Sleeping::with(engine, runtime, &["--restart", "on-failure:2"], &["false"])?;
    let state = "{{.RestartCount}} {{.State.Status}}";
    within(|| equal(&container.tells(state)?, "2 exited"))
}

/// A profile that refuses mkdir is asked for, and mkdir is refused.
///
/// # Errors
/// As [`logs`].
pub fn mkdir_is_refused<E: CommandLine>(engine: &E) -> Came {
    let asked = engine.world().profile(
        "mkdir.json",
        r#"{"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#,
    )?;
    for runtime in ["shim-runc", "shim-crun", "shim-asked"] {
        let script = ["sh", "-c", "mkdir /x && ls -d /x"];
        shows(&mut engine.run(runtime, &["--rm"], &script), "/x")?;
        let options = ["--rm", "--security-opt", &asked];
        let outcome = fails(&mut engine.run(runtime, &options, &["mkdir", "/x"]), 1)?;
        says(&outcome, "Operation not permitted")?;
    }
    Ok(())
}

/// A user namespace is refused by default, and made where a policy lets those be free who ask for it.
///
/// # Errors
/// As [`logs`].
pub fn unshare_is_for_the_unconfined<E: CommandLine>(engine: &E) -> Came {
    let words = ["unshare", "-U", "echo", "unshared"];
    let unconfined = ["--rm", "--security-opt", "seccomp=unconfined"];
    for runtime in ["shim-runc", "shim-crun"] {
        let outcome = fails(&mut engine.run(runtime, &["--rm"], &words), 1)?;
        says(&outcome, "Operation not permitted")?;
    }
    let mut free = engine.run("shim-asked", &unconfined, &words);
    shows(&mut free, "unshared")?;
    // The embedded policy holds the default even for those who ask to be free.
    for runtime in ["shim-runc", "shim-crun"] {
        let outcome = fails(&mut engine.run(runtime, &unconfined, &words), 1)?;
        says(&outcome, "Operation not permitted")?;
    }
    Ok(())
}

/// What a container runs to say under which kind of filter it is.
pub const STATUS: &[&str] = &["grep", "Seccomp:", "/proc/self/status"];

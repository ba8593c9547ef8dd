//! `shim record run` in front of real engines: the engine's own command makes the container, that one
//! is recorded and no other, and the profile holds it.
#![cfg(target_arch = "x86_64")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use integration::engine::{
    Came, CommandLine, Containerd, Docker, Image, Podman, World, Wrapped, has, on_a_terminal,
    shows, succeeds, within,
};
use integration::{Outcome, needs_programs, needs_root, run, shim_binary};
use serde_json::Value;

const PROBE: &str = env!("CARGO_BIN_EXE_probe");
const FIRST: &str = "mkdir /tmp/a; ls /bin > /tmp/a/b; echo done";
const SECOND: &str = "mkdir /tmp/a; ls /bin > /tmp/a/b; busybox sync; echo done";
/// Runs until another process makes a file.
const UNTIL_TOLD: &str = "while ! test -e /tmp/end; do sleep 0.1; done; echo ended";
/// What a container says of itself without a filter of ours.
const STATUS: &str = "grep Seccomp: /proc/self/status";

/// The runtimes of this machine, if it has the engine.
fn runtimes(test: &str, programs: &[&str]) -> Vec<Wrapped> {
    if !needs_root(test) || !needs_programs(test, &[programs, &["/bin/busybox"]].concat()) {
        return Vec::new();
    }
    let all = Wrapped::all().into_iter();
    all.filter(|one| one.name != "youki").collect()
}

/// `shim record run` in a world, with its profile and recordings in a folder that we see too.
struct Recorder<'a> {
    world: &'a World,
    out: PathBuf,
}

impl<'a> Recorder<'a> {
    fn new(world: &'a World) -> Self {
        let out = world.path().join("out.json");
        Self { world, out }
    }

    fn run<T: AsRef<OsStr>>(&self, words: &[T]) -> Command {
        let mut command = self.world.command(shim_binary());
        command.args(["record", "run", "--output"]).arg(&self.out);
        command.arg("--").args(words);
        command
    }

    fn names(&self) -> Result<String, String> {
        let text = std::fs::read_to_string(&self.out).map_err(|error| error.to_string())?;
        let profile: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let rules = profile.get("syscalls").ok_or("no rules")?;
        Ok(rules.to_string())
    }

    /// Twice, of which the second learns on.
    fn learns(&self, words: impl Fn(&str) -> Vec<String>) -> Came {
        for (script, said) in [(FIRST, "different calls"), (SECOND, "learned before")] {
            let text = shows(&mut self.run(&words(script)), "done\n")?;
            has(&text, said)?;
        }
        let names = self.names()?;
        for name in ["\"mkdir\"", "\"sync\"", "\"execve\""] {
            has(&names, name)?;
        }
        Ok(())
    }
}

/// Starts it, and waits until its container runs.
fn started(
    command: &mut Command,
    is_up: impl FnMut() -> Result<(), String>,
) -> Result<Going, String> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = child.stderr(Stdio::piped()).spawn();
    let going = Going(Some(child.map_err(|error| error.to_string())?));
    within(is_up)?;
    Ok(going)
}

/// A command that goes on; killed when dropped.
struct Going(Option<Child>);

impl Going {
    fn end(mut self) -> Result<String, String> {
        let child = self.0.take().ok_or("it is over")?;
        let output = child.wait_with_output();
        let outcome = Outcome::from(output.map_err(|error| error.to_string())?);
        let text = outcome.text();
        if outcome.ok() { Ok(text) } else { Err(text) }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The words of a run by Docker's command line: `command`, options, and what a shell is to do.
fn words(command: &[&str], options: &[&str], script: &str) -> Vec<String> {
    let inside = [Image::NAME, "sh", "-c", script];
    let all = [command, &["run"], options, &inside].concat();
    all.into_iter().map(str::to_owned).collect()
}

#[test]
fn docker_run_is_recorded_once_dockerd_is_told() -> Came {
    let test = "docker_run_is_recorded_once_dockerd_is_told";
    let runtimes = runtimes(test, Docker::PROGRAMS);
    if runtimes.is_empty() {
        return Ok(());
    }
    let docker = Docker::start(&runtimes, &[], PROBE)?;
    let recorder = Recorder::new(&docker.world);
    let docker_run = |options: &[&str], script: &str| {
        let options = [&["--network", "none"], options].concat();
        words(&["docker"], &options, script)
    };

    // It says what is missing, and that mends it.
    let said = run(&mut recorder.run(&docker_run(&["--rm"], FIRST)));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    let (_, mend) = said
        .stderr
        .trim()
        .split_once("as root: shim ")
        .ok_or(said.stderr.clone())?;
    let mend: Vec<&str> = mend.split(' ').collect();
    succeeds(docker.world.command(shim_binary()).args(mend))?;
    let runtimes = ["info", "--format", "{{json .Runtimes}}"];
    within(|| shows(&mut docker.cli(&runtimes), "shim-record"))?;
    recorder.learns(|script| docker_run(&["--rm"], script))?;

    // The profile is enough for Docker's own runtime.
    let option = format!("seccomp={}", recorder.out.display());
    let options = ["--rm", "--security-opt", &option];
    shows(
        &mut docker.run("bare-runc", &options, &["sh", "-c", SECOND]),
        "done\n",
    )?;
    let denied = run(&mut docker.run("bare-runc", &options, &["unshare", "-U", "true"]));
    has(&denied.text(), "Operation not permitted")?;

    // Nobody else gets in meanwhile, and what goes another way is as it was.
    std::fs::remove_file(&recorder.out).map_err(|error| error.to_string())?;
    let mut command = recorder.run(&docker_run(&["--rm", "--name", "ours"], UNTIL_TOLD));
    let going = started(&mut command, || {
        succeeds(&mut docker.cli(&["exec", "ours", "true"])).map(drop)
    })?;
    let other = run(&mut docker.run("shim-record", &["--rm"], &["echo", "free"]));
    has(&other.text(), "another container is being recorded")?;
    assert!(!other.stdout.contains("free"), "{other:?}");
    let status = ["sh", "-c", STATUS];
    shows(&mut docker.run("shim-runc", &["--rm"], &status), "\t2\n")?;
    succeeds(&mut docker.cli(&["exec", "ours", "touch", "/tmp/end"]))?;
    has(&going.end()?, "ended\n")?;
    // And when it is over, the handler is one like any other.
    shows(&mut docker.run("shim-record", &["--rm"], &status), "\t2\n")?;

    // One that is left behind is waited for.
    std::fs::remove_file(&recorder.out).map_err(|error| error.to_string())?;
    let left = docker_run(&["-d", "--rm"], "sleep 2; rmdir /tmp/none; true");
    shows(&mut recorder.run(&left), "run on")?;
    has(&recorder.names()?, "\"rmdir\"")?;

    // A command that fails says so.
    let mut command = recorder.run(&docker_run(&["--rm"], "exit 7"));
    assert_eq!(run(&mut command).code, Some(7));
    Ok(())
}

#[test]
fn podman_run_is_recorded_with_nothing_set_up() -> Came {
    let test = "podman_run_is_recorded_with_nothing_set_up";
    let runtimes = runtimes(test, Podman::PROGRAMS);
    if runtimes.is_empty() {
        return Ok(());
    }
    let podman = Podman::start(&runtimes, &[], PROBE)?;
    let recorder = Recorder::new(&podman.world);
    for runtime in &runtimes {
        let path = runtime.path.display().to_string();
        let podman_run = |options: &[&str], script: &str| {
            words(&["podman", "--runtime", &path], options, script)
        };
        recorder.learns(|script| podman_run(&["--rm"], script))?;
        let option = format!("seccomp={}", recorder.out.display());
        let options = ["--rm", "--security-opt", &option];
        shows(
            &mut podman.run(&runtime.bare(), &options, &["sh", "-c", SECOND]),
            "done\n",
        )?;
        let denied = run(&mut podman.run(&runtime.bare(), &options, &["unshare", "-U", "true"]));
        // As EPERM or ENOSYS, of which the runtime decides.
        has(&denied.text(), "unshare: unshare(0x10000000): ")?;
        std::fs::remove_file(&recorder.out).map_err(|error| error.to_string())?;

        // One that stays is podman's to start again, and is then no longer recorded.
        let name = format!("stays-{}", runtime.name);
        let stays = podman_run(&["--name", &name], STATUS);
        shows(&mut recorder.run(&stays), "Seccomp:")?;
        let again = succeeds(&mut podman.cli(&["start", "--attach", &name]))?;
        has(&again, "\t2")?;

        // Nor is it while another is.
        let ours = podman_run(&["--rm", "--name", "ours"], UNTIL_TOLD);
        let going = started(&mut recorder.run(&ours), || {
            succeeds(&mut podman.cli(&["exec", "ours", "true"])).map(drop)
        })?;
        let other = run(&mut podman.cli(&["start", "--attach", &name]));
        has(&other.text(), "another container is being recorded")?;
        succeeds(&mut podman.cli(&["exec", "ours", "touch", "/tmp/end"]))?;
        has(&going.end()?, "ended\n")?;
        succeeds(&mut podman.cli(&["rm", &name]))?;
        std::fs::remove_file(&recorder.out).map_err(|error| error.to_string())?;
    }
    // The runtime of podman's configuration is a script of ours here.
    let said = run(&mut recorder.run(&["podman", "run", Image::NAME, "true"]));
    has(&said.stderr, "is a script")?;
    Ok(())
}

#[test]
fn progress_is_told_while_it_runs() -> Came {
    let test = "progress_is_told_while_it_runs";
    let runtimes = runtimes(test, Podman::PROGRAMS);
    let Some(runtime) = runtimes.first() else {
        return Ok(());
    };
    let podman = Podman::start(&runtimes, &[], PROBE)?;
    let recorder = Recorder::new(&podman.world);
    let path = runtime.path.display().to_string();
    let words = words(&["podman", "--runtime", &path], &["--rm"], "sleep 4");
    let start = Instant::now();
    let outcome = run(&mut on_a_terminal(&recorder.run(&words)));
    assert!(outcome.ok(), "{outcome:?}");
    assert!(start.elapsed() > Duration::from_secs(4));
    has(&outcome.stdout, "recording 1 container(s): ")
}

#[test]
fn ctr_run_is_recorded_with_nothing_set_up() -> Came {
    let test = "ctr_run_is_recorded_with_nothing_set_up";
    let runtimes = runtimes(test, Containerd::PROGRAMS);
    if runtimes.is_empty() {
        return Ok(());
    }
    let containerd = Containerd::start(&runtimes, &[], PROBE)?;
    let recorder = Recorder::new(&containerd.world);
    let ctr_run = |script: &str| {
        let words = ["ctr", "run", "--rm", Image::NAME, "ours", "sh", "-c"];
        let words = words.into_iter().chain([script]);
        words.map(str::to_owned).collect()
    };
    recorder.learns(ctr_run)?;

    // Another by the same way is as the policy without rules has it.
    let exec = |id: &str, words: &[&str]| {
        let task = ["task", "exec", "--exec-id", id, "ours"];
        succeeds(containerd.ctr(&task).args(words))
    };
    let going = started(&mut recorder.run(&ctr_run(UNTIL_TOLD)), || {
        exec("a", &["true"]).map(drop)
    })?;
    let script = "/var/lib/seccomp-shim/record/bin/runc";
    let other = [
        "run",
        "--rm",
        "--runc-binary",
        script,
        Image::NAME,
        "other",
        "true",
    ];
    succeeds(&mut containerd.ctr(&other))?;
    exec("b", &["touch", "/tmp/end"])?;
    let text = going.end()?;
    has(&text, "ended\n")?;
    has(&text, "in 1 container(s)")
}

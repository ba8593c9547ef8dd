//! The agent's units under systemd itself: it keeps the fds, starts anew what is killed or hangs, and
//! hears what the agent says.
#![expect(clippy::expect_used, reason = "a test ends there")]

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use integration::engine::{World, shows, succeeds, within};
use integration::{Outcome, TestBundle, needs_root, run, skip};

const SERVICE: &str = include_str!("../../shim/systemd/seccomp-shim-agent.service");
const SOCKET: &str = include_str!("../../shim/systemd/seccomp-shim-agent.socket");
const UNIT: &str = "seccomp-shim-agent.service";

/// Everybody is observed, and kill(2) fails with an errno of no other cause.
const POLICY: &str = r#"version = 1
log.decisions = "off"
[defaults]
mode = "observe"
profile = { type = "Localhost", localhostProfile = "a.json" }
"#;
const NO_KILL: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]
}"#;
const REASON: &str = "No message of desired type";

/// A machine that systemd runs, with our units.
struct Machine(World);

impl Machine {
    /// `more` is a drop-in of the service.
    fn boot(test: &str, more: &str) -> Option<Self> {
        if !needs_root(test) {
            return None;
        }
        for program in ["/lib/systemd/systemd", "/usr/sbin/runc", "/bin/busybox"] {
            if !Path::new(program).is_file() {
                skip(test, &format!("{program} is not installed"));
                return None;
            }
        }
        let folder = "systemd/system";
        let files = [
            (format!("{folder}/{UNIT}"), SERVICE),
            (format!("{folder}/{UNIT}.d/test.conf"), more),
            (format!("{folder}/seccomp-shim-agent.socket"), SOCKET),
        ];
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (name.as_str(), (*text).to_owned()))
            .collect();
        let world = match World::booted(&files) {
            Ok(world) => world,
            Err(error) => {
                skip(test, &format!("systemd does not come up here: {error}"));
                return None;
            }
        };
        world.policy("profiles/a.json", NO_KILL).expect("a profile");
        world.policy("policy.toml", POLICY).expect("a policy");
        let machine = Self(world);
        machine.systemctl(&["start", UNIT]).expect("it starts");
        Some(machine)
    }

    fn command(&self, words: &[&str]) -> Command {
        let (program, rest) = words.split_first().expect("a program");
        let mut command = self.0.command(program);
        command.args(rest);
        command
    }

    fn systemctl(&self, words: &[&str]) -> Result<String, String> {
        let done = succeeds(&mut self.command(&[&["systemctl"], words].concat()));
        done.map_err(|error| format!("{error}\n{}", self.journal()))
    }

    /// What systemd says of the service.
    fn property(&self, name: &str) -> String {
        let said = self.systemctl(&["show", "--value", "--property", name, UNIT]);
        said.expect("a property")
    }

    fn journal(&self) -> String {
        let words = [
            "journalctl",
            "--no-pager",
            "--output",
            "cat",
            "--unit",
            UNIT,
        ];
        run(&mut self.command(&words)).stdout
    }

    /// A container behind shim, to its end.
    fn runc(&self, bundle: &TestBundle) -> Outcome {
        let words = [
            "shim",
            "--shim-runtime",
            "/usr/sbin/runc",
            "--root",
            "/run/runc",
            "run",
        ];
        let mut command = self.command(&words);
        command.env_remove("LD_LIBRARY_PATH").arg("--bundle");
        run(command.arg(bundle.path()).arg(bundle.id()))
    }

    /// Waits until the service has been started anew `times` times.
    fn awaits_restarts(&self, times: u32) {
        let done = within(|| {
            let now = self.property("NRestarts");
            let active = self.property("ActiveState") == "active";
            if active && now.parse().is_ok_and(|now: u32| now >= times) {
                return Ok(());
            }
            Err(format!("{now} restarts; {}", self.journal()))
        });
        done.expect("it is started anew");
    }
}

#[test]
fn systemd_keeps_what_a_killed_agent_had_and_no_call_is_without_its_errno() {
    let test = "systemd_keeps_what_a_killed_agent_had_and_no_call_is_without_its_errno";
    let Some(machine) = Machine::boot(test, "") else {
        return;
    };
    let one = "while test -e /tmp/go; do kill -0 1 && echo made; done";
    let load = format!("( {one} ) 2>&1 & ").repeat(3);
    let script = format!("touch /tmp/go; ( {load} wait ) | busybox sort | busybox uniq -c");
    let bundle = TestBundle::new(&["sh", "-c", &script]);
    let go = bundle.path().join("rootfs/tmp/go");
    let outcome = std::thread::scope(|scope| {
        let container = scope.spawn(|| machine.runc(&bundle));
        let is_there = within(|| go.exists().then_some(()).ok_or_else(String::new));
        is_there.expect("it runs");
        for times in 1..=8 {
            sleep(Duration::from_millis(u64::from(times) * 30));
            let kill = ["kill", "--signal", "KILL", "--kill-who", "main", UNIT];
            machine.systemctl(&kill).expect("killed");
            machine.awaits_restarts(times);
        }
        std::fs::remove_file(&go).expect("the end");
        container.join().expect("the container")
    });
    let lines: Vec<_> = outcome.stdout.lines().collect();
    let [answers] = lines.as_slice() else {
        panic!("more than one answer: {outcome:?}\n{}", machine.journal());
    };
    assert!(answers.ends_with(REASON), "{answers}");
    let count = answers.trim_start().split(' ').next();
    let count: Option<u32> = count.and_then(|count| count.parse().ok());
    assert!(count > Some(1000), "{answers}");
    // Of what is over nothing is kept but the sockets that it made itself: that for the numbers.
    let kept = within(|| match machine.property("NFileDescriptorStore").as_str() {
        "1" => Ok(()),
        other => Err(other.to_owned()),
    });
    assert_eq!(kept, Ok(()));
    let journal = machine.journal();
    let denied = journal.lines().find(|line| line.contains("\"denied\""));
    let denied = denied.expect("a line of the journal");
    assert!(denied.contains("\"syscall\":\"kill\""), "{denied}");
}

#[test]
fn restart_keeps_and_stop_lets_go() {
    let Some(machine) = Machine::boot("restart_keeps_and_stop_lets_go", "") else {
        return;
    };
    let script = "say() { echo $(kill -0 1 2>&1); }; say; touch /tmp/a; \
                  while test -e /tmp/a; do sleep 0.05; done; say; touch /tmp/b; \
                  while test -e /tmp/b; do sleep 0.05; done; say";
    let bundle = TestBundle::new(&["sh", "-c", script]);
    let files = bundle.path().join("rootfs/tmp");
    let next = |name: &str| {
        let path = files.join(name);
        within(|| path.exists().then_some(()).ok_or_else(String::new)).expect("it runs");
        path
    };
    let outcome = std::thread::scope(|scope| {
        let container = scope.spawn(|| machine.runc(&bundle));
        let file = next("a");
        machine.systemctl(&["restart", UNIT]).expect("restarted");
        std::fs::remove_file(file).expect("a file");
        let file = next("b");
        machine.systemctl(&["stop", UNIT]).expect("stopped");
        std::fs::remove_file(file).expect("a file");
        container.join().expect("the container")
    });
    let lines: Vec<_> = outcome.stdout.lines().collect();
    let [first, second, third] = lines.as_slice() else {
        panic!("{outcome:?}\n{}", machine.journal());
    };
    assert!(
        first.ends_with(REASON) && second.ends_with(REASON),
        "{outcome:?}"
    );
    assert!(third.ends_with("Function not implemented"), "{third}");
}

#[test]
fn an_agent_that_hangs_is_started_anew() {
    let test = "an_agent_that_hangs_is_started_anew";
    let Some(machine) = Machine::boot(test, "[Service]\nWatchdogSec=2s\n") else {
        return;
    };
    // It tells in time that it is well.
    sleep(Duration::from_secs(3));
    assert_eq!(machine.property("NRestarts"), "0", "{}", machine.journal());
    let stop = ["kill", "--signal", "STOP", "--kill-who", "main", UNIT];
    machine.systemctl(&stop).expect("stopped");
    machine.awaits_restarts(1);
}

#[test]
fn the_units_are_as_systemd_would_have_them() {
    let Some(machine) = Machine::boot("the_units_are_as_systemd_would_have_them", "") else {
        return;
    };
    let verify = [
        "systemd-analyze",
        "verify",
        "--man=no",
        UNIT,
        "seccomp-shim-agent.socket",
    ];
    let said = run(&mut machine.command(&verify));
    assert!(said.ok(), "{said:?}");
    assert_eq!(said.text(), "");
    // The exposure, in tenths: 100 is none of a unit's means used.
    let security = [
        "systemd-analyze",
        "security",
        "--no-pager",
        "--threshold=20",
        UNIT,
    ];
    shows(&mut machine.command(&security), "exposure level").expect("little exposed");

    // It may write what it has to.
    let policy = POLICY.replace("observe", "record");
    machine.0.policy("policy.toml", &policy).expect("a policy");
    let bundle = TestBundle::new(&["sh", "-c", "mkdir /tmp/a; echo done"]);
    let outcome = machine.runc(&bundle);
    assert_eq!(
        outcome.stdout,
        "done\n",
        "{outcome:?}\n{}",
        machine.journal()
    );
    let list = within(|| shows(&mut machine.command(&["shim", "record", "list"]), "calls, "));
    assert!(list.expect("a recording").contains(&bundle.id()));
}

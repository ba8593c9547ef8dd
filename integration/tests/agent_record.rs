//! `mode = "record"`: what a container did, all of it, and the profile for it.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use integration::{PolicyDir, RealRuntime, TestAgent, TestBundle, copy_program, run, skip};
use serde_json::Value;

const RECORD: &str = "[defaults]\nprofile = \"Unconfined\"\nmode = \"record\"";
const SCRIPT: &str = "mkdir /tmp/a; cat /bin/true > /tmp/a/b; ls /bin > /tmp/a/c; chmod 700 /tmp/a/b; \
    for i in 1 2 3; do true; echo $i | grep 2; done; hostname > /tmp/a/d; echo done";

/// Runs the script under record; gives the agent's file of it.
fn recorded(runtime: &RealRuntime, agent: &TestAgent, bundle: &TestBundle) -> Value {
    let outcome = runtime.run(agent.policy(RECORD).path(), bundle);
    assert!(
        outcome.text().contains("done"),
        "{}: {outcome:?}",
        runtime.name
    );
    agent.recording(&bundle.id())
}

fn counts(recording: &Value) -> BTreeMap<String, u64> {
    let calls = recording["calls"].as_array().expect("calls").iter();
    let pair = |call: &Value| {
        let name = call["syscall"].as_str().expect("a name").to_owned();
        (name, call["count"].as_u64().expect("a number"))
    };
    calls.map(pair).collect()
}

/// The same script in the same root under strace, from its first instruction.
fn traced(bundle: &TestBundle) -> BTreeMap<String, u64> {
    let file = bundle.path().join("strace");
    // busybox runs itself by /proc, so that there must be one here, too. Signals are as a container
    // has them: a shell that began with SIGINT ignored, as in the background, sets fewer handlers.
    let script = "mount -t proc proc \"$1/proc\" && exec strace -f -qq -e signal=none -o \"$0\" \
        env -i --default-signal PATH=/bin /usr/sbin/chroot \"$1\" /bin/sh -c \"$2\"";
    let outcome = run(Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(&file)
        .arg(bundle.path().join("rootfs"))
        .arg(SCRIPT));
    assert!(outcome.text().contains("done"), "{outcome:?}");
    let text = std::fs::read_to_string(file).expect("the trace");
    let start = text.find("execve(\"/bin/sh\"").expect("the shell");
    let mut counts = BTreeMap::new();
    for line in text[start..].lines().skip(1) {
        let line = line
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim_start();
        // A call that another process' line cut in two is counted where it begins.
        if let Some((name, _)) = line.split_once('(')
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn what_strace_sees_is_what_is_recorded() {
    let test = "what_strace_sees_is_what_is_recorded";
    for runtime in RealRuntime::all(test) {
        if run(Command::new("strace").arg("-V")).code != Some(0) {
            skip(test, "strace is not installed");
            return;
        }
        let agent = TestAgent::start();
        let bundle = TestBundle::new(&["/bin/sh", "-c", SCRIPT]);
        bundle.edit(|config| config["process"]["env"] = serde_json::json!(["PATH=/bin"]));
        let recording = recorded(&runtime, &agent, &bundle);
        let mut seen = counts(&recording);
        let unasked: &[&str] = match runtime.name {
            "runc" => &["write"],
            _ => &[],
        };
        for name in unasked {
            assert_eq!(seen.remove(*name), None, "{name}");
        }
        // A wait that a signal interrupts is made again; how often is a matter of time.
        let timing = ["wait4", "rt_sigreturn"];
        let waited = timing.map(|name| seen.remove(name).is_some());
        let mut expected = traced(&TestBundle::new(&[]));
        for name in unasked {
            expected.remove(*name);
        }
        assert_eq!(
            waited,
            timing.map(|name| expected.remove(name).is_some()),
            "{timing:?}"
        );
        assert_eq!(seen, expected, "{}", runtime.name);
    }
}

#[test]
fn a_learned_profile_is_enough() {
    for runtime in RealRuntime::all("a_learned_profile_is_enough") {
        for no_new_privileges in [true, false] {
            let agent = TestAgent::start();
            let make = || {
                let bundle = TestBundle::new(&["/bin/sh", "-c", SCRIPT]);
                bundle.no_new_privileges(no_new_privileges);
                bundle
            };
            let bundle = make();
            let _ = recorded(&runtime, &agent, &bundle);
            for with_args in [&[][..], &["--with-args"]] {
                let id = bundle.id();
                let learned = agent.record(&[&["show", id.as_str()], with_args].concat());
                let policy = PolicyDir::of_profile(&learned);
                let outcome = runtime.run(policy.path(), &make());
                let text = outcome.text();
                assert!(
                    outcome.ok() && text.contains("done") && outcome.stderr.is_empty(),
                    "{} {no_new_privileges} {with_args:?}: {text}\n{}",
                    runtime.name,
                    learned
                );
            }
        }
    }
}

#[test]
fn a_recording_is_shown_while_the_container_runs_and_runs_are_counted() {
    let test = "a_recording_is_shown_while_the_container_runs_and_runs_are_counted";
    for runtime in RealRuntime::all(test) {
        let agent = TestAgent::start();
        let policy = agent.policy(RECORD);
        let first = TestBundle::new(&["sh", "-c", "mkdir /tmp/a; sleep 1000"]);
        let container = runtime.create(policy.path(), &first).expect("created");
        assert!(container.command(policy.path(), &["start"]).ok());
        let list = || agent.record(&["list"]);
        // It is saved each second.
        let start = Instant::now();
        while !list().contains("still running") {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", list());
            std::thread::sleep(Duration::from_millis(50));
        }
        let shown = agent.record(&["show", &first.id()]);
        assert!(shown.contains("\"mkdir\""), "{shown}");
        drop(container);
        assert_eq!(agent.recording(&first.id())["over"], true);
        assert!(!list().contains("still running"), "{}", list());

        let second = TestBundle::new(&["sh", "-c", "busybox sync; echo done"]);
        let _ = recorded(&runtime, &agent, &second);
        let merged = agent.record(&["merge", &first.id(), &second.id()]);
        let merged: Value = serde_json::from_str(&merged).expect("JSON");
        let seen = |name: &str| {
            let rules = merged["syscalls"].as_array().expect("rules").iter();
            let has = |rule: &&Value| {
                rule["names"]
                    .as_array()
                    .is_some_and(|all| all.contains(&name.into()))
            };
            let rule = rules
                .clone()
                .find(has)
                .unwrap_or_else(|| panic!("{name}: {merged:#}"));
            rule["comment"].clone()
        };
        assert_eq!(seen("execve"), "seen in 2 of 2 runs");
        assert_eq!(seen("mkdir"), "seen in 1 of 2 runs");
        assert_eq!(seen("sync"), "seen in 1 of 2 runs");
    }
}

/// A program for 32-bit x86 (elf(5)) that calls getpid(2) and ends.
fn program_of_32_bits() -> Vec<u8> {
    let code = [
        0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80,
    ];
    let (base, start) = (0x0804_8000_u32, 0x54_u32);
    let size = start + u32::try_from(code.len()).expect("few");
    let mut elf = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0".to_vec();
    for word in [1, base + start, 52, 0, 0, 0x0020_0034, 1, 0] {
        elf.extend(word.to_le_bytes());
    }
    for word in [1, 0, base, base, size, size, 5, 0x1000] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(code);
    elf
}

#[test]
fn an_architecture_that_was_seen_is_in_the_profile() {
    for runtime in RealRuntime::all("an_architecture_that_was_seen_is_in_the_profile") {
        let agent = TestAgent::start();
        let bundle = TestBundle::new(&["sh", "-c", "/bin/small && echo done"]);
        let small = bundle.path().join("small");
        std::fs::write(&small, program_of_32_bits()).expect("a program");
        std::fs::set_permissions(&small, std::fs::Permissions::from_mode(0o755)).expect("chmod");
        copy_program(&small, &bundle.path().join("rootfs/bin/small"));
        let recording = recorded(&runtime, &agent, &bundle);
        let calls = recording["calls"].as_array().expect("calls");
        let is_getpid = |call: &Value| call["arch"] == "x86" && call["syscall"] == "getpid";
        assert!(calls.iter().any(is_getpid), "{}: {calls:#?}", runtime.name);
        let learned = agent.record(&["show", &bundle.id()]);
        assert!(learned.contains("SCMP_ARCH_X86\""), "{learned}");
        let outcome = runtime.run(PolicyDir::of_profile(&learned).path(), &bundle);
        assert_eq!(outcome.stdout, "done\n", "{}: {outcome:?}", runtime.name);
    }
}

#[test]
fn a_rules_denial_holds_while_recording() {
    for runtime in RealRuntime::all("a_rules_denial_holds_while_recording") {
        let agent = TestAgent::start();
        let policy = agent.policy("[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"record\"");
        let bundle = TestBundle::new(&["sh", "-c", "unshare -U true && echo free; echo done"]);
        let text = runtime.run(policy.path(), &bundle).text();
        assert!(text.contains("Operation not permitted"), "{text}");
        assert!(text.contains("done") && !text.contains("free"), "{text}");
    }
}

#[test]
fn recording_without_the_agent_is_refused() {
    for runtime in RealRuntime::all("recording_without_the_agent_is_refused") {
        let nowhere = tempfile::tempdir().expect("a folder");
        let bundle = TestBundle::new(&["echo", "ran"]);
        let policy = integration::policy_for(nowhere.path(), RECORD);
        let outcome = runtime.run(policy.path(), &bundle);
        assert!(outcome.stderr.contains("needs the agent"), "{outcome:?}");
        let policy = integration::policy_for(
            nowhere.path(),
            &format!("{RECORD}\nwithout_agent = \"enforce\""),
        );
        let outcome = runtime.run(policy.path(), &bundle);
        assert!(outcome.stderr.contains("without_agent"), "{outcome:?}");
    }
}

#[test]
fn an_init_whose_agent_dies_is_killed() {
    for runtime in RealRuntime::all("an_init_whose_agent_dies_is_killed") {
        // crun hands the listener over at start, or at create.
        for no_new_privileges in [true, false] {
            let mut agent = TestAgent::start();
            let policy = agent.policy(RECORD);
            let bundle = TestBundle::new(&["echo", "done"]);
            bundle.edit(|config| {
                config["process"]["noNewPrivileges"] = no_new_privileges.into();
            });
            let container = runtime.create(policy.path(), &bundle).expect("created");
            let pid = container.pid(policy.path()).expect("a pid");
            let gone = || {
                let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
                status.map_or(true, |stat| stat.contains(") Z"))
            };
            // It waits for its start, whatever the agent has to do with it by now.
            std::thread::sleep(Duration::from_millis(300));
            assert!(!gone(), "{} {no_new_privileges}", runtime.name);
            agent.kill();
            let start = Instant::now();
            while !gone() {
                assert!(
                    start.elapsed() < Duration::from_secs(10),
                    "{} {no_new_privileges} hangs",
                    runtime.name
                );
                std::thread::sleep(Duration::from_millis(10));
            }
            let started = container.command(policy.path(), &["start"]);
            assert!(!started.ok(), "{} {no_new_privileges}", runtime.name);
        }
    }
}

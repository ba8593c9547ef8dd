//! `mode = "record"`: what a container did, all of it, and the profile for it.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use integration::{PolicyDir, RealRuntime, TestAgent, TestBundle, run, shim_binary, skip};
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
    let ended = agent.wait_for("ended", |line| line["id"] == bundle.id());
    let name = ended["recording"].as_str().expect("a name");
    let path = agent.recordings().join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).expect("the recording")).expect("JSON")
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
            "runc" => &["write", "rt_sigreturn", "futex", "nanosleep", "sched_yield"],
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
                let learned = run(Command::new(shim_binary())
                    .args(["record", "--recordings"])
                    .arg(agent.recordings())
                    .args(["show", &bundle.id()])
                    .args(with_args));
                assert!(learned.ok(), "{learned:?}");
                let rule =
                    "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
                let policy = PolicyDir::new(rule).with_profile("a.json", &learned.stdout);
                let outcome = runtime.run(policy.path(), &make());
                let text = outcome.text();
                assert!(
                    outcome.ok() && text.contains("done") && outcome.stderr.is_empty(),
                    "{} {no_new_privileges} {with_args:?}: {text}\n{}",
                    runtime.name,
                    learned.stdout
                );
            }
        }
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
    let Some(runtime) = RealRuntime::find("an_init_whose_agent_dies_is_killed", "runc") else {
        return;
    };
    let mut agent = TestAgent::start();
    let policy = agent.policy(RECORD);
    let container = runtime
        .create(policy.path(), &TestBundle::new(&["echo", "done"]))
        .expect("created");
    let pid = container.pid(policy.path()).expect("a pid");
    agent.kill();
    let start = Instant::now();
    let gone = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        status.map_or(true, |stat| stat.contains(") Z"))
    };
    while !gone() {
        assert!(start.elapsed() < Duration::from_secs(10), "it hangs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

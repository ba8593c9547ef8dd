//! Learning goes on: what is learned is not asked about again, and `shim record run` does it all in
//! one go.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use integration::{
    PolicyDir, RealRuntime, TestAgent, TestBundle, policy_for, record_run, record_run_of, run,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const RECORD: &str = "[defaults]\nprofile = \"Unconfined\"\nmode = \"record\"";
const FIRST: &str = "mkdir /tmp/a; ls /bin > /tmp/a/b; echo done";
const SECOND: &str = "mkdir /tmp/a; ls /bin > /tmp/a/b; busybox sync; echo done";

fn recorded(runtime: &RealRuntime, agent: &TestAgent, policy: &PolicyDir, script: &str) -> Value {
    let bundle = TestBundle::new(&["sh", "-c", script]);
    let outcome = runtime.run(policy.path(), &bundle);
    assert!(outcome.text().contains("done"), "{outcome:?}");
    agent.recording(&bundle.id())
}

fn names(recording: &Value) -> BTreeSet<String> {
    let calls = recording["calls"].as_array().expect("calls").iter();
    calls
        .map(|call| call["syscall"].as_str().expect("a name").to_owned())
        .collect()
}

fn learned(agent: &TestAgent, recording: &Value) -> String {
    agent.record(&["show", recording["id"].as_str().expect("an id")])
}

fn enough(runtime: &RealRuntime, profile: &str, script: &str) {
    let policy = PolicyDir::of_profile(profile);
    let outcome = runtime.run(policy.path(), &TestBundle::new(&["sh", "-c", script]));
    let text = outcome.text();
    assert!(
        outcome.ok() && outcome.stdout == "done\n",
        "{}: {text}\n{profile}",
        runtime.name
    );
}

#[test]
fn the_second_run_asks_about_what_is_new_alone() {
    for runtime in RealRuntime::all("the_second_run_asks_about_what_is_new_alone") {
        let agent = TestAgent::start();
        let first = recorded(&runtime, &agent, &agent.policy(RECORD), FIRST);
        let ratchet = agent
            .policy(&format!("{RECORD}\nlearned = \"a.json\""))
            .with_profile("a.json", &learned(&agent, &first));
        let second = recorded(&runtime, &agent, &ratchet, SECOND);
        let (seen, known) = (names(&second), names(&first));
        assert!(seen.contains("sync"), "{}: {seen:?}", runtime.name);
        // What begins a program tells where the runtime's part ends.
        let again = seen.intersection(&known).filter(|name| *name != "execve");
        assert_eq!(again.count(), 0, "{}: {seen:?}", runtime.name);
        enough(&runtime, &learned(&agent, &second), SECOND);
    }
}

#[test]
fn what_is_learned_changes_nothing_that_is_denied() {
    for runtime in RealRuntime::all("what_is_learned_changes_nothing_that_is_denied") {
        let agent = TestAgent::start();
        let policy = agent
            .policy("[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"record\"\nlearned = \"a.json\"")
            .with_profile(
                "a.json",
                r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],
                "syscalls":[{"names":["unshare","clone","socket","read","mmap"],"action":"SCMP_ACT_ALLOW"}]}"#,
            );
        let script = "unshare -U true && echo free; echo done";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let text = runtime.run(policy.path(), &bundle).text();
        assert!(
            text.contains("Operation not permitted"),
            "{}: {text}",
            runtime.name
        );
        assert!(text.contains("done") && !text.contains("free"), "{text}");
    }
}

#[test]
fn learned_is_a_word_of_record_alone_and_names_a_file_that_is_there() {
    let test = "learned_is_a_word_of_record_alone_and_names_a_file_that_is_there";
    for runtime in RealRuntime::all(test) {
        let nowhere = tempfile::tempdir().expect("a folder");
        for (policy, expected) in [
            (
                "[defaults]\nmode = \"observe\"\nlearned = \"a.json\"".to_owned(),
                "learned cannot be",
            ),
            (
                "[[rule]]\nlearned = \"a.json\"".to_owned(),
                "learned cannot be",
            ),
            (
                format!("{RECORD}\nlearned = \"../a.json\""),
                "must not climb",
            ),
            (
                format!("{RECORD}\nlearned = \"a.json\""),
                "is in none of the profile roots",
            ),
        ] {
            let policy = policy_for(nowhere.path(), &policy);
            let outcome = runtime.run(policy.path(), &TestBundle::new(&["echo", "ran"]));
            assert!(outcome.stderr.contains(expected), "{outcome:?}");
            assert!(outcome.stderr.contains("policy.toml, line"), "{outcome:?}");
        }
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a profile")).expect("JSON")
}

#[test]
fn record_run_does_it_in_one_go_and_learns_on() {
    for runtime in RealRuntime::all("record_run_does_it_in_one_go_and_learns_on") {
        if runtime.bare().get_program() != runtime.path() {
            // crun works here only in a mount namespace, which the command's own words enter.
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out.json");
        for (script, word) in [(FIRST, "different calls"), (SECOND, "learned before")] {
            let bundle = TestBundle::new(&["sh", "-c", script]);
            let outcome = run(&mut record_run(folder.path(), &runtime, &bundle));
            assert!(
                outcome.ok() && outcome.stdout.contains("done\n"),
                "{outcome:?}"
            );
            assert!(outcome.stdout.contains(word), "{outcome:?}");
            let profile = fs::read_to_string(&out).expect("a profile");
            enough(&runtime, &profile, script);
            let idle = fs::read_to_string(folder.path().join("policy/policy.toml")).expect("idle");
            assert!(!idle.contains("record\""), "{idle}");
        }
        assert!(json(&out)["syscalls"].to_string().contains("\"sync\""));

        // The command's exit code is ours.
        let bundle = TestBundle::new(&["sh", "-c", "exit 7"]);
        let outcome = run(&mut record_run(folder.path(), &runtime, &bundle));
        assert_eq!(outcome.code, Some(7), "{outcome:?}");

        // Where nothing was recorded, there is no profile.
        fs::remove_file(&out).expect("removed");
        let mut command = record_run_of(folder.path());
        let outcome = run(command.arg(runtime.path()).arg("--version"));
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(
            outcome.stderr.contains("no container came to be recorded"),
            "{outcome:?}"
        );
        assert!(!out.exists());
    }
}

#[test]
fn a_recording_that_is_stopped_is_written() {
    let Some(runtime) = RealRuntime::find("a_recording_that_is_stopped_is_written", "runc") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = TestBundle::new(&[
        "sh",
        "-c",
        "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done",
    ]);
    let mut command = record_run(folder.path(), &runtime, &bundle);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("shim");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("stdout"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "up\n");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("interrupted");
    assert_eq!(child.wait().expect("its end").code(), Some(3));
    let profile = json(&folder.path().join("out.json"));
    assert!(
        profile["syscalls"].to_string().contains("\"nanosleep\"")
            || profile["syscalls"]
                .to_string()
                .contains("\"clock_nanosleep\""),
        "{profile:#}"
    );
}

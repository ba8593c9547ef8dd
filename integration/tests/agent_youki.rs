//! The agent and youki, which is no Debian package. Containers are created and started, as engines do
//! it: youki 0.7.0's `run` waits for ever for a program that ends at once, with shim or without.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use integration::engine::within;
use integration::{PolicyDir, RealRuntime, TestAgent, TestBundle, copy_program};

const OBSERVE: &str = "[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"observe\"";
const RECORD: &str = "[defaults]\nprofile = \"Unconfined\"\nmode = \"record\"";

/// What a container that runs this script writes to /tmp/out, in its own time.
fn says(youki: &RealRuntime, policy: &PolicyDir, script: &str, no_new_privileges: bool) -> Said {
    let script =
        format!("( {script} ) > /tmp/part 2>&1; busybox mv /tmp/part /tmp/out; sleep 1000");
    let bundle = TestBundle::new(&["sh", "-c", &script]);
    bundle.no_new_privileges(no_new_privileges);
    let root = bundle.path().join("rootfs");
    let probe = Path::new(env!("CARGO_BIN_EXE_probe"));
    copy_program(probe, &root.join("bin/probe"));
    let container = youki.create(policy.path(), &bundle).expect("created");
    let started = container.command(policy.path(), &["start"]);
    assert!(started.ok(), "{started:?}");
    let out = root.join("tmp/out");
    let text = within(|| std::fs::read_to_string(&out).map_err(|error| error.to_string()));
    let text = text.expect("it says something");
    drop(container);
    Said(bundle.id(), text)
}

/// By which container, and what.
struct Said(String, String);

#[test]
fn denied_calls_get_the_errno_of_the_plain_profile_and_are_told() {
    let test = "denied_calls_get_the_errno_of_the_plain_profile_and_are_told";
    let Some(youki) = RealRuntime::find(test, "youki") else {
        return;
    };
    let calls = [
        "unshare",
        "mount",
        "keyctl",
        "bpf",
        "pivot_root",
        "setns",
        "swapon",
    ];
    let number = |name: &&str| filter::nr(name, profile::Arch::ScmpArchX86_64);
    let numbers: Vec<u32> = calls.iter().filter_map(number).chain([471, 500]).collect();
    let each = numbers
        .iter()
        .map(|nr| format!("echo {nr} $(/bin/probe {nr})"));
    let script: Vec<String> = each.collect();
    let script = script.join("; ");
    for no_new_privileges in [true, false] {
        let agent = TestAgent::start();
        let enforce = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"");
        let Said(_, plain) = says(&youki, &enforce, &script, no_new_privileges);
        let observe = agent.policy(OBSERVE);
        let Said(id, observed) = says(&youki, &observe, &script, no_new_privileges);
        assert!(plain.lines().all(|line| line.contains("errno")), "{plain}");
        assert_eq!(plain.lines().count(), numbers.len());
        assert_eq!(plain, observed, "{no_new_privileges}");
        for name in calls {
            let line = agent.wait_for("denied", |line| line["syscall"] == name);
            assert_eq!(line["id"], id);
        }
        let _ = agent.wait_for("ended", |line| line["id"] == id);
    }
}

#[test]
fn masks_are_as_the_profile_means_them() {
    let Some(youki) = RealRuntime::find("masks_are_as_the_profile_means_them", "youki") else {
        return;
    };
    let agent = TestAgent::start();
    let enforce = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"");
    // clone(CLONE_NEWUSER), which ends by itself or does not come to be.
    let script = "busybox timeout -s KILL 1 /bin/probe 56 268435456";
    for policy in [&enforce, &agent.policy(OBSERVE)] {
        let Said(_, text) = says(&youki, policy, script, true);
        assert_eq!(text, "errno 1\n");
    }
    // And with none of these flags it is allowed: a shell starts programs.
    let Said(_, text) = says(&youki, &enforce, "busybox true && echo started", true);
    assert_eq!(text, "started\n");
}

#[test]
fn a_bundle_that_is_used_again_is_decided_on_as_at_first() {
    let test = "a_bundle_that_is_used_again_is_decided_on_as_at_first";
    let Some(youki) = RealRuntime::find(test, "youki") else {
        return;
    };
    // What the first create left in the bundle is what the second one asks for.
    let policy = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"\ncombine = \"restrict\"");
    let script = "( busybox true && echo started; busybox timeout -s KILL 1 /bin/probe 56 268435456 ) \
                  > /tmp/part 2>&1; busybox mv /tmp/part /tmp/out; sleep 1000";
    let bundle = TestBundle::new(&["sh", "-c", script]);
    let root = bundle.path().join("rootfs");
    copy_program(
        Path::new(env!("CARGO_BIN_EXE_probe")),
        &root.join("bin/probe"),
    );
    let mut left = Vec::new();
    for time in ["first", "again", "a third time"] {
        let container = youki.create(policy.path(), &bundle).expect("created");
        let started = container.command(policy.path(), &["start"]);
        assert!(started.ok(), "{time}: {started:?}");
        let out = root.join("tmp/out");
        let text = within(|| std::fs::read_to_string(&out).map_err(|error| error.to_string()));
        assert_eq!(text.as_deref(), Ok("started\nerrno 1\n"), "{time}");
        std::fs::remove_file(&out).expect("removed");
        drop(container);
        left.push(String::from_utf8_lossy(&bundle.text()).into_owned());
    }
    // It does not change from time to time.
    assert_eq!(left.get(1), left.get(2));
}

#[test]
fn what_is_recorded_is_enough() {
    let Some(youki) = RealRuntime::find("what_is_recorded_is_enough", "youki") else {
        return;
    };
    let script = "mkdir /tmp/a; ls /bin > /tmp/a/b; busybox sync; echo done";
    for no_new_privileges in [true, false] {
        let agent = TestAgent::start();
        let policy = agent.policy(RECORD);
        let Said(id, text) = says(&youki, &policy, script, no_new_privileges);
        assert_eq!(text, "done\n");
        let _ = agent.wait_for("ended", |line| line["id"] == id);
        let learned = agent.record(&["show", &id]);
        assert!(learned.contains("\"sync\""), "{learned}");
        let policy = PolicyDir::of_profile(&learned);
        let Said(_, text) = says(&youki, &policy, script, no_new_privileges);
        assert_eq!(text, "done\n", "{learned}");
        let Said(_, text) = says(
            &youki,
            &policy,
            "busybox unshare -U true",
            no_new_privileges,
        );
        assert!(text.starts_with("unshare: unshare(0x10000000): "), "{text}");
    }
}

#[test]
fn an_init_of_youkis_whose_agent_dies_is_killed() {
    let test = "an_init_of_youkis_whose_agent_dies_is_killed";
    let Some(youki) = RealRuntime::find(test, "youki") else {
        return;
    };
    let mut agent = TestAgent::start();
    let policy = agent.policy(RECORD);
    let bundle = TestBundle::new(&["echo", "done"]);
    let container = youki.create(policy.path(), &bundle).expect("created");
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

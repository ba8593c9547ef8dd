//! A `shim record run` that is killed leaves nothing behind that records.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::expect_used, reason = "a test ends there")]

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use integration::{RealRuntime, TestBundle, record_run, run};

fn started(runtime: &RealRuntime, folder: &Path, bundle: &TestBundle) -> Child {
    let mut command = record_run(folder, runtime, bundle);
    command.stdout(Stdio::piped()).spawn().expect("shim")
}

#[test]
fn a_recording_that_is_killed_takes_its_agent_and_its_policy_along() {
    let test = "a_recording_that_is_killed_takes_its_agent_and_its_policy_along";
    let Some(runtime) = RealRuntime::find(test, "runc") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = TestBundle::new(&["sh", "-c", "echo up; while :; do sleep 0.1; done"]);
    let mut killed = started(&runtime, folder.path(), &bundle);
    let mut line = String::new();
    let mut out = BufReader::new(killed.stdout.take().expect("stdout"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "up\n");
    let policy = folder.path().join("policy");
    let socket = policy.join("agent/register.sock");
    let agent = UnixStream::connect(&socket).expect("the agent");
    let agent = rustix::net::sockopt::socket_peercred(&agent).expect("its pid");
    killed.kill().expect("killed");
    killed.wait().expect("its end");
    let stat = format!("/proc/{}/stat", agent.pid.as_raw_nonzero());
    let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"));
    let start = Instant::now();
    while !gone() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // The container, without its agent, does not go on. Here it is not to outlive a failed test.
    let _ = run(Command::new(runtime.path()).args(["delete", "--force", &bundle.id()]));
    assert!(gone(), "the agent stays");
    let text = std::fs::read_to_string(policy.join("policy.toml")).expect("a policy");
    assert!(!text.contains("mode"), "{text}");
    let left = std::fs::read_dir(&policy).expect("the folder").flatten();
    let mut left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, ["lock", "policy.toml"]);
    // What was seen of it is kept.
    let kept = std::fs::read_dir(folder.path().join("recordings")).expect("recordings");
    assert_eq!(kept.count(), 1);
    // The next one begins as if nothing had been.
    let bundle = TestBundle::new(&["echo", "done"]);
    let next = started(&runtime, folder.path(), &bundle).wait_with_output();
    let next = next.expect("its end");
    assert!(next.status.success(), "{next:?}");
    assert!(folder.path().join("out.json").is_file());
}

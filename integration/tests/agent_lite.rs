//! `mode = "observe-lite"` and `mode = "audit"`: the kernel logs, the agent reads it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends there"
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use integration::{KeptAgent, PolicyDir, RealRuntime, TestBundle};
use serde_json::{Value, json};
use tempfile::TempDir;

/// kill(2) is a call that the shell makes by itself, so that its process is still there.
const NO_KILL: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]
}"#;

fn policy(mode: &str, more: &str) -> PolicyDir {
    let rule = "profile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
    PolicyDir::new(&format!("[defaults]\nmode = {mode:?}\n{rule}\n{more}"))
        .with_profile("a.json", NO_KILL)
}

/// An agent that reads the kernel's records, and where it serves its numbers.
fn agent() -> (KeptAgent, TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("metrics.sock");
    let metrics = format!("unix:{}", socket.display());
    let agent = KeptAgent::start(&["--audit", "--every", "1", "--metrics", &metrics]);
    (agent, folder, socket)
}

/// Whether the agent's numbers have that line.
fn counts(socket: &Path, line: &str) {
    let mut text = String::new();
    for _ in 0..250 {
        let mut stream = UnixStream::connect(socket).expect("the door");
        let request = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";
        stream.write_all(request).expect("the question");
        text.clear();
        stream.read_to_string(&mut text).expect("the answer");
        if text.lines().any(|one| one == line) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("no {line} in {text}");
}

/// A container that is denied kill five times, and what the agent says of it: who it is, and what
/// it did.
fn run(agent: &KeptAgent, runtime: &RealRuntime, policy: &PolicyDir, event: &str) -> Value {
    let script = "for i in 1 2 3 4 5; do kill -0 1 || echo denied; done; sleep 1000";
    let bundle = TestBundle::new(&["sh", "-c", script]);
    let group = format!("/crio-{}", bundle.id());
    bundle.edit(|config| {
        config["linux"]["cgroupsPath"] = group.as_str().into();
        config["annotations"] = json!({
            "io.kubernetes.pod.namespace": "team-b",
            "io.kubernetes.pod.name": format!("pod-{}", bundle.id()),
            "io.kubernetes.container.name": "web",
            "io.kubernetes.cri-o.ImageName": "library/web:1",
        });
    });
    let container = runtime.create(policy.path(), &bundle).expect("created");
    let started = container.command(policy.path(), &["start"]);
    assert!(started.ok(), "{started:?}");
    let of_it = |line: &&Value| {
        let its = line["cgroup"].as_str();
        line["syscall"] == "kill" && its.is_some_and(|its| its.contains(&group))
    };
    for wanted in [event, "repeated"] {
        for turn in 0.. {
            let events = agent.events(wanted);
            if let Some(line) = events.iter().find(of_it) {
                assert_eq!(line["id"], bundle.id());
                assert_eq!(line["engine"], "cri-o");
                assert_eq!(line["namespace"], "team-b");
                assert_eq!(line["pod"], format!("pod-{}", bundle.id()));
                assert_eq!(line["container"], "web");
                assert_eq!(line["image"], "library/web:1");
                if wanted == event {
                    assert_eq!(line["comm"], "sh");
                } else {
                    assert_eq!(line["total"], 5);
                }
                break;
            }
            assert!(turn < 500, "no {wanted}: {:#?}", agent.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    agent.events(event).iter().find(of_it).cloned().expect("it")
}

/// The line that counts the five.
fn series(name: &str, line: &Value) -> String {
    let pod = line["pod"].as_str().expect("a pod");
    format!(
        "seccomp_shim_{name}_total{{namespace=\"team-b\",pod=\"{pod}\",container=\"web\",\
         syscall=\"kill\"}} 5"
    )
}

#[test]
fn the_kernel_logs_what_it_denies_and_the_agent_says_where() {
    let test = "the_kernel_logs_what_it_denies_and_the_agent_says_where";
    if let Some(runtime) = RealRuntime::find(test, "crun") {
        let (agent, _folder, socket) = agent();
        let line = run(&agent, &runtime, &policy("observe-lite", ""), "denied");
        assert_eq!(line["action"], "errno");
        assert_eq!(line["source"], "audit");
        assert_eq!(line["mode"], "observe-lite");
        counts(&socket, &series("denials", &line));
    }
}

#[test]
fn what_audit_would_have_denied_is_said_for_any_runtime() {
    for runtime in RealRuntime::all("what_audit_would_have_denied_is_said_for_any_runtime") {
        let (agent, _folder, socket) = agent();
        let line = run(&agent, &runtime, &policy("audit", ""), "logged");
        assert_eq!(line["action"], "log");
        assert_eq!(line["mode"], "audit");
        counts(&socket, &series("logged_calls", &line));
    }
}

#[test]
fn a_runtime_without_flags_is_refused_or_enforces_as_the_policy_says() {
    let test = "a_runtime_without_flags_is_refused_or_enforces_as_the_policy_says";
    let Some(runtime) = RealRuntime::find(test, "runc") else {
        return;
    };
    let features = integration::run(runtime.bare().arg("features"));
    let has = features.stdout.contains("SECCOMP_FILTER_FLAG_LOG");
    let script = "kill -0 1 || echo denied";
    let bundle = TestBundle::new(&["sh", "-c", script]);
    let before = bundle.text();
    let outcome = runtime.run(policy("observe-lite", "").path(), &bundle);
    if has {
        assert!(outcome.stdout.contains("denied"), "{outcome:?}");
        return;
    }
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("SECCOMP_FILTER_FLAG_LOG"),
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert_eq!(before, bundle.text());
    let lenient = policy("observe-lite", "without_agent = \"enforce\"");
    let outcome = runtime.run(lenient.path(), &bundle);
    assert!(outcome.ok(), "{outcome:?}");
    assert!(outcome.stdout.contains("denied"), "{outcome:?}");
    let decisions = lenient.decisions();
    assert_eq!(decisions[0]["kernelLog"]["logged"], false, "{decisions:?}");
}

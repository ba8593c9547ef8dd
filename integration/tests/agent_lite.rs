//! `mode = "observe-lite"` and `mode = "audit"`: the kernel logs, the agent reads it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

use integration::{KeptAgent, PolicyDir, RealRuntime, TestBundle};
use serde_json::Value;

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

/// A container that is denied kill five times, and what the agent says of it.
fn run(agent: &KeptAgent, runtime: &RealRuntime, policy: &PolicyDir, event: &str) -> Value {
    let script = "for i in 1 2 3 4 5; do kill -0 1 || echo denied; done; sleep 1000";
    let bundle = TestBundle::new(&["sh", "-c", script]);
    let group = format!("/lite-{}", bundle.id());
    bundle.edit(|config| config["linux"]["cgroupsPath"] = group.as_str().into());
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

#[test]
fn the_kernel_logs_what_it_denies_and_the_agent_says_where() {
    let test = "the_kernel_logs_what_it_denies_and_the_agent_says_where";
    if let Some(runtime) = RealRuntime::find(test, "crun") {
        let agent = KeptAgent::start(&["--audit", "--every", "1"]);
        let line = run(&agent, &runtime, &policy("observe-lite", ""), "denied");
        assert_eq!(line["action"], "errno");
        assert_eq!(line["source"], "audit");
    }
}

#[test]
fn what_audit_would_have_denied_is_said_for_any_runtime() {
    for runtime in RealRuntime::all("what_audit_would_have_denied_is_said_for_any_runtime") {
        let agent = KeptAgent::start(&["--audit", "--every", "1"]);
        let line = run(&agent, &runtime, &policy("audit", ""), "logged");
        assert_eq!(line["action"], "log");
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

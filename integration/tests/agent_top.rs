//! `shim agent top`: who is being denied what.

use std::process::Command;

use integration::{KeptAgent, PolicyDir, RealRuntime, TestBundle, run, shim_binary};

const NO_MKDIR: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]
}"#;

fn top(agent: &KeptAgent, more: &[&str]) -> integration::Outcome {
    let mut command = Command::new(shim_binary());
    command.args(["agent", "top", "--once", "--socket-dir"]);
    run(command.arg(agent.sockets()).args(more))
}

#[test]
fn one_look_names_the_container_the_call_and_how_often() {
    for runtime in RealRuntime::all("one_look_names_the_container_the_call_and_how_often") {
        let agent = KeptAgent::start(&[]);
        let empty = top(&agent, &[]);
        assert!(empty.ok(), "{empty:?}");
        assert!(empty.stdout.starts_with("0 containers"), "{empty:?}");
        let rule = "profile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
        let policy = PolicyDir::new(&format!("{}{rule}", agent.policy("observe")))
            .with_profile("a.json", NO_MKDIR);
        let bundle = TestBundle::new(&["sh", "-c", "mkdir /tmp/x; mkdir /tmp/y; sleep 1000"]);
        let container = runtime.create(policy.path(), &bundle).expect("created");
        assert!(container.command(policy.path(), &["start"]).ok());
        let mut text = String::new();
        for _ in 0..500 {
            text = top(&agent, &[]).stdout;
            if text.contains("        2 ") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(
            text.starts_with("1 containers attached, 2 denials"),
            "{text}"
        );
        let line = text
            .lines()
            .find(|line| line.contains("mkdir"))
            .expect("it");
        for word in ["EPERM", &container.id] {
            assert!(line.contains(word), "{line}");
        }
        let json = top(&agent, &["--format", "json"]).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("one JSON line");
        assert_eq!(json["containers"][0]["denials"], 2);
        assert_eq!(json["containers"][0]["kinds"][0]["syscall"], "mkdir");
    }
}

#[test]
fn without_an_agent_it_says_so() {
    let mut command = Command::new(shim_binary());
    let outcome = run(command.args(["agent", "top", "--once", "--socket-dir", "/nowhere"]));
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("/nowhere/control.sock"),
        "{outcome:?}"
    );
}

//! A policy with a thousand profiles: a create opens the one that it needs.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use integration::{PolicyDir, StandIn, TestBundle, explain, needs_programs, run, skip};

const PROFILE: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

#[test]
fn only_the_profile_that_is_used_is_opened() {
    let test = "only_the_profile_that_is_used_is_opened";
    if !needs_programs(test, &["strace"]) {
        return;
    }
    let mut rules = String::new();
    for number in 0..1_000 {
        write!(
            rules,
            "[[rule]]\nwhen = {{ namespace = \"team-{number}\" }}\n\
             profile = {{ type = \"Localhost\", localhostProfile = \"team-{number}.json\" }}\n"
        )
        .expect("a String");
    }
    let policy = PolicyDir::new(&rules);
    for number in 0..1_000 {
        policy.write(&format!("profiles/team-{number}.json"), PROFILE);
    }
    let stand_in = StandIn::new();
    let config = r#"{"ociVersion":"1.0.2","annotations":{"io.kubernetes.cri.container-type":"container",
        "io.kubernetes.cri.sandbox-namespace":"team-742"},"linux":{}}"#;
    fs::write(stand_in.config(), config).expect("config.json");
    let trace = stand_in.bundle().with_file_name("trace");
    let mut strace = Command::new("strace");
    strace.args([
        "-e",
        "trace=open,openat,openat2,stat,lstat,newfstatat,getdents64",
        "-o",
    ]);
    let outcome = run(strace
        .arg(&trace)
        .args(stand_in.create_words(policy.path())));
    if outcome.stderr.contains("ptrace") {
        return skip(test, "strace may not trace here");
    }
    assert!(
        outcome.ok() && outcome.stdout.contains("mkdir"),
        "{outcome:?}"
    );
    let trace = fs::read_to_string(trace).expect("the trace");
    let profiles: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("team-"))
        .collect();
    assert!(!profiles.is_empty());
    assert!(
        profiles.iter().all(|line| line.contains("team-742.json")),
        "{profiles:?}"
    );
    assert_eq!(
        trace.matches("getdents64").count(),
        0,
        "no folder is listed: {trace}"
    );
}

/// Rules of every form, beyond what is read plainly, mean the same among many as alone, and an error
/// among many is placed on its line.
#[test]
fn a_rule_among_many_means_what_it_means_alone() {
    let forms = [
        "[[rule]]\nname = \"x\"\nwhen = { namespace = \"n\" }\nprofile = \"Unconfined\"\n",
        "[[rule]]\nname = 'x'\nwhen.namespace = 'n'\nprofile.type = \"Unconfined\"\n",
        "[[rule]]\n\"name\" = \"\\u0078\"\nprofile = \"Unconfined\"\n[rule.when]\nnamespace = [\n\"m\",\n\"n\",\n]\n",
    ];
    let many: String = (0..50)
        .map(|number| {
            format!("[[rule]]\nwhen = {{ namespace = \"team-{number}\" }}\nmode = \"audit\"\n")
        })
        .collect();
    let bundle = TestBundle::new(&["true"]).of_pod("n", "pod", "app", "i:1");
    for form in forms {
        let policy = PolicyDir::new(&format!("{many}{form}{many}"));
        let answer = explain(policy.path(), bundle.path());
        let rule = answer
            .pointer("/decidedBy/rule")
            .and_then(|name| name.as_str());
        assert_eq!(rule, Some("x"), "{form}: {answer}");
        let line = answer
            .pointer("/decidedBy/line")
            .and_then(serde_json::Value::as_u64);
        assert_eq!(line, Some(153), "{form}: {answer}");
    }
    for wrong in [
        "[[rule]]\nnam = \"x\"\n",
        "[[rule]]\n mode = \"adit\"\n",
        "[[rule]]\nname = \"x\"; \n",
        "[[rule]]\nwhen = { engine = \"dcker\" }\n",
    ] {
        let policy = PolicyDir::new(&format!("{many}{wrong}{many}"));
        let answer = explain(policy.path(), bundle.path());
        let reason = answer
            .pointer("/reason")
            .and_then(|reason| reason.as_str())
            .unwrap_or_default();
        assert!(reason.contains("line 154"), "{wrong}: {answer}");
    }
}

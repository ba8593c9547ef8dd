//! `shim policy` and `shim explain` as people use them: answers, exit statuses, JSON, errors.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

mod explain;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use integration::{Outcome, PolicyDir, run, shim_binary};
use serde_json::Value;

const DENY_MKDIR: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

fn shim(words: &[&str], path: &Path) -> Outcome {
    run(Command::new(shim_binary())
        .args(words)
        .arg(path)
        .env_remove("CLICOLOR_FORCE"))
}

fn check(policy: &PolicyDir, more: &[&str]) -> Outcome {
    let words: Vec<&str> = ["policy", "check"].iter().chain(more).copied().collect();
    shim(&words, policy.path())
}

fn json(said: &Outcome) -> Value {
    let value = serde_json::from_str(&said.stdout);
    assert!(value.is_ok(), "{said:?}");
    value.expect("JSON")
}

#[test]
fn check_says_all_that_is_wrong_each_in_its_place() {
    let policy = PolicyDir::new(
        r#"stric = true
[runtime]
path = "runc"
[defaults]
profile = "RuntimeDefalt"
mode = "complain"
[[rule]]
when = { engine = "dokcer", namespace = 3 }
[[rule]]
name = "teams"
when = { namespace = "team-*" }
profile = { type = "Localhost", localhostProfile = "a.json" }
[[rule]]
name = "never"
when = { namespace = "x", engine = "docker" }
profile = { type = "Localhost", localhostProfile = "missing.json" }
[[rule]]
name = "late"
when = { namespace = "team-a" }
[floor]
profile = "Unconfined"
"#,
    )
    .with_profile(
        "a.json",
        &DENY_MKDIR.replace("SCMP_ACT_ERRNO", "SCMP_ACT_ERNO"),
    );
    policy.write("policy.d/10-broken.toml", "version = 1\n[[rule]\n");
    policy.write(
        "policy.d/20-typo.toml",
        "version = 1\n[[rule]]\nnmae = \"x\"\n",
    );
    policy.write("policy.d/README", "not read");
    policy.write("profiles/spare.json", DENY_MKDIR);
    let said = check(&policy, &[]);
    assert_eq!(said.code, Some(1), "{}", said.text());
    for words in [
        "unknown field `stric`",
        "policy.toml:3:1\n  |\n3 | stric = true\n  | ^^^^^\n",
        "runtime.path cannot be \"runc\"",
        "unknown variant `RuntimeDefalt`",
        "profile = \"RuntimeDefalt\"\n  |           ^^^^^^^^^^^^^^^\n",
        "unknown variant `complain`",
        "when.engine cannot be \"dokcer\"",
        "a string or a list of strings",
        "rule \"never\" can never match",
        "the profile \"missing.json\", which is in none of the profile roots",
        "rule \"late\" is never reached: rule \"teams\" comes first",
        "= also: the rule that comes first: ",
        "floor.profile cannot be \"Unconfined\"",
        "10-broken.toml:2:",
        "unknown field `nmae`",
        "20-typo.toml:3:1\n",
        "\"SCMP_ACT_ERNO\" is no action that runtimes know\n --> ",
        "profiles/a.json:1:",
        "= also: named by rule \"teams\": ",
        "= help: did you mean \"SCMP_ACT_ERRNO\"?",
        "note: it is not read: only names that end in .toml",
        "note: no rule, default or floor names it",
        "spare.json",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let last = said.stdout.lines().last().expect("a line");
    assert!(
        last.contains("errors") && last.contains("2 notes"),
        "{last}"
    );
    assert!(
        !said.stdout.contains('\x1b'),
        "colour goes to terminals alone"
    );

    let report = json(&check(&policy, &["--format", "json"]));
    assert_eq!(report["sound"], false);
    let findings = report["findings"].as_array().expect("findings");
    let late = findings.iter().find(|one| {
        one["message"]
            .as_str()
            .is_some_and(|text| text.contains("\"late\""))
    });
    let late = late.expect("the unreachable rule");
    assert_eq!(late["level"], "error");
    assert_eq!(late["line"], 19, "{late}");
    assert_eq!(late["also"]["line"], 11, "{late}");
}

#[test]
fn a_sound_policy_has_one_line_and_warnings_count_when_strict() {
    let policy = PolicyDir::new(
        r#"[[rule]]
name = "web"
when = { namespace = "web" }
profile = { type = "Localhost", localhostProfile = "a.json" }
"#,
    )
    .with_profile("a.json", DENY_MKDIR);
    let said = check(&policy, &[]);
    assert!(said.ok(), "{}", said.text());
    let last = said.stdout.lines().last().expect("a line");
    assert!(last.ends_with("(1 rule, 0 floors, 1 profile)"), "{last}");
    // An option does as well as a word.
    let words = ["policy", "check", "--policy"];
    assert_eq!(shim(&words, policy.path()).stdout, said.stdout);

    policy.write(
        "policy.d/1.toml",
        "version = 1\n[[rule]]\nname = \"web\"\nwhen = { namespace = \"Web\" }\n",
    );
    let said = check(&policy, &[]);
    assert!(said.ok(), "{}", said.text());
    for words in ["two rules have the name \"web\"", "hardly ever matches"] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    assert_eq!(check(&policy, &["--strict"]).code, Some(1));
}

#[test]
fn what_others_could_change_is_said_unless_it_does_not_matter() {
    let policy = PolicyDir::new(
        "[floor]\nprofile = { type = \"Localhost\", localhostProfile = \"a.json\" }",
    )
    .with_profile("a.json", DENY_MKDIR);
    policy.write("policy.d/1.toml", "version = 1\n");
    let loose = |name: &str, mode| {
        let path = policy.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    loose("policy.toml", 0o666);
    loose("policy.d", 0o777);
    loose("profiles/a.json", 0o664);
    let report = json(&check(&policy, &["--format", "json"]));
    let findings = report["findings"].as_array().expect("findings");
    let files: Vec<&str> = findings
        .iter()
        .filter(|one| {
            one["message"]
                .as_str()
                .is_some_and(|text| text.contains("chmod go-w"))
        })
        .filter_map(|one| one["file"].as_str())
        .collect();
    for name in ["policy.toml", "policy.d", "profiles/a.json"] {
        let path = policy.path().join(name);
        assert!(
            files.iter().any(|file| Path::new(file) == path),
            "{name}: {files:?}"
        );
    }
    assert!(check(&policy, &["--no-trust"]).ok());
}

#[test]
fn a_directory_that_is_not_there_is_a_wrong_question() {
    let nowhere = Path::new("/nonexistent/policy");
    assert_eq!(shim(&["policy", "check"], nowhere).code, Some(2));
    assert_eq!(
        shim(&["policy", "check", "--nonsense"], nowhere).code,
        Some(2)
    );
    let said = shim(&["policy", "show"], nowhere);
    assert!(said.ok(), "{said:?}");
    assert!(
        said.stdout
            .contains("embedded, since there is no /nonexistent/policy")
    );
    // Profiles in a folder of the node's cannot be looked for in a pipeline.
    let policy = PolicyDir::new(
        "localhost.roots = [\"/nonexistent/seccomp\"]\n[defaults]\n\
         profile = { type = \"Localhost\", localhostProfile = \"x.json\" }",
    );
    let said = check(&policy, &[]);
    assert!(said.ok(), "{said:?}");
    assert!(
        said.stdout
            .contains("/nonexistent/seccomp is not on this machine"),
        "{said:?}"
    );
}

#[test]
fn show_has_rules_in_order_with_their_places() {
    let policy = PolicyDir::new(
        r#"[[rule]]
name = "builds"
when = { namespace = "ci-*", image = ["*/buildah:*", "*/kaniko:*"] }
profile = "Unconfined"
[floor]
profile = "RuntimeDefault"
[[floor.except]]
name = "the network"
when = { namespace = "kube-system", privileged = true }
"#,
    );
    policy.write(
        "policy.d/1.toml",
        "version = 1\n[[rule]]\nmode = \"audit\"\n",
    );
    let said = shim(&["policy", "show"], policy.path());
    assert!(said.ok(), "{said:?}");
    for words in [
        "builds\n",
        "namespace = ci-*, image = */buildah:* | */kaniko:*",
        "replace",
        "policy.toml:3",
        "every container",
        "(restrict)",
        "policy.d/1.toml:2",
        "[defaults]",
        "except \"the network\": namespace = kube-system, privileged = true",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let value = json(&shim(
        &["policy", "show", "--format", "json"],
        policy.path(),
    ));
    assert_eq!(value["embedded"], false);
    assert_eq!(value["rules"][0]["name"], "builds");
    assert_eq!(value["rules"][0]["at"]["line"], 3);
    assert_eq!(value["rules"][1]["mode"], "audit");
    assert_eq!(value["rules"][1]["profile"], "RuntimeDefault");
    assert_eq!(value["rules"][1]["inherited"][0], "profile");
    assert_eq!(
        value["floors"][0]["except"][0]["when"]["privileged"][0],
        "true"
    );
    // What would refuse a create is no policy in effect.
    policy.write("policy.d/2.toml", "version = 2\n");
    assert_eq!(shim(&["policy", "show"], policy.path()).code, Some(1));
}

//! Sentences of the policy page that no other test holds up, each by its row.
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::Command;

use integration::{PolicyDir, StandIn, TestBundle, explain, run, shim_binary};
use serde_json::{Value, json};

const DENY_MKDIR: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

/// "The name of the handler: from `--shim-handler`, else the name the binary was started by."
#[test]
fn the_handler_is_the_option_or_else_the_name() {
    let policy = PolicyDir::new(
        "[defaults]\nprofile = \"Unconfined\"\n[[rule]]\nname = \"locked\"\nwhen = { handler = \"locked\" }\n\
         profile = { type = \"Localhost\", localhostProfile = \"a.json\" }",
    )
    .with_profile("a.json", DENY_MKDIR);
    let stand_in = StandIn::new();
    let link = stand_in.bundle().with_file_name("locked");
    symlink(shim_binary(), &link).expect("a link");
    let words = stand_in.create_words(policy.path());
    for (program, name, option, locked) in [
        (&shim_binary(), "shim", None, false),
        (&shim_binary(), "shim", Some("locked"), true),
        (&link, "/usr/local/bin/locked", None, true),
        (&link, "locked", Some("other"), false),
    ] {
        fs::write(stand_in.config(), r#"{"ociVersion":"1.0.2","linux":{}}"#).expect("config.json");
        let mut command = Command::new(program);
        command.arg0(name);
        if let Some(option) = option {
            command.args(["--shim-handler", option]);
        }
        let outcome = run(command.args(words.iter().skip(1)));
        assert!(outcome.ok(), "{outcome:?}");
        assert_eq!(
            outcome.stdout.contains("mkdir"),
            locked,
            "{name} {option:?}"
        );
    }
}

/// "What comes in under those names is removed, or refuses the create where the policy is strict."
#[test]
fn annotations_that_steer_crun_are_removed_or_refused() {
    for key in [
        "run.oci.seccomp_bpf_data",
        "run.oci.seccomp.receiver",
        "run.oci.seccomp.plugins",
        "run.oci.seccomp_fail_unknown_syscall",
    ] {
        let bundle = TestBundle::new(&["true"]);
        bundle.edit(|config| config["annotations"] = json!({ key: "x" }));
        let lenient = explain(PolicyDir::new("").path(), bundle.path());
        assert_eq!(lenient["result"], "set", "{key}: {lenient}");
        assert!(
            lenient.to_string().contains(key),
            "{key} is said to be removed: {lenient}"
        );
        let strict = explain(PolicyDir::new("strict = true").path(), bundle.path());
        assert_eq!(strict["result"], "refused", "{key}: {strict}");
    }
}

/// "With no configuration at all: a container that asked for nothing gets the default; one with a
/// stricter custom profile keeps its strictness; a privileged one stays privileged."
#[test]
fn without_a_directory_the_embedded_policy_applies() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = folder.path().join("none");
    let bundle = TestBundle::new(&["true"]);
    let answer = explain(&none, bundle.path());
    assert_eq!(
        (&answer["decidedBy"], &answer["result"]),
        (&json!("embedded policy"), &json!("set"))
    );
    bundle.edit(|config| {
        config["linux"]["seccomp"] = serde_json::from_str(DENY_MKDIR).expect("JSON");
    });
    let rules = explain(&none, bundle.path())["seccomp"]["syscalls"].clone();
    let allows = |name: &str| {
        rules.as_array().into_iter().flatten().any(|rule| {
            rule["action"] == "SCMP_ACT_ALLOW"
                && rule["names"]
                    .as_array()
                    .is_some_and(|names| names.contains(&name.into()))
        })
    };
    assert!(allows("read") && !allows("mkdir") && !allows("add_key"));
    bundle.edit(|config| {
        config["process"]["capabilities"]["bounding"] = json!(profile::CAPABILITIES.as_slice());
        config["linux"]["maskedPaths"] = Value::Null;
        config["linux"]["seccomp"] = Value::Null;
        config["linux"]["resources"]["devices"] = json!([{"allow": true, "access": "rwm"}]);
    });
    let answer = explain(&none, bundle.path());
    assert_eq!(
        (&answer["decidedBy"], &answer["result"]),
        (&json!("privileged"), &json!("kept"))
    );
}

/// "A directory that is there but broken refuses the create."
#[test]
fn a_broken_directory_refuses() {
    let bundle = TestBundle::new(&["true"]);
    for broken in [
        "defaults = 1",
        "strct = true",
        "[defaults]\nprofile = \"Default\"",
        "[[rule]]\nwhen = { namespce = \"a\" }",
        "[[rule]]\nwhen = { requested = \"Default\" }",
        "[[rule]]\nwhen = { pod = [] }",
        "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"missing.json\" }",
        "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"../a.json\" }",
        "[floor]\nprofile = \"Unconfined\"",
        "version = 2",
    ] {
        let policy = PolicyDir::new(broken);
        let answer = explain(policy.path(), bundle.path());
        assert_eq!(answer["result"], "refused", "{broken}");
        let reason = answer["reason"].as_str().expect("a reason");
        assert!(reason.contains("policy.toml, line "), "{broken}: {reason}");
    }
}

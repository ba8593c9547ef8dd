//! Policies and profiles that somebody else could have written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use integration::{PolicyDir, RealRuntime, TestBundle};

use crate::attempt::{Attempt, chmod};

const SOMEBODY: u32 = 1234;

/// Every file and folder that has a say, below the folder that holds the policy's.
const PLACES: &[&str] = &[
    "",
    "policy",
    "policy/policy.toml",
    "policy/policy.d",
    "policy/policy.d/rule.toml",
    "policy/profiles",
    "policy/profiles/team",
    "policy/profiles/team/web.json",
];

/// A policy in a folder of its own, all of it in order.
struct Node {
    holder: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        let holder = tempfile::tempdir().expect("a folder");
        let node = Self { holder };
        fs::create_dir_all(node.at("policy/policy.d")).expect("folders");
        fs::create_dir_all(node.at("policy/profiles/team")).expect("folders");
        fs::write(
            node.at("policy/policy.toml"),
            "version = 1\nlog.decisions = \"off\"\n",
        )
        .expect("policy");
        let rule = "version = 1\n[[rule]]\nprofile = { type = \"Localhost\", localhostProfile = \"team/web.json\" }\n";
        fs::write(node.at("policy/policy.d/rule.toml"), rule).expect("rule");
        let profile = "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}";
        fs::write(node.at("policy/profiles/team/web.json"), profile).expect("profile");
        for place in PLACES {
            let path = node.at(place);
            let mode = if path.is_dir() { 0o755 } else { 0o644 };
            chmod(&path, mode);
        }
        node
    }

    fn at(&self, place: &str) -> PathBuf {
        let path = self.holder.path().join(place);
        // Joining nothing leaves a slash at the end.
        path.components().collect()
    }

    fn policy(&self) -> PathBuf {
        self.at("policy")
    }
}

#[test]
fn a_policy_that_others_could_have_written_is_refused() {
    let Some(runtime) =
        RealRuntime::find("a_policy_that_others_could_have_written_is_refused", "runc")
    else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    for place in PLACES {
        for (case, uid, gid, bits) in [
            ("owner", SOMEBODY, 0, 0),
            ("group", 0, SOMEBODY, 0o020),
            ("root's group", 0, 0, 0o020),
            ("others", 0, 0, 0o002),
            ("everybody", 0, 0, 0o022),
        ] {
            let node = Node::new();
            let path = node.at(place);
            chown(&path, Some(uid), Some(gid)).expect("chown");
            let mode = fs::metadata(&path).expect("metadata").permissions().mode() & 0o7777 | bits;
            chmod(&path, mode);
            let case = format!("{place:?}, {case}");
            let message = Attempt::before(&runtime, &node.policy(), bundle.path()).refused(&case);
            let start = format!("seccomp-shim: {}: ", path.display());
            assert!(message.starts_with(&start), "{case}: {message}");
            let words = if bits == 0 {
                format!(
                    "belongs to user {SOMEBODY}, who could change what containers may do; chown it to root"
                )
            } else {
                format!("mode {mode:04o} lets others write to it; chmod go-w")
            };
            assert!(message.ends_with(&words), "{case}: {message}");
        }
    }
}

#[test]
fn what_others_can_only_read_or_pass_through_is_believed() {
    let Some(runtime) = RealRuntime::find(
        "what_others_can_only_read_or_pass_through_is_believed",
        "runc",
    ) else {
        return;
    };
    for (place, mode) in [
        ("", 0o1777),
        ("", 0o711),
        ("policy", 0o700),
        ("policy/policy.toml", 0o600),
        ("policy/policy.toml", 0o444),
        ("policy/profiles/team/web.json", 0o444),
    ] {
        let node = Node::new();
        chmod(&node.at(place), mode);
        let bundle = TestBundle::new(&["true"]);
        let outcome = runtime.run(&node.policy(), &bundle);
        assert!(outcome.ok(), "{place}, {mode:o}: {outcome:?}");
        assert_eq!(bundle.seccomp()["defaultAction"], "SCMP_ACT_ALLOW");
    }
}

#[test]
fn a_link_to_a_policy_that_others_could_have_written_is_refused() {
    let Some(runtime) = RealRuntime::find(
        "a_link_to_a_policy_that_others_could_have_written_is_refused",
        "runc",
    ) else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    let node = Node::new();
    chmod(&node.at(""), 0o777);
    let elsewhere = PolicyDir::new("");
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(node.policy(), &link).expect("a link");
    let message = Attempt::before(&runtime, &link, bundle.path()).refused("a link");
    let start = format!("seccomp-shim: {}: mode 0777", node.at("").display());
    assert!(message.starts_with(&start), "{message}");
}

#[test]
fn a_link_that_others_could_change_leads_to_no_policy() {
    let Some(runtime) =
        RealRuntime::find("a_link_that_others_could_change_leads_to_no_policy", "runc")
    else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    let node = Node::new();
    let elsewhere = PolicyDir::new("");
    let open = elsewhere.path().join("open");
    fs::create_dir(&open).expect("a folder");
    let link = open.join("link");
    std::os::unix::fs::symlink(node.policy(), &link).expect("a link");
    let attempt = Attempt::before(&runtime, &link, bundle.path());
    chmod(&open, 0o777);
    let message = attempt.refused("a folder for all");
    let start = format!("seccomp-shim: {}: mode 0777", open.display());
    assert!(message.starts_with(&start), "{message}");
    // In a sticky folder, a link is its owner's.
    chmod(&open, 0o1777);
    std::os::unix::fs::lchown(&link, Some(SOMEBODY), None).expect("chown");
    let message = Attempt::before(&runtime, &link, bundle.path()).refused("a stranger's link");
    let start = format!("seccomp-shim: {}: it belongs to user", link.display());
    assert!(message.starts_with(&start), "{message}");
}

#[test]
fn a_policy_that_others_could_have_written_decides_nothing_but_lets_kill_through() {
    let Some(runtime) = RealRuntime::find(
        "a_policy_that_others_could_have_written_decides_nothing_but_lets_kill_through",
        "runc",
    ) else {
        return;
    };
    let node = Node::new();
    let file = node.at("policy/policy.toml");
    let text = format!(
        "version = 1\nruntime.path = {:?}\n",
        runtime.path().display().to_string()
    );
    fs::write(&file, text).expect("policy");
    chown(&file, Some(SOMEBODY), None).expect("chown");
    let call = |words: &[&str]| {
        let mut command = std::process::Command::new(integration::shim_binary());
        command.arg("--shim-policy").arg(node.policy()).args(words);
        integration::run(&mut command)
    };
    // The program that it names is root's, so it may be run; a container must not wait for a mend.
    for words in [&["state", "nope"][..], &["kill", "nope", "KILL"]] {
        let outcome = call(words);
        assert!(
            outcome.stderr.contains("container does not exist"),
            "{words:?}: {outcome:?}"
        );
    }
    let bundle = TestBundle::new(&["true"]);
    let outcome = call(&[
        "create",
        "--bundle",
        &bundle.path().display().to_string(),
        "x",
    ]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let start = format!(
        "seccomp-shim: {}: it belongs to user {SOMEBODY}",
        file.display()
    );
    assert!(outcome.stderr.starts_with(&start), "{outcome:?}");
}

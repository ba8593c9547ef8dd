//! Localhost profiles that are missing, out of reach, or no profiles.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use integration::{PolicyDir, RealRuntime, TestBundle};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::mkfifo;
use serde_json::json;

use crate::attempt::Attempt;

const TEST: &str = "team/web.json";
const POLICY: &str =
    "[[rule]]\nprofile = { type = \"Localhost\", localhostProfile = \"team/web.json\" }";
/// The line of the rule in the policy that `PolicyDir` writes.
const RULE_LINE: usize = 3;

type Make = fn(&Path);

/// What is wrong, how it is made, and words of the message.
const FILES: &[(&str, Make, &[&str])] = &[
    (
        "empty",
        |path| write(path, ""),
        &["line 1", "add a defaultAction"],
    ),
    ("only space", |path| write(path, " \n"), &["defaultAction"]),
    (
        "{}",
        |path| write(path, "{}"),
        &["line 1", "add a defaultAction"],
    ),
    (
        "null",
        |path| write(path, "null"),
        &["line 1", "add a defaultAction"],
    ),
    (
        "an array",
        |path| write(path, "[1, 2]"),
        &["line 1", "must be an object, not an array"],
    ),
    (
        "a string",
        |path| write(path, "\"unconfined\""),
        &["line 1", "must be an object"],
    ),
    (
        "a script",
        |path| write(path, "#!/bin/sh\n"),
        &["line 1", "not JSON"],
    ),
    (
        "cut off",
        |path| write(path, "{\"defaultAction\":\n\"SCMP_ACT_ER"),
        &["line 2"],
    ),
    (
        "no defaultAction",
        |path| write(path, "{\"syscalls\": []}"),
        &["defaultAction"],
    ),
    (
        "a misspelt action",
        |path| write(path, "{\n\"defaultAction\": \"SCMP_ACT_ALOW\"}"),
        &["line 2", "\"SCMP_ACT_ALOW\"", "did you mean"],
    ),
    (
        "a wrong type",
        |path| {
            write(
                path,
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"syscalls\": {}}",
            )
        },
        &["line 2", "syscalls"],
    ),
    (
        "an errno too large",
        |path| {
            write(
                path,
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"defaultErrnoRet\": 4294967297}",
            )
        },
        &["line 2", "4294967297"],
    ),
    (
        "two keys",
        |path| {
            write(
                path,
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"defaultAction\": \"SCMP_ACT_ALLOW\"}",
            )
        },
        &["line 2", "stands twice"],
    ),
    (
        "a folder",
        |path| fs::create_dir(path).expect("a folder"),
        &["not a regular file"],
    ),
    (
        "a fifo",
        |path| mkfifo(path, Mode::S_IRUSR).expect("a fifo"),
        &["not a regular file"],
    ),
    (
        "a device",
        |path| {
            mknod(
                path,
                SFlag::S_IFCHR,
                Mode::S_IRUSR,
                nix::sys::stat::makedev(1, 5),
            )
            .expect("/dev/zero")
        },
        &["not a regular file"],
    ),
    (
        "a link out",
        |path| symlink("/etc/shadow", path).expect("a link"),
        &["leads out of its root", "copy the file"],
    ),
    (
        "a link up",
        |path| symlink("../../policy.toml", path).expect("a link"),
        &["leads out of its root"],
    ),
    (
        "a link to proc",
        |path| symlink("/proc/self/environ", path).expect("a link"),
        &["leads out of its root"],
    ),
    (
        "a circle",
        |path| symlink("web.json", path).expect("a link"),
        &["too many links"],
    ),
    (
        "too large",
        |path| write(path, &" ".repeat(1024 * 1024 + 1)),
        &["larger than 1048576 bytes"],
    ),
    (
        "deep",
        |path| write(path, &"[".repeat(100_000)),
        &["line 1", "deep"],
    ),
];

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a profile");
}

#[test]
fn a_profile_that_is_none_is_refused() {
    let Some(runtime) = RealRuntime::find("a_profile_that_is_none_is_refused", "runc") else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    for (case, make, words) in FILES {
        let policy = PolicyDir::new(POLICY);
        let file = policy.path().join("profiles").join(TEST);
        fs::create_dir_all(file.parent().expect("a parent")).expect("its folder");
        make(&file);
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(case);
        let start = format!("seccomp-shim: {}", file.display());
        assert!(message.starts_with(&start), "{case}: {message}");
        for words in *words {
            assert!(message.contains(words), "{case}: {words}: {message}");
        }
    }
}

#[test]
fn a_missing_profile_is_refused_with_the_line_that_names_it() {
    let Some(runtime) = RealRuntime::find(
        "a_missing_profile_is_refused_with_the_line_that_names_it",
        "runc",
    ) else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    let extra = tempfile::tempdir().expect("a root");
    let roots = format!(
        "localhost.roots = [{:?}]\n",
        extra.path().display().to_string()
    );
    let makes: [(&str, Make); 4] = [
        ("no profiles at all", |_| ()),
        ("no folder", |policy| {
            fs::create_dir(policy.join("profiles")).expect("a folder")
        }),
        ("no file", |policy| {
            fs::create_dir_all(policy.join("profiles/team")).expect("folders")
        }),
        ("a file for a folder", |policy| {
            fs::create_dir(policy.join("profiles")).expect("a folder");
            write(&policy.join("profiles/team"), "");
        }),
    ];
    for (case, make) in makes {
        let policy = PolicyDir::new(&format!("{roots}{POLICY}"));
        make(policy.path());
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(case);
        let start = format!(
            "seccomp-shim: {}, line {}: Localhost profile \"team/web.json\" is in none of the profile roots ({}, {})",
            policy.path().join("policy.toml").display(),
            RULE_LINE + 1,
            policy.path().join("profiles").display(),
            extra.path().display(),
        );
        assert!(message.starts_with(&start), "{case}: {message}");
        assert!(
            message.contains("put it there or correct the name"),
            "{case}: {message}"
        );
    }
    for (case, rest, line) in [
        (
            "a default",
            "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"team/web.json\" }",
            RULE_LINE + 1,
        ),
        (
            "RuntimeDefault's file",
            "[defaults]\nruntime_default = \"team/web.json\"",
            RULE_LINE + 1,
        ),
        (
            "a floor",
            "[floor]\nprofile = { type = \"Localhost\", localhostProfile = \"team/web.json\" }",
            RULE_LINE,
        ),
    ] {
        let policy = PolicyDir::new(rest);
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(case);
        let file = policy.path().join("policy.toml");
        let start = format!("seccomp-shim: {}, line {line}", file.display());
        assert!(
            message.starts_with(&start) && message.contains("team/web.json"),
            "{case}: {message}"
        );
    }
}

#[test]
fn an_annotation_that_asks_for_what_is_not_there_is_refused() {
    let Some(runtime) = RealRuntime::find(
        "an_annotation_that_asks_for_what_is_not_there_is_refused",
        "runc",
    ) else {
        return;
    };
    let policy = PolicyDir::new("request.annotations = true\n[defaults]\nprofile = \"Requested\"");
    for (value, words) in [
        ("localhost/none.json", "none of the profile roots"),
        ("localhost/../../etc/shadow", ".."),
        ("localhost//etc/shadow", "leading /"),
        ("localhost/", "empty"),
        ("Unconfined", "Unconfined"),
        ("", "seccomp"),
        ("RuntimeDefault", "RuntimeDefault"),
    ] {
        let bundle = TestBundle::new(&["true"]);
        let key = "seccomp.security.alpha.kubernetes.io/pod";
        bundle.edit(|config| config["annotations"] = json!({ key: value }));
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(value);
        let start = format!("seccomp-shim: {}: ", bundle.config_path().display());
        assert!(message.starts_with(&start), "{value}: {message}");
        assert!(
            message.contains(key) && message.contains(words),
            "{value}: {message}"
        );
    }
}

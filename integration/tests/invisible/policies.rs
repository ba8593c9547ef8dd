//! The runtime that the policy names is the runtime for every call, also where the policy is broken.

use std::ffi::OsString;
use std::path::Path;

use integration::{PolicyDir, TestBundle, shim_binary};

use crate::call::{Recorder, words};

fn policy_with(runtime: &Path, more: &str) -> PolicyDir {
    let policy = PolicyDir::new("");
    let runtime = runtime.display().to_string();
    policy.write(
        "policy.toml",
        format!("version = 1\n{more}\n[runtime]\npath = {runtime:?}\n"),
    );
    policy
}

fn call(policy: &PolicyDir, line: &str) -> Vec<OsString> {
    let mut call = vec![
        shim_binary().into_os_string(),
        "--shim-policy".into(),
        policy.path().into(),
    ];
    call.extend(words(line));
    call
}

#[test]
fn the_runtime_that_the_policy_names_gets_every_call() {
    let crun = Recorder::new("crun");
    let policy = policy_with(&crun.path(), "log.decisions = \"off\"");
    let bundle = TestBundle::new(&["true"]);
    for line in [
        "state id".to_owned(),
        "kill id 9".to_owned(),
        "delete --force id".to_owned(),
        "start id".to_owned(),
        "--version".to_owned(),
        "exec id create".to_owned(),
        format!("create -b{} id", bundle.path().display()),
    ] {
        let recorded = crun.call("", &call(&policy, &line), "0", "");
        let recording = recorded
            .recording
            .unwrap_or_else(|| panic!("{line}: {:?}", recorded.output));
        assert_eq!(recording.name(), crun.path(), "{line}");
        assert_eq!(recording.words(), words(&line), "{line}");
    }
    assert!(
        bundle.seccomp().is_object(),
        "crun's glued option was understood"
    );
}

#[test]
fn a_broken_policy_stops_creates_and_nothing_else() {
    let crun = Recorder::new("crun");
    for typo in [
        "typo = 1",
        "strict = \"maybe\"",
        "[defaults]\nprofile = \"Uncnfined\"",
        "= =",
        "[[rule]\nx",
    ] {
        let policy = policy_with(&crun.path(), typo);
        let bundle = TestBundle::new(&["true"]);
        let before = bundle.text();
        for line in [
            "state id",
            "kill id 9",
            "delete --force id",
            "--root /r delete id",
        ] {
            let recorded = crun.call("", &call(&policy, line), "4", "");
            let recording = recorded
                .recording
                .unwrap_or_else(|| panic!("{line}: {:?}", recorded.output));
            assert_eq!(recording.name(), crun.path(), "{typo}: {line}");
            assert_eq!(recorded.output.status.code(), Some(4), "{typo}: {line}");
            assert!(recorded.output.stderr.is_empty(), "{typo}: {line}");
        }
        let line = format!("create --bundle {} id", bundle.path().display());
        let recorded = crun.call("", &call(&policy, &line), "0", "");
        assert!(recorded.recording.is_none(), "{typo}");
        assert_eq!(recorded.output.status.code(), Some(1), "{typo}");
        assert_eq!(bundle.text(), before, "{typo}");
    }
}

#[test]
fn the_runtime_of_the_command_line_goes_before_the_policys() {
    let (runc, crun) = (Recorder::new("runc"), Recorder::new("crun"));
    let policy = policy_with(&crun.path(), "");
    let mut line = runc.shimmed(policy.path());
    line.extend(words("state id"));
    let recording = runc.call("", &line, "0", "").recording.expect("recorded");
    assert_eq!(recording.name(), runc.path());
}

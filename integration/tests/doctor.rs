//! `shim doctor`, asked of hosts in good and in bad health.
#![expect(clippy::expect_used, reason = "a test ends there")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use integration::{PolicyDir, run, shim_binary};
use serde_json::Value;

/// What doctor says as JSON of a host and a policy, and its exit code.
fn doctor(root: &Path, policy: &Path) -> (Value, Option<i32>) {
    let mut command = Command::new(shim_binary());
    command
        .args(["doctor", "--format", "json", "--root"])
        .arg(root);
    let outcome = run(command.arg("--policy").arg(policy));
    let answer = serde_json::from_str(&outcome.stdout).expect("JSON");
    (answer, outcome.code)
}

/// The finding of a part that says `words`.
fn finding<'a>(answer: &'a Value, part: &str, words: &str) -> Option<&'a Value> {
    let all = answer.get("findings")?.as_array()?;
    all.iter().find(|finding| {
        let says = finding.get("words").and_then(Value::as_str);
        finding.get("part").is_some_and(|found| found == part)
            && says.is_some_and(|found| found.contains(words))
    })
}

fn state(finding: Option<&Value>) -> &str {
    finding
        .and_then(|finding| finding.get("state")?.as_str())
        .unwrap_or("not said")
}

#[test]
fn the_kernel_and_the_runtimes_are_looked_at() {
    let (host, policy) = (tempfile::tempdir().expect("a folder"), PolicyDir::new(""));
    let (answer, _) = doctor(host.path(), policy.path());
    // Every kernel that the tests run on has these; LOG and user notification are older than openat2.
    assert_eq!(
        state(finding(
            &answer,
            "kernel",
            "filter flags TSYNC, LOG, SPEC_ALLOW"
        )),
        "ok"
    );
    assert_eq!(state(finding(&answer, "kernel", "user notification")), "ok");
    assert_eq!(state(finding(&answer, "libseccomp", "libseccomp 2.")), "ok");
    assert_eq!(state(finding(&answer, "runtime", "version")), "ok");
    assert_eq!(
        state(finding(&answer, "policy", "can be read and believed")),
        "ok"
    );
}

#[test]
fn a_broken_policy_is_a_problem_with_a_mend() {
    let (host, policy) = (
        tempfile::tempdir().expect("a folder"),
        PolicyDir::new("nonsense = 1"),
    );
    let (answer, code) = doctor(host.path(), policy.path());
    let found = finding(&answer, "policy", "every create is refused");
    assert_eq!(state(found), "problem");
    assert!(
        found
            .expect("said")
            .get("mend")
            .is_some_and(Value::is_string)
    );
    assert_eq!(code, Some(1));
}

#[test]
fn each_engines_setup_is_read() {
    let host = tempfile::tempdir().expect("a folder");
    let at = |path: &str| host.path().join(path);
    let write = |path: &str, text: &str| {
        fs::create_dir_all(at(path).parent().expect("a folder")).expect("made");
        fs::write(at(path), text).expect("written");
    };
    let policy = PolicyDir::new("request.annotations = true");
    let (answer, _) = doctor(host.path(), policy.path());
    assert_eq!(
        state(finding(&answer, "engines", "in no engine")),
        "warning"
    );

    for engine in ["docker", "containerd", "crio", "podman"] {
        let mut install = Command::new(shim_binary());
        install.args(["install", engine, "--set-default", "--root"]);
        assert!(run(install.arg(host.path())).ok());
    }
    let (answer, _) = doctor(host.path(), policy.path());
    for engine in ["docker", "containerd", "crio", "podman"] {
        let words = "shim starts /usr/local/bin/shim, for every container";
        assert_eq!(
            state(finding(&answer, engine, words)),
            "ok",
            "{engine}: {answer:#}"
        );
    }
    assert_eq!(
        state(finding(&answer, "containerd", "annotations")),
        "not said"
    );
    assert_eq!(
        state(finding(&answer, "podman", "runtime_supports_json")),
        "not said"
    );

    // Now each thing that can be wrong.
    let file = "etc/containerd/config.toml";
    let text = fs::read_to_string(at(file)).expect("there");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("pod_annotations"))
        .collect();
    write(file, &lines.join("\n"));
    write(
        "etc/containers/containers.conf.d/50-seccomp-shim.conf",
        "[engine.runtimes]\nshim = [\"/usr/local/bin/shim\"]\n",
    );
    let loose = fs::Permissions::from_mode(0o777);
    fs::set_permissions(at("usr/local/bin/shim"), loose).expect("loose");
    write("etc/docker/daemon.json", "{");
    let (answer, code) = doctor(host.path(), policy.path());
    assert_eq!(
        state(finding(&answer, "containerd", "old seccomp annotations")),
        "warning"
    );
    assert_eq!(
        state(finding(&answer, "podman", "runtime_supports_json")),
        "warning"
    );
    assert_eq!(
        state(finding(&answer, "podman", "0777")),
        "problem",
        "{answer:#}"
    );
    assert_eq!(state(finding(&answer, "docker", "daemon.json")), "problem");
    assert_eq!(code, Some(1));
    fs::remove_file(at("usr/local/bin/shim")).expect("gone");
    let (answer, _) = doctor(host.path(), policy.path());
    assert_eq!(state(finding(&answer, "crio", "is missing")), "problem");
}

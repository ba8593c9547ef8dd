//! Real containers under real runtimes, through the shim: what the kernel says is what counts.

use std::process::{Command, Stdio};

use integration::{PolicyDir, RealRuntime, TestBundle, run, skip};
use serde_json::{Value, json};

/// Docker's documentation's own first example: everything but mkdir.
const NO_MKDIR: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]
}"#;

/// The same in the dialect of 2016, which OCI runtimes take for nothing at all.
const NO_MKDIR_OLD: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"name": "mkdir", "action": "SCMP_ACT_ERRNO", "args": []},
        {"name": "mkdirat", "action": "SCMP_ACT_ERRNO", "args": []}
    ]
}"#;

const TRY_MKDIR: &[&str] = &[
    "sh",
    "-c",
    "grep ^Seccomp: /proc/self/status; mkdir /tmp/x && echo made",
];

fn localhost(json: &str) -> PolicyDir {
    let rule = "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"a/b.json\" }";
    PolicyDir::new(rule).with_profile("a/b.json", json)
}

#[test]
fn a_localhost_profile_takes_mkdir_away() {
    for runtime in RealRuntime::all("a_localhost_profile_takes_mkdir_away") {
        for profile in [NO_MKDIR, NO_MKDIR_OLD] {
            let policy = localhost(profile);
            let bundle = TestBundle::new(TRY_MKDIR);
            let outcome = runtime.run(policy.path(), &bundle);
            let text = outcome.text();
            assert!(text.contains("Seccomp:\t2"), "{}: {text}", runtime.name);
            assert!(
                text.contains("Operation not permitted"),
                "{}: {text}",
                runtime.name
            );
            assert!(!text.contains("made"), "{}: {text}", runtime.name);
        }
    }
}

#[test]
fn runtime_default_keeps_mkdir_and_takes_unshare() {
    for runtime in RealRuntime::all("runtime_default_keeps_mkdir_and_takes_unshare") {
        let policy = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"");
        let script = "mkdir /tmp/x && echo made; unshare -U true || echo no unshare";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let text = runtime.run(policy.path(), &bundle).text();
        assert!(text.contains("made"), "{}: {text}", runtime.name);
        assert!(
            text.contains("Operation not permitted"),
            "{}: {text}",
            runtime.name
        );
        assert!(text.contains("no unshare"), "{}: {text}", runtime.name);
    }
}

#[test]
fn unconfined_is_free_even_where_a_profile_was_asked_for() {
    for runtime in RealRuntime::all("unconfined_is_free_even_where_a_profile_was_asked_for") {
        let policy = PolicyDir::new("[defaults]\nprofile = \"Unconfined\"");
        let bundle = TestBundle::new(TRY_MKDIR);
        bundle.edit(|config| {
            config["linux"]["seccomp"] = serde_json::from_str(NO_MKDIR).expect("JSON");
        });
        let text = runtime.run(policy.path(), &bundle).text();
        assert!(text.contains("Seccomp:\t0"), "{}: {text}", runtime.name);
        assert!(text.contains("made"), "{}: {text}", runtime.name);
    }
}

#[test]
fn without_a_policy_directory_the_default_and_the_request_both_hold() {
    for runtime in
        RealRuntime::all("without_a_policy_directory_the_default_and_the_request_both_hold")
    {
        let nowhere = TestBundle::new(&["true"]).path().join("no-policy");
        let script = "mkdir /tmp/x && echo made; unshare -U true && echo unshared";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        bundle.edit(|config| {
            config["linux"]["seccomp"] = serde_json::from_str(NO_MKDIR).expect("JSON");
        });
        let text = runtime.run(&nowhere, &bundle).text();
        assert!(
            !text.contains("made"),
            "the request's denial: {}: {text}",
            runtime.name
        );
        assert!(
            !text.contains("unshared"),
            "the default's denial: {}: {text}",
            runtime.name
        );
        // Again on the same bundle: nothing is left to change, but that crun may be handed a
        // finished filter by now (tests/handover).
        let before = bundle.seccomp();
        let _ = runtime.run(&nowhere, &bundle);
        assert_eq!(before, bundle.seccomp());
    }
}

#[test]
fn a_container_lives_its_whole_life_behind_the_shim() {
    for runtime in RealRuntime::all("a_container_lives_its_whole_life_behind_the_shim") {
        let policy = localhost(NO_MKDIR);
        let bundle = TestBundle::new(&["sleep", "1000"]);
        let container = runtime.create(policy.path(), &bundle).expect("created");
        assert_eq!(container.said, "", "create is silent: {}", runtime.name);
        let started = container.command(policy.path(), &["start"]);
        assert!(started.ok(), "{}: {started:?}", runtime.name);

        let pid = container.pid(policy.path()).expect("a pid");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
        assert!(status.contains("Seccomp:\t2"), "{}: {status}", runtime.name);

        let exec = container.command(policy.path(), &["exec", "mkdir", "/tmp/x"]);
        assert!(
            exec.text().contains("Operation not permitted"),
            "{}: {exec:?}",
            runtime.name
        );
        let exec = container.command(policy.path(), &["exec", "sh", "-c", "exit 7"]);
        assert_eq!(exec.code, Some(7), "{}: {exec:?}", runtime.name);

        let killed = container.command(policy.path(), &["kill", "KILL"]);
        assert!(killed.ok(), "{}: {killed:?}", runtime.name);
        let decisions = policy.decisions();
        assert_eq!(decisions.len(), 1, "one create, one record");
        assert_eq!(decisions[0]["id"], json!(container.id));
        assert_eq!(decisions[0]["result"], "set");
        assert_eq!(decisions[0]["decidedBy"], "defaults");
        assert_eq!(decisions[0]["sha256"].as_str().map(str::len), Some(64));
        assert!(
            decisions[0]["microseconds"]
                .as_u64()
                .is_some_and(|us| us < 1_000_000)
        );
    }
}

#[test]
fn a_crun_annotation_cannot_replace_the_filter() {
    // "return ALLOW", in classic BPF and base64: without the shim, crun runs this container free.
    const ALLOW_ALL: &str = "BgAAAAAA/38=";
    let Some(runtime) = RealRuntime::find("a_crun_annotation_cannot_replace_the_filter", "crun")
    else {
        return;
    };
    let bundle = TestBundle::new(TRY_MKDIR);
    bundle.edit(|config| {
        config["annotations"] = json!({"a": "b", "run.oci.seccomp_bpf_data": ALLOW_ALL});
        config["linux"]["seccomp"] = serde_json::from_str(NO_MKDIR).expect("JSON");
    });
    let bare = run(runtime
        .bare()
        .args(["run", "--bundle"])
        .arg(bundle.path())
        .arg(bundle.id()));
    assert!(
        bare.text().contains("made"),
        "crun alone is fooled: {bare:?}"
    );

    let strict = PolicyDir::new("strict = true\n[defaults]\nprofile = \"Requested\"");
    let refused = runtime.run(strict.path(), &bundle);
    assert!(
        refused.text().contains("run.oci.seccomp_bpf_data"),
        "{refused:?}"
    );

    let policy = PolicyDir::new("[defaults]\nprofile = \"Requested\"");
    let text = runtime.run(policy.path(), &bundle).text();
    assert!(
        text.contains("Operation not permitted") && !text.contains("made"),
        "{text}"
    );
    let config: serde_json::Value = serde_json::from_slice(&bundle.text()).expect("JSON");
    assert_eq!(config["annotations"]["a"], "b");
    assert_ne!(config["annotations"]["run.oci.seccomp_bpf_data"], ALLOW_ALL);
}

/// CRIU brings the filter back with the process; where there is no CRIU, the runtime says so in its own
/// words.
#[test]
fn what_is_checkpointed_and_restored_keeps_its_filter() {
    // Where a cgroup v2 stands beside v1, the container is in its root, and CRIU would write down the whole
    // of it and make it again.
    const CGROUPS: &str = "--manage-cgroups-mode=ignore";
    // A sleep would be over when it is restored.
    const STAYS: &[&str] = &["sh", "-c", "while true; do sleep 0.1; done"];
    for runtime in RealRuntime::all("what_is_checkpointed_and_restored_keeps_its_filter") {
        let policy = localhost(NO_MKDIR);
        let bundle = TestBundle::new(STAYS);
        let (id, images) = (bundle.id(), bundle.path().join("images"));
        let checkpoint = |mut command: Command| {
            command.args(["checkpoint", CGROUPS, "--image-path"]);
            run(command.arg(&images).arg(&id))
        };
        let shimmed = |words: &[&str]| run(runtime.shimmed(policy.path()).args(words));
        let _gone = Gone(&runtime, &id);
        detached(
            runtime.shimmed(policy.path()).args(["run", "--detach"]),
            &bundle,
        );
        let came = checkpoint(runtime.shimmed(policy.path()));
        if came.text().contains("Invalid manage cgroups mode") {
            skip(
                "what_is_checkpointed_and_restored_keeps_its_filter",
                "this runc cannot have CRIU leave cgroups alone",
            );
            continue;
        }
        if !std::path::Path::new("/usr/sbin/criu").is_file() {
            assert!(!came.ok(), "{came:?}");
            assert_eq!(came.text(), checkpoint(runtime.bare()).text());
            continue;
        }
        assert!(came.ok(), "{}: {came:?}", runtime.name);
        let mut restore = runtime.shimmed(policy.path());
        restore
            .args(["restore", "--detach", CGROUPS, "--image-path"])
            .arg(&images);
        detached(&mut restore, &bundle);
        let state = shimmed(&["state", &id]);
        let state: Value = serde_json::from_str(&state.stdout).expect("a state");
        let status = std::fs::read_to_string(format!("/proc/{}/status", state["pid"]));
        let status = status.expect("it runs");
        assert!(status.contains("Seccomp:\t2"), "{}: {status}", runtime.name);
        let exec = shimmed(&["exec", &id, "mkdir", "/tmp/x"]);
        let decisions = policy.decisions();
        let last = decisions.last().expect("a decision");
        assert_eq!(last["command"], "restore", "{last}");
        if runtime.name == "crun" {
            // So it is without the shim; when it changes, docs/security.md is to say so.
            assert!(exec.ok(), "{exec:?}");
            let told = last["effective"].as_str().expect("told");
            assert!(told.starts_with("for nothing"), "{last}");
        } else {
            assert!(exec.text().contains("not permitted"), "{exec:?}");
            assert_eq!(last["effective"], "for later exec only", "{last}");
        }
    }
}

/// Starts a container that CRIU can dump: nothing of it is open elsewhere but /dev/null.
fn detached(command: &mut Command, bundle: &TestBundle) {
    command.arg("--bundle").arg(bundle.path()).arg(bundle.id());
    let null = || Stdio::null();
    let ended = command.stdin(null()).stdout(null()).stderr(null()).status();
    assert!(ended.is_ok_and(|status| status.success()), "{command:?}");
}

/// A container that is deleted when dropped.
struct Gone<'a>(&'a RealRuntime, &'a str);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        // Best effort: the test has said what it had to say.
        let _ = run(self.0.bare().args(["delete", "--force", self.1]));
    }
}

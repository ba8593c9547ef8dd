//! A fleet's day: a policy is checked in a pipeline, tried on one namespace, enforced, and patched in
//! a hurry. What the kernel says in real containers is what counts.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{fs, process};

use integration::{
    Outcome, PolicyDir, RealRuntime, TestBundle, copy_program, needs_root, run, shim_binary,
};

/// What team-a's containers are to lose.
const NO_MKDIR: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]
}
"#;

/// The hot patch. An int is compared, so its upper half is masked out: no value walks past.
const NO_AF_ALG: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
     "args": [{"index": 0, "value": 4294967295, "valueTwo": 38, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
     "args": [{"index": 0, "value": 4294967295, "valueTwo": 40, "op": "SCMP_CMP_MASKED_EQ"}]}
  ]
}
"#;

fn team_a(mode: &str) -> String {
    format!(
        "[[rule]]\nname = \"team a without mkdir\"\nwhen = {{ namespace = \"team-a\" }}\n\
         profile = {{ type = \"Localhost\", localhostProfile = \"no-mkdir.json\" }}\nmode = \"{mode}\"\n\
         [[rule]]\nname = \"batch is free\"\nwhen = {{ namespace = \"batch\" }}\n\
         profile = \"Unconfined\"\n"
    )
}

/// A bundle as containerd makes it for a container of a namespace.
fn container(namespace: &str, script: &str) -> TestBundle {
    let image = "docker.io/library/busybox:1";
    TestBundle::new(&["sh", "-c", script]).of_pod(namespace, "web", "app", image)
}

fn check(policy: &Path) -> Outcome {
    run(Command::new(shim_binary())
        .args(["policy", "check"])
        .arg(policy))
}

const TRY_MKDIR: &str = "mkdir /tmp/x && echo made; true";

#[test]
fn a_policy_is_checked_tried_and_enforced() {
    let name = "a_policy_is_checked_tried_and_enforced";
    let Some(runc) = RealRuntime::find(name, "runc") else {
        return;
    };
    // In the pipeline: a typo stops the roll-out, the mended policy passes.
    let policy = PolicyDir::new(&team_a("enfroce")).with_profile("no-mkdir.json", NO_MKDIR);
    let broken = check(policy.path());
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.stdout.contains("mode = \"enfroce\"\n"), "{broken:?}");
    assert!(broken.stdout.contains("^^^^^^^^^"), "{broken:?}");
    // On a node it would have stopped containers, not let them run free.
    let refused = runc.run(policy.path(), &container("team-a", TRY_MKDIR));
    assert!(
        !refused.ok() && !refused.stdout.contains("made"),
        "{refused:?}"
    );

    let settings = fs::read_to_string(policy.path().join("policy.toml")).expect("policy.toml");
    policy.write("policy.toml", settings.replace("enfroce", "audit"));
    let mended = check(policy.path());
    assert!(mended.ok(), "{mended:?}");

    // For a week: what would be denied is allowed and logged, in this namespace alone.
    let tried = runc.run(policy.path(), &container("team-a", TRY_MKDIR));
    assert!(tried.stdout.contains("made"), "{tried:?}");
    let last = policy.decisions().pop().expect("a record");
    assert_eq!(last["mode"], "audit");
    assert_eq!(last["decidedBy"]["rule"], "team a without mkdir");
    let _ = runc.run(policy.path(), &container("team-b", TRY_MKDIR));
    assert_eq!(
        policy.decisions().pop().expect("a record")["decidedBy"],
        "defaults"
    );

    // Then for good.
    policy.write("policy.toml", settings.replace("enfroce", "enforce"));
    assert!(check(policy.path()).ok());
    let denied = runc.run(policy.path(), &container("team-a", TRY_MKDIR));
    assert!(
        denied.text().contains("Operation not permitted"),
        "{denied:?}"
    );
    assert!(!denied.stdout.contains("made"), "{denied:?}");
    let other = runc.run(policy.path(), &container("team-b", TRY_MKDIR));
    assert!(other.stdout.contains("made"), "{other:?}");
}

/// socket(2) of families, as the probe's lines say it came out, in a container of batch.
fn sockets(runc: &RealRuntime, policy: &Path) -> Vec<String> {
    let script = "for family in 38 40 2; do probe 41 $family 524289 0 0 0 0; done; \
                  probe 41 4294967334 524289 0 0 0 0";
    let bundle = container("batch", script);
    let probe = Path::new(env!("CARGO_BIN_EXE_probe"));
    copy_program(probe, &bundle.path().join("rootfs/bin/probe"));
    let said = runc.run(policy, &bundle);
    let lines: Vec<String> = said.stdout.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "{said:?}");
    lines
}

#[test]
#[cfg(target_arch = "x86_64")] // socket(2) has the number 41 there
fn a_hot_patch_is_one_file_and_holds_at_the_next_create() {
    let name = "a_hot_patch_is_one_file_and_holds_at_the_next_create";
    let Some(runc) = RealRuntime::find(name, "runc") else {
        return;
    };
    let policy = PolicyDir::new(&team_a("enforce")).with_profile("no-mkdir.json", NO_MKDIR);
    let before = sockets(&runc, policy.path());
    let denied = "errno 1";
    assert!(before.iter().all(|came| came != denied), "{before:?}");

    policy.write("profiles/no-af-alg.json", NO_AF_ALG);
    let patch = "version = 1\n\n[floor]\n\
                 profile = { type = \"Localhost\", localhostProfile = \"no-af-alg.json\" }\n";
    policy.write("policy.d/50-no-af-alg.toml", patch);
    let checked = check(policy.path());
    assert!(checked.ok(), "{checked:?}");

    let after = sockets(&runc, policy.path());
    let [alg, vsock, inet, upper] = after.as_slice() else {
        panic!("{after:?}");
    };
    assert_eq!(
        (alg.as_str(), vsock.as_str(), upper.as_str()),
        (denied, denied, denied)
    );
    assert_eq!(Some(inet), before.get(2), "other families are as before");
    let floors = &policy.decisions().pop().expect("a record")["floors"];
    assert!(floors.to_string().contains("50-no-af-alg.toml"), "{floors}");

    // And it is gone as fast.
    fs::remove_file(policy.path().join("policy.d/50-no-af-alg.toml")).expect("removed");
    assert_eq!(sockets(&runc, policy.path()), before);
}

/// A pipeline is not root, and its checkout is its own.
#[test]
fn a_pipeline_checks_its_own_checkout_without_root() {
    let name = "a_pipeline_checks_its_own_checkout_without_root";
    if !needs_root(name) {
        return;
    }
    const NOBODY: u32 = 65534;
    let checkout = PolicyDir::new(&team_a("enforce")).with_profile("no-mkdir.json", NO_MKDIR);
    let tools = tempfile::tempdir().expect("a folder");
    fs::set_permissions(tools.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let shim = tools.path().join(format!("shim-{}", process::id()));
    copy_program(&shim_binary(), &shim);
    let own = |path: &Path| std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY));
    for below in ["", "policy.toml", "profiles", "profiles/no-mkdir.json"] {
        own(&checkout.path().join(below)).expect("chown");
    }
    let check = |more: &[&str]| {
        let mut command = Command::new(&shim);
        command.uid(NOBODY).gid(NOBODY).args(["policy", "check"]);
        run(command.arg(checkout.path()).args(more))
    };
    let said = check(&[]);
    assert!(said.ok(), "{said:?}");
    // The same folder on a node, for root, is one that somebody else could change.
    let by_root = run(Command::new(&shim)
        .args(["policy", "check"])
        .arg(checkout.path()));
    assert_eq!(by_root.code, Some(1), "{by_root:?}");
    assert!(
        by_root.stdout.contains("belongs to user 65534"),
        "{by_root:?}"
    );
    // A checkout with a lax umask.
    let file = checkout.path().join("policy.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).expect("chmod");
    let said = check(&[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("chmod go-w"), "{said:?}");
    assert!(check(&["--no-trust"]).ok());
}

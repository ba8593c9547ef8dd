//! Which files are the policy, and where profiles come from.

use std::os::unix::fs::symlink;
use std::path::Path;

use integration::{PolicyDir, TestBundle, explain, needs_root};

use crate::{DENY_CHMOD, DENY_MKDIR, decided, denied};

#[test]
fn drop_ins_follow_policy_toml_in_lexical_order() {
    let policy = PolicyDir::new("");
    let rule =
        |name: &str| format!("version = 1\n[[rule]]\nname = \"{name}\"\nprofile = \"Unconfined\"");
    policy.write("policy.d/20-b.toml", rule("twenty"));
    policy.write("policy.d/10-a.toml", rule("ten"));
    policy.write("policy.d/00-ignored.txt", "not TOML at all");
    policy.write("policy.d/.hidden.toml", "not TOML at all");
    let bundle = TestBundle::new(&["true"]);
    assert_eq!(decided(&explain(policy.path(), bundle.path())), "ten");
    let first = PolicyDir::new("[[rule]]\nname = \"main\"\nprofile = \"Unconfined\"");
    first.write("policy.d/10-a.toml", rule("ten"));
    assert_eq!(decided(&explain(first.path(), bundle.path())), "main");
}

#[test]
fn roots_are_searched_in_order_and_links_stay_inside() {
    let more = tempfile::tempdir().expect("a folder");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let write = |path: &Path, json: &str| std::fs::write(path, json).expect("a profile");
    write(&more.path().join("second.json"), DENY_CHMOD);
    write(&more.path().join("both.json"), DENY_CHMOD);
    write(&elsewhere.path().join("outside.json"), DENY_CHMOD);
    symlink(
        elsewhere.path().join("outside.json"),
        more.path().join("out.json"),
    )
    .expect("a link");
    symlink("second.json", more.path().join("in.json")).expect("a link");
    let ask = |name: &str, trust: bool| {
        let path = more.path().display().to_string();
        let policy = PolicyDir::new(&format!(
            "localhost.roots = [{{ path = {path:?}, trust_links = {trust} }}]\n[defaults]\n\
             profile = {{ type = \"Localhost\", localhostProfile = {name:?} }}"
        ))
        .with_profile("both.json", DENY_MKDIR);
        explain(policy.path(), TestBundle::new(&["true"]).path())
    };
    assert_eq!(denied(&ask("both.json", false)), ["mkdir"]);
    assert_eq!(denied(&ask("second.json", false)), ["chmod"]);
    assert_eq!(denied(&ask("in.json", false)), ["chmod"]);
    let refused = ask("out.json", false);
    assert!(
        refused["reason"]
            .as_str()
            .expect("a reason")
            .contains("trust_links"),
        "{refused}"
    );
    assert_eq!(denied(&ask("out.json", true)), ["chmod"]);
}

#[test]
fn links_that_lead_nowhere_are_missing_files() {
    let dangling = |name: &str| {
        let policy = PolicyDir::new("");
        let link = policy.path().join(name);
        std::fs::create_dir_all(link.parent().expect("a parent")).expect("a folder");
        symlink("gone", link).expect("a link");
        explain(policy.path(), TestBundle::new(&["true"]).path())
    };
    assert_eq!(dangling("policy.d/10-floor.toml")["result"], "refused");
    assert_eq!(dangling("policy.d")["result"], "refused");
    let elsewhere = tempfile::tempdir().expect("a folder");
    symlink("gone", elsewhere.path().join("policy")).expect("a link");
    let bundle = TestBundle::new(&["true"]);
    let answer = explain(&elsewhere.path().join("policy"), bundle.path());
    assert_eq!(answer["result"], "refused");
    assert_ne!(
        explain(&elsewhere.path().join("none"), bundle.path())["result"],
        "refused"
    );
}

#[test]
fn a_strict_policy_refuses_a_bundle_that_others_can_write_to() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let policy = PolicyDir::new("strict = true");
    let bundle = TestBundle::new(&["true"]);
    let result = || explain(policy.path(), bundle.path())["result"].clone();
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(bundle.path(), permissions).expect("chmod");
    };
    assert_eq!(result(), "set");
    mode(0o777);
    assert_eq!(result(), "refused");
    mode(0o700);
    if needs_root("a_strict_policy_refuses_a_bundle_that_others_can_write_to") {
        chown(bundle.path(), Some(4242), None).expect("chown");
        assert_eq!(result(), "refused");
        chown(bundle.path(), Some(0), None).expect("chown");
    }
    assert_eq!(result(), "set");
}

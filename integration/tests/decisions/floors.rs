//! Whom a floor holds for.

use integration::{PolicyDir, TestBundle, explain};

use crate::{DENY_MKDIR, denied, pod};

#[test]
fn a_floor_has_named_exceptions() {
    let policy = PolicyDir::new(
        r#"
        [defaults]
        profile = "Unconfined"
        [floor]
        profile = { type = "Localhost", localhostProfile = "f.json" }
        [[floor.except]]
        name = "the node's agents"
        when = { namespace = "kube-system" }
        "#,
    )
    .with_profile("f.json", DENY_MKDIR);
    let answer = explain(policy.path(), pod("team", "p", "c", "i").path());
    assert_eq!(denied(&answer), ["mkdir"]);
    let excepted = explain(policy.path(), pod("kube-system", "p", "c", "i").path());
    assert_eq!(excepted["result"], "kept");
    let words = excepted["floorExceptions"][0]
        .as_str()
        .expect("an exception");
    assert!(words.contains("the node's agents"), "{words}");
}

#[test]
fn what_the_container_says_of_itself_does_not_let_it_out_of_a_floor() {
    for when in [
        "annotation = { free = \"yes\" }",
        "requested = \"Unconfined\"",
    ] {
        let policy = PolicyDir::new(&format!(
            "[floor]\nprofile = \"RuntimeDefault\"\n[[floor.except]]\nname = \"x\"\nwhen = {{ {when} }}"
        ));
        let answer = explain(policy.path(), TestBundle::new(&["true"]).path());
        let reason = answer["reason"].as_str().expect("refused");
        assert!(reason.contains("line 5"), "{reason}");
    }
}

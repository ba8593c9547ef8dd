//! Which rule decides for whom.

use integration::{PolicyDir, TestBundle, explain, shared_data};
use serde_json::json;

use crate::{DENY_MKDIR, decided, denied, is_default, pod};

#[test]
fn rules_match_on_what_the_engine_tells() {
    let policy = PolicyDir::new(
        r#"
        [[rule]]
        name = "by image"
        when = { image = ["*/nginx:*", "*/httpd:*"] }
        profile = "RuntimeDefault"
        [[rule]]
        name = "by pod and container"
        when = { pod = "web-?", container = "app" }
        profile = "RuntimeDefault"
        [[rule]]
        name = "by namespace"
        when = { namespace = "team-*" }
        profile = "Unconfined"
        "#,
    );
    let asked = |bundle: &TestBundle| explain(policy.path(), bundle.path());
    let answer = |namespace, name, container, image| asked(&pod(namespace, name, container, image));
    assert_eq!(
        decided(&answer("team-a", "x", "y", "docker.io/library/nginx:1")),
        "by image"
    );
    assert_eq!(
        decided(&answer("team-a", "web-1", "app", "a:1")),
        "by pod and container"
    );
    assert_eq!(
        decided(&answer("team-a", "web-1", "sidecar", "a:1")),
        "by namespace"
    );
    assert_eq!(
        decided(&answer("other", "web-10", "app", "a:1")),
        "defaults"
    );

    // The engine of a bundle made by hand tells nothing: no rule matches, and that is said.
    let untold = asked(&TestBundle::new(&["true"]));
    assert_eq!(decided(&untold), "defaults");
    assert_eq!(untold["untold"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        untold["untold"][0],
        json!({"rule": "by image", "field": "image"})
    );
}

#[test]
fn docker_users_cannot_pose_as_pods() {
    let policy = PolicyDir::new(
        "[[rule]]\nname = \"free\"\nwhen = { namespace = \"kube-system\" }\nprofile = \"Unconfined\"",
    );
    let bundle = pod("kube-system", "p", "c", "i");
    assert_eq!(decided(&explain(policy.path(), bundle.path())), "free");
    for cgroup in ["/docker/abc", "machine.slice:libpod:abc", "/x/libpod-abc"] {
        bundle.edit(|config| config["linux"]["cgroupsPath"] = json!(cgroup));
        assert_eq!(
            decided(&explain(policy.path(), bundle.path())),
            "defaults",
            "{cgroup}"
        );
    }
}

#[test]
fn a_privileged_container_stays_free_unless_a_rule_names_it() {
    let Some(data) = shared_data("a_privileged_container_stays_free_unless_a_rule_names_it") else {
        return;
    };
    let catch_all = PolicyDir::new("[[rule]]\nname = \"all\"\nprofile = \"RuntimeDefault\"");
    let named = PolicyDir::new(
        "[[rule]]\nname = \"privileged\"\nwhen = { privileged = true }\nprofile = \"RuntimeDefault\"",
    );
    let floor = PolicyDir::new(
        "[floor]\nprofile = { type = \"Localhost\", localhostProfile = \"f.json\" }",
    )
    .with_profile("f.json", DENY_MKDIR);
    for name in [
        "docker-privileged",
        "containerd-privileged",
        "podman-privileged",
    ] {
        let bundle = TestBundle::new(&["true"]);
        let text = std::fs::read(data.join(format!("bundles/{name}.json"))).expect("a bundle");
        bundle.write_text(&text);
        let free = explain(catch_all.path(), bundle.path());
        assert_eq!(
            (decided(&free), &free["result"]),
            ("privileged", &json!("kept")),
            "{name}"
        );
        let confined = explain(named.path(), bundle.path());
        assert_eq!(
            (decided(&confined), &confined["result"]),
            ("privileged", &json!("set")),
            "{name}"
        );
        assert!(is_default(&confined), "{name}");
        assert_eq!(
            denied(&explain(floor.path(), bundle.path())),
            ["mkdir"],
            "{name}"
        );
    }
    // The others are not privileged, whatever they may look like.
    for name in [
        "docker-unconfined",
        "containerd-unconfined",
        "containerd-sandbox-privileged",
    ] {
        let bundle = TestBundle::new(&["true"]);
        let text = std::fs::read(data.join(format!("bundles/{name}.json"))).expect("a bundle");
        bundle.write_text(&text);
        let answer = explain(catch_all.path(), bundle.path());
        assert_eq!(
            (decided(&answer), &answer["result"]),
            ("all", &json!("set")),
            "{name}"
        );
    }
}

#[test]
fn a_sandbox_gets_the_default_unless_a_rule_matches() {
    let policy = PolicyDir::new(
        "[defaults]\nprofile = \"Unconfined\"\n[[rule]]\nname = \"x\"\nwhen = { namespace = \"x\" }\nprofile = \"Unconfined\"",
    );
    let bundle = pod("team", "p", "", "");
    bundle.edit(|config| {
        config["annotations"]["io.kubernetes.cri.container-type"] = json!("sandbox")
    });
    let answer = explain(policy.path(), bundle.path());
    assert_eq!(
        (decided(&answer), &answer["profile"]),
        ("sandbox", &json!("RuntimeDefault"))
    );
    bundle.edit(|config| config["annotations"]["io.kubernetes.cri.sandbox-namespace"] = json!("x"));
    assert_eq!(decided(&explain(policy.path(), bundle.path())), "x");
}

//! What the policy means, asked through `shim explain`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

use std::os::unix::fs::symlink;
use std::path::Path;

use filter::Call;
use integration::{PolicyDir, TestBundle, explain, shared_data};
use profile::{Arch, Seccomp};
use serde_json::{Value, json};

const DENY_MKDIR: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;
const DENY_CHMOD: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod"],"action":"SCMP_ACT_ERRNO"}]}"#;

/// A pod's container.
fn pod(namespace: &str, pod: &str, container: &str, image: &str) -> TestBundle {
    TestBundle::new(&["true"]).of_pod(namespace, pod, container, image)
}

fn asks(bundle: &TestBundle, profile: &str) {
    bundle.edit(|config| {
        config["linux"]["seccomp"] = serde_json::from_str(profile).expect("JSON");
    });
}

/// The name of the rule that decided, or the word for what else did.
fn decided(answer: &Value) -> &str {
    answer["decidedBy"]["rule"]
        .as_str()
        .or(answer["decidedBy"].as_str())
        .unwrap_or("nothing")
}

/// Whether the profile that applies is the default, by what it allows and what not.
fn is_default(answer: &Value) -> bool {
    let rules = answer["seccomp"]["syscalls"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let allows = |name: &str| {
        let names = |rule: &Value| {
            rule["names"]
                .as_array()
                .is_some_and(|all| all.contains(&name.into()))
        };
        rules
            .iter()
            .any(|rule| rule["action"] == "SCMP_ACT_ALLOW" && names(rule))
    };
    answer["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
        && allows("read")
        && !allows("io_uring_setup")
}

/// The names denied in the profile that applies.
fn denied(answer: &Value) -> Vec<&str> {
    let rules = answer["seccomp"]["syscalls"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let denying = rules
        .iter()
        .filter(|rule| rule["action"] == "SCMP_ACT_ERRNO");
    denying
        .flat_map(|rule| rule["names"].as_array().expect("names"))
        .filter_map(Value::as_str)
        .collect()
}

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

#[test]
fn annotations_count_only_where_they_are_honoured() {
    let rules = "[defaults]\nprofile = \"Requested\"";
    let deaf = PolicyDir::new(rules).with_profile("a/b.json", DENY_CHMOD);
    let honours = PolicyDir::new(&format!("request.annotations = true\n{rules}"))
        .with_profile("a/b.json", DENY_CHMOD);
    let bundle = pod("team", "p", "app", "i");
    asks(&bundle, DENY_MKDIR);
    let key = "container.seccomp.security.alpha.kubernetes.io/app";
    let with = |key: &str, value: &str| {
        bundle.edit(|config| {
            let annotations = config["annotations"].as_object_mut().expect("an object");
            annotations.retain(|key, _| !key.contains("seccomp"));
            annotations.insert(key.to_owned(), json!(value));
        });
    };
    with(key, "localhost/a/b.json");
    assert_eq!(denied(&explain(deaf.path(), bundle.path())), ["mkdir"]);
    assert_eq!(denied(&explain(honours.path(), bundle.path())), ["chmod"]);
    with(
        "seccomp.security.alpha.kubernetes.io/pod",
        "localhost/a/b.json",
    );
    assert_eq!(denied(&explain(honours.path(), bundle.path())), ["chmod"]);
    with(
        "container.seccomp.security.alpha.kubernetes.io/other",
        "localhost/a/b.json",
    );
    assert_eq!(denied(&explain(honours.path(), bundle.path())), ["mkdir"]);
    with(key, "unconfined");
    assert_eq!(explain(honours.path(), bundle.path())["result"], "removed");
    with(key, "runtime/default");
    assert!(is_default(&explain(honours.path(), bundle.path())));
    for bad in ["", "Unconfined", "localhost/../x", "localhost/missing.json"] {
        with(key, bad);
        assert_eq!(
            explain(honours.path(), bundle.path())["result"],
            "refused",
            "{bad:?}"
        );
        assert_ne!(
            explain(deaf.path(), bundle.path())["result"],
            "refused",
            "{bad:?}"
        );
    }
}

#[test]
fn replace_forgets_the_request_and_restrict_keeps_it() {
    let localhost = |combine: &str| {
        PolicyDir::new(&format!(
            "[defaults]\nprofile = {{ type = \"Localhost\", localhostProfile = \"p.json\" }}\n{combine}"
        ))
        .with_profile("p.json", DENY_MKDIR)
    };
    let bundle = TestBundle::new(&["true"]);
    asks(&bundle, DENY_CHMOD);
    let sorted = |answer: &Value| {
        let mut names: Vec<String> = denied(answer).into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(
        sorted(&explain(localhost("").path(), bundle.path())),
        ["mkdir"]
    );
    let both = localhost("combine = \"restrict\"");
    assert_eq!(
        sorted(&explain(both.path(), bundle.path())),
        ["chmod", "mkdir"]
    );
    // Who asks for no filter restricts nothing.
    bundle.edit(|config| {
        drop(
            config["linux"]
                .as_object_mut()
                .map(|linux| linux.remove("seccomp")),
        )
    });
    assert_eq!(sorted(&explain(both.path(), bundle.path())), ["mkdir"]);
    // What is replaced need not even be a profile that loads.
    asks(&bundle, r#"{"defaultAction":"SCMP_ACT_NONSENSE"}"#);
    assert_eq!(
        sorted(&explain(localhost("").path(), bundle.path())),
        ["mkdir"]
    );
    assert_eq!(explain(both.path(), bundle.path())["result"], "refused");
}

#[test]
fn audit_logs_what_it_would_deny_but_not_below_the_floor() {
    let audit = "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"p.json\" }\nmode = \"audit\"";
    let policy = PolicyDir::new(audit).with_profile("p.json", DENY_MKDIR);
    let bundle = TestBundle::new(&["true"]);
    let answer = explain(policy.path(), bundle.path());
    assert_eq!(answer["seccomp"]["syscalls"][0]["action"], "SCMP_ACT_LOG");
    assert_eq!(answer["seccomp"]["syscalls"][0]["names"], json!(["mkdir"]));

    let floor = "[floor]\nprofile = { type = \"Localhost\", localhostProfile = \"f.json\" }";
    policy.write("policy.d/10.toml", format!("version = 1\n{floor}"));
    policy.write("profiles/f.json", DENY_CHMOD);
    let answer = explain(policy.path(), bundle.path());
    assert_eq!(denied(&answer), ["chmod"]);
    assert_eq!(answer["floors"].as_array().map(Vec::len), Some(1));
}

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
fn native_drops_the_other_abis() {
    let policy =
        PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"\narchitectures = \"native\"");
    let answer = explain(policy.path(), TestBundle::new(&["true"]).path());
    assert_eq!(
        answer["seccomp"]["architectures"].as_array().map(Vec::len),
        Some(1)
    );
}

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
    if integration::needs_root("a_strict_policy_refuses_a_bundle_that_others_can_write_to") {
        chown(bundle.path(), Some(4242), None).expect("chown");
        assert_eq!(result(), "refused");
        chown(bundle.path(), Some(0), None).expect("chown");
    }
    assert_eq!(result(), "set");
}

#[test]
fn runtime_default_can_be_a_file() {
    let policy =
        PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"\nruntime_default = \"node.json\"")
            .with_profile("node.json", DENY_MKDIR);
    let answer = explain(policy.path(), TestBundle::new(&["true"]).path());
    assert_eq!(denied(&answer), ["mkdir"]);
    assert_eq!(answer["profile"], "RuntimeDefault");
}

#[test]
fn a_profile_that_libseccomp_would_drop_on_an_architecture_is_anchored() {
    // On x86_64 there is no socketcall: with this alone, 2.5.4 makes a filter that allows all.
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["socketcall"],"action":"SCMP_ACT_ERRNO"},
        {"names":["socket"],"action":"SCMP_ACT_ERRNO",
         "args":[{"index":0,"value":38,"op":"SCMP_CMP_EQ"}]}]}"#;
    let bundle = TestBundle::new(&["true"]);
    let applied = |defaults: &str| {
        let policy = PolicyDir::new(&format!("[defaults]\n{defaults}"));
        explain(policy.with_profile("p.json", profile).path(), bundle.path())
    };
    let localhost = applied(r#"profile = { type = "Localhost", localhostProfile = "p.json" }"#);
    assert_drops_nothing(&localhost);
    asks(&bundle, profile);
    for defaults in [
        "profile = \"Requested\"",
        "profile = \"Requested\"\nmode = \"observe-lite\"",
        "profile = \"Unconfined\"\ncombine = \"restrict\"",
        "profile = \"RuntimeDefault\"\ncombine = \"restrict\"",
    ] {
        let answer = applied(defaults);
        assert_eq!(answer["result"], "set", "{defaults}: {answer}");
        assert_drops_nothing(&answer);
    }
    // A call that every architecture has is anchor enough, and so the words stay.
    asks(&bundle, &profile.replace("socketcall", "mount"));
    let answer = applied("profile = \"Requested\"");
    assert_eq!(answer["result"], "kept", "{answer}");
}

/// The profile that applies, compiled, denies a socket of the kernel's cryptography.
fn assert_drops_nothing(answer: &Value) {
    let text = answer["seccomp"].to_string();
    let text = strict_json::Text::check(text.as_bytes(), strict_json::MAX_DEPTH).expect("JSON");
    let applied = Seccomp::from_oci(&text.root()).expect("a profile");
    let native = Arch::ScmpArchX86_64;
    let number = filter::nr("socket", native).expect("a number");
    let socket = Call::new(native, number, [38, 0, 0, 0, 0, 0]);
    for runtime in [filter::Runtime::Runc, filter::Runtime::Crun] {
        let filter = filter::compile(&applied, native, runtime).expect("a filter");
        let said = filter.run(&socket).to_string();
        assert!(said.starts_with("ERRNO"), "{runtime:?}: {said}: {answer}");
    }
}

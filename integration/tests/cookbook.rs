//! The cookbook of docs/policy.md, read from the page and run: each recipe decides as it says.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends there"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::process::Command;

use integration::{PolicyDir, RealRuntime, TestBundle, run, shim_binary};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../docs/policy.md");

/// A recipe's policy.toml, and its profiles by name.
type Recipe = (String, Vec<(String, String)>);

/// A kind of container, and the fates of some calls in it.
type Case<'a> = (&'a str, TestBundle, &'a [(&'a str, &'a str)]);

/// The recipes by their titles.
fn recipes() -> BTreeMap<&'static str, Recipe> {
    let (_, cookbook) = PAGE.split_once("\n## Cookbook\n").expect("a cookbook");
    let cookbook = cookbook.split("\n## ").next().expect("its text");
    let mut recipes = BTreeMap::new();
    for section in cookbook.split("\n### ").skip(1) {
        let (title, text) = section.split_once('\n').expect("a title");
        let (mut policy, mut profiles) = (None, Vec::new());
        for block in text.split("\n```").skip(1).step_by(2) {
            let (kind, body) = block.split_once('\n').expect("a block");
            match kind.split_once(" profiles/") {
                None if kind == "toml" => policy = Some(body.to_owned()),
                Some(("json", name)) => profiles.push((name.to_owned(), body.to_owned())),
                _ => panic!("{title}: a block of {kind:?}"),
            }
        }
        recipes.insert(title, (policy.expect("a policy"), profiles));
    }
    recipes
}

/// The policy directory of a recipe.
fn recipe(title: &str) -> PolicyDir {
    let recipes = recipes();
    let (policy, profiles) = recipes
        .get(title)
        .unwrap_or_else(|| panic!("no recipe {title:?}"));
    let dir = PolicyDir::new("");
    // The page's text as it is, with decisions kept out of this node's record.
    dir.write(
        "policy.toml",
        format!("{policy}\n[log]\ndecisions = \"off\"\n"),
    );
    for (name, text) in profiles {
        dir.write(&format!("profiles/{name}"), text);
    }
    dir
}

/// A pod's container.
fn pod(namespace: &str, name: &str, image: &str, args: &[&str]) -> TestBundle {
    TestBundle::new(args).of_pod(namespace, name, "app", image)
}

/// The container asks for a profile that denies mkdir alone.
fn asks(bundle: TestBundle) -> TestBundle {
    bundle.edit(|config| {
        config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
        });
    });
    bundle
}

/// The container looks as a privileged one does.
fn privileged(bundle: TestBundle) -> TestBundle {
    bundle.edit(|config| {
        config["process"]["capabilities"]["bounding"] = json!(profile::CAPABILITIES.as_slice());
        config["linux"]["maskedPaths"] = Value::Null;
        config["linux"]["resources"]["devices"] = json!([{"allow": true, "access": "rwm"}]);
    });
    bundle
}

fn decide(policy: &PolicyDir, bundle: &TestBundle, handler: &str) -> Value {
    let mut command = Command::new(shim_binary());
    command.args(["explain", "--format", "json", "--handler", handler]);
    command.arg("--policy").arg(policy.path());
    let outcome = run(command.arg("--bundle").arg(bundle.path()));
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{outcome:?}: {error}"))
}

/// What becomes of a call: an action without its prefix, `ARGS` if that depends, `FREE` without a
/// filter.
fn fate(answer: &Value, call: &str) -> String {
    assert_ne!(answer["result"], "refused", "{answer}");
    let profile = &answer["seccomp"];
    if profile.is_null() {
        return "FREE".to_owned();
    }
    let rules = profile["syscalls"].as_array().into_iter().flatten();
    let named = rules.filter(|rule| {
        let names = rule["names"].as_array();
        names.is_some_and(|names| names.contains(&call.into()))
    });
    let mut named = named.peekable();
    let action = match named.peek() {
        Some(rule) if rule["args"].as_array().is_some_and(|args| !args.is_empty()) => {
            return "ARGS".to_owned();
        }
        Some(rule) => &rule["action"],
        None => &profile["defaultAction"],
    };
    let action = action.as_str().expect("an action");
    action.trim_start_matches("SCMP_ACT_").to_owned()
}

/// Checks a recipe: per bundle, the fates of some calls.
fn check(title: &str, policy: &PolicyDir, cases: &[Case<'_>]) {
    for (what, bundle, fates) in cases {
        let answer = decide(policy, bundle, "shim");
        for (call, expected) in *fates {
            assert_eq!(
                fate(&answer, call),
                *expected,
                "{title}: {what}: {call}: {answer}"
            );
        }
    }
}

const TRUE: &[&str] = &["true"];

fn web() -> TestBundle {
    pod("web", "web-1", "docker.io/library/nginx:1", TRUE)
}

#[test]
fn the_cookbook_has_ten_recipes() {
    assert_eq!(recipes().len(), 10);
}

#[test]
fn one_default_for_all() {
    let title = "One default for all";
    check(
        title,
        &recipe(title),
        &[
            (
                "asks for nothing",
                web(),
                &[("read", "ALLOW"), ("unshare", "ERRNO"), ("mkdir", "ALLOW")],
            ),
            (
                "asks for a profile",
                asks(web()),
                &[("unshare", "ERRNO"), ("mkdir", "ALLOW")],
            ),
            ("privileged", privileged(web()), &[("unshare", "FREE")]),
        ],
    );
}

#[test]
fn a_floor_with_an_exception_for_the_cni() {
    let title = "A floor, with an exception for the CNI";
    let cni = || pod("kube-system", "cilium-x7", "quay.io/cilium/cilium:1", TRUE);
    check(
        title,
        &recipe(title),
        &[
            (
                "asks for nothing",
                web(),
                &[("bpf", "ERRNO"), ("read", "ALLOW")],
            ),
            (
                "asks for a profile",
                asks(web()),
                &[("bpf", "ERRNO"), ("mkdir", "ERRNO")],
            ),
            (
                "privileged",
                privileged(web()),
                &[("bpf", "ERRNO"), ("mkdir", "ALLOW")],
            ),
            ("the CNI", privileged(cni()), &[("bpf", "FREE")]),
            (
                "another in its namespace",
                pod("kube-system", "dns", "dns:1", TRUE),
                &[("bpf", "ERRNO")],
            ),
            (
                "its name elsewhere",
                pod("web", "cilium-x7", "x:1", TRUE),
                &[("bpf", "ERRNO")],
            ),
        ],
    );
}

#[test]
fn ci_builders_that_need_unshare() {
    let title = "CI builders that need unshare";
    let builder = |namespace| pod(namespace, "build-1", "quay.io/buildah:v1", TRUE);
    check(
        title,
        &recipe(title),
        &[
            (
                "a builder",
                builder("ci-main"),
                &[("unshare", "ALLOW"), ("bpf", "ERRNO")],
            ),
            (
                "its image elsewhere",
                builder("web"),
                &[("unshare", "ERRNO")],
            ),
            (
                "another image",
                pod("ci-main", "x", "nginx:1", TRUE),
                &[("unshare", "ERRNO")],
            ),
        ],
    );
}

#[test]
fn audit_a_namespace_for_a_week() {
    let title = "Audit a namespace for a week";
    check(
        title,
        &recipe(title),
        &[
            (
                "shop",
                pod("shop", "s", "s:1", TRUE),
                &[("read", "ALLOW"), ("add_key", "LOG")],
            ),
            ("another", web(), &[("add_key", "ERRNO")]),
        ],
    );
}

#[test]
fn block_32_bit_programs() {
    let title = "Block 32-bit programs";
    let policy = recipe(title);
    check(
        title,
        &policy,
        &[(
            "asks",
            asks(web()),
            &[("mkdir", "ERRNO"), ("unshare", "ERRNO")],
        )],
    );
    let answer = decide(&policy, &web(), "shim");
    let abis = answer["seccomp"]["architectures"].as_array().map(Vec::len);
    assert_eq!(abis, Some(1), "{answer}");
}

#[test]
fn deny_a_socket_family_everywhere() {
    let title = "Deny a socket family everywhere";
    let policy = recipe(title);
    for bundle in [web(), asks(web()), privileged(web())] {
        let answer = decide(&policy, &bundle, "shim");
        let profile = bundle.path().join("applies.json");
        std::fs::write(&profile, answer["seccomp"].to_string()).expect("the profile");
        let socket = |family: &str| {
            let mut command = Command::new(shim_binary());
            command.args(["profile", "test"]).arg(&profile);
            run(command.args(["socket", family, "--format", "json"])).text()
        };
        for denied in ["38", "46", "4294967334"] {
            assert!(
                socket(denied).contains("ERRNO"),
                "{denied}: {}",
                socket(denied)
            );
        }
        assert!(!socket("2").contains("ERRNO"), "{}", socket("2"));
    }
}

#[test]
fn a_profile_per_team_in_the_kubelets_folder() {
    let title = "A profile per team, in the kubelet's folder";
    let (policy, _) = recipes().remove(title).expect("the recipe");
    let kubelet = tempfile::tempdir().expect("the kubelet's folder");
    let operator = tempfile::tempdir().expect("the operator's folder");
    let deny = |call: &str| {
        format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":["{call}"],"action":"SCMP_ACT_ERRNO"}}]}}"#
        )
    };
    std::fs::write(operator.path().join("web.json"), deny("mkdir")).expect("a profile");
    symlink(operator.path(), kubelet.path().join("team-a")).expect("a link");
    std::fs::create_dir(kubelet.path().join("team-b")).expect("a folder");
    std::fs::write(kubelet.path().join("team-b/web.json"), deny("rmdir")).expect("a profile");
    let here = policy.replace(
        "/var/lib/kubelet/seccomp",
        &kubelet.path().display().to_string(),
    );
    assert_ne!(policy, here);
    let dir = PolicyDir::new("");
    dir.write("policy.toml", here);
    check(
        title,
        &dir,
        &[
            (
                "team a",
                pod("team-a", "p", "i:1", TRUE),
                &[("mkdir", "ERRNO"), ("rmdir", "ALLOW")],
            ),
            (
                "team b",
                pod("team-b", "p", "i:1", TRUE),
                &[("mkdir", "ALLOW"), ("rmdir", "ERRNO")],
            ),
            ("others", web(), &[("mkdir", "ALLOW"), ("unshare", "ERRNO")]),
        ],
    );
}

#[test]
fn a_locked_handler_beside_the_default_one() {
    let title = "A locked handler beside the default one";
    let policy = recipe(title);
    check(
        title,
        &policy,
        &[("the default one", web(), &[("unshare", "FREE")])],
    );
    for (what, bundle, mkdir) in [
        ("asks for nothing", web(), "ALLOW"),
        ("asks for a profile", asks(web()), "ERRNO"),
        ("privileged", privileged(web()), "ALLOW"),
    ] {
        let answer = decide(&policy, &bundle, "locked");
        assert_eq!(fate(&answer, "add_key"), "ERRNO", "{what}: {answer}");
        assert_eq!(fate(&answer, "mkdir"), mkdir, "{what}: {answer}");
        assert_eq!(
            answer["seccomp"]["architectures"].as_array().map(Vec::len),
            Some(1),
            "{what}"
        );
    }
}

#[test]
fn never_unconfined_unless_privileged() {
    let title = "Never Unconfined, unless privileged";
    check(
        title,
        &recipe(title),
        &[
            ("asks for nothing", web(), &[("unshare", "ERRNO")]),
            (
                "asks for a profile",
                asks(web()),
                &[("unshare", "ALLOW"), ("mkdir", "ERRNO")],
            ),
            ("privileged", privileged(web()), &[("unshare", "FREE")]),
        ],
    );
}

#[test]
fn what_they_ask_for_in_system_namespaces() {
    let title = "What they ask for, in system namespaces";
    let system = |namespace| pod(namespace, "p", "i:1", TRUE);
    check(
        title,
        &recipe(title),
        &[
            (
                "kube-system",
                asks(system("kube-system")),
                &[("mkdir", "ERRNO"), ("unshare", "ALLOW")],
            ),
            (
                "asks for nothing",
                system("cert-manager-system"),
                &[("unshare", "FREE")],
            ),
            (
                "others",
                asks(web()),
                &[("mkdir", "ALLOW"), ("unshare", "ERRNO")],
            ),
        ],
    );
}

/// Asks the kernel, from inside: the filter's mode, and whether a user namespace can be made.
const ASK: &[&str] = &[
    "sh",
    "-c",
    "grep ^Seccomp: /proc/self/status; unshare -U true && echo unshared; mkdir /tmp/x && echo made",
];

#[test]
fn real_containers_under_recipes() {
    let Some(runtime) = RealRuntime::find("real_containers_under_recipes", "runc") else {
        return;
    };
    let builder = || pod("ci-main", "build-1", "quay.io/buildah:v1", ASK);
    let shop = || pod("shop", "s", "s:1", ASK);
    let other = || pod("web", "w", "nginx:1", ASK);
    for (title, bundle, filtered, unshared, made) in [
        ("One default for all", other(), true, false, true),
        ("One default for all", asks(other()), true, false, true),
        ("CI builders that need unshare", builder(), true, true, true),
        ("CI builders that need unshare", other(), true, false, true),
        ("Audit a namespace for a week", shop(), true, true, true),
        ("Audit a namespace for a week", other(), true, false, true),
        (
            "Never Unconfined, unless privileged",
            other(),
            true,
            false,
            true,
        ),
        (
            "Never Unconfined, unless privileged",
            asks(other()),
            true,
            true,
            false,
        ),
        (
            "What they ask for, in system namespaces",
            pod("kube-system", "k", "k:1", ASK),
            false,
            true,
            true,
        ),
    ] {
        let text = runtime.run(recipe(title).path(), &bundle).text();
        assert_eq!(text.contains("Seccomp:\t2"), filtered, "{title}: {text}");
        assert_eq!(text.contains("unshared"), unshared, "{title}: {text}");
        assert_eq!(text.contains("made"), made, "{title}: {text}");
    }
}

//! What `shim explain` says of bundles and of manifests.

use std::fs;
use std::path::Path;
use std::process::Command;

use integration::{
    Outcome, PolicyDir, TestBundle, explain, run, run_with_input, shared_data, shim_binary,
};
use serde_json::Value;

use crate::{DENY_MKDIR, json};

/// A policy whose rules are passed over one by one, and a manifest that meets them.
fn stages() -> PolicyDir {
    PolicyDir::new(
        r#"[[rule]]
name = "other namespace"
when = { namespace = "other" }
[[rule]]
name = "a label"
when = { annotation = { tier = "gold" } }
[[rule]]
name = "team a"
when = { namespace = "team-a", container = "unconfined" }
profile = { type = "Localhost", localhostProfile = "a.json" }
combine = "restrict"
[[rule]]
name = "not looked at"
when = { namespace = "late" }
"#,
    )
    .with_profile("a.json", DENY_MKDIR)
}

const POD: &str = "\
kind: Pod
metadata: {name: web-plain, namespace: team-a}
spec:
  containers:
  - {name: unconfined, image: 'docker.io/local/bb:1'}
";

fn explain_pod(policy: &Path, manifest: &str, more: &[&str]) -> Outcome {
    let mut command = Command::new(shim_binary());
    command.args(["explain", "--pod", "-", "--policy"]);
    run_with_input(command.arg(policy).args(more), manifest)
}

fn containers(said: &Outcome) -> Vec<Value> {
    json(said)["containers"]
        .as_array()
        .expect("containers")
        .clone()
}

#[test]
fn explain_shows_each_step_and_what_is_not_told() {
    let policy = stages();
    let bundle = TestBundle::new(&["true"]);
    let answer = explain(policy.path(), bundle.path());
    let fields: Vec<&str> = answer["passedOver"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|one| one["field"].as_str())
        .collect();
    assert_eq!(
        fields,
        ["namespace", "annotation", "container", "namespace"]
    );
    assert_eq!(answer["passedOver"][0]["told"], Value::Null);
    let not_told = answer["notTold"].as_array().expect("fields");
    for field in ["namespace", "pod", "container", "image"] {
        assert!(not_told.contains(&field.into()), "{not_told:?}");
    }
    let said = explain_pod(policy.path(), POD, &[]);
    assert!(said.ok(), "{said:?}");
    let (_, of_container) = said
        .stdout
        .split_once("container unconfined (")
        .expect("it");
    assert!(!of_container.contains("not looked at"), "{of_container}");
    for words in [
        "Pod web-plain, container unconfined (-:5)\n",
        "kubernetes  Unconfined: nothing is said",
        "rule \"other namespace\" (",
        "namespace is \"team-a\", it wants other\n",
        "it wants annotation tier = gold, which the engine does not tell\n",
        "decided by  rule \"team a\" (",
        "profile     Localhost a.json (",
        ", sha256 ",
        "resolved for 14 capabilities",
        "combined    restrict: ",
        "mode        enforce",
        "floor       the policy has none\n",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
}

/// The manifest's answer is the bundle's that containerd really made of that pod.
#[test]
fn a_manifest_is_decided_as_the_engines_own_bundle() {
    let Some(data) = shared_data("a_manifest_is_decided_as_the_engines_own_bundle") else {
        return;
    };
    let policy = stages();
    for (file, pod) in [
        ("containerd-unconfined.json", POD.to_owned()),
        (
            "containerd-privileged.json",
            POD.replace("web-plain", "web-priv")
                .replace("bb:1'", "bb:1', securityContext: {privileged: true}"),
        ),
    ] {
        let bundle = TestBundle::new(&["true"]);
        bundle.write_text(fs::read(data.join("bundles").join(file)).expect(file));
        let real = explain(policy.path(), bundle.path());
        let said = explain_pod(policy.path(), &pod, &["--format", "json"]);
        let all = containers(&said);
        let made = all
            .iter()
            .find(|one| one["kind"] == "container")
            .expect("it");
        for key in [
            "engine",
            "namespace",
            "pod",
            "image",
            "privileged",
            "requested",
            "decidedBy",
            "profile",
            "combine",
            "mode",
        ] {
            assert_eq!(real[key], made[key], "{key} of {file}");
        }
        if file != "containerd-privileged.json" {
            assert_eq!(real["sha256"], made["sha256"], "{file}");
        }
    }
}

#[test]
fn manifests_of_all_kinds_are_answered_per_container() {
    let policy = stages();
    let manifest = "\
kind: ConfigMap
metadata: {name: settings}
---
kind: List
items:
- kind: CronJob
  metadata: {name: nightly}
  spec:
    jobTemplate:
      spec:
        template:
          spec:
            runtimeClassName: sandboxed
            hostNetwork: true
            initContainers:
            - {name: first, image: a}
            containers:
            - name: main
              image: b
              securityContext:
                capabilities: {add: [SYS_ADMIN], drop: [KILL]}
                seccompProfile: {type: Localhost, localhostProfile: absent/x.json}
---
{\"kind\": \"StatefulSet\", \"metadata\": {\"name\": \"db\"}, \"spec\": {\"template\":
  {\"spec\": {\"containers\": [{\"name\": \"db\", \"image\": \"c\"}]}}}}
";
    let said = explain_pod(
        policy.path(),
        manifest,
        &["--format", "json", "--namespace", "n"],
    );
    assert!(said.ok(), "{said:?}");
    assert!(
        said.stderr
            .contains("line 1: ConfigMap settings makes no pod: skipped")
    );
    let all = containers(&said);
    let kinds: Vec<(&str, &str)> = all
        .iter()
        .map(|one| {
            (
                one["kind"].as_str().unwrap_or(""),
                one["container"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("sandbox", ""),
            ("init container", "first"),
            ("container", "main"),
            ("sandbox", ""),
            ("container", "db"),
        ]
    );
    let main = &all[2];
    assert_eq!(main["handler"], "sandboxed");
    assert_eq!(main["namespace"], "n");
    assert_eq!(main["line"], 18);
    // The policy restricts, so that what the absent file says would count.
    assert!(
        main["unknown"]
            .as_str()
            .is_some_and(|text| text.contains("absent/x.json"))
    );
    assert_eq!(main["sha256"], Value::Null);
    assert_eq!(all[4]["pod"], "db-0");

    let handler = ["--format", "json", "--runtime-class", "sandboxed=kata"];
    let all = containers(&explain_pod(policy.path(), manifest, &handler));
    assert_eq!(all[2]["handler"], "kata");
    let cri_o = ["--format", "json", "--engine", "cri-o"];
    let all = containers(&explain_pod(policy.path(), manifest, &cri_o));
    assert_eq!(all[2]["engine"], "cri-o");
    assert_eq!(all[2]["requested"], "Localhost");
}

#[test]
fn a_localhost_profile_is_read_from_the_kubelets_folder() {
    let policy = PolicyDir::new("[defaults]\nprofile = \"Requested\"");
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("web.json"), DENY_MKDIR).expect("the profile");
    let pod = POD.replace(
        "bb:1'",
        "bb:1', securityContext: {seccompProfile: {type: Localhost, localhostProfile: web.json}}",
    );
    let root = root.path().to_string_lossy().into_owned();
    let more = ["--format", "json", "--seccomp-root", &root];
    let said = explain_pod(policy.path(), &pod, &more);
    let all = containers(&said);
    assert_eq!(
        all[1]["seccomp"]["syscalls"][0]["names"][0], "mkdir",
        "{said:?}"
    );
    assert_eq!(all[1]["unknown"], Value::Null);
}

#[test]
fn old_annotations_count_where_the_policy_honours_them() {
    let pod = POD.replace(
        "namespace: team-a}",
        "namespace: team-a, annotations: {seccomp.security.alpha.kubernetes.io/pod: runtime/default}}",
    );
    for (honoured, requested) in [("true", "RuntimeDefault"), ("false", "Unconfined")] {
        let policy = PolicyDir::new(&format!("request.annotations = {honoured}"));
        let all = containers(&explain_pod(policy.path(), &pod, &["--format", "json"]));
        assert_eq!(all[1]["requested"], requested, "{honoured}");
    }
}

#[test]
fn questions_without_an_answer_have_their_exit_status() {
    let policy = stages();
    for (manifest, code, words) in [
        ("kind: ConfigMap\n", 1, "has no pod"),
        ("kind: Pod\nspec: {containers: [\n", 2, "line "),
        (
            "kind: Pod\nspec:\n  hostPID: 1\n",
            2,
            "line 3: spec.hostPID is not true or false",
        ),
        ("just words\n", 2, "line 1"),
    ] {
        let said = explain_pod(policy.path(), manifest, &[]);
        assert_eq!(said.code, Some(code), "{manifest}: {said:?}");
        assert!(said.stderr.contains(words), "{manifest}: {said:?}");
    }
    let refused = POD.replace(
        "bb:1'",
        "bb:1', securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../x}}",
    );
    let said = explain_pod(policy.path(), &refused, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("must not contain '..'"), "{said:?}");
    let broken = PolicyDir::new("nonsense = 1");
    let said = explain_pod(broken.path(), POD, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let missing = run(Command::new(shim_binary()).args(["explain", "--pod", "/nonexistent.yaml"]));
    assert_eq!(missing.code, Some(2), "{missing:?}");
}

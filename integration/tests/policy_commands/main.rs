//! `shim policy` and `shim explain` as people use them: answers, exit statuses, JSON, errors.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use integration::{Outcome, PolicyDir, TestBundle, explain, run, shared_data, shim_binary};
use serde_json::Value;

const DENY_MKDIR: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

fn shim(words: &[&str], path: &Path) -> Outcome {
    run(Command::new(shim_binary())
        .args(words)
        .arg(path)
        .env_remove("CLICOLOR_FORCE"))
}

fn check(policy: &PolicyDir, more: &[&str]) -> Outcome {
    let words: Vec<&str> = ["policy", "check"].iter().chain(more).copied().collect();
    shim(&words, policy.path())
}

fn json(said: &Outcome) -> Value {
    let value = serde_json::from_str(&said.stdout);
    assert!(value.is_ok(), "{said:?}");
    value.expect("JSON")
}

#[test]
fn check_says_all_that_is_wrong_each_in_its_place() {
    let policy = PolicyDir::new(
        r#"stric = true
[runtime]
path = "runc"
[defaults]
profile = "RuntimeDefalt"
mode = "complain"
[[rule]]
when = { engine = "dokcer", namespace = 3 }
[[rule]]
name = "teams"
when = { namespace = "team-*" }
profile = { type = "Localhost", localhostProfile = "a.json" }
[[rule]]
name = "never"
when = { namespace = "x", engine = "docker" }
profile = { type = "Localhost", localhostProfile = "missing.json" }
[[rule]]
name = "late"
when = { namespace = "team-a" }
[floor]
profile = "Unconfined"
"#,
    )
    .with_profile(
        "a.json",
        &DENY_MKDIR.replace("SCMP_ACT_ERRNO", "SCMP_ACT_ERNO"),
    );
    policy.write("policy.d/10-broken.toml", "version = 1\n[[rule]\n");
    policy.write(
        "policy.d/20-typo.toml",
        "version = 1\n[[rule]]\nnmae = \"x\"\n",
    );
    policy.write("policy.d/README", "not read");
    policy.write("profiles/spare.json", DENY_MKDIR);
    let said = check(&policy, &[]);
    assert_eq!(said.code, Some(1), "{}", said.text());
    for words in [
        "unknown field `stric`",
        "policy.toml:3:1\n  |\n3 | stric = true\n  | ^^^^^\n",
        "runtime.path cannot be \"runc\"",
        "unknown variant `RuntimeDefalt`",
        "profile = \"RuntimeDefalt\"\n  |           ^^^^^^^^^^^^^^^\n",
        "unknown variant `complain`",
        "when.engine cannot be \"dokcer\"",
        "a string or a list of strings",
        "rule \"never\" can never match",
        "the profile \"missing.json\", which is in none of the profile roots",
        "rule \"late\" is never reached: rule \"teams\" comes first",
        "= also: the rule that comes first: ",
        "floor.profile cannot be \"Unconfined\"",
        "10-broken.toml:2:",
        "unknown field `nmae`",
        "20-typo.toml:3:1\n",
        "\"SCMP_ACT_ERNO\" is no action that runtimes know\n --> ",
        "profiles/a.json:1:",
        "= also: named by rule \"teams\": ",
        "= help: did you mean \"SCMP_ACT_ERRNO\"?",
        "note: it is not read: only names that end in .toml",
        "note: no rule, default or floor names it",
        "spare.json",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let last = said.stdout.lines().last().expect("a line");
    assert!(
        last.contains("errors") && last.contains("2 notes"),
        "{last}"
    );
    assert!(
        !said.stdout.contains('\x1b'),
        "colour goes to terminals alone"
    );

    let report = json(&check(&policy, &["--format", "json"]));
    assert_eq!(report["sound"], false);
    let findings = report["findings"].as_array().expect("findings");
    let late = findings.iter().find(|one| {
        one["message"]
            .as_str()
            .is_some_and(|text| text.contains("\"late\""))
    });
    let late = late.expect("the unreachable rule");
    assert_eq!(late["level"], "error");
    assert_eq!(late["line"], 19, "{late}");
    assert_eq!(late["also"]["line"], 11, "{late}");
}

#[test]
fn a_sound_policy_has_one_line_and_warnings_count_when_strict() {
    let policy = PolicyDir::new(
        r#"[[rule]]
name = "web"
when = { namespace = "web" }
profile = { type = "Localhost", localhostProfile = "a.json" }
"#,
    )
    .with_profile("a.json", DENY_MKDIR);
    let said = check(&policy, &[]);
    assert!(said.ok(), "{}", said.text());
    let last = said.stdout.lines().last().expect("a line");
    assert!(last.ends_with("(1 rule, 0 floors, 1 profile)"), "{last}");
    // An option does as well as a word.
    let words = ["policy", "check", "--policy"];
    assert_eq!(shim(&words, policy.path()).stdout, said.stdout);

    policy.write(
        "policy.d/1.toml",
        "version = 1\n[[rule]]\nname = \"web\"\nwhen = { namespace = \"Web\" }\n",
    );
    let said = check(&policy, &[]);
    assert!(said.ok(), "{}", said.text());
    for words in ["two rules have the name \"web\"", "hardly ever matches"] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    assert_eq!(check(&policy, &["--strict"]).code, Some(1));
}

#[test]
fn what_others_could_change_is_said_unless_it_does_not_matter() {
    let policy = PolicyDir::new(
        "[floor]\nprofile = { type = \"Localhost\", localhostProfile = \"a.json\" }",
    )
    .with_profile("a.json", DENY_MKDIR);
    policy.write("policy.d/1.toml", "version = 1\n");
    let loose = |name: &str, mode| {
        let path = policy.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    loose("policy.toml", 0o666);
    loose("policy.d", 0o777);
    loose("profiles/a.json", 0o664);
    let report = json(&check(&policy, &["--format", "json"]));
    let findings = report["findings"].as_array().expect("findings");
    let files: Vec<&str> = findings
        .iter()
        .filter(|one| {
            one["message"]
                .as_str()
                .is_some_and(|text| text.contains("chmod go-w"))
        })
        .filter_map(|one| one["file"].as_str())
        .collect();
    for name in ["policy.toml", "policy.d", "profiles/a.json"] {
        let path = policy.path().join(name);
        assert!(
            files.iter().any(|file| Path::new(file) == path),
            "{name}: {files:?}"
        );
    }
    assert!(check(&policy, &["--no-trust"]).ok());
}

#[test]
fn a_directory_that_is_not_there_is_a_wrong_question() {
    let nowhere = Path::new("/nonexistent/policy");
    assert_eq!(shim(&["policy", "check"], nowhere).code, Some(2));
    assert_eq!(
        shim(&["policy", "check", "--nonsense"], nowhere).code,
        Some(2)
    );
    let said = shim(&["policy", "show"], nowhere);
    assert!(said.ok(), "{said:?}");
    assert!(
        said.stdout
            .contains("embedded, since there is no /nonexistent/policy")
    );
    // Profiles in a folder of the node's cannot be looked for in a pipeline.
    let policy = PolicyDir::new(
        "localhost.roots = [\"/nonexistent/seccomp\"]\n[defaults]\n\
         profile = { type = \"Localhost\", localhostProfile = \"x.json\" }",
    );
    let said = check(&policy, &[]);
    assert!(said.ok(), "{said:?}");
    assert!(
        said.stdout
            .contains("/nonexistent/seccomp is not on this machine"),
        "{said:?}"
    );
}

#[test]
fn show_has_rules_in_order_with_their_places() {
    let policy = PolicyDir::new(
        r#"[[rule]]
name = "builds"
when = { namespace = "ci-*", image = ["*/buildah:*", "*/kaniko:*"] }
profile = "Unconfined"
[floor]
profile = "RuntimeDefault"
[[floor.except]]
name = "the network"
when = { namespace = "kube-system", privileged = true }
"#,
    );
    policy.write(
        "policy.d/1.toml",
        "version = 1\n[[rule]]\nmode = \"audit\"\n",
    );
    let said = shim(&["policy", "show"], policy.path());
    assert!(said.ok(), "{said:?}");
    for words in [
        "builds\n",
        "namespace = ci-*, image = */buildah:* | */kaniko:*",
        "replace",
        "policy.toml:3",
        "every container",
        "(restrict)",
        "policy.d/1.toml:2",
        "[defaults]",
        "except \"the network\": namespace = kube-system, privileged = true",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let value = json(&shim(
        &["policy", "show", "--format", "json"],
        policy.path(),
    ));
    assert_eq!(value["embedded"], false);
    assert_eq!(value["rules"][0]["name"], "builds");
    assert_eq!(value["rules"][0]["at"]["line"], 3);
    assert_eq!(value["rules"][1]["mode"], "audit");
    assert_eq!(value["rules"][1]["profile"], "RuntimeDefault");
    assert_eq!(value["rules"][1]["inherited"][0], "profile");
    assert_eq!(
        value["floors"][0]["except"][0]["when"]["privileged"][0],
        "true"
    );
    // What would refuse a create is no policy in effect.
    policy.write("policy.d/2.toml", "version = 2\n");
    assert_eq!(shim(&["policy", "show"], policy.path()).code, Some(1));
}

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
    let mut child = Command::new(shim_binary())
        .args(["explain", "--pod", "-", "--policy"])
        .arg(policy)
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("shim starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may end without having read all.
    let _ = stdin.write_all(manifest.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("shim ends");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
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

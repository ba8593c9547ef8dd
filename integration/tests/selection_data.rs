//! Kubernetes' selection of a profile, over the reference cases, through `shim explain --pod`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

use std::fs;
use std::process::Command;

use integration::{PolicyDir, run, shared_data, shim_binary};
use serde_json::{Value, json};

/// A pod with the case's container among others of each kind, which say nothing.
fn manifest(input: &Value) -> Value {
    let name = input["name"].as_str().unwrap_or("hello");
    let mut context = json!({});
    if !input["container"].is_null() {
        context["seccompProfile"] = input["container"].clone();
    }
    if input["privileged"] == true {
        context["privileged"] = json!(true);
    }
    let mut spec = json!({"containers": [{"name": "other", "image": "b"}]});
    if !input["pod"].is_null() {
        spec["securityContext"] = json!({"seccompProfile": input["pod"]});
    }
    let key = match input["kind"].as_str() {
        Some("init") => "initContainers",
        Some("ephemeral") => "ephemeralContainers",
        _ => "containers",
    };
    if spec[key].is_null() {
        spec[key] = json!([]);
    }
    let list = spec[key].as_array_mut().expect("a list");
    list.push(json!({"name": name, "image": "b", "securityContext": context}));
    let mut metadata = json!({"name": "pod"});
    if !input["annotations"].is_null() {
        metadata["annotations"] = input["annotations"].clone();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

#[test]
fn kubernetes_selection_is_as_in_the_reference_data() {
    let Some(data) = shared_data("kubernetes_selection_is_as_in_the_reference_data") else {
        return;
    };
    let text = fs::read_to_string(data.join("selection.jsonl")).expect("selection.jsonl");
    let policy = PolicyDir::new("");
    let file = policy.path().join("pod.json");
    let mut cases = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        let (input, expect) = (&case["input"], &case["expect"]);
        fs::write(&file, manifest(input).to_string()).expect("the manifest");
        let mut command = Command::new(shim_binary());
        command
            .args(["explain", "--format", "json", "--pod"])
            .arg(&file);
        command.arg("--policy").arg(policy.path());
        if input["seccomp_default"] == true {
            command.arg("--seccomp-default");
        }
        if input["legacy_annotations"] == true {
            command.arg("--old-kubelet");
        }
        let said = run(&mut command);
        let answer: Value = serde_json::from_str(&said.stdout).expect(&said.stderr);
        let name = input["name"].as_str().unwrap_or("hello");
        let all = answer["containers"].as_array().expect("containers");
        let found = all.iter().find(|one| one["container"] == name);
        let got = &found.expect("the container")["kubernetes"];
        let rejections = expect["rejected_by_apiserver"].as_array();
        for reason in rejections.into_iter().flatten() {
            let reason = reason.as_str().expect("words");
            let said = got["rejectedByApiServer"].as_array().expect(line);
            let has = |one: &Value| one.as_str().is_some_and(|one| one.contains(reason));
            assert!(said.iter().any(has), "{line}\n{got}");
        }
        for key in ["type", "path", "because", "error"] {
            assert_eq!(got[key], expect[key], "{key} of {line}\n{got}");
        }
        for key in ["type", "path"] {
            let wanted = &expect["requested"][key];
            assert_eq!(&got["requested"][key], wanted, "{key} of {line}\n{got}");
        }
        if got["rejectedByApiServer"].is_null() && got["error"].is_null() {
            let implicit = expect["implicit"] == true;
            let nothing = got["implicit"] == true && got["type"] == "Unconfined";
            assert_eq!(nothing, implicit, "{line}\n{got}");
        } else {
            assert_eq!(said.code, Some(1), "{line}");
        }
        cases += 1;
    }
    assert!(cases >= 50, "{cases} cases");
}

//! What the policy means, asked through `shim explain`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

mod files;
mod floors;
mod profiles;
mod rules;

use integration::TestBundle;
use serde_json::Value;

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

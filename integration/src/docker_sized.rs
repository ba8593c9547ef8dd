//! A profile as large as the one that Docker gives.

use std::collections::BTreeSet;

use serde_json::Value;

/// The embedded default as a container without any capability gets it under runc: as large as
/// Docker's of 2026, with as few conditions.
#[must_use]
pub fn docker_sized() -> Value {
    let target = profile::Target {
        capabilities: BTreeSet::new(),
        arch: profile::native_from_name(std::env::consts::ARCH)
            .unwrap_or(profile::Arch::ScmpArchX86_64),
        kernel: profile::Kernel { major: 6, minor: 1 },
    };
    serde_json::from_str(
        &default_profile::resolve_for(&target, default_profile::Newer::Runtime).to_json(),
    )
    .unwrap_or_default()
}

/// What a policy with ten rules says that do not fit, so that all are looked at.
#[must_use]
pub fn ten_rules() -> String {
    let rule = |number: usize| {
        format!(
            "[[rule]]\nname = \"rule {number}\"\nprofile = \"RuntimeDefault\"\n\
             when = {{ namespace = \"team-{number}\", image = \"registry.example/{number}/*\" }}\n"
        )
    };
    let rules: String = (0..10).map(rule).collect();
    format!("[defaults]\nprofile = \"RuntimeDefault\"\ncombine = \"restrict\"\n\n{rules}")
}

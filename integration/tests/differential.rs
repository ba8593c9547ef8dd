//! Configurations that readers take differently, behind the shim and under the bare runtimes: the
//! shim refuses, or every runtime enforces exactly the profile that was decided on.
//!
//! The container tries mkdir, which the policy's profile denies. The bare runtimes' answers are
//! printed as a table (`--nocapture`), and enough of the tricks must work on them: else the test
//! could not fail. As measured with runc 1.1.5 and crun 1.8.1: a `Seccomp` or `ſeccomp` of null beside
//! the deny profile frees a container under runc; an allow profile before the deny one, a
//! `Seccomp` alone, and `run.oci.seccomp_bpf_data` free it under crun.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends here"
)]

mod differential_data;

use std::collections::BTreeMap;

use differential_data::{DENY, Variant, generated, table};
use integration::{Outcome, PolicyDir, RealRuntime, TestBundle, run};

const TRY_MKDIR: &[&str] = &[
    "sh",
    "-c",
    "mkdir /tmp/x && rmdir /tmp/x && echo made; echo ran",
];

/// What became of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It ran, and mkdir was denied.
    Denied,
    /// It ran free.
    Free,
    /// The shim refused it.
    Refused,
    /// The runtime refused it.
    Error,
}

impl Fate {
    fn of(outcome: &Outcome) -> Self {
        let text = outcome.text();
        if text.contains("made") {
            Self::Free
        } else if text.contains("ran") && text.contains("Operation not permitted") {
            Self::Denied
        } else if outcome.stderr.starts_with("seccomp-shim: ") && outcome.code == Some(1) {
            assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
            Self::Refused
        } else {
            Self::Error
        }
    }
}

/// The bundle with a variant as its config.json.
fn write(bundle: &TestBundle, variant: &Variant) -> Vec<u8> {
    let text = variant.text(&bundle.config(TRY_MKDIR));
    bundle.write_text(&text);
    text
}

fn bare(runtime: &RealRuntime, bundle: &TestBundle) -> Fate {
    let mut command = runtime.bare();
    command.args(["run", "--bundle"]).arg(bundle.path());
    Fate::of(&run(command.arg(bundle.id())))
}

/// What the variants come to under the bare runtimes, and how many of them free the container.
fn fooled(runtimes: &[RealRuntime], variants: &[Variant]) -> BTreeMap<&'static str, usize> {
    let bundle = TestBundle::new(TRY_MKDIR);
    let mut free = BTreeMap::new();
    for variant in variants {
        let fates = runtimes.iter().map(|runtime| {
            write(&bundle, variant);
            let fate = bare(runtime, &bundle);
            *free.entry(runtime.name).or_insert(0) += usize::from(fate == Fate::Free);
            format!("{} {fate:?}", runtime.name)
        });
        let fates: Vec<String> = fates.collect();
        println!("bare: {:<28} {}", fates.join(", "), variant.name);
    }
    free
}

/// Behind the shim, whose policy sets the deny profile: none is free.
fn assert_enforced(runtimes: &[RealRuntime], variants: &[Variant]) {
    let rule = r#"defaults.profile = { type = "Localhost", localhostProfile = "deny.json" }"#;
    let policy = PolicyDir::new(rule).with_profile("deny.json", DENY);
    let bundle = TestBundle::new(TRY_MKDIR);
    let mut counts = BTreeMap::new();
    for variant in variants {
        for runtime in runtimes {
            let text = write(&bundle, variant);
            let outcome = runtime.run(policy.path(), &bundle);
            let fate = Fate::of(&outcome);
            *counts.entry(fate).or_insert(0) += 1;
            let what = format!("{} under {}: {outcome:?}", variant.name, runtime.name);
            match fate {
                Fate::Free => panic!("got free: {what}"),
                Fate::Refused => {
                    assert_eq!(bundle.text(), text, "untouched: {what}");
                    assert!(!variant.is_plain, "nothing to refuse: {what}");
                }
                // The runtime reads something that the shim does not look at.
                Fate::Error => assert!(variant.may_fail, "{what}"),
                Fate::Denied => {
                    let deny: serde_json::Value = serde_json::from_str(DENY).expect("JSON");
                    if let Ok(now) = serde_json::from_slice::<serde_json::Value>(&bundle.text()) {
                        assert_eq!(without_nothing(&now["linux"]["seccomp"]), deny, "{what}");
                    }
                }
            }
        }
    }
    println!("behind the shim: {counts:?}");
    assert!(counts.contains_key(&Fate::Refused) && counts.contains_key(&Fate::Denied));
}

/// The profile without members of null or nothing: one that says the same with such a member is
/// left as it was written.
fn without_nothing(profile: &serde_json::Value) -> serde_json::Value {
    let nothing = [serde_json::json!(null), serde_json::json!([])];
    let mut profile = profile.clone();
    if let Some(members) = profile.as_object_mut() {
        members.retain(|_, value| !nothing.contains(value));
    }
    profile
}

/// Behind the shim, whose policy leaves the request: all runtimes read the same request, or none
/// gets to read it.
fn assert_alike(runtimes: &[RealRuntime], variants: &[Variant]) {
    let policy = PolicyDir::new(r#"defaults.profile = "Requested""#);
    let bundle = TestBundle::new(TRY_MKDIR);
    for variant in variants {
        let fates = runtimes.iter().map(|runtime| {
            write(&bundle, variant);
            let outcome = runtime.run(policy.path(), &bundle);
            (Fate::of(&outcome), runtime.name, outcome)
        });
        let fates: Vec<(Fate, &str, Outcome)> = fates.collect();
        let ran = |fate: Fate| fates.iter().any(|found| found.0 == fate);
        let both = ran(Fate::Free) && ran(Fate::Denied);
        assert!(!both, "{}: {fates:?}", variant.name);
        let refused = fates
            .iter()
            .filter(|found| found.0 == Fate::Refused)
            .count();
        assert!(
            refused == 0 || refused == fates.len(),
            "refused under one runtime only: {}: {fates:?}",
            variant.name
        );
    }
}

#[test]
fn no_known_difference_between_readers_frees_a_container() {
    let runtimes = RealRuntime::all("no_known_difference_between_readers_frees_a_container");
    if runtimes.is_empty() {
        return;
    }
    let variants = table();
    let free = fooled(&runtimes, &variants);
    for runtime in &runtimes {
        let count = free.get(runtime.name).copied().unwrap_or(0);
        assert!(count >= 5, "only {count} tricks work on {}", runtime.name);
    }
    assert_enforced(&runtimes, &variants);
    assert_alike(&runtimes, &variants);
}

#[test]
fn no_generated_difference_between_readers_frees_a_container() {
    let runtimes = RealRuntime::all("no_generated_difference_between_readers_frees_a_container");
    if runtimes.is_empty() {
        return;
    }
    let variants = generated();
    // The bare runtimes need not see all of them.
    let some: Vec<Variant> = variants.iter().step_by(7).cloned().collect();
    let free = fooled(&runtimes, &some);
    assert!(free.values().sum::<usize>() >= 5, "{free:?}");
    assert_enforced(&runtimes, &variants);
    assert_alike(&runtimes, &variants);
}

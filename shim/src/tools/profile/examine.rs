//! What compiling a profile shows: whether runc's and crun's libseccomp take it, and whether the
//! filter does what the rules mean.

use std::collections::BTreeSet;

use filter::{Blame, Examination, GuardError, Limits, Runtime};
use profile::{Arch, Seccomp, Source, Target};
use strict_json::Place;

use super::deciding::{place_of, why};
use super::finding::{Finding, Level};

/// All that there is to say of a profile that can be read, for each of some containers.
pub(in crate::tools) fn of_source(
    source: &Source,
    native: Arch,
    targets: &[Target],
) -> Vec<Finding> {
    let lint = source.lint(native);
    let mut findings: Vec<Finding> = lint.iter().map(Finding::of_warning).collect();
    let mut newer = BTreeSet::new();
    // What shows only once the filters are applied.
    for target in targets {
        let more: Vec<Finding> = match source.resolve_with_places(target) {
            Err(problems) => problems.iter().map(Finding::of_problem).collect(),
            Ok((seccomp, places)) => examine(&seccomp, &places, native, &mut newer),
        };
        for finding in more {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings.extend(of_newer(&newer));
    findings
}

/// What is found of a resolved profile, whose rules stand at `places`, on a node of `native`. What
/// both runtimes do alike is said once; names that this libseccomp lacks are added to `newer`.
fn examine(
    seccomp: &Seccomp,
    places: &[Place],
    native: Arch,
    newer: &mut BTreeSet<String>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for runtime in [Runtime::Runc, Runtime::Crun] {
        let more = match filter::examine(seccomp, native, runtime, Limits::default()) {
            Ok(examination) => {
                newer.extend(examination.newer().map(str::to_owned));
                of_filter(&examination, places)
            }
            Err(error) => vec![of_error(&error.source, seccomp, places, native, runtime)],
        };
        for finding in more {
            let known = findings.iter().any(|one| one.message == finding.message);
            if !known {
                findings.push(finding);
            }
        }
    }
    findings
}

fn of_filter(examination: &Examination, places: &[Place]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wrong in &examination.miscompiled {
        let rule = wrong.rules.first().copied();
        findings.push(Finding {
            level: Level::Warning,
            place: place_of(places, rule),
            message: wrong.to_string(),
            mend: Some("write the rules so that no two conditions on the call overlap".to_owned()),
        });
    }
    findings
}

/// What there is to say of the names that this libseccomp lacks.
fn of_newer(newer: &BTreeSet<String>) -> Option<Finding> {
    let names: Vec<&str> = newer.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| Finding {
        level: Level::Warning,
        place: place_of(&[], None),
        message: format!(
            "this libseccomp does not know {}: they get the default action",
            names.join(", ")
        ),
        mend: Some("a runtime with a newer libseccomp would add them".to_owned()),
    })
}

fn of_error(
    error: &GuardError,
    seccomp: &Seccomp,
    places: &[Place],
    native: Arch,
    runtime: Runtime,
) -> Finding {
    let (rule, text) = why(error);
    // Not being able to try is no fault of the profile.
    let level = match error {
        GuardError::Compile(_) | GuardError::Time { .. } => Level::Error,
        _ => Level::Warning,
    };
    let mut finding = Finding {
        level,
        place: place_of(places, rule),
        message: format!("{runtime} could not start a container with this{text}"),
        mend: None,
    };
    if let Some(blame) = Blame::find(error, seccomp, native, runtime, Limits::default()) {
        let earlier = place_of(places, Some(blame.earlier));
        finding.place = place_of(places, Some(blame.rule));
        finding.mend = Some(format!(
            "the rule at {earlier} has the same condition on {} and another action; keep one",
            blame.name
        ));
    }
    finding
}

//! What a profile does, call by call, as libseccomp takes its rules.

use std::collections::BTreeMap;

use profile::meaning::Outcome;
use profile::{Condition, Seccomp};

/// A profile, ordered by its calls.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    /// What happens to calls without a rule.
    pub(super) default: Outcome,
    /// The calls that have one, by name.
    pub(super) calls: BTreeMap<&'a str, Fate<'a>>,
}

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// The same for all arguments.
    Always(Outcome),
    /// One of these where its conditions hold, the default otherwise.
    Cases(Vec<(Outcome, &'a [Condition])>),
}

impl<'a> Summary<'a> {
    /// Reads the rules: the first one without conditions wins, those that do what the default does
    /// count for nothing, and where two conditions of a rule look at one argument each stands alone.
    pub(super) fn of(seccomp: &'a Seccomp) -> Self {
        let default = Outcome::of_default(seccomp);
        let mut calls: BTreeMap<&str, Fate<'_>> = BTreeMap::new();
        for rule in &seccomp.rules {
            let outcome = Outcome::of_rule(rule);
            for name in &rule.names {
                let fate = calls.entry(name).or_insert(Fate::Cases(Vec::new()));
                match fate {
                    _ if outcome == default => {}
                    Fate::Always(_) => {}
                    fate if rule.args.is_empty() => *fate = Fate::Always(outcome),
                    Fate::Cases(cases) => {
                        let size = if repeats(&rule.args) {
                            1
                        } else {
                            rule.args.len()
                        };
                        let lists = rule.args.chunks(size.max(1));
                        cases.extend(lists.map(|list| (outcome, list)));
                    }
                }
            }
        }
        for fate in calls.values_mut() {
            if *fate == Fate::Cases(Vec::new()) {
                *fate = Fate::Always(default);
            }
        }
        Self { default, calls }
    }

    /// What happens to a call.
    pub(super) fn fate(&self, name: &str) -> Fate<'a> {
        let fate = self.calls.get(name).cloned();
        fate.unwrap_or(Fate::Always(self.default))
    }
}

fn repeats(args: &[Condition]) -> bool {
    args.iter().enumerate().any(|(at, one)| {
        let mut before = args.iter().take(at);
        before.any(|other| other.index == one.index)
    })
}

#[cfg(test)]
mod tests {
    use profile::Source;

    use super::*;

    #[test]
    fn rules_are_taken_as_libseccomp_does() {
        let file = br#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {"names":["setns"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
            {"names":["setns","bpf"],"action":"SCMP_ACT_LOG"},
            {"names":["setns"],"action":"SCMP_ACT_ALLOW"},
            {"names":["mount"],"action":"SCMP_ACT_ERRNO"},
            {"names":["read"],"action":"SCMP_ACT_ALLOW","args":[
                {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}]}"#;
        let text = strict_json::Text::check(file, strict_json::MAX_DEPTH).unwrap();
        let seccomp = Seccomp::from_oci(&text.root()).unwrap();
        assert!(Source::read(file).is_ok());
        let summary = Summary::of(&seccomp);
        let said = |name: &str| match summary.fate(name) {
            Fate::Always(outcome) => outcome.to_string(),
            Fate::Cases(cases) => format!("{} cases", cases.len()),
        };
        for (name, expect) in [
            ("setns", "LOG"),
            ("bpf", "LOG"),
            ("mount", "ERRNO(1)"),
            ("read", "2 cases"),
            ("other", "ERRNO(1)"),
        ] {
            assert_eq!(said(name), expect, "{name}");
        }
    }
}

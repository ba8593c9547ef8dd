//! Rules and exceptions that no container can ever get to.
//!
//! Sound, not complete: what is said here to be out of reach is so for every container. What is
//! merely unlikely is a warning, with its reason.

mod alone;
mod cover;
mod together;

use self::alone::judge_alone;
use self::cover::covers;
use self::together::shadows;
use crate::Policy;
use crate::outline::At;

/// How bad a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// It cannot work.
    Error,
    /// It works, but hardly as meant.
    Warning,
    /// Good to know.
    Note,
}

/// Something to say about a place in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How bad it is.
    pub gravity: Gravity,
    /// Where.
    pub at: At,
    /// The key at that place that it is about, if it is about one.
    pub key: Option<&'static str>,
    /// What there is to say.
    pub message: String,
    /// What would put it right.
    pub mend: Option<String>,
    /// Another place that has to do with it, and how.
    pub also: Option<(At, String)>,
}

impl Policy {
    /// What of its rules and exceptions no container can get to, and what hardly any can.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let honours = self.honour_annotations;
        for (index, rule) in self.rules.iter().enumerate() {
            let subject = format!("rule {:?}", rule.name);
            let before = remarks.len();
            judge_alone(&mut remarks, &rule.when, &rule.place, &subject, honours);
            let hopeless = remarks
                .iter()
                .skip(before)
                .any(|remark| remark.gravity == Gravity::Error);
            let earlier = self.rules.get(..index).unwrap_or_default();
            let shadows = shadows(earlier, rule);
            if let (false, Some(first)) = (hopeless, shadows.first()) {
                let names: Vec<String> = shadows
                    .iter()
                    .map(|shadow| format!("{:?}", shadow.name))
                    .collect();
                let (message, also) = match names.as_slice() {
                    [one] => (
                        format!(
                            "{subject} is never reached: rule {one} comes first and matches all that it matches"
                        ),
                        "the rule that comes first",
                    ),
                    all => (
                        format!(
                            "{subject} is never reached: rules {} come first and together match all that it matches",
                            all.join(", ")
                        ),
                        "the first of them",
                    ),
                };
                remarks.push(Remark {
                    gravity: Gravity::Error,
                    at: At::of(&rule.place),
                    key: None,
                    message,
                    mend: Some("put the narrower rule first, or remove one".to_owned()),
                    also: Some((At::of(&first.place), also.to_owned())),
                });
            }
            let named = rule.name != format!("line {}", rule.place.line);
            let twin = self
                .rules
                .iter()
                .take(index)
                .find(|other| other.name == rule.name);
            if let (true, Some(twin)) = (named, twin) {
                remarks.push(Remark {
                    gravity: Gravity::Warning,
                    at: At::of(&rule.place),
                    key: Some("name"),
                    message: format!("two rules have the name {:?}", rule.name),
                    mend: Some("name them apart: records and errors tell rules by name".to_owned()),
                    also: Some((At::of(&twin.place), "the other one".to_owned())),
                });
            }
        }
        for floor in &self.floors {
            for (index, (name, when)) in floor.except.iter().enumerate() {
                let subject = format!("exception {name:?}");
                judge_alone(&mut remarks, when, &floor.place, &subject, honours);
                if when.fields().is_empty() {
                    remarks.push(Remark {
                        gravity: Gravity::Warning,
                        at: At::of(&floor.place),
                        key: None,
                        message: format!("{subject} lets every container out of the floor"),
                        mend: Some(
                            "say in its when whom it is for, or remove the floor".to_owned(),
                        ),
                        also: None,
                    });
                }
                let mut earlier = floor.except.iter().take(index);
                let shadow = earlier.find(|(_, earlier)| {
                    earlier
                        .privileged
                        .is_none_or(|wanted| when.privileged == Some(wanted))
                        && covers(earlier, when)
                });
                if let Some((first, _)) = shadow {
                    remarks.push(Remark {
                        gravity: Gravity::Warning,
                        at: At::of(&floor.place),
                        key: None,
                        message: format!(
                            "{subject} adds nothing: exception {first:?} matches all that it matches"
                        ),
                        mend: Some("remove one".to_owned()),
                        also: None,
                    });
                }
            }
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(rules: &str) -> Vec<(Gravity, usize, String)> {
        let file = std::sync::Arc::from(std::path::Path::new("policy.toml"));
        let text = format!("version = 1\n{rules}");
        let policy = Policy::from_toml(file, &text).expect("a policy");
        let all = policy.remarks().into_iter();
        all.map(|one| (one.gravity, one.at.line, one.message))
            .collect()
    }

    #[test]
    fn shadows_are_found_and_only_those() {
        let rule = |when: &str| format!("[[rule]]\nwhen = {{ {when} }}\n");
        let shadowed = [
            ("", "namespace = \"a\""),
            (
                "namespace = \"team-*\"",
                "namespace = [\"team-a\", \"team-b*\"]",
            ),
            ("engine = [\"containerd\", \"cri-o\"]", "namespace = \"a\""),
            ("handler = \"*\"", "pod = \"x\""),
            ("host_pid = true", "host_pid = true, host_ipc = true"),
            ("privileged = true", "privileged = true, namespace = \"a\""),
            ("privileged = false", "namespace = \"a\""),
            (
                "annotation = { k = \"*\" }",
                "annotation = { k = \"v\", l = \"w\" }",
            ),
            (
                "requested = [\"spec\", \"Local*\", \"R*\", \"U*\"]",
                "engine = \"docker\"",
            ),
        ];
        for (first, second) in shadowed {
            let found = remarks(&format!("{}{}", rule(first), rule(second)));
            assert_eq!(found.len(), 1, "{first} / {second}: {found:?}");
            assert_eq!((found[0].0, found[0].1), (Gravity::Error, 4), "{found:?}");
        }
        let reached = [
            ("namespace = \"*\"", "engine = \"docker\""),
            ("namespace = \"team-a\"", "namespace = \"team-*\""),
            ("", "privileged = true"),
            ("privileged = true", "namespace = \"a\""),
            ("engine = \"containerd\"", "namespace = \"a\""),
            ("host_pid = true", "host_pid = false"),
            ("annotation = { k = \"*\" }", "annotation = { l = \"*\" }"),
            ("image = \"*:1\"", "namespace = \"a\""),
        ];
        for (first, second) in reached {
            let found = remarks(&format!("{}{}", rule(first), rule(second)));
            assert_eq!(found, [], "{first} / {second}");
        }
    }

    #[test]
    fn rules_that_leave_nothing_together_are_found_and_only_those() {
        let rules = |whens: &[&str]| {
            let rules = whens.iter().enumerate();
            let rules =
                rules.map(|(at, when)| format!("[[rule]]\nname = \"{at}\"\nwhen = {{ {when} }}\n"));
            remarks(&rules.collect::<String>())
        };
        for (whens, names) in [
            (
                &[
                    "engine = \"containerd\"",
                    "engine = \"cri-o\"",
                    "namespace = \"a\"",
                ][..],
                "\"0\", \"1\"",
            ),
            (
                &[
                    "engine = \"docker\"",
                    "engine = [\"b*\", \"c*\", \"podman\", \"unknown\"]",
                    "handler = \"x\"",
                ],
                "\"0\", \"1\"",
            ),
            (
                &[
                    "requested = \"spec\"",
                    "engine = \"cri-o\", requested = [\"R*\", \"L*\"]",
                    "requested = \"Unconfined\"",
                    "engine = \"cri-o\", host_pid = true",
                ],
                "\"0\", \"1\", \"2\"",
            ),
            // Of two that would do, the first counts.
            (
                &[
                    "engine = \"containerd\", namespace = \"*\"",
                    "engine = \"containerd\"",
                    "engine = \"cri-o\"",
                    "namespace = \"a\"",
                ],
                "\"0\", \"2\"",
            ),
        ] {
            let found = rules(whens);
            let errors = found.iter().filter(|one| one.0 == Gravity::Error);
            let errors: Vec<_> = errors.map(|(_, _, message)| message).collect();
            assert_eq!(errors.len(), 1, "{whens:?}: {found:?}");
            let words = format!("rules {names} come first and together match");
            assert!(errors[0].contains(&words), "{whens:?}: {found:?}");
        }
        for whens in [
            &[
                "engine = \"containerd\"",
                "engine = \"docker\"",
                "namespace = \"a\"",
            ][..],
            &[
                "requested = \"spec\"",
                "requested = \"Unconfined\"",
                "handler = \"x\"",
            ],
            // Engines need not tell of namespaces.
            &["host_pid = true", "host_pid = false", "engine = \"docker\""],
            &[
                "namespace = \"a*\"",
                "namespace = \"b*\"",
                "namespace = \"*\"",
            ],
            // A privileged container is another matter.
            &[
                "engine = \"containerd\", privileged = true",
                "engine = \"cri-o\"",
                "pod = \"a\"",
            ],
            &[
                "engine = \"cri-o\", requested = [\"R*\", \"L*\"]",
                "requested = [\"spec\", \"Unconfined\"]",
                "handler = \"x\"",
            ],
        ] {
            assert_eq!(rules(whens), [], "{whens:?}");
        }
    }

    #[test]
    fn rules_that_can_never_match_are_found() {
        for (when, gravity) in [
            ("engine = \"docker\", namespace = \"a\"", Gravity::Error),
            (
                "engine = [\"podman\", \"un*\"], image = \"*x*\"",
                Gravity::Error,
            ),
            (
                "privileged = true, requested = \"Localhost\"",
                Gravity::Error,
            ),
            (
                "requested = \"Localhost\", engine = \"containerd\"",
                Gravity::Error,
            ),
            ("namespace = \"Team_A\"", Gravity::Warning),
            ("image = \"nginx\"", Gravity::Warning),
            (
                "namespace = \"a\", user_namespace = true, host_pid = true",
                Gravity::Warning,
            ),
        ] {
            let found = remarks(&format!("[[rule]]\nwhen = {{ {when} }}"));
            assert_eq!(found.len(), 1, "{when}: {found:?}");
            assert_eq!(found[0].0, gravity, "{found:?}");
        }
        let honours = "request.annotations = true\n[[rule]]\nwhen = { requested = \"Localhost\" }";
        assert_eq!(remarks(honours), []);
        assert_eq!(
            remarks("[[rule]]\nwhen = { requested = \"Localhost\" }"),
            []
        );
    }
}

//! Rules of which one takes something from the other: hidden by one without conditions, dropped
//! for doing what the default does, or overlapping.

use super::overlap::{equal, example};
use super::together::{always, ever};
use super::{Grouped, Lint, Rule};
use crate::WarningKind;

impl Lint<'_> {
    /// Rules that never count, or that are no exception though they look like one.
    pub(super) fn hidden(&mut self) {
        let (mut hidden, mut dropped) = (Grouped::default(), Grouped::default());
        for rule in self.rules.clone() {
            for name in &rule.rule.names {
                let naming = self.naming(name);
                if naming.len() < 2 || !self.may_compare(naming.len()) {
                    continue;
                }
                for other in naming {
                    let counts = other.outcome != self.default
                        && other.outcome != rule.outcome
                        && always(rule.rule, other.rule);
                    if !counts {
                        continue;
                    }
                    if rule.outcome == self.default {
                        if example(&rule.rule.args, &other.rule.args).is_some() {
                            dropped.add(rule.index, other.index, name);
                            break;
                        }
                    } else if hides(other, rule) {
                        hidden.add(rule.index, other.index, name);
                        break;
                    }
                }
            }
        }
        for ((rule, other), names) in hidden.0 {
            let (Some(rule), Some(other)) = self.pair(rule, other) else {
                continue;
            };
            let kind = WarningKind::Hidden {
                names,
                own: rule.outcome,
                by: self.place_of(other),
                wins: other.outcome,
            };
            self.warn(rule.rule.offset, kind, None);
        }
        for ((rule, other), names) in dropped.0 {
            let (Some(rule), Some(other)) = self.pair(rule, other) else {
                continue;
            };
            let kind = WarningKind::Dropped {
                names,
                own: rule.outcome,
                from: self.place_of(other),
                wins: other.outcome,
            };
            self.warn(rule.rule.offset, kind, None);
        }
    }

    /// Rules with conditions that can hold at once, and differ.
    pub(super) fn overlaps(&mut self) {
        let mut found = Grouped::default();
        let mut names: Vec<&str> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        for name in names {
            let naming = self.naming(name);
            if naming.len() < 2 || !self.may_compare(naming.len()) {
                continue;
            }
            let counts = |rule: &Rule<'_>| {
                rule.outcome != self.default
                    && rule.is_conditional()
                    && !naming
                        .iter()
                        .any(|other| self.wins(*other, *rule) && !other.is_conditional())
            };
            let with: Vec<Rule<'_>> = naming.iter().copied().filter(counts).collect();
            for (at, rule) in with.iter().enumerate() {
                for earlier in with.iter().take(at) {
                    if !self.may_compare(1) {
                        break;
                    }
                    if rule.outcome != earlier.outcome
                        && ever(rule.rule, earlier.rule)
                        && example(&earlier.rule.args, &rule.rule.args).is_some()
                    {
                        found.add(rule.index, earlier.index, name);
                    }
                }
            }
        }
        for ((rule, other), names) in found.0 {
            let (Some(rule), Some(other)) = self.pair(rule, other) else {
                continue;
            };
            let (own, others) = (rule.outcome, other.outcome);
            let place = self.place_of(other);
            let kind = if equal(&rule.rule.args, &other.rule.args) {
                // Where no filter parts them, resolving refuses them anyway.
                WarningKind::Collision {
                    names,
                    own,
                    other: place,
                    others,
                }
            } else {
                WarningKind::Overlap {
                    names,
                    own,
                    other: place,
                    others,
                    example: shown(example(&other.rule.args, &rule.rule.args)),
                }
            };
            self.warn(rule.rule.offset, kind, None);
        }
    }

    /// Whether `other`, where it counts, leaves nothing of `rule`.
    fn wins(&self, other: Rule<'_>, rule: Rule<'_>) -> bool {
        other.outcome != self.default && always(rule.rule, other.rule)
    }

    fn pair(&self, rule: usize, other: usize) -> (Option<Rule<'_>>, Option<Rule<'_>>) {
        (
            self.rules.get(rule).copied(),
            self.rules.get(other).copied(),
        )
    }
}

/// Whether `other` has no conditions and comes before a rule that has none either.
fn hides(other: Rule<'_>, rule: Rule<'_>) -> bool {
    !other.is_conditional() && (rule.is_conditional() || other.index < rule.index)
}

/// Arguments as a message has them.
fn shown(example: Option<Vec<(u32, u64)>>) -> String {
    let each = example.into_iter().flatten();
    let each: Vec<String> = each
        .map(|(index, value)| format!("argument {index} = {value:#x}"))
        .collect();
    each.join(", ")
}

//! Notifications in the place of a profile's answers, so that a listener hears of a call.
//!
//! The profile that comes out answers every call as the one that went in, or with NOTIFY where that
//! one's answer was asked about. What cannot be had so exactly stays as it was and is named. Two
//! facts of libseccomp decide which is which: an unconditional rule wipes a syscall's conditional
//! ones, in either order, so a NOTIFY never stands beside a condition that counts; and a rule for
//! `socket` is on some ABIs one for `socketcall` as well.

mod conditions;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use conditions::{LeftOver, apart, fill, left_over};

use crate::meaning::{Outcome, alternatives, multiplexer};
use crate::syscall_names::all_syscalls;
use crate::{Action, Arch, Condition, Rule, Seccomp, has_syscall};

/// Where a runtime takes NOTIFY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Whether it may be the default action.
    pub as_default: bool,
    /// The calls on which it may not be.
    pub never: &'static [&'static str],
}

/// A profile with notifications in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The profile, without a listener yet.
    pub profile: Seccomp,
    /// The calls of which the listener does not hear although it should, sorted; with the words
    /// "in part" where that is so under some conditions alone.
    pub unasked: Vec<String>,
}

/// Makes NOTIFY of every answer of `profile` that `asked` picks, wherever `asker` takes it and the
/// others stay exactly as they are.
#[must_use]
pub fn ask(
    profile: &Seccomp,
    native: Arch,
    asker: Asker,
    asked: impl Fn(Outcome) -> bool,
) -> Asking {
    let default = Outcome::of_default(profile);
    let mut arches = vec![native];
    arches.extend_from_slice(&profile.architectures);
    let calls = Calls::of(profile, default);
    let mut made = Made {
        calls: &calls,
        arches: &arches,
        asked: &asked,
        default,
        rules: profile.rules.clone(),
        notify: Vec::new(),
        unasked: BTreeSet::new(),
    };
    let by_default = asker.as_default && asked(default);
    for name in calls.0.keys() {
        if by_default {
            made.by_default(name);
        } else {
            made.by_name(name, asker);
        }
    }
    if asked(default) && !by_default {
        for name in all_syscalls().filter(|name| !calls.0.contains_key(*name)) {
            if arches.iter().any(|arch| has_syscall(*arch, name)) {
                made.unruled(name, asker);
            }
        }
    }
    let Made {
        mut rules,
        mut notify,
        unasked,
        ..
    } = made;
    rules.retain(|rule| !rule.names.is_empty());
    // The same profile for the same container, at every create.
    notify.sort_unstable();
    if !notify.is_empty() {
        // First, so that libseccomp drops what it does for multiplexed calls after it.
        rules.insert(0, notification(notify, Vec::new()));
    }
    let (default_action, default_errno) = if by_default {
        (Action::ScmpActNotify, None)
    } else {
        (profile.default_action, profile.default_errno)
    };
    let mut profile = Seccomp {
        default_action,
        default_errno,
        rules,
        ..profile.clone()
    };
    profile.anchor();
    Asking {
        profile,
        unasked: unasked.into_iter().collect(),
    }
}

fn notification(names: Vec<Cow<'static, str>>, args: Vec<Condition>) -> Rule {
    Rule {
        names,
        action: Action::ScmpActNotify,
        errno: None,
        args,
    }
}

/// The rules of each call that do something, by index.
struct Calls(BTreeMap<Cow<'static, str>, Vec<usize>>);

impl Calls {
    fn of(profile: &Seccomp, default: Outcome) -> Self {
        let mut calls: BTreeMap<Cow<'static, str>, Vec<usize>> = BTreeMap::new();
        for (at, rule) in profile.rules.iter().enumerate() {
            // The runtimes drop what does what the default does.
            if Outcome::of_rule(rule) == default {
                continue;
            }
            for name in &rule.names {
                calls.entry(name.clone()).or_default().push(at);
            }
        }
        Self(calls)
    }
}

struct Made<'a, F> {
    calls: &'a Calls,
    arches: &'a [Arch],
    asked: &'a F,
    default: Outcome,
    rules: Vec<Rule>,
    notify: Vec<Cow<'static, str>>,
    unasked: BTreeSet<String>,
}

impl<F: Fn(Outcome) -> bool> Made<'_, F> {
    /// A call with rules, where all that is left to the default is notified.
    fn by_default(&mut self, name: &str) {
        if let Some(at) = self.unconditional(name) {
            if !self.is_asked(at) {
                return;
            }
            // Without its rule, the conditions of what comes through it would be its own.
            if self.comes_through(name) {
                self.unasked.insert(name.to_owned());
            } else {
                self.take_out(name, |_| true);
            }
            return;
        }
        let (asked, others) = self.conditional(name);
        if self.disjoint(&asked, &others) {
            self.take_out(name, |at| asked.contains(&at));
        } else {
            self.unasked.insert(format!("{name} (in part)"));
        }
    }

    /// A name of a rule, shared with it where it can be.
    fn owned(&self, name: &str) -> Cow<'static, str> {
        let known = self.calls.0.get_key_value(name);
        known.map_or_else(|| Cow::Owned(name.to_owned()), |(name, _)| name.clone())
    }

    /// Whether calls that are made through `name` have rules that stay.
    fn comes_through(&self, name: &str) -> bool {
        let mut others = self.calls.0.iter();
        others.any(|(other, rules)| {
            let mut arches = self.arches.iter();
            arches.any(|arch| multiplexer(*arch, other).is_some_and(|(through, _)| through == name))
                && rules.iter().any(|at| !self.is_asked(*at))
        })
    }

    /// A call with rules, where what is notified must be named.
    fn by_name(&mut self, name: &str, asker: Asker) {
        let asks_default = (self.asked)(self.default);
        if let Some(at) = self.unconditional(name) {
            if !self.is_asked(at) {
                return;
            }
            if self.may_name(name, asker) {
                self.take_out(name, |_| true);
                self.notify.push(self.owned(name));
            } else {
                self.unasked.insert(name.to_owned());
            }
            return;
        }
        let (asked, others) = self.conditional(name);
        if asked.is_empty() && !asks_default {
            return;
        }
        if asker.never.contains(&name) {
            self.unasked.insert(name.to_owned());
            return;
        }
        if others.is_empty() && asks_default && self.may_name(name, asker) {
            self.take_out(name, |_| true);
            self.notify.push(self.owned(name));
            return;
        }
        let mut in_part = false;
        if self.disjoint(&asked, &others) {
            self.swap(name, &asked);
        } else {
            in_part = true;
        }
        if asks_default {
            // What the profile says of the default's calls by conditions can be asked so.
            let said = self.said_again(name).into_iter();
            let said: Vec<usize> = said.filter(|at| self.disjoint(&[*at], &others)).collect();
            if self.decide_all([&asked, &others, &said]) {
                self.swap(name, &said);
            } else {
                let rest = self.rest(name, [&asked, &others]);
                in_part |= rest.as_ref().is_none_or(|rest| !rest.whole);
                match rest {
                    // What is said of it may tell more than a part.
                    Some(rest) if rest.whole || said.is_empty() => self.notify_if(name, rest),
                    _ => self.swap(name, &said),
                }
            }
        }
        if in_part {
            self.unasked.insert(format!("{name} (in part)"));
        }
    }

    /// A call that no rule names.
    fn unruled(&mut self, name: &'static str, asker: Asker) {
        if self.may_name(name, asker) {
            self.notify.push(Cow::Borrowed(name));
        } else {
            self.unasked.insert(name.to_owned());
        }
    }

    /// Whether a NOTIFY without conditions may stand for `name`.
    fn may_name(&self, name: &str, asker: Asker) -> bool {
        if asker.never.contains(&name) {
            return false;
        }
        // It would wipe what the rules of those that come through it are there, unless a rule
        // without conditions does so already.
        if self.unconditional(name).is_none() && self.comes_through(name) {
            return false;
        }
        for arch in self.arches {
            // This one would meet the conditions of what it comes through.
            if let Some((through, _)) = multiplexer(*arch, name)
                && self.calls.0.contains_key(through)
                && self.unconditional(through).is_none()
            {
                return false;
            }
        }
        true
    }

    /// The calls of `name` that none of `rules` decides; none where that cannot be said exactly.
    fn rest(&self, name: &str, rules: [&[usize]; 2]) -> Option<LeftOver> {
        for arch in self.arches {
            // There, argument 0 is another; unless nobody asks for it.
            if let Some((through, _)) = multiplexer(*arch, name)
                && self.unconditional(through).is_none()
            {
                return None;
            }
        }
        left_over(&self.single_conditions(rules)?, self.arches)
    }

    fn notify_if(&mut self, name: &str, rest: LeftOver) {
        let name = self.owned(name);
        let conditions = rest.conditions.into_iter();
        let rules = conditions.map(|one| notification(vec![name.clone()], vec![one]));
        self.rules.extend(rules);
    }

    /// Whether there are no arguments that none of `rules` decides.
    fn decide_all(&self, rules: [&[usize]; 3]) -> bool {
        let all = self.single_conditions(rules);
        all.is_some_and(|all| fill(&all, self.arches))
    }

    /// The conditions of rules that have one each.
    fn single_conditions<const N: usize>(&self, rules: [&[usize]; N]) -> Option<Vec<Condition>> {
        let all = rules.into_iter().flatten();
        let all = all.map(|at| match self.rules.get(*at)?.args.as_slice() {
            [one] => Some(*one),
            _ => None,
        });
        all.collect()
    }

    /// The rules of `name` with conditions that do what the default does.
    fn said_again(&self, name: &str) -> Vec<usize> {
        let rules = self.rules.iter().enumerate();
        let again = rules.filter(|(_, rule)| {
            !rule.args.is_empty()
                && Outcome::of_rule(rule) == self.default
                && rule.names.iter().any(|other| other == name)
        });
        again.map(|(at, _)| at).collect()
    }

    fn is_asked(&self, at: usize) -> bool {
        let rule = self.rules.get(at);
        rule.is_some_and(|rule| {
            rule.action == Action::ScmpActNotify || (self.asked)(Outcome::of_rule(rule))
        })
    }

    /// The first of a call's rules without conditions, which decides alone.
    fn unconditional(&self, name: &str) -> Option<usize> {
        let mut rules = self.calls.0.get(name)?.iter().copied();
        rules.find(|at| self.rules.get(*at).is_some_and(|rule| rule.args.is_empty()))
    }

    /// A call's rules, those asked about and the others.
    fn conditional(&self, name: &str) -> (Vec<usize>, Vec<usize>) {
        let rules = self.calls.0.get(name).map_or(&[][..], Vec::as_slice);
        rules.iter().copied().partition(|at| self.is_asked(*at))
    }

    /// Whether no arguments meet both one of `some` and one of `others`.
    fn disjoint(&self, some: &[usize], others: &[usize]) -> bool {
        let args = |at: &usize| self.rules.get(*at).map_or(&[][..], |rule| &rule.args);
        some.iter().all(|one| {
            others.iter().all(|other| {
                alternatives(args(one)).all(|one| {
                    alternatives(args(other)).all(|other| apart(one, other, self.arches))
                })
            })
        })
    }

    fn take_out(&mut self, name: &str, which: impl Fn(usize) -> bool) {
        for (at, rule) in self.rules.iter_mut().enumerate() {
            if which(at) {
                rule.names.retain(|other| other != name);
            }
        }
    }

    /// Makes the rules notify of `name`, in the places where they are.
    fn swap(&mut self, name: &str, asked: &[usize]) {
        let owned = self.owned(name);
        for at in asked {
            let Some(rule) = self.rules.get_mut(*at) else {
                continue;
            };
            if rule.names.len() == 1 {
                rule.action = Action::ScmpActNotify;
                rule.errno = None;
            } else {
                rule.names.retain(|other| other != name);
                let args = rule.args.clone();
                self.rules.push(notification(vec![owned.clone()], args));
            }
        }
    }
}

#[cfg(test)]
mod tests;

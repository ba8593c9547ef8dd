//! Going through all syscalls of two profiles.

use std::borrow::Cow;

use super::combine::{Side, combine};
use super::effect::{Case, Effect, Effects};
use super::error::RestrictError;
use super::multiplexer::{Implied, MULTIPLEXERS, shut, strict, unsaid};
use super::note::{Note, Rounding};
use super::pick::Pick;
use super::rules::Rules;
use super::width::Width;
use crate::meaning::{Outcome, multiplexer};
use crate::{Action, Arch, Rule};

/// Both profiles, read, and what their result has in common for all syscalls.
#[derive(Debug)]
pub(crate) struct Both<'a> {
    pub(crate) policy: Effects<'a>,
    pub(crate) request: Effects<'a>,
    pub(crate) default: Outcome,
    pub(crate) width: Width,
    pub(crate) pick: Pick,
}

impl<'a> Both<'a> {
    /// The result's rules, where `through` is an architecture that has multiplexers, if any.
    pub(crate) fn rules(
        &self,
        through: Option<Arch>,
        rounded: &mut Vec<Note>,
    ) -> Result<Vec<Rule>, RestrictError> {
        let mut implied = Implied::default();
        let mut rules = Rules::new(self.default);
        for name in self.names() {
            if through.is_some() && MULTIPLEXERS.contains(&name.as_ref()) {
                continue;
            }
            let (effect, rounding) = self.effect(name);
            rounded.extend(rounding.map(|rounding| stricter(name, rounding)));
            if let Some((call, number)) = through.and_then(|arch| multiplexer(arch, name)) {
                implied.add(call, number, &effect, self.default);
            }
            rules.add(name.clone(), effect);
        }
        let multiplexers = MULTIPLEXERS.into_iter().filter(|_| through.is_some());
        for syscall in multiplexers {
            self.multiplexer(syscall, implied.of(syscall), &mut rules, rounded)?;
        }
        Ok(rules.finish())
    }

    /// The rules for a multiplexer itself, which must come after those that imply some for it.
    fn multiplexer(
        &self,
        syscall: &'static str,
        implied: &[Case],
        rules: &mut Rules,
        rounded: &mut Vec<Note>,
    ) -> Result<(), RestrictError> {
        let (meant, rounding) = self.effect(syscall);
        let mut opened = shut(syscall, &meant, implied, self.default, self.width)?;
        let rest = unsaid(&meant, implied, self.default);
        if opened.is_none() && self.pick == Pick::Stricter && !self.stays(syscall, &rest, implied) {
            opened = Some(strict(syscall, &meant, self.default)?);
        }
        let named = self.policy.names_it(syscall) || self.request.names_it(syscall);
        let name = Cow::Borrowed(syscall);
        if let Some(outcome) = opened {
            rules.always(name, outcome);
            rounded.push(stricter(syscall, Rounding::Multiplexer));
        } else {
            if named || rest != Effect::Always(self.default) {
                rules.add(name, rest);
            }
            rounded.extend(rounding.map(|rounding| stricter(syscall, rounding)));
        }
        Ok(())
    }

    /// Whether restricting the result again would say the same of a multiplexer, of which it says
    /// `rest` itself.
    fn stays(&self, syscall: &'static str, rest: &Effect, implied: &[Case]) -> bool {
        let said = match rest {
            Effect::Always(outcome) if *outcome != self.default => return true,
            Effect::Always(_) => &[],
            Effect::Cases(cases) => cases.as_slice(),
        };
        let all: Vec<Case> = said.iter().chain(implied).cloned().collect();
        if all.is_empty() {
            return true;
        }
        let policy_rest = Effect::Always(self.policy.default);
        let policy = self.policy_side(syscall, &policy_rest);
        let again = Side {
            effect: &Effect::Cases(all),
            default: self.default,
        };
        let (meant, _) = combine(self.pick, policy, again, self.default, self.width);
        shut(syscall, &meant, implied, self.default, self.width) == Ok(None)
            && unsaid(&meant, implied, self.default) == *rest
    }

    /// Whether the request alone answers every call as both do, and its rules can be left to
    /// libseccomp as they stand: they look at one argument at a time, of one call to one end. Then
    /// it need not be written anew. No is always a right answer.
    pub(crate) fn request_says_it(&self, through: Option<Arch>) -> bool {
        let request = &self.request;
        if request.default != self.default || request.overrules() {
            return false;
        }
        let multiplexers: &[&str] = through.map_or(&[], |_| &MULTIPLEXERS);
        let named = request.names().chain(
            self.policy
                .names()
                .filter(|name| !request.names_it(name.as_ref())),
        );
        let mut all = named
            .map(AsRef::as_ref)
            .filter(|name| !multiplexers.contains(name))
            .chain(multiplexers.iter().copied());
        all.all(|name| self.request_says_it_of(name, multiplexers.contains(&name)))
            && through.is_none_or(|arch| self.multiplexers_stay(arch))
    }

    /// Whether what the result's rules for the calls behind the multiplexers of `arch` make of these
    /// is what both make of them.
    fn multiplexers_stay(&self, arch: Arch) -> bool {
        let request = self.request.names();
        let mut behind: Vec<_> = self
            .policy
            .names()
            .chain(request)
            .filter_map(|name| Some((name, multiplexer(arch, name)?)))
            .collect();
        behind.sort_unstable();
        behind.dedup();
        let mut implied = Implied::default();
        for (name, (call, number)) in behind {
            implied.add(call, number, &self.effect(name).0, self.default);
        }
        let (mut rules, mut rounded) = (Rules::new(self.default), Vec::new());
        let mut stays = |call| {
            let written = self.multiplexer(call, implied.of(call), &mut rules, &mut rounded);
            written.is_ok() && rounded.is_empty()
        };
        MULTIPLEXERS.into_iter().all(&mut stays)
    }

    fn request_says_it_of(&self, name: &str, is_multiplexer: bool) -> bool {
        let (policy, request) = (&self.policy, &self.request);
        // runc answers ENOSYS beyond the last call that is named, which is as strict as ERRNO and
        // no stricter default.
        let named = request.names_it(name) || !is_stricter_than_errno(self.default);
        let outcome = match request.on(name) {
            Some(Effect::Cases(cases)) => {
                if !named || is_multiplexer || !plain(cases) {
                    return false;
                }
                let both = self.effect(name);
                // Where both say the same, they come to what the request does.
                let same = || {
                    policy.default == request.default && policy.on(name) == request.on(name)
                        || both == self.request_twice(name)
                };
                return both.1.is_none() && same();
            }
            Some(Effect::Always(outcome)) => *outcome,
            None => request.default,
        };
        named
            && match policy.on(name) {
                Some(Effect::Cases(_)) => self.effect(name) == (Effect::Always(outcome), None),
                Some(Effect::Always(other)) => other.stacked(outcome) == outcome,
                None => policy.default.stacked(outcome) == outcome,
            }
    }

    /// What the request alone comes to, in the form of a result.
    fn request_twice(&self, name: &str) -> (Effect, Option<Rounding>) {
        let unsaid = Effect::Always(self.request.default);
        let side = Side {
            effect: self.request.on(name).unwrap_or(&unsaid),
            default: self.request.default,
        };
        combine(self.pick, side, side, self.default, self.width)
    }

    fn policy_side<'b>(&'b self, name: &str, unsaid: &'b Effect) -> Side<'b> {
        Side {
            effect: self.policy.on(name).unwrap_or(unsaid),
            default: self.policy.default,
        }
    }

    /// All names that rules have, sorted.
    pub(crate) fn names(&self) -> Vec<&'a Cow<'static, str>> {
        let size = self.policy.len().saturating_add(self.request.len());
        let mut names = Vec::with_capacity(size);
        names.extend(self.policy.names());
        let more = self.request.names();
        names.extend(more.filter(|name| !self.policy.names_it(name)));
        // Most differ in their first bytes, which as one number are compared without a call.
        names.sort_unstable_by(|a, b| first_bytes(a).cmp(&first_bytes(b)).then_with(|| a.cmp(b)));
        names
    }

    /// The effect of both on a syscall.
    fn effect(&self, name: &str) -> (Effect, Option<Rounding>) {
        let unsaid = (
            Effect::Always(self.policy.default),
            Effect::Always(self.request.default),
        );
        let policy = self.policy_side(name, &unsaid.0);
        let request = Side {
            effect: self.request.on(name).unwrap_or(&unsaid.1),
            default: self.request.default,
        };
        combine(self.pick, policy, request, self.default, self.width)
    }
}

fn is_stricter_than_errno(outcome: Outcome) -> bool {
    outcome.strictness() > Outcome::new(Action::ScmpActErrno, None).strictness()
}

/// Whether the cases look at one argument, the same in all, and give the same.
fn plain(cases: &[Case]) -> bool {
    let Some((first, others)) = cases.split_first() else {
        return true;
    };
    let argument = |case: &Case| match case.conditions.as_slice() {
        [one] => Some(one.index),
        _ => None,
    };
    let alike = |case: &Case| case.outcome == first.outcome && argument(case) == argument(first);
    argument(first).is_some() && others.iter().all(alike)
}

/// The first bytes of a name as a number that orders as they do.
fn first_bytes(name: &str) -> u64 {
    let mut first = [0; 8];
    for (to, byte) in first.iter_mut().zip(name.bytes()) {
        *to = byte;
    }
    u64::from_be_bytes(first)
}

fn stricter(syscall: &str, rounding: Rounding) -> Note {
    Note::Stricter {
        syscall: syscall.to_owned(),
        rounding,
    }
}

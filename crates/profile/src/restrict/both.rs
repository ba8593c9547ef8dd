//! Going through all syscalls of two profiles.

use std::borrow::Cow;

use super::combine::{Side, combine};
use super::effect::{Case, Effect, Effects};
use super::error::RestrictError;
use super::multiplexer::{Implied, MULTIPLEXERS};
use super::note::{Note, Rounding};
use super::rules::Rules;
use super::width::Width;
use crate::meaning::{Outcome, multiplexer};
use crate::{Arch, Rule};

/// Both profiles, read, and what their result has in common for all syscalls.
#[derive(Debug)]
pub(super) struct Both<'a> {
    pub(super) policy: Effects<'a>,
    pub(super) request: Effects<'a>,
    pub(super) default: Outcome,
    pub(super) width: Width,
}

impl<'a> Both<'a> {
    /// The result's rules, where `through` is an architecture that has multiplexers, if any.
    pub(super) fn rules(
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
        let name = Cow::Borrowed(syscall);
        match super::multiplexer::shut(syscall, &meant, implied, self.default, self.width)? {
            Some(outcome) => {
                rules.always(name, outcome);
                rounded.push(stricter(syscall, Rounding::Multiplexer));
            }
            None => {
                let rest = super::multiplexer::unsaid(meant, implied, self.default);
                let named = self.policy.names_it(syscall) || self.request.names_it(syscall);
                if named || rest != Effect::Always(self.default) {
                    rules.add(name, rest);
                }
                rounded.extend(rounding.map(|rounding| stricter(syscall, rounding)));
            }
        }
        Ok(())
    }

    /// All names that rules have, sorted.
    fn names(&self) -> Vec<&'a Cow<'static, str>> {
        let size = self.policy.len().saturating_add(self.request.len());
        let mut names = Vec::with_capacity(size);
        names.extend(self.policy.names());
        names.extend(self.request.names());
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The stricter effect on a syscall.
    fn effect(&self, name: &str) -> (Effect, Option<Rounding>) {
        let unsaid = (
            Effect::Always(self.policy.default),
            Effect::Always(self.request.default),
        );
        let policy = Side {
            effect: self.policy.on(name).unwrap_or(&unsaid.0),
            default: self.policy.default,
        };
        let request = Side {
            effect: self.request.on(name).unwrap_or(&unsaid.1),
            default: self.request.default,
        };
        combine(policy, request, self.default, self.width)
    }
}

fn stricter(syscall: &str, rounding: Rounding) -> Note {
    Note::Stricter {
        syscall: syscall.to_owned(),
        rounding,
    }
}

//! What a profile's rules come to for one syscall, by libseccomp's rules.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt};

use super::error::RestrictError;
use crate::meaning::{Outcome, multiplexer};
use crate::{Arch, Condition, Operator, Seccomp};

/// What happens to one syscall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The same, whatever the arguments.
    Always(Outcome),
    /// What the first case that fits says, or else the profile's default.
    Cases(Vec<Case>),
}

/// An outcome under conditions of which no two look at one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) outcome: Outcome,
}

/// The effects of a whole profile; a syscall that it does not name has the default's.
#[derive(Debug)]
pub(crate) struct Effects<'a> {
    pub(crate) default: Outcome,
    named: HashMap<&'a str, (Option<Effect>, &'a Cow<'static, str>)>,
    /// Effects on a multiplexer, where an architecture has one.
    behind: HashMap<&'static str, Effect>,
    /// Whether a rule without conditions overrules another one for the same call.
    overrules: bool,
}

impl<'a> Effects<'a> {
    /// Reads the rules. `through` is an architecture whose multiplexers count, if any.
    pub(crate) fn of(profile: &'a Seccomp, through: Option<Arch>) -> Result<Self, RestrictError> {
        let default = Outcome::of_default(profile);
        let names = profile.rules.iter().map(|rule| rule.names.len()).sum();
        let mut named = HashMap::with_capacity(names);
        let mut behind: HashMap<&'static str, Option<Effect>> = HashMap::new();
        let mut overrules = false;
        for rule in &profile.rules {
            let outcome = Outcome::of_rule(rule);
            let silent = outcome == default;
            let cases = cases(&rule.args, outcome);
            for name in &rule.names {
                if let Some(beyond) = rule.args.iter().find(|one| one.index > 5) {
                    return Err(RestrictError::NoSuchArgument {
                        syscall: name.to_string(),
                        index: beyond.index,
                        op: beyond.op,
                    });
                }
                let (effect, _) = named.entry(name.as_ref()).or_insert((None, name));
                if silent {
                    continue;
                }
                overrules |= add(effect, outcome, &cases);
                let Some((call, number)) = through.and_then(|arch| multiplexer(arch, name)) else {
                    continue;
                };
                add_behind(behind.entry(call).or_default(), outcome, &cases, number);
            }
        }
        for (call, effect) in &mut behind {
            match named.get(call) {
                Some((Some(Effect::Always(outcome)), _)) => {
                    *effect = Some(Effect::Always(*outcome));
                }
                Some((Some(Effect::Cases(cases)), _)) => {
                    if let Some(Effect::Cases(all)) = effect {
                        all.extend(cases.iter().cloned());
                    }
                }
                _ => {}
            }
        }
        let behind = behind.into_iter();
        Ok(Self {
            default,
            named,
            behind: behind
                .filter_map(|(call, effect)| Some((call, effect?)))
                .collect(),
            overrules,
        })
    }

    /// The names that rules have, those without effect too.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a Cow<'static, str>> {
        self.named.values().map(|(_, name)| *name)
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.named.len()
    }

    /// What happens to syscall `name`; none is the default.
    pub(crate) fn on(&self, name: &str) -> Option<&Effect> {
        if let Some(effect) = self.behind.get(name) {
            return Some(effect);
        }
        self.named.get(name).and_then(|(effect, _)| effect.as_ref())
    }

    /// Whether a rule without conditions overrules another one for the same call, so that what the
    /// profile means hangs on who compiles it.
    pub(crate) fn overrules(&self) -> bool {
        self.overrules
    }

    /// Whether a rule has this name.
    pub(crate) fn names_it(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// Whether any call can have an outcome that `test` accepts.
    pub(crate) fn any(&self, test: impl Fn(Outcome) -> bool) -> bool {
        let effects = self
            .named
            .values()
            .filter_map(|(effect, _)| effect.as_ref());
        test(self.default)
            || effects.into_iter().any(|effect| match effect {
                Effect::Always(outcome) => test(*outcome),
                Effect::Cases(cases) => cases.iter().any(|case| test(case.outcome)),
            })
    }
}

/// A rule's conditions as cases: one; or one for each condition if two look at one argument.
fn cases(args: &[Condition], outcome: Outcome) -> Vec<Case> {
    let mut seen = [false; 6];
    let repeated = args.iter().any(|one| {
        let slot = usize::try_from(one.index)
            .ok()
            .and_then(|at| seen.get_mut(at));
        slot.is_some_and(|slot| std::mem::replace(slot, true))
    });
    let case = |conditions: &[Condition]| Case {
        conditions: conditions.to_vec(),
        outcome,
    };
    if args.is_empty() {
        Vec::new()
    } else if repeated {
        args.chunks(1).map(case).collect()
    } else {
        vec![case(args)]
    }
}

/// Adds a rule to what is known of its syscall: the first without conditions wins. Gives whether
/// one was overruled.
fn add(effect: &mut Option<Effect>, outcome: Outcome, cases: &[Case]) -> bool {
    match effect {
        Some(Effect::Always(known)) => return *known != outcome || !cases.is_empty(),
        Some(Effect::Cases(all)) if !cases.is_empty() => all.extend(cases.iter().cloned()),
        _ if cases.is_empty() => return effect.replace(Effect::Always(outcome)).is_some(),
        _ => *effect = Some(Effect::Cases(cases.to_vec())),
    }
    false
}

/// Adds a rule for a call behind a multiplexer: always conditional, on the call's number.
fn add_behind(effect: &mut Option<Effect>, outcome: Outcome, cases: &[Case], number: u64) {
    let cases: Vec<Case> = if cases.is_empty() {
        vec![through(number, &[], outcome)]
    } else {
        let cases = cases.iter();
        let cases = cases.map(|case| through(number, &case.conditions, outcome));
        cases.collect()
    };
    let _ = add(effect, outcome, &cases);
}

/// A case for a call as it is for the multiplexer that makes it when its first argument is
/// `number`: the other conditions stay, although they look at something else then.
pub(crate) fn through(number: u64, conditions: &[Condition], outcome: Outcome) -> Case {
    let others = conditions.iter().filter(|one| one.index != 0).copied();
    let first = Condition {
        index: 0,
        value: number,
        value_two: 0,
        op: Operator::ScmpCmpEq,
    };
    Case {
        conditions: std::iter::once(first).chain(others).collect(),
        outcome,
    }
}

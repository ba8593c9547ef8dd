//! Effects written as rules, in an order that depends on nothing but them.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};

use super::effect::{Case, Effect};
use crate::anchor::{ANCHOR, at_least, is_everywhere};
use crate::meaning::Outcome;
use crate::{Action, Condition, Rule};

/// Rules under construction. Syscalls must come sorted by name.
#[derive(Debug)]
pub(crate) struct Rules {
    default: Outcome,
    always: Vec<(Outcome, Vec<Cow<'static, str>>)>,
    cases: Vec<(Outcome, Vec<Condition>, Vec<Cow<'static, str>>)>,
    /// Where in `cases` those with one outcome and one fingerprint of conditions stand.
    index: HashMap<((u8, u32), u64), Vec<usize>>,
    silent: Vec<Cow<'static, str>>,
}

impl Rules {
    pub(crate) fn new(default: Outcome) -> Self {
        Self {
            default,
            always: Vec::new(),
            cases: Vec::new(),
            index: HashMap::new(),
            silent: Vec::new(),
        }
    }

    /// Adds the effect on the syscall of the next name.
    pub(crate) fn add(&mut self, name: Cow<'static, str>, effect: Effect) {
        match effect {
            Effect::Always(outcome) => self.always(name, outcome),
            // A set that came to everything.
            Effect::Cases(cases) if cases.iter().all(|case| case.conditions.is_empty()) => {
                let outcome = cases.first().map_or(self.default, |case| case.outcome);
                self.always(name, outcome);
            }
            Effect::Cases(cases) => {
                for case in cases {
                    self.case(name.clone(), case);
                }
            }
        }
    }

    pub(crate) fn always(&mut self, name: Cow<'static, str>, outcome: Outcome) {
        if outcome == self.default {
            self.silent.push(name);
            return;
        }
        match self.always.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => self.always.push((outcome, vec![name])),
        }
    }

    fn case(&mut self, name: Cow<'static, str>, case: Case) {
        let key = (
            case.outcome.sort_key(),
            fingerprint(self.index.hasher(), &case.conditions),
        );
        let alike = self.index.entry(key).or_default();
        let same = alike.iter().find_map(|index| {
            let (outcome, args, _) = self.cases.get(*index)?;
            (*outcome == case.outcome && *args == case.conditions).then_some(*index)
        });
        match same.and_then(|index| self.cases.get_mut(index)) {
            Some((_, _, names)) => names.push(name),
            None => {
                alike.push(self.cases.len());
                self.cases.push((case.outcome, case.conditions, vec![name]));
            }
        }
    }

    /// The rules: the loosest first, those without conditions before those with some.
    pub(crate) fn finish(mut self) -> Vec<Rule> {
        let rule = |outcome: Outcome, args, names| Rule {
            names,
            action: outcome.action(),
            errno: outcome.errno(),
            args,
        };
        self.anchor();
        // The multiplexers come last and the anchor where it belongs: the order of the names must
        // not tell which of the two was there first.
        for (_, names) in &mut self.always {
            names.sort();
        }
        self.always.sort_by_key(|(outcome, _)| outcome.sort_key());
        let always = self.always.into_iter();
        let cases = self.cases.into_iter();
        let mut rules: Vec<Rule> = always
            .map(|(outcome, names)| rule(outcome, Vec::new(), names))
            .chain(cases.map(|(outcome, args, names)| rule(outcome, args, names)))
            .collect();
        if !self.silent.is_empty() && !is_mild(self.default) {
            rules.push(rule(self.default, Vec::new(), self.silent));
        }
        rules
    }

    /// As [`crate::Seccomp::anchor`], among the names in their order.
    fn anchor(&mut self) {
        let conditional = || self.cases.iter().flat_map(|(_, _, names)| names);
        let anchored =
            |names: &Vec<Cow<'static, str>>| names.iter().any(|name| is_everywhere(name));
        let mut names: Vec<&Cow<'static, str>> = conditional().collect();
        names.extend(self.always.iter().flat_map(|(_, names)| names));
        let first = names.first();
        if self.cases.is_empty()
            || names.iter().all(|name| Some(name) == first)
            || conditional().any(|name| name == ANCHOR)
            || self.always.iter().any(|(_, names)| anchored(names))
        {
            return;
        }
        let Some(outcome) = at_least(self.default) else {
            return;
        };
        let name = Cow::Borrowed(ANCHOR);
        match self.always.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => {
                let at = names.partition_point(|other| *other < name);
                names.insert(at, name);
            }
            None => self.always.push((outcome, vec![name])),
        }
    }
}

/// A number that equal conditions have in common.
fn fingerprint(hasher: &RandomState, conditions: &[Condition]) -> u64 {
    let tests = conditions.iter().map(|condition| {
        let Condition {
            index,
            value,
            value_two,
            op,
        } = *condition;
        (index, value, value_two, op as u32)
    });
    hasher.hash_one(tests.collect::<Vec<_>>())
}

/// Whether runc leaves numbers beyond the last one named to a default of this kind. Otherwise it
/// answers ENOSYS for them, so that names that get the default must stay named: runtimes make no
/// rule of those, but without them the stub would begin earlier, and might be looser
/// (runc libcontainer/seccomp/patchbpf/enosys_linux.go).
fn is_mild(default: Outcome) -> bool {
    matches!(
        default.action(),
        Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace
    )
}

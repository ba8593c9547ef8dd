//! What a profile answers to a call, by libseccomp's rules: of a name's rules the first without
//! conditions wins, else the one whose conditions hold, else the default action.

use std::collections::{BTreeMap, BTreeSet};

use profile::{Action, Arch, Condition, Operator, Rule, Seccomp};

/// The arguments of a call.
pub(crate) type Arguments = [u64; 6];

/// A profile with its rules by name.
pub(crate) struct Table<'a> {
    pub(crate) seccomp: &'a Seccomp,
    rules: BTreeMap<&'a str, Vec<&'a Rule>>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(seccomp: &'a Seccomp) -> Self {
        let mut rules: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
        for rule in &seccomp.rules {
            for name in &rule.names {
                rules.entry(name).or_default().push(rule);
            }
        }
        Self { seccomp, rules }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.rules.keys().copied()
    }

    pub(crate) fn action(&self, name: &str, arguments: &Arguments) -> Action {
        let rules = self.rules(name);
        let unconditional = rules.iter().find(|rule| rule.args.is_empty());
        let matching = || rules.iter().find(|rule| matches(rule, arguments));
        unconditional
            .or_else(matching)
            .map_or(self.seccomp.default_action, |rule| rule.action)
    }

    /// The architectures whose calls the profile looks at; those of others kill.
    pub(crate) fn architectures(&self, native: Arch) -> BTreeSet<String> {
        let listed = self.seccomp.architectures.iter().chain([&native]);
        listed.map(ToString::to_string).collect()
    }

    fn rules(&self, name: &str) -> &[&'a Rule] {
        self.rules.get(name).map_or(&[], Vec::as_slice)
    }
}

/// How much an action denies: the kernel's order of precedence.
pub(crate) fn strictness(action: Action) -> u8 {
    match action {
        Action::ScmpActAllow => 0,
        Action::ScmpActLog => 1,
        Action::ScmpActTrace => 2,
        Action::ScmpActNotify => 3,
        Action::ScmpActErrno => 4,
        Action::ScmpActTrap => 5,
        Action::ScmpActKill | Action::ScmpActKillThread => 6,
        Action::ScmpActKillProcess => 7,
    }
}

/// Arguments on both sides of every boundary that either profile draws for `name`, with the upper
/// bits set and clear.
pub(crate) fn boundaries(name: &str, tables: [&Table<'_>; 2]) -> Vec<Arguments> {
    let mut values: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    let rules = tables.iter().flat_map(|table| table.rules(name));
    for condition in rules.flat_map(|rule| &rule.args) {
        let index = usize::try_from(condition.index).unwrap();
        let at = values.entry(index).or_default();
        for value in [condition.value, condition.value_two] {
            at.extend([value, value.wrapping_sub(1), value.wrapping_add(1), !value]);
            at.extend([value | 1 << 32, value | 1 << 63]);
        }
        if condition.op == Operator::ScmpCmpMaskedEq {
            at.extend((0..34).map(|bit| condition.value_two ^ (1 << bit)));
        }
        at.extend([u64::from(u32::MAX), u64::MAX]);
        at.extend(0..64);
    }
    let mut all = vec![[0; 6]];
    for (index, values) in values {
        let mut product = Vec::with_capacity(all.len() * values.len());
        for base in &all {
            for value in &values {
                let mut arguments: Arguments = *base;
                arguments[index] = *value;
                product.push(arguments);
            }
        }
        all = product;
    }
    all
}

fn matches(rule: &Rule, arguments: &Arguments) -> bool {
    let args = &rule.args;
    let same = |at: usize| args[..at].iter().any(|one| one.index == args[at].index);
    let mut held = args.iter().map(|one| holds(one, arguments));
    // Two conditions on one argument make a rule of its own of each.
    if (1..args.len()).any(same) {
        held.any(|held| held)
    } else {
        held.all(|held| held)
    }
}

fn holds(condition: &Condition, arguments: &Arguments) -> bool {
    let argument = arguments[usize::try_from(condition.index).unwrap()];
    let value = condition.value;
    match condition.op {
        Operator::ScmpCmpNe => argument != value,
        Operator::ScmpCmpLt => argument < value,
        Operator::ScmpCmpLe => argument <= value,
        Operator::ScmpCmpEq => argument == value,
        Operator::ScmpCmpGe => argument >= value,
        Operator::ScmpCmpGt => argument > value,
        Operator::ScmpCmpMaskedEq => argument & value == condition.value_two & value,
    }
}

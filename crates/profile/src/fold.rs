//! Fewer rules that say the same.
//!
//! A rule with a condition costs libseccomp far more than a name without one, once for each
//! architecture. Engines and people write one rule for each value that an argument may have. Where
//! values differ in one bit alone, one MASKED_EQ says what two EQ say.
#![forbid(unsafe_code)]

use crate::restrict::Cube;
use crate::{Condition, Operator, Rule, Seccomp};

impl Seccomp {
    /// Writes rules that follow each other, for the same calls, with one condition each on the same
    /// argument and to the same end, as fewer where their values allow. No answer to any call
    /// changes, at either width; nor does the order of what is left.
    pub fn fold(&mut self) {
        if !self.rules.windows(2).any(|two| match two {
            [one, next] => folds_with(one, next),
            _ => false,
        }) {
            return;
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(self.rules.len());
        let mut run: Vec<Rule> = Vec::new();
        for rule in std::mem::take(&mut self.rules) {
            if !run.last().is_some_and(|last| folds_with(last, &rule)) {
                rules.extend(folded(std::mem::take(&mut run)));
            }
            run.push(rule);
        }
        rules.extend(folded(run));
        self.rules = rules;
    }
}

/// Whether the two stand in one run.
fn folds_with(one: &Rule, next: &Rule) -> bool {
    let ([first], [second]) = (one.args.as_slice(), next.args.as_slice()) else {
        return false;
    };
    first.index == second.index
        && one.action == next.action
        && one.errno == next.errno
        && one.names == next.names
}

/// A run with those of its values joined that differ in one bit.
fn folded(run: Vec<Rule>) -> Vec<Rule> {
    let mut rules: Vec<(Rule, Option<Cube>)> = Vec::with_capacity(run.len());
    for rule in run {
        let mut cube = cube(&rule);
        // What was joined may be joined with another again.
        while let Some((at, joined)) = cube.and_then(|cube| partner(&rules, cube)) {
            rules.remove(at);
            cube = Some(joined);
        }
        rules.push((rule, cube));
    }
    let written = |(mut rule, cube): (Rule, Option<Cube>)| {
        if let (Some(Cube { mask, value }), [condition]) = (cube, rule.args.as_mut_slice())
            && mask != u64::MAX
        {
            *condition = Condition {
                index: condition.index,
                value: mask,
                value_two: value,
                op: Operator::ScmpCmpMaskedEq,
            };
        }
        rule
    };
    rules.into_iter().map(written).collect()
}

/// One that the cube makes a cube with.
fn partner(rules: &[(Rule, Option<Cube>)], cube: Cube) -> Option<(usize, Cube)> {
    let mut all = rules.iter().enumerate();
    all.find_map(|(at, (_, other))| Some((at, other.as_ref()?.join(cube)?)))
}

/// The values of a rule that can be joined: one value, of 32 bits, since a filter of 32 bits would
/// see another one otherwise.
fn cube(rule: &Rule) -> Option<Cube> {
    match rule.args.as_slice() {
        [one] if one.op == Operator::ScmpCmpEq && one.value <= u64::from(u32::MAX) => {
            Some(Cube::new(u64::MAX, one.value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::Action;

    fn profile(names: &[&'static str], values: &[u64]) -> Seccomp {
        let rule = |(name, value): (&&'static str, &u64)| Rule {
            names: vec![Cow::Borrowed(*name)],
            action: Action::ScmpActAllow,
            errno: None,
            args: vec![Condition {
                index: 0,
                value: *value,
                value_two: 0,
                op: Operator::ScmpCmpEq,
            }],
        };
        let names = names.iter().cycle();
        Seccomp {
            default_action: Action::ScmpActErrno,
            default_errno: None,
            architectures: Vec::new(),
            flags: None,
            listener_path: None,
            listener_metadata: None,
            rules: names.zip(values).map(rule).collect(),
        }
    }

    fn accepts(profile: &Seccomp, x: u64) -> bool {
        let holds = |one: &Condition| match one.op {
            Operator::ScmpCmpEq => x == one.value,
            _ => x & one.value == one.value_two,
        };
        let mut rules = profile.rules.iter();
        rules.any(|rule| rule.args.iter().all(holds))
    }

    fn around(values: &[u64]) -> impl Iterator<Item = u64> {
        let bits = (0..64).map(|bit| 1_u64 << bit);
        let near = values.to_vec();
        bits.chain([0])
            .flat_map(move |bit| near.clone().into_iter().map(move |value| value ^ bit))
    }

    #[test]
    fn what_is_folded_says_the_same_in_fewer_rules() {
        for (values, rules) in [
            (&[0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff][..], 2),
            (&[39, 41, 42, 43, 44, 45], 4),
            (&[1, 2], 2),
            (&[7, 7], 2),
            (&[0, 1 << 40], 2),
            (&[5], 1),
        ] {
            let plain = profile(&["personality"], values);
            let mut folded = plain.clone();
            folded.fold();
            assert_eq!(folded.rules.len(), rules, "{values:?}");
            for x in around(values) {
                assert_eq!(accepts(&folded, x), accepts(&plain, x), "{values:?} {x:#x}");
            }
            let again = folded.clone();
            folded.fold();
            assert_eq!(folded, again);
        }
    }

    #[test]
    fn rules_for_other_calls_stay_apart() {
        let mut mixed = profile(&["personality", "socket"], &[0, 1, 8, 9]);
        let before = mixed.clone();
        mixed.fold();
        assert_eq!(mixed, before);
    }
}

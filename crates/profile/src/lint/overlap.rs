//! Arguments for which the conditions of two rules hold at once.

use crate::Condition;
use crate::Operator::ScmpCmpMaskedEq;
use crate::meaning::{alternatives, compare};

/// A call of which all of `left` and all of `right` hold, as the runtimes take each: arguments and
/// their values, by index. Found wherever there is one, on ABIs of 64 bits.
pub(super) fn example(left: &[Condition], right: &[Condition]) -> Option<Vec<(u32, u64)>> {
    let mut pairs = alternatives(left).flat_map(|one| {
        let others = alternatives(right);
        others.map(move |other| (one, other))
    });
    pairs.find_map(|(one, other)| together(one, other))
}

/// Whether two rules come down to one set of conditions somewhere, so that libseccomp refuses them.
pub(super) fn equal(left: &[Condition], right: &[Condition]) -> bool {
    alternatives(left).any(|one| {
        alternatives(right).any(|other| {
            one.len() == other.len() && one.iter().all(|condition| other.contains(condition))
        })
    })
}

fn together(one: &[Condition], other: &[Condition]) -> Option<Vec<(u32, u64)>> {
    let mut found = Vec::new();
    for index in 0..=LAST_ARG {
        let on: Vec<&Condition> = one
            .iter()
            .chain(other)
            .filter(|condition| condition.index == index)
            .collect();
        if !on.is_empty() {
            found.push((index, value(&on)?));
        }
    }
    Some(found)
}

/// A value of which all conditions hold; each side has at most one on an argument.
pub(super) fn value(conditions: &[&Condition]) -> Option<u64> {
    let holds = |value: &u64| conditions.iter().all(|one| compare(one, *value, u64::MAX));
    let mut candidates: Vec<u64> = conditions.iter().flat_map(|one| edges(one)).collect();
    candidates.extend([0, u64::MAX]);
    if let Some(value) = candidates.iter().copied().find(holds) {
        return Some(value);
    }
    // Two masks, or a mask and a range: the bits of the one moved to where the other holds.
    let masks = conditions.iter().filter(|one| one.op == ScmpCmpMaskedEq);
    let masks: Vec<(u64, u64)> = masks
        .map(|one| (one.value, one.value_two & one.value))
        .collect();
    let mask = masks.iter().fold(0, |all, (mask, _)| all | mask);
    let bits = masks.iter().fold(0, |all, (_, bits)| all | bits);
    candidates
        .into_iter()
        .filter_map(|least| next(least, mask, bits))
        .find(holds)
}

/// Values at and beside those where a condition changes its answer.
fn edges(one: &Condition) -> Vec<u64> {
    if one.op == ScmpCmpMaskedEq {
        let bits = one.value_two & one.value;
        let free = !one.value & one.value.wrapping_add(1);
        return vec![bits, bits | free];
    }
    let value = one.value;
    vec![value, value.saturating_sub(1), value.saturating_add(1)]
}

/// The least number from `least` on that has `bits` under `mask`.
fn next(least: u64, mask: u64, bits: u64) -> Option<u64> {
    let fits = |value: u64| value & mask == bits;
    if fits(least) {
        return Some(least);
    }
    // It is equal to `least` above some bit that is set in it and clear in `least`.
    (0..u64::BITS)
        .filter(|at| least >> at & 1 == 0)
        .find_map(|at| {
            let bit = 1 << at;
            let below = bit - 1;
            let value = least & !below | bit | bits & below;
            fits(value).then_some(value)
        })
}

/// A system call has six arguments (linux/seccomp.h, `struct seccomp_data`).
const LAST_ARG: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;

    fn on(index: u32, op: Operator, value: u64, value_two: u64) -> Condition {
        Condition {
            index,
            value,
            value_two,
            op,
        }
    }

    #[test]
    fn an_example_is_found_exactly_where_there_is_one() {
        use Operator::*;
        let all: Vec<Condition> = [
            ScmpCmpEq, ScmpCmpNe, ScmpCmpLt, ScmpCmpLe, ScmpCmpGe, ScmpCmpGt,
        ]
        .into_iter()
        .flat_map(|op| [0, 1, 5, 6, u64::MAX].map(|value| on(0, op, value, 0)))
        .chain(
            [(1, 1), (1, 0), (6, 2), (6, 4), (u64::MAX, 5), (0, 0)]
                .map(|(mask, bits)| on(0, ScmpCmpMaskedEq, mask, bits)),
        )
        .collect();
        for left in &all {
            for right in &all {
                let both =
                    |value: u64| compare(left, value, u64::MAX) && compare(right, value, u64::MAX);
                let near = (0..20).chain(u64::MAX - 20..=u64::MAX);
                let expected = near.into_iter().any(both);
                let found = value(&[left, right]);
                assert_eq!(found.is_some(), expected, "{left:?} {right:?}");
                assert!(found.is_none_or(both), "{left:?} {right:?} {found:?}");
            }
        }
    }

    #[test]
    fn the_next_number_under_a_mask_is_the_least() {
        for (mask, bits) in [(6, 2), (5, 5), (9, 8), (3, 0), (0, 0)] {
            for least in 0..64 {
                let expected = (least..200).find(|value| value & mask == bits);
                assert_eq!(next(least, mask, bits), expected, "{least} {mask} {bits}");
            }
        }
    }

    #[test]
    fn conditions_on_other_arguments_do_not_exclude_each_other() {
        let (left, right) = (
            [on(0, Operator::ScmpCmpEq, 2, 0)],
            [on(1, Operator::ScmpCmpEq, 3, 0)],
        );
        assert_eq!(example(&left, &right), Some(vec![(0, 2), (1, 3)]));
        let other = [on(0, Operator::ScmpCmpEq, 3, 0)];
        assert_eq!(example(&left, &other), None);
    }
}

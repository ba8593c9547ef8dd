//! What conditions on one argument have in common, and what they leave over.
//!
//! A runtime takes several conditions on the same argument as alternatives, so that a stretch of
//! values from here to there can be said by masks alone.

use crate::meaning::{compare, compares_32_bits};
use crate::{Arch, Condition, Operator};

/// Whether no arguments meet both lists, on any of `arches`.
pub(super) fn apart(one: &[Condition], other: &[Condition], arches: &[Arch]) -> bool {
    widths(arches).iter().all(|width| {
        one.iter()
            .any(|a| other.iter().any(|b| conditions_apart(a, b, *width)))
    })
}

/// The largest arguments that are compared, on any of `arches`.
fn widths(arches: &[Arch]) -> &'static [u64] {
    let narrow = arches.iter().any(|arch| compares_32_bits(*arch));
    if narrow {
        &[u64::MAX, NARROW]
    } else {
        &[u64::MAX]
    }
}

/// Where 32 bits are compared.
const NARROW: u64 = u32::MAX as u64;

/// Whether one of `all` holds whatever the argument is, and no two of them at once.
pub(super) fn fill(all: &[Condition], arches: &[Arch]) -> bool {
    let Some(index) = all.first().map(|one| one.index) else {
        return false;
    };
    let full = |width: u64| {
        // What never holds there is in nobody's way.
        let all = all.iter().filter(|one| size(one, width) > 0);
        let all: Vec<_> = all.collect();
        let pairs = all.iter().enumerate().all(|(at, one)| {
            let mut others = all.iter().skip(at.saturating_add(1));
            others.all(|other| conditions_apart(one, other, width))
        });
        let sizes = all.iter().map(|one| size(one, width));
        pairs && sizes.sum::<u128>() == u128::from(width).saturating_add(1)
    };
    all.iter().all(|one| one.index == index) && widths(arches).iter().all(|width| full(*width))
}

/// How many values meet a condition.
fn size(one: &Condition, width: u64) -> u128 {
    let all = u128::from(width).saturating_add(1);
    if one.op == Operator::ScmpCmpMaskedEq {
        return all >> (one.value & width).count_ones();
    }
    match range(one, width) {
        Some((low, high)) => u128::from(high.abs_diff(low)).saturating_add(1),
        None if one.op == Operator::ScmpCmpNe => all.saturating_sub(1),
        None => 0,
    }
}

/// Conditions of which at most one holds, and none where one of `all` does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeftOver {
    pub(super) conditions: Vec<Condition>,
    /// Whether one of them holds wherever none of `all` does.
    pub(super) whole: bool,
}

/// What `all` leave over; none where that cannot be said.
pub(super) fn left_over(all: &[Condition], arches: &[Arch]) -> Option<LeftOver> {
    let wide = widths(arches).len() == 1;
    let whole = |conditions| LeftOver {
        conditions,
        whole: true,
    };
    if let [one] = all {
        return complement(*one, wide).map(whole);
    }
    let index = all.first()?.index;
    // Elsewhere the values would be others.
    if all
        .iter()
        .any(|one| one.index != index || (!wide && one.value > NARROW))
    {
        return None;
    }
    let mut ranges = Vec::new();
    for one in all {
        match one.op {
            Operator::ScmpCmpMaskedEq => ranges.push(range(one, u64::MAX)?),
            Operator::ScmpCmpNe => {
                ranges.extend(one.value.checked_sub(1).map(|last| (0, last)));
                ranges.extend(one.value.checked_add(1).map(|first| (first, u64::MAX)));
            }
            _ => ranges.extend(range(one, u64::MAX)),
        }
    }
    ranges.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = Some(0);
    for (low, high) in ranges {
        let Some(first) = from else { break };
        if let Some(last) = low.checked_sub(1).filter(|last| *last >= first) {
            pieces.extend(stretch(index, first, last));
        }
        from = high.checked_add(1).map(|next| next.max(first));
    }
    pieces.extend(from.map(|first| beyond(index, first)));
    if pieces.len() <= MOST {
        return Some(whole(pieces));
    }
    // Such arguments are made of flags, and the highest ones tell the most.
    let flags = pieces.into_iter().rev().filter(is_a_flag_and_less);
    Some(LeftOver {
        conditions: flags.take(MOST).collect(),
        whole: false,
    })
}

/// Whether it holds if this bit is set, whatever those below it are, and none above.
fn is_a_flag_and_less(one: &Condition) -> bool {
    one.op == Operator::ScmpCmpMaskedEq
        && one.value_two.is_power_of_two()
        && one.value == !one.value_two.saturating_sub(1)
}

/// The values from `first` on.
fn beyond(index: u32, first: u64) -> Condition {
    // Greater than the one before: that fits into 32 bits, if the conditions do.
    match first.checked_sub(1) {
        Some(before) => condition(index, Operator::ScmpCmpGt, before, 0),
        None => condition(index, Operator::ScmpCmpGe, 0, 0),
    }
}

/// The values from `first` to `last`, which is not the last of all.
fn stretch(index: u32, first: u64, last: u64) -> Vec<Condition> {
    if first == 0 {
        return vec![condition(index, Operator::ScmpCmpLe, last, 0)];
    }
    let mut pieces = Vec::new();
    let mut at = first;
    while at <= last {
        // The largest power of two that divides it, and does not lead past the end.
        let most = last.abs_diff(at).saturating_add(1);
        let bits = at.trailing_zeros().min(most.ilog2());
        let step = 1_u64 << bits;
        pieces.push(match step {
            1 => condition(index, Operator::ScmpCmpEq, at, 0),
            _ => condition(
                index,
                Operator::ScmpCmpMaskedEq,
                !step.saturating_sub(1),
                at,
            ),
        });
        at = at.saturating_add(step);
    }
    pieces
}

fn condition(index: u32, op: Operator, value: u64, value_two: u64) -> Condition {
    Condition {
        index,
        value,
        value_two,
        op,
    }
}

fn conditions_apart(a: &Condition, b: &Condition, width: u64) -> bool {
    use Operator::{ScmpCmpEq, ScmpCmpMaskedEq};
    if a.index != b.index {
        return false;
    }
    match (a.op, b.op) {
        (ScmpCmpEq, _) => !compare(b, a.value & width, width),
        (_, ScmpCmpEq) => !compare(a, b.value & width, width),
        (ScmpCmpMaskedEq, ScmpCmpMaskedEq) => {
            let both = a.value & b.value & width;
            (a.value_two ^ b.value_two) & both != 0
        }
        _ => match (range(a, width), range(b, width)) {
            (Some((a_low, a_high)), Some((b_low, b_high))) => a_high < b_low || b_high < a_low,
            _ => false,
        },
    }
}

/// The values that meet a comparison, from the first to the last; none if they are no range.
fn range(one: &Condition, width: u64) -> Option<(u64, u64)> {
    let value = one.value & width;
    let range = match one.op {
        Operator::ScmpCmpLt => (0, value.checked_sub(1)?),
        Operator::ScmpCmpLe => (0, value),
        Operator::ScmpCmpEq => (value, value),
        Operator::ScmpCmpGe => (value, width),
        Operator::ScmpCmpGt => (value.checked_add(1)?, width),
        Operator::ScmpCmpMaskedEq => {
            let free = !value & width;
            let low = one.value_two & value;
            (free.count_ones() == free.trailing_ones()).then_some((low, low | free))?
        }
        Operator::ScmpCmpNe => return None,
    };
    (range.0 <= range.1).then_some(range)
}

/// Conditions of which exactly one holds where `one` does not; `wide` says that all 64 bits of
/// arguments are compared.
fn complement(one: Condition, wide: bool) -> Option<Vec<Condition>> {
    use Operator::*;
    let op = match one.op {
        ScmpCmpNe => ScmpCmpEq,
        ScmpCmpLt => ScmpCmpGe,
        ScmpCmpLe => ScmpCmpGt,
        ScmpCmpEq => ScmpCmpNe,
        ScmpCmpGe => ScmpCmpLt,
        ScmpCmpGt => ScmpCmpLe,
        ScmpCmpMaskedEq => return masked_complement(one, wide),
    };
    Some(vec![Condition { op, ..one }])
}

/// For each bit of the mask: those before it as they should be, that one not.
fn masked_complement(one: Condition, wide: bool) -> Option<Vec<Condition>> {
    // On 32-bit ABIs libseccomp would look at the lower half of such a mask alone.
    if usize::try_from(one.value.count_ones()).is_ok_and(|bits| bits > MOST)
        || (!wide && one.value > u64::from(u32::MAX))
    {
        return None;
    }
    let bits = (0..u64::BITS).map(|at| 1_u64 << at);
    let mut before = 0;
    let mut pieces = Vec::new();
    for bit in bits.filter(|bit| one.value & bit != 0) {
        let mask = before | bit;
        pieces.push(Condition {
            value: mask,
            value_two: (one.value_two & mask) ^ bit,
            ..one
        });
        before = mask;
    }
    Some(pieces)
}

/// More rules than this for one call are not worth it: half a millisecond of libseccomp's each.
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use Operator::*;

    const BOTH: [Arch; 2] = [Arch::ScmpArchX86_64, Arch::ScmpArchX86];

    fn one(op: Operator, value: u64, value_two: u64) -> Condition {
        condition(0, op, value, value_two)
    }

    /// Values at which conditions change their mind, and between.
    fn telling(all: &[Condition]) -> Vec<u64> {
        let near = |value: u64| [value.saturating_sub(1), value, value.saturating_add(1)];
        let bits = (0..u64::BITS).map(|bit| 1 << bit);
        let values = all.iter().flat_map(|one| [one.value, one.value_two]);
        let values = values.chain(bits).chain([0, NARROW, u64::MAX]);
        values.flat_map(near).collect()
    }

    fn hold(all: &[Condition], arg: u64, width: u64) -> usize {
        let holds = all.iter().filter(|one| compare(one, arg & width, width));
        holds.count()
    }

    #[test]
    fn what_is_left_over_is_all_the_rest_and_once() {
        let personality = [0, 8, 0x20000, 0x20008, NARROW].map(|at| one(ScmpCmpEq, at, 0));
        let socket = [38, 40].map(|at| one(ScmpCmpEq, at, 0));
        let families = [41, 42, 43, 44, 45].map(|at| one(ScmpCmpEq, at, 0));
        let newer = [one(ScmpCmpLt, 38, 0), one(ScmpCmpEq, 39, 0)];
        let moby = [newer[0], newer[1], one(ScmpCmpGt, 40, 0)];
        for (all, pieces) in [
            (personality.to_vec(), MOST),
            (
                [&newer[..], &families[..1], &personality[4..]].concat(),
                MOST,
            ),
            ([&newer[..], &families].concat(), 3),
            (moby.to_vec(), 2),
            (socket.to_vec(), 3),
            (vec![one(ScmpCmpNe, 40, 0), one(ScmpCmpEq, 40, 0)], 0),
            (vec![one(ScmpCmpGe, 9, 0), one(ScmpCmpLe, 3, 0)], 2),
            (
                vec![one(ScmpCmpEq, u64::MAX, 0), one(ScmpCmpEq, 0, 0)],
                MOST,
            ),
        ] {
            let wide = all.iter().any(|one| one.value > NARROW);
            let arches = if wide { &BOTH[..1] } else { &BOTH[..] };
            let LeftOver { conditions, whole } = left_over(&all, arches).unwrap();
            assert_eq!(conditions.len(), pieces, "{all:?}");
            for width in widths(arches) {
                for arg in telling(&[all.as_slice(), &conditions].concat()) {
                    let rest = usize::from(hold(&all, arg & width, *width) == 0);
                    let held = hold(&conditions, arg & width, *width);
                    assert!(held == rest || held < rest && !whole, "{all:?} {arg:#x}");
                }
            }
            assert_eq!(whole, pieces < MOST, "{all:?}");
            assert_eq!(fill(&[all, conditions].concat(), arches), whole);
        }
        // On 32-bit ABIs another value is meant.
        let high = [one(ScmpCmpEq, 1 << 32, 0), one(ScmpCmpEq, 1, 0)];
        assert_eq!(left_over(&high, &BOTH), None);
    }

    #[test]
    fn what_fills_all_leaves_nothing() {
        let clone = [
            one(ScmpCmpMaskedEq, 6, 0),
            one(ScmpCmpMaskedEq, 2, 2),
            one(ScmpCmpMaskedEq, 6, 4),
        ];
        assert!(fill(&clone, &BOTH));
        assert!(!fill(&clone[..2], &BOTH));
        let overlapping = [clone[0], clone[0], clone[1]];
        assert!(!fill(&overlapping, &BOTH));
        assert!(!fill(&[], &BOTH));
        // What is nothing in 32 bits is not all there, too.
        let high = [
            one(ScmpCmpMaskedEq, 1 << 32, 0),
            one(ScmpCmpMaskedEq, 1 << 32, 1 << 32),
        ];
        assert!(fill(&high, &BOTH[..1]));
        assert!(!fill(&high, &BOTH));
    }
}

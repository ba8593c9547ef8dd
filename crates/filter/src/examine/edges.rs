//! The calls with which a filter is tried: all combinations of values at which some condition
//! changes its answer.
#![forbid(unsafe_code)]

use profile::meaning::multiplexer;
use profile::{Arch, Operator, Seccomp};

/// The arguments to try `name` with on `arch`, given the rules for it. Arguments that no condition
/// looks at are 0.
pub(super) fn calls(rules: &Seccomp, arch: Arch, name: &str) -> Vec<[u64; 6]> {
    let mut width = WIDE;
    loop {
        let edges: Vec<Vec<u64>> = (0..6)
            .map(|index| values(rules, arch, name, index, width))
            .collect();
        let count = edges
            .iter()
            .try_fold(1_usize, |count, one| count.checked_mul(one.len()))
            .unwrap_or(usize::MAX);
        if count <= MOST || width == 1 {
            return product(&edges, MOST);
        }
        width = width.saturating_sub(1);
    }
}

/// Values of one argument; `width` says how many around each mentioned one.
fn values(rules: &Seccomp, arch: Arch, name: &str, index: u32, width: usize) -> Vec<u64> {
    let mut values = Vec::new();
    for rule in &rules.rules {
        for condition in rule.args.iter().filter(|one| one.index == index) {
            let value = condition.value;
            let around = if condition.op == Operator::ScmpCmpMaskedEq {
                let bits = condition.value_two & value;
                let lowest = value & value.wrapping_neg();
                vec![
                    bits,
                    bits ^ lowest,
                    bits | !value,
                    bits ^ value,
                    u64::MAX,
                    0,
                ]
            } else {
                vec![
                    value,
                    value.wrapping_add(1),
                    value.wrapping_sub(1),
                    value ^ UPPER,
                    value.wrapping_add(1) ^ UPPER,
                    value.wrapping_sub(1) ^ UPPER,
                    value & LOWER,
                    value | !LOWER,
                ]
            };
            values.extend(around.into_iter().take(width.max(1)));
        }
        if index == 0 {
            let numbers = rule.names.iter().filter(|found| *found != name);
            let numbers = numbers.filter_map(|other| multiplexer(arch, other));
            values.extend(numbers.map(|(_, number)| number));
        }
    }
    let mentioned = !values.is_empty();
    if mentioned && width == WIDE {
        values.extend([LOWER, UPPER, u64::MAX]);
    }
    // A call for which no condition on this argument holds, in most profiles.
    values.push(0);
    values.sort_unstable();
    values.dedup();
    values
}

/// All combinations, or `most` of them, chosen without pattern but the same each time.
fn product(edges: &[Vec<u64>], most: usize) -> Vec<[u64; 6]> {
    let all = edges
        .iter()
        .try_fold(1_usize, |all, one| all.checked_mul(one.len()));
    let few = all.filter(|all| *all <= most);
    let mut state = 0;
    let calls = (0..few.unwrap_or(most)).map(|at| {
        let mut rest = at;
        let mut args = [0; 6];
        for (arg, one) in args.iter_mut().zip(edges) {
            let choice = if few.is_some() {
                rest
            } else {
                mixed(&mut state)
            };
            let index = choice.checked_rem(one.len()).unwrap_or_default();
            *arg = one.get(index).copied().unwrap_or_default();
            rest = rest.checked_div(one.len()).unwrap_or_default();
        }
        args
    });
    calls.collect()
}

/// The next of a sequence of well-mixed numbers (splitmix64).
fn mixed(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((z ^ (z >> 31)) >> 33).unwrap_or_default()
}

/// Bit 32, which the kernel does not see of an `int` and 32-bit ABIs do not have.
const UPPER: u64 = 1 << 32;
const LOWER: u64 = 0xffff_ffff;
/// All values around a mentioned one.
const WIDE: usize = 8;
/// How many calls are tried for one syscall on one architecture.
const MOST: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_combinations_are_tried_where_they_are_few() {
        let edges = [
            vec![0, 1],
            vec![5],
            vec![7, 8, 9],
            vec![0],
            vec![0],
            vec![0],
        ];
        let calls = product(&edges, 100);
        assert_eq!(calls.len(), 6);
        assert!(calls.contains(&[1, 5, 9, 0, 0, 0]));
    }

    #[test]
    fn where_combinations_are_many_some_are_chosen_with_all_values() {
        let edges = vec![(0..40).collect::<Vec<u64>>(); 6];
        let calls = product(&edges, 1_000);
        assert_eq!(calls.len(), 1_000);
        for index in 0..6 {
            let mut seen: Vec<u64> = calls.iter().map(|call| call[index]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() > 30, "argument {index}: {}", seen.len());
        }
    }
}

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

/// All combinations, or evenly chosen ones of them.
fn product(edges: &[Vec<u64>], most: usize) -> Vec<[u64; 6]> {
    let sizes: Vec<u128> = edges.iter().map(|one| one.len() as u128).collect();
    let all: u128 = sizes.iter().product();
    let step = all.div_ceil(most as u128).max(1);
    // Odd and large, so that all arguments change from one chosen call to the next.
    let step = if step > 1 { step | 1 } else { 1 };
    let mut calls = Vec::new();
    let mut at: u128 = 0;
    while at < all {
        let mut rest = at;
        let mut args = [0; 6];
        for ((arg, one), size) in args.iter_mut().zip(edges).zip(&sizes) {
            let index = usize::try_from(rest.checked_rem(*size).unwrap_or_default());
            *arg = index
                .ok()
                .and_then(|index| one.get(index))
                .copied()
                .unwrap_or_default();
            rest = rest.checked_div(*size).unwrap_or_default();
        }
        calls.push(args);
        at = at.saturating_add(step);
    }
    calls
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
        assert!((500..=1_000).contains(&calls.len()), "{}", calls.len());
        for index in 0..6 {
            let mut seen: Vec<u64> = calls.iter().map(|call| call[index]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() > 30, "argument {index}: {}", seen.len());
        }
    }
}

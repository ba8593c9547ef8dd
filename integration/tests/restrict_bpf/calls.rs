//! Which calls to try on some profiles: all that their rules tell apart.

use std::collections::BTreeSet;

use filter::{Call, X32_BIT};
use integration::Random;
use profile::meaning::multiplexer;
use profile::{Arch, Condition, Seccomp};

use crate::oci::NATIVE;

/// A call with what the profiles' rules know it by.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    /// The ABI by the rules' names; x32 is one of its own.
    pub(crate) arch: Arch,
    /// Its name; empty where the number has none.
    pub(crate) name: String,
}

/// Every syscall that the profiles name and its neighbours, numbers past them, x32's and the last,
/// on every architecture that they list and on one that they do not; and of a call with conditions
/// the arguments on both sides of each, some `most` of them.
pub(crate) fn calls(profiles: &[&Seccomp], most: usize) -> Vec<Asked> {
    let mut random = Random::new(most as u64);
    let mut all = Vec::new();
    for arch in arches(profiles) {
        for nr in numbers(profiles, arch) {
            // Of what is an x86-64 call by its number alone, the rules know x32's by another name.
            let x32 = arch == NATIVE && (X32_BIT..u32::MAX).contains(&nr);
            let arch = if x32 { Arch::ScmpArchX32 } else { arch };
            let name = filter::name(nr, arch).unwrap_or_default();
            for args in arguments(profiles, arch, &name, most, &mut random) {
                let call = Call::new(arch, nr, args);
                let name = name.clone();
                all.push(Asked { call, arch, name });
            }
        }
    }
    all
}

fn arches(profiles: &[&Seccomp]) -> Vec<Arch> {
    let listed = profiles.iter().flat_map(|one| &one.architectures);
    let mut arches = vec![NATIVE, Arch::ScmpArchX32];
    for arch in listed {
        if !arches.contains(arch) {
            arches.push(*arch);
        }
    }
    let foreign = [Arch::ScmpArchAarch64, Arch::ScmpArchRiscv64];
    arches.extend(foreign.into_iter().find(|arch| !arches.contains(arch)));
    arches
}

fn numbers(profiles: &[&Seccomp], arch: Arch) -> BTreeSet<u32> {
    let rules = profiles.iter().flat_map(|one| &one.rules);
    let named: BTreeSet<u32> = rules
        .flat_map(|rule| &rule.names)
        .filter_map(|name| filter::nr(name, arch))
        .collect();
    let mut all: BTreeSet<u32> = [0, 999, X32_BIT, X32_BIT + 512, u32::MAX].into();
    if let Some(last) = named.last() {
        all.extend([last.saturating_add(8)]);
    }
    for nr in named {
        all.extend([nr.saturating_sub(1), nr, nr.saturating_add(1)]);
    }
    all
}

/// Arguments about the values that the rules of a call compare with.
fn arguments(
    profiles: &[&Seccomp],
    arch: Arch,
    name: &str,
    most: usize,
    random: &mut Random,
) -> Vec<[u64; 6]> {
    let mut values: [BTreeSet<u64>; 6] = Default::default();
    for rule in profiles.iter().flat_map(|one| &one.rules) {
        for named in &rule.names {
            let through = multiplexer(arch, named).filter(|(through, _)| *through == name);
            if let (Some((_, number)), Some(first)) = (through, values.first_mut()) {
                first.extend([number, number + 1]);
            }
            if named == name || through.is_some() {
                for condition in &rule.args {
                    let at = usize::try_from(condition.index).unwrap();
                    values[at].extend(about(condition));
                }
            }
        }
    }
    for of_one in values.iter_mut().filter(|of_one| !of_one.is_empty()) {
        of_one.extend([0, u64::from(u32::MAX), 1 << 32, u64::MAX]);
    }
    let values = values.map(Vec::from_iter);
    let mut all = vec![[0; 6]];
    let combinations: usize = values.iter().map(|of_one| of_one.len().max(1)).product();
    if combinations > most {
        let one = |of_one: &Vec<u64>| match of_one.as_slice() {
            [] => 0,
            some => random.one_of(some),
        };
        let mut one = one;
        all.extend((0..most).map(|_| values.each_ref().map(&mut one)));
        return all;
    }
    for (at, of_one) in values
        .iter()
        .enumerate()
        .filter(|(_, some)| !some.is_empty())
    {
        let with = |args: &[u64; 6]| {
            let args = *args;
            of_one.iter().map(move |value| {
                let mut args = args;
                args[at] = *value;
                args
            })
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// Both sides of what a condition compares with, the same with bits that 32 bits do not have, and
/// with a bit of the mask turned.
fn about(condition: &Condition) -> Vec<u64> {
    let Condition {
        value, value_two, ..
    } = *condition;
    let lowest = value & value.wrapping_neg();
    let highest = 1_u64
        .checked_shl(63 - value.leading_zeros().min(63))
        .unwrap();
    let mut all = Vec::new();
    for value in [value, value_two] {
        all.extend([value, value.wrapping_sub(1), value.wrapping_add(1)]);
        all.extend([
            value | 1 << 32,
            value ^ 1 << 63,
            value ^ lowest,
            value ^ highest,
        ]);
    }
    all.push(!value);
    all
}

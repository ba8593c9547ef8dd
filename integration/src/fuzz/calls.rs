//! The calls at which two profiles could answer differently: every name and architecture that they
//! mention, with arguments on both sides of every value.

use std::collections::BTreeSet;

use filter::Call;
use profile::meaning::{compares_32_bits, multiplexer};
use profile::{Arch, Operator, Seccomp};

use super::pair::Pair;
use super::rng::Rng;

/// A call, and what the model needs to know of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) arch: Arch,
    pub(crate) name: &'a str,
    pub(crate) args: [u64; 6],
    pub(crate) call: Call,
}

/// The name of a call that no profile has, and its number.
const NO_NAME: (&str, u32) = ("\u{1}", 100_000);
/// How many names of one pair are looked at.
const NAMES: usize = 40;
/// How many sets of arguments of one call.
const SETS: usize = 48;
/// How many values of one argument.
const VALUES: usize = 40;

/// Calls for `pair`, chosen by `rng` where there are too many.
pub(crate) fn calls<'a>(pair: &'a Pair, rng: &mut Rng) -> Vec<Asked<'a>> {
    let mut all = Vec::new();
    let mut arches = vec![pair.native];
    arches.extend_from_slice(profile::compat(pair.native));
    let profiles = [&pair.policy, &pair.request];
    let mut names: BTreeSet<&str> = ["socketcall", "ipc", "getpid"].into();
    let rules = profiles.iter().flat_map(|profile| &profile.rules);
    names.extend(rules.flat_map(|rule| &rule.names).map(|name| name.as_ref()));
    let mut names: Vec<&str> = names.into_iter().collect();
    while names.len() > NAMES {
        names.swap_remove(rng.below(names.len()));
    }
    for arch in arches {
        let bit = if arch == Arch::ScmpArchX32 {
            filter::X32_BIT
        } else {
            0
        };
        let none = NO_NAME.1 | bit;
        all.push(asked(arch, NO_NAME.0, none, [0; 6]));
        for name in &names {
            let Some(nr) = filter::nr(name, arch) else {
                continue;
            };
            let values = values(&profiles, arch, name);
            for args in sets(&values, rng) {
                all.push(asked(arch, name, nr, args));
            }
        }
    }
    all
}

fn asked(arch: Arch, name: &str, nr: u32, mut args: [u64; 6]) -> Asked<'_> {
    // The kernel hands 32-bit callers' registers on without an upper half; x32's have one.
    if compares_32_bits(arch) && arch != Arch::ScmpArchX32 {
        args = args.map(|arg| arg & u64::from(u32::MAX));
    }
    let call = Call::new(arch, nr, args);
    Asked {
        arch,
        name,
        args,
        call,
    }
}

/// For each argument, the values around those that conditions on `name` compare it with.
fn values(profiles: &[&Seccomp], arch: Arch, name: &str) -> [Vec<u64>; 6] {
    let mut values: [BTreeSet<u64>; 6] = Default::default();
    for rule in profiles.iter().flat_map(|profile| &profile.rules) {
        let mut through = rule
            .names
            .iter()
            .map(|named| (named == name, multiplexer(arch, named)));
        for (same, number) in &mut through {
            let number = number
                .filter(|(through, _)| *through == name)
                .map(|(_, nr)| nr);
            if !same && number.is_none() {
                continue;
            }
            if let Some(first) = values.first_mut() {
                first.extend(number);
            }
            for condition in &rule.args {
                let at = usize::try_from(condition.index).unwrap_or(usize::MAX);
                let Some(values) = values.get_mut(at) else {
                    continue;
                };
                let value = condition.value;
                if condition.op == Operator::ScmpCmpMaskedEq {
                    let two = condition.value_two;
                    values.extend([
                        two & value,
                        two | !value,
                        two,
                        two ^ (value & value.wrapping_neg()),
                    ]);
                    values.insert(two ^ value);
                } else {
                    values.extend([value.wrapping_sub(1), value, value.wrapping_add(1)]);
                    values.extend([value ^ (1 << 32), value & u64::from(u32::MAX)]);
                }
            }
        }
    }
    values.map(|mut some| {
        some.extend([0, u64::MAX]);
        let step = some.len().div_ceil(VALUES).max(1);
        some.into_iter().step_by(step).collect()
    })
}

/// Some of the combinations: each value of each argument at least once, if there is room.
fn sets(values: &[Vec<u64>; 6], rng: &mut Rng) -> Vec<[u64; 6]> {
    let most = values
        .iter()
        .map(|some| some.len().saturating_sub(1))
        .fold(1, usize::saturating_mul);
    let wanted = most.saturating_mul(2).clamp(4, SETS);
    let one = |rng: &mut Rng| values.each_ref().map(|some| *rng.pick(some).unwrap_or(&0));
    let mut sets: Vec<[u64; 6]> = (0..wanted).map(|_| one(rng)).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

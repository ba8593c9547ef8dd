//! An independent model of what a profile means: what the filter that libseccomp compiles of it
//! answers to one call. It shares no code with the restricting that it is held against, and makes
//! no rule of its own; it is slow and plain on purpose.
//!
//! Taken from libseccomp's src/db.c and from how runc and crun feed it
//! (runc libcontainer/seccomp/seccomp_linux.go, crun src/libcrun/seccomp.c).

mod abi;
mod outcome;

pub(crate) use abi::multiplexes;
pub use abi::{compares_32_bits, multiplexer};
pub use outcome::Outcome;

use crate::{Action, Arch, Condition, Operator, Seccomp};

/// What a profile answers to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The one answer.
    Certain(Outcome),
    /// Rules with conditions overlap here and answer differently: which of them wins hangs on the
    /// shape of libseccomp's tree. At least two, no two alike.
    AnyOf(Vec<Outcome>),
}

impl Judgement {
    /// The answers that are possible.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        match self {
            Self::Certain(outcome) => std::slice::from_ref(outcome),
            Self::AnyOf(outcomes) => outcomes,
        }
    }
}

/// What decides a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The profile is not for calls of the ABI, so that they kill the thread.
    Architecture,
    /// One rule without conditions, by its index, which beats all with some.
    Rule(usize),
    /// The rules of which the conditions hold, by index; more than one where they overlap.
    Conditions(Vec<usize>),
    /// No rule: the default action.
    Default,
}

/// What `profile` answers on a node of architecture `native` to call `name` made through the ABI
/// `arch` with `args`.
///
/// `name` is taken to exist on `arch`; any name that no rule has stands for an unknown number.
/// Conditions on an argument beyond the sixth, which the runtimes refuse, never hold.
#[must_use]
pub fn judge(profile: &Seccomp, native: Arch, arch: Arch, name: &str, args: [u64; 6]) -> Judgement {
    let outcome = |at: &usize| profile.rules.get(*at).map(Outcome::of_rule);
    let mut possible: Vec<Outcome> = Vec::new();
    match reason(profile, native, arch, name, args) {
        // The answer for an ABI without a filter, whatever the default is.
        Reason::Architecture => possible.push(Outcome::new(Action::ScmpActKillThread, None)),
        Reason::Rule(at) => possible.extend(outcome(&at)),
        Reason::Conditions(all) => {
            for outcome in all.iter().filter_map(outcome) {
                if !possible.contains(&outcome) {
                    possible.push(outcome);
                }
            }
        }
        Reason::Default => {}
    }
    match possible.as_slice() {
        [] => Judgement::Certain(Outcome::of_default(profile)),
        [one] => Judgement::Certain(*one),
        _ => Judgement::AnyOf(possible),
    }
}

/// What of `profile` decides a call, as for [`judge`]. Rules that do what the default does never
/// do, as the runtimes drop them.
#[must_use]
pub fn reason(profile: &Seccomp, native: Arch, arch: Arch, name: &str, args: [u64; 6]) -> Reason {
    let native = |arch| arch == native || arch == Arch::ScmpArchNative;
    if !native(arch) && !profile.architectures.contains(&arch) {
        return Reason::Architecture;
    }
    let default = Outcome::of_default(profile);
    let mut holding: Vec<usize> = Vec::new();
    for (at, rule) in profile.rules.iter().enumerate() {
        if Outcome::of_rule(rule) == default {
            continue;
        }
        for named in &rule.names {
            if named == name && rule.args.is_empty() {
                return Reason::Rule(at);
            }
            let number = match multiplexer(arch, named) {
                _ if named == name => None,
                Some((through, number)) if through == name => Some(number),
                _ => continue,
            };
            if alternatives(&rule.args).any(|all| holds(all, number, arch, args)) {
                holding.push(at);
            }
        }
    }
    holding.dedup();
    if holding.is_empty() {
        Reason::Default
    } else {
        Reason::Conditions(holding)
    }
}

/// A rule's conditions as the runtimes hand them on: together; or one by one, if two look at the
/// same argument.
pub(crate) fn alternatives(args: &[Condition]) -> impl Iterator<Item = &[Condition]> {
    let repeated = args.iter().enumerate().any(|(at, one)| {
        let others = args.iter().skip(at.saturating_add(1));
        others.into_iter().any(|other| other.index == one.index)
    });
    let size = if repeated { 1 } else { args.len().max(1) };
    let whole = args.is_empty().then_some([].as_slice());
    args.chunks(size).chain(whole)
}

/// Whether `all` hold of a call's arguments, where `number` stands in for the condition on
/// argument 0 if the call comes through a multiplexer.
fn holds(all: &[Condition], number: Option<u64>, arch: Arch, args: [u64; 6]) -> bool {
    let width = if compares_32_bits(arch) {
        u64::from(u32::MAX)
    } else {
        u64::MAX
    };
    let through = number.is_none_or(|number| args.first().is_some_and(|a| a & width == number));
    through
        && all.iter().all(|one| {
            let Some(arg) = usize::try_from(one.index).ok().and_then(|at| args.get(at)) else {
                return false;
            };
            (number.is_some() && one.index == 0) || compare(one, *arg & width, width)
        })
}

/// Whether one condition, cut to `width`, holds of `arg`.
pub(crate) fn compare(one: &Condition, arg: u64, width: u64) -> bool {
    let value = one.value & width;
    match one.op {
        Operator::ScmpCmpNe => arg != value,
        Operator::ScmpCmpLt => arg < value,
        Operator::ScmpCmpLe => arg <= value,
        Operator::ScmpCmpEq => arg == value,
        Operator::ScmpCmpGe => arg >= value,
        Operator::ScmpCmpGt => arg > value,
        Operator::ScmpCmpMaskedEq => arg & value == one.value_two & value,
    }
}

#[cfg(test)]
mod tests;

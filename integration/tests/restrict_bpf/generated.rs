//! Profiles by chance, in the families that libseccomp takes differently well.

use integration::Random;
use profile::Action::{self, *};
use profile::Operator::{self, *};
use profile::{Arch, Condition, Rule, Seccomp};

/// What the conditions of a profile are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// EQ on several arguments.
    Equal,
    /// MASKED_EQ on several arguments.
    Masked,
    /// Every operator, on one argument and with small values.
    Small,
    /// EQ and NE on one argument, with values of 64 bits.
    Unequal,
    /// Every operator on several arguments with values of 64 bits: libseccomp compiles some of
    /// these to something else, and does not end on others.
    Any,
}

/// All, in the proportion in which they are tried.
pub(crate) const FAMILIES: [Family; 10] = [
    Family::Equal,
    Family::Masked,
    Family::Small,
    Family::Equal,
    Family::Masked,
    Family::Small,
    Family::Unequal,
    Family::Equal,
    Family::Masked,
    Family::Any,
];

/// A profile with conditions of a family.
pub(crate) fn profile(family: Family, random: &mut Random) -> Seccomp {
    let (default_action, default_errno) = action(random);
    let architectures = match random.below(6) {
        0 => vec![],
        1 => vec![Arch::ScmpArchX86],
        2 => vec![Arch::ScmpArchX86_64, Arch::ScmpArchX32],
        _ => vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
    };
    let rules = (0..1 + random.below(6)).map(|_| rule(family, random));
    Seccomp {
        default_action,
        default_errno,
        architectures,
        flags: None,
        listener_path: Some("/run/listener".to_owned()),
        listener_metadata: None,
        rules: rules.collect(),
    }
}

fn rule(family: Family, random: &mut Random) -> Rule {
    let first = random.one_of(&NAMES);
    let mut names = vec![first.into()];
    let second = random.one_of(&NAMES);
    if second != first && random.below(3) == 0 {
        names.push(second.into());
    }
    let (action, errno) = action(random);
    let conditions = match (random.below(8), family) {
        (0 | 1, _) => 0,
        (_, Family::Small | Family::Unequal) => 1,
        (2..6, _) => 1,
        (6, _) => 2,
        _ => 3,
    };
    let mut args: Vec<Condition> = (0..conditions).map(|_| condition(family, random)).collect();
    args.sort_by_key(|one| one.index);
    // Two on one argument are two rules; they are tried in one family.
    if family != Family::Any {
        args.dedup_by_key(|one| one.index);
    }
    Rule {
        names,
        action,
        errno,
        args,
    }
}

fn condition(family: Family, random: &mut Random) -> Condition {
    let op = random.one_of(operators(family));
    let mut index = random.one_of(&[0, 0, 0, 1, 2, 5]);
    let mut value = random.one_of(&[0, 1, 2, 8, 16, 38, 40, 0xffff_ffff, 1 << 32, 0x1_0000_0005]);
    let mut value_two = 0;
    match family {
        Family::Small => {
            index = 0;
            value = random.below(48).into();
        }
        Family::Unequal => index = 0,
        Family::Equal | Family::Masked | Family::Any => {}
    }
    if op == ScmpCmpMaskedEq {
        value = random.one_of(&[0x7e02_0000, 0x2_0000, 0x1000_0000, 0xff, 0xf, u64::MAX]);
        value_two = value & random.one_of(&[0, 0x2_0000, 0x1000_0000, 3, u64::MAX]);
    }
    Condition {
        index,
        value,
        value_two,
        op,
    }
}

fn operators(family: Family) -> &'static [Operator] {
    match family {
        Family::Equal => &[ScmpCmpEq],
        Family::Masked => &[ScmpCmpMaskedEq],
        Family::Unequal => &[ScmpCmpEq, ScmpCmpNe],
        Family::Small => &[
            ScmpCmpNe, ScmpCmpLt, ScmpCmpLe, ScmpCmpEq, ScmpCmpGe, ScmpCmpGt,
        ],
        Family::Any => &[
            ScmpCmpNe,
            ScmpCmpLt,
            ScmpCmpLe,
            ScmpCmpEq,
            ScmpCmpGe,
            ScmpCmpGt,
            ScmpCmpMaskedEq,
        ],
    }
}

fn action(random: &mut Random) -> (Action, Option<u32>) {
    random.one_of(&[
        (ScmpActAllow, None),
        (ScmpActAllow, None),
        (ScmpActAllow, None),
        (ScmpActErrno, None),
        (ScmpActErrno, Some(38)),
        (ScmpActErrno, Some(13)),
        (ScmpActLog, None),
        (ScmpActTrace, Some(7)),
        (ScmpActNotify, None),
        (ScmpActTrap, None),
        (ScmpActKill, None),
        (ScmpActKillProcess, None),
    ])
}

/// Calls that exist everywhere, calls behind a multiplexer of x86, the multiplexers themselves.
const NAMES: [&str; 10] = [
    "read",
    "clone",
    "ioctl",
    "socket",
    "socketcall",
    "connect",
    "shmget",
    "ipc",
    "personality",
    "prctl",
];

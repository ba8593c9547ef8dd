mod examples;
pub(crate) mod laws;

use crate::meaning::{Judgement, judge};
use crate::{Action, Arch, Condition, Operator, Rule, Seccomp};

pub(crate) const X86_64: Arch = Arch::ScmpArchX86_64;
pub(crate) const X86: Arch = Arch::ScmpArchX86;
pub(crate) const X32: Arch = Arch::ScmpArchX32;

/// A profile for all three ABIs of x86_64.
pub(crate) fn profile(default: (Action, Option<u32>), rules: Vec<Rule>) -> Seccomp {
    Seccomp {
        default_action: default.0,
        default_errno: default.1,
        architectures: vec![X86_64, X86, X32],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    }
}

pub(crate) fn rule(names: &[&'static str], action: Action, args: &[Condition]) -> Rule {
    Rule {
        names: names.iter().map(|name| (*name).into()).collect(),
        action,
        errno: None,
        args: args.to_vec(),
    }
}

pub(crate) fn errno(errno: u32, rule: Rule) -> Rule {
    Rule {
        errno: Some(errno),
        ..rule
    }
}

pub(crate) fn when(index: u32, op: Operator, value: u64) -> Condition {
    masked(index, op, value, 0)
}

pub(crate) fn masked(index: u32, op: Operator, value: u64, value_two: u64) -> Condition {
    Condition {
        index,
        value,
        value_two,
        op,
    }
}

pub(crate) fn answer(profile: &Seccomp, arch: Arch, name: &str, args: [u64; 6]) -> Judgement {
    judge(profile, X86_64, arch, name, args)
}

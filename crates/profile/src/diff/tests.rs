use proptest::prelude::*;

use super::*;
use crate::meaning::{Judgement, judge};
use crate::restrict::tests::laws::{any_profile, boundaries, calls};
use crate::restrict::tests::{X32, X86, X86_64, answer, errno, profile, rule, when};
use crate::{Action, Action::*, Operator::*};

fn deny(rules: Vec<crate::Rule>) -> Seccomp {
    profile((ScmpActErrno, Some(38)), rules)
}

/// What changed for one call, in words.
fn lines(diff: &Diff) -> Vec<String> {
    let words = |call: &CallChange| {
        let name = call.syscall.clone();
        let changes = call.changes.iter();
        let lines: Vec<String> = changes
            .map(|one| {
                format!(
                    "{name} {} {} {:?} {:?}",
                    one.from, one.to, one.bits, one.when
                )
            })
            .collect();
        lines
    };
    diff.calls.iter().flat_map(words).collect()
}

#[test]
fn a_call_that_changes_is_named_with_its_arguments() {
    let before = deny(vec![rule(&["read", "socket"], ScmpActAllow, &[])]);
    let after = deny(vec![
        rule(&["read", "write"], ScmpActAllow, &[]),
        rule(&["socket"], ScmpActAllow, &[when(0, ScmpCmpLt, 38)]),
    ]);
    let mut diff = diff(&before, &after, X86_64).unwrap();
    diff.calls.retain(|call| call.syscall != "socketcall");
    let from_38 = when(0, ScmpCmpGt, 37);
    assert_eq!(
        lines(&diff),
        [
            format!("socket ALLOW ERRNO(38) All AnyOf({:?})", [[from_38]]),
            "write ERRNO(38) ALLOW All Always".to_owned(),
        ]
    );
    assert_eq!(diff.default, None);
}

#[test]
fn rules_written_otherwise_that_do_the_same_are_no_difference() {
    let before = deny(vec![rule(
        &["read"],
        ScmpActAllow,
        &[when(0, ScmpCmpLe, 1)],
    )]);
    let after = deny(vec![
        rule(&["read"], ScmpActAllow, &[when(0, ScmpCmpEq, 1)]),
        rule(&["read"], ScmpActAllow, &[when(0, ScmpCmpEq, 0)]),
        rule(&["write"], ScmpActErrno, &[]),
        errno(38, rule(&["write"], ScmpActErrno, &[])),
    ]);
    let mut same = diff(&before, &after, X86_64).unwrap();
    assert_eq!(lines(&same), ["write ERRNO(38) ERRNO(1) All Always"]);
    same.calls.clear();
    assert!(same.is_empty());
}

#[test]
fn defaults_architectures_flags_and_listeners_are_told() {
    let before = deny(vec![]);
    let mut after = profile((ScmpActErrno, Some(1)), vec![]);
    after.architectures = vec![X86_64, X86, Arch::ScmpArchArm];
    after.flags = Some(vec![Flag::SeccompFilterFlagSpecAllow]);
    after.listener_path = Some("/run/agent".to_owned());
    let diff = diff(&before, &after, X86_64).unwrap();
    let changed = diff.default.clone().unwrap();
    assert_eq!(
        (changed.from.to_string(), changed.to.to_string()),
        ("ERRNO(38)".to_owned(), "ERRNO(1)".to_owned())
    );
    assert_eq!(
        (diff.lost.as_slice(), diff.gained.as_slice()),
        ([X32].as_slice(), [Arch::ScmpArchArm].as_slice())
    );
    assert_eq!(diff.flags, None);
    assert!(diff.listener_path.is_some() && !diff.is_empty());
}

#[test]
fn a_condition_that_32_bits_cut_is_told_apart() {
    let before = deny(vec![rule(
        &["read"],
        ScmpActAllow,
        &[when(0, ScmpCmpEq, 1 << 32)],
    )]);
    let after = deny(vec![]);
    let diff = diff(&before, &after, X86_64).unwrap();
    let bits: Vec<Bits> = diff.calls[0].changes.iter().map(|one| one.bits).collect();
    assert_eq!(bits, [Bits::Only64, Bits::Only32]);
}

fn strictest(judgement: &Judgement) -> Outcome {
    let outcomes = judgement.outcomes().iter().copied();
    outcomes.max_by_key(|one| one.sort_key()).unwrap()
}

/// Whether a change is for a call.
fn is_for(change: &Change, arch: Arch, args: [u64; 6]) -> bool {
    let narrow = crate::meaning::compares_32_bits(arch);
    let lists = match &change.when {
        _ if change.bits == Bits::Only32 && !narrow => return false,
        _ if change.bits == Bits::Only64 && narrow => return false,
        When::Always => return true,
        When::Some => return false,
        When::AnyOf(lists) => lists,
    };
    lists.iter().any(|list| {
        let rules = vec![rule(&["x"], Action::ScmpActLog, list)];
        let probe = profile((ScmpActAllow, None), rules);
        let seen = if narrow {
            args.map(|arg| arg & 0xffff_ffff)
        } else {
            args
        };
        let answer = judge(&probe, X86_64, X86_64, "x", seen);
        strictest(&answer).action() == Action::ScmpActLog
    })
}

proptest! {
    #[test]
    fn a_difference_is_told_exactly_where_answers_differ(
        before in any_profile(),
        after in any_profile(),
        seed in any::<u64>(),
    ) {
        let diff = diff(&before, &after, X86_64).unwrap();
        for (arch, name, args) in calls(&boundaries([&before, &after]), seed) {
            if diff.lost.contains(&arch) || diff.gained.contains(&arch) {
                continue;
            }
            let of = |profile| strictest(&answer(profile, arch, name, args));
            let (from, to) = (of(&before), of(&after));
            let told = diff.calls.iter().find(|call| call.syscall == name);
            let named = [&before, &after].iter().any(|profile| {
                profile.rules.iter().any(|rule| rule.names.iter().any(|one| one == name))
            });
            let mut changes = told.into_iter().flat_map(|call| &call.changes);
            if changes.clone().any(|change| change.when == When::Some) {
                continue;
            }
            let found = changes.find(|change| is_for(change, arch, args));
            let found = found.map(|change| (change.from, change.to));
            let default = diff.default.as_ref().map(|one| (one.from, one.to));
            let killed = strictest(&answer(&before, arch, name, args)).action() == ScmpActKillThread
                && !frame::effective(&before, X86_64).contains(&arch);
            if killed {
                continue;
            }
            let found = if named || name == "socketcall" { found } else { default };
            prop_assert_eq!(
                found,
                (from != to).then_some((from, to)),
                "{} {} {:x?}: {:#x?}", arch, name, args, diff
            );
        }
    }

    #[test]
    fn a_profile_does_not_differ_from_itself(one in any_profile()) {
        prop_assert!(diff(&one, &one, X86_64).unwrap().is_empty());
    }
}

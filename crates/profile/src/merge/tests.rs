use proptest::prelude::*;

use super::*;
use crate::meaning::{Judgement, Outcome};
use crate::restrict::tests::laws::{any_profile, boundaries, calls};
use crate::restrict::tests::{X32, X86, X86_64, answer, errno, masked, profile, rule, when};
use crate::{Action::*, Flag, Operator::*, Rounding};

/// What counts where rules contradict each other.
fn strictest(judgement: &Judgement) -> Outcome {
    let outcomes = judgement.outcomes().iter().copied();
    outcomes.max_by_key(|one| one.sort_key()).unwrap()
}

fn deny(rules: Vec<crate::Rule>) -> Seccomp {
    profile((ScmpActErrno, Some(38)), rules)
}

fn said(profile: &Seccomp, arch: Arch, name: &str, first: u64) -> String {
    strictest(&answer(profile, arch, name, [first, 0, 0, 0, 0, 0])).to_string()
}

#[test]
fn what_any_allows_is_allowed() {
    let one = deny(vec![rule(&["read"], ScmpActAllow, &[])]);
    let other = deny(vec![rule(
        &["read", "write"],
        ScmpActAllow,
        &[when(0, ScmpCmpEq, 1)],
    )]);
    let third = deny(vec![errno(1, rule(&["mount"], ScmpActErrno, &[]))]);
    let merged = merge(&one, &[other, third], X86_64).unwrap();
    assert_eq!(merged.rounded, []);
    for (name, first, expect) in [
        ("read", 0, "ALLOW"),
        ("write", 1, "ALLOW"),
        ("write", 2, "ERRNO(38)"),
        ("mount", 0, "ERRNO(38)"),
        ("bpf", 0, "ERRNO(38)"),
    ] {
        assert_eq!(said(&merged.profile, X86_64, name, first), expect, "{name}");
    }
}

#[test]
fn the_looser_default_counts_for_calls_that_one_denies() {
    let one = profile(
        (ScmpActAllow, None),
        vec![rule(&["mount"], ScmpActErrno, &[])],
    );
    let other = deny(vec![rule(&["read"], ScmpActAllow, &[])]);
    let merged = merge(&one, &[other], X86_64).unwrap().profile;
    assert_eq!(merged.default_action, ScmpActAllow);
    assert_eq!(said(&merged, X86_64, "mount", 0), "ERRNO(1)");
    assert_eq!(said(&merged, X86_64, "bpf", 0), "ALLOW");
}

#[test]
fn an_architecture_stays_if_the_other_profile_opens_nothing_there() {
    let mut one = deny(vec![rule(&["read", "write"], ScmpActAllow, &[])]);
    one.architectures = vec![X86_64, X86];
    let mut other = deny(vec![rule(&["read"], ScmpActAllow, &[])]);
    other.architectures.clear();
    let merged = merge(&one, &[other.clone()], X86_64).unwrap();
    assert_eq!(merged.profile.architectures, [X86_64, X86]);
    assert_eq!(merged.rounded, []);

    other.rules[0].names.push("mount".into());
    for merged in [
        merge(&one, &[other.clone()], X86_64).unwrap(),
        merge(&other, &[one], X86_64).unwrap(),
    ] {
        assert_eq!(merged.profile.architectures, [X86_64]);
        assert_eq!(merged.rounded, [Note::LeftOut { arch: X86 }]);
        assert_eq!(said(&merged.profile, X86, "read", 0), "KILL_THREAD");
        assert_eq!(said(&merged.profile, X86_64, "mount", 0), "ALLOW");
    }
}

#[test]
fn what_cannot_be_written_is_refused_and_said() {
    // More than 32 bits mean something else to filters of 32 bits: nothing can be computed.
    let high = 1 << 32;
    let one = deny(vec![rule(
        &["read"],
        ScmpActAllow,
        &[when(0, ScmpCmpGe, high)],
    )]);
    let other = deny(vec![rule(
        &["read"],
        ScmpActAllow,
        &[when(0, ScmpCmpLt, 5)],
    )]);
    let merged = merge(&one, &[other], X86_64).unwrap();
    let expect = Note::Stricter {
        syscall: "read".to_owned(),
        rounding: Rounding::AllArguments,
    };
    assert_eq!(merged.rounded, [expect]);
    assert_eq!(said(&merged.profile, X86_64, "read", 0), "ERRNO(38)");
}

#[test]
fn flags_are_those_of_any() {
    use Flag::*;
    let with = |flags: Option<&[Flag]>| {
        let mut profile = deny(vec![]);
        profile.flags = flags.map(<[Flag]>::to_vec);
        profile
    };
    let flags = |one: Option<&[Flag]>, other: Option<&[Flag]>| {
        let merged = merge(&with(one), &[with(other)], X86_64);
        merged.unwrap().profile.flags
    };
    let (log, spec) = (SeccompFilterFlagLog, SeccompFilterFlagSpecAllow);
    assert_eq!(flags(None, None), None);
    assert_eq!(flags(None, Some(&[log])), Some(vec![log, spec]));
    assert_eq!(flags(Some(&[]), Some(&[log])), Some(vec![log]));
}

#[test]
fn two_listeners_cannot_be_merged() {
    let notify = |path: &str| {
        let mut profile = deny(vec![rule(&["mount"], ScmpActNotify, &[])]);
        profile.listener_path = Some(path.to_owned());
        profile
    };
    let merged = merge(&notify("/run/a"), &[notify("/run/b")], X86_64);
    let said = merged.unwrap_err().to_string();
    assert_eq!(
        said,
        r#"cannot hand calls to two listeners, "/run/a" and "/run/b""#
    );
    let mut allows = notify("/run/b");
    allows.rules[0].action = ScmpActAllow;
    let merged = merge(&notify("/run/a"), &[allows], X86_64).unwrap().profile;
    assert_eq!(merged.listener_path, None);
}

#[test]
fn masks_that_meet_are_kept_exactly() {
    let flags = |mask, value| {
        rule(
            &["clone"],
            ScmpActAllow,
            &[masked(0, ScmpCmpMaskedEq, mask, value)],
        )
    };
    let one = deny(vec![flags(0x7e02_0000, 0)]);
    let other = deny(vec![flags(0x7e02_0000, 0x2_0000)]);
    let merged = merge(&one, &[other], X86_64).unwrap();
    assert_eq!(merged.rounded, []);
    assert_eq!(said(&merged.profile, X32, "clone", 0x2_0011), "ALLOW");
    assert_eq!(
        said(&merged.profile, X86, "clone", 0x1000_0000),
        "ERRNO(38)"
    );
}

proptest! {
    #[test]
    fn a_merged_profile_is_never_looser_and_exact_unless_it_says_so(
        one in any_profile(),
        other in any_profile(),
        seed in any::<u64>(),
    ) {
        // A default of KILL_PROCESS may have no expression for a multiplexer.
        let Ok(merged) = merge(&one, std::slice::from_ref(&other), X86_64) else { return Ok(()) };
        for (arch, name, args) in calls(&boundaries([&one, &other]), seed) {
            let of = |profile| strictest(&answer(profile, arch, name, args));
            let expect = of(&one).eased(of(&other));
            for got in answer(&merged.profile, arch, name, args).outcomes() {
                prop_assert!(
                    got.strictness() >= expect.strictness(),
                    "{arch} {name} {args:x?}: {got}, not {expect}: {merged:#x?}"
                );
                prop_assert!(
                    got.strictness() == expect.strictness() || !merged.rounded.is_empty(),
                    "{arch} {name} {args:x?}: {got}, not {expect}: {merged:#x?}"
                );
            }
        }
    }

    #[test]
    fn a_profile_merged_with_itself_means_the_same(one in any_profile(), seed in any::<u64>()) {
        let Ok(merged) = merge(&one, std::slice::from_ref(&one), X86_64) else { return Ok(()) };
        if !merged.rounded.is_empty() {
            return Ok(());
        }
        for (arch, name, args) in calls(&boundaries([&one, &one]), seed) {
            let before = strictest(&answer(&one, arch, name, args)).strictness();
            let after = strictest(&answer(&merged.profile, arch, name, args)).strictness();
            prop_assert_eq!(before, after, "{} {} {:x?}", arch, name, args);
        }
    }
}

//! What must hold for all profiles, tried on generated ones.

use proptest::prelude::*;

use super::*;
use crate::meaning::Outcome;
use crate::{Note, Restricted, restrict};

const NAMES: [&str; 5] = ["read", "clone", "socket", "socketcall", "ioctl"];

fn action() -> impl Strategy<Value = (Action, Option<u32>)> {
    use Action::*;
    prop_oneof![
        4 => Just((ScmpActAllow, None)),
        3 => prop_oneof![Just(None), Just(Some(38)), Just(Some(1))]
            .prop_map(|errno| (ScmpActErrno, errno)),
        1 => Just((ScmpActLog, None)),
        1 => Just((ScmpActTrace, Some(7))),
        1 => Just((ScmpActTrap, None)),
        1 => Just((ScmpActKill, None)),
        1 => Just((ScmpActKillProcess, None)),
    ]
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0..48_u64,
        2 => prop::sample::select(vec![0x7e02_0000, 0x2_0008, 0xffff_ffff, 0x8000_0000]),
        1 => prop::sample::select(vec![1 << 32, (1 << 32) + 5, u64::MAX, 0xff_0000_00ff]),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    use Operator::*;
    let op = prop::sample::select(vec![
        ScmpCmpNe,
        ScmpCmpLt,
        ScmpCmpLe,
        ScmpCmpEq,
        ScmpCmpEq,
        ScmpCmpGe,
        ScmpCmpGt,
        ScmpCmpMaskedEq,
        ScmpCmpMaskedEq,
    ]);
    (
        prop::sample::select(vec![0, 0, 0, 1, 2]),
        op,
        value(),
        value(),
    )
        .prop_map(|(index, op, value, two)| {
            let two = if op == ScmpCmpMaskedEq { two } else { 0 };
            masked(index, op, value, two)
        })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let names = prop::sample::subsequence(NAMES.to_vec(), 1..3);
    let args = prop_oneof![
        2 => Just(Vec::new()),
        6 => prop::collection::vec(condition(), 1),
        2 => prop::collection::vec(condition(), 2..4),
    ];
    (names, action(), args).prop_map(|(names, (action, errno), args)| Rule {
        names: names.into_iter().map(Into::into).collect(),
        action,
        errno,
        args,
    })
}

pub(crate) fn any_profile() -> impl Strategy<Value = Seccomp> {
    let arches = prop_oneof![
        4 => Just(vec![X86_64, X86, X32]),
        1 => Just(vec![]),
        1 => Just(vec![X86]),
        1 => Just(vec![X32, X86_64]),
    ];
    let rules = prop::collection::vec(any_rule(), 0..7);
    (action(), arches, rules).prop_map(|(default, architectures, rules)| Seccomp {
        architectures,
        ..profile(default, rules)
    })
}

/// Values about all those that the profiles compare with.
pub(crate) fn boundaries(profiles: [&Seccomp; 2]) -> Vec<u64> {
    let mut values = vec![0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX];
    let conditions = profiles
        .iter()
        .flat_map(|profile| &profile.rules)
        .flat_map(|rule| &rule.args);
    for one in conditions {
        for value in [one.value, one.value_two, one.value & one.value_two] {
            values.extend([value.wrapping_sub(1), value, value.wrapping_add(1)]);
            values.extend([value | 1 << 32, value | 1 << 63]);
        }
        let lowest = one.value & one.value.wrapping_neg();
        values.extend([one.value ^ lowest, one.value_two ^ lowest, !one.value]);
    }
    values.sort_unstable();
    values.dedup();
    values
}

/// Calls at the boundaries, chosen by `seed`.
pub(crate) fn calls(values: &[u64], seed: u64) -> Vec<(Arch, &'static str, [u64; 6])> {
    let mut state = seed;
    let mut at = || {
        // Knuth's constants for a linear congruential generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        values[usize::try_from(state >> 33).unwrap() % values.len()]
    };
    let mut calls = Vec::new();
    for _ in 0..24 {
        let [first, second, third] = [at(), at(), at()];
        for arch in [X86_64, X86, X32] {
            // The wide ABI has no socketcall.
            let exists = |name: &&str| arch == X86 || *name != "socketcall";
            for name in NAMES.into_iter().filter(exists) {
                calls.push((arch, name, [first, second, third, 0, 0, 0]));
                calls.push((arch, name, [first % 3, second, third, 0, 0, 0]));
            }
        }
    }
    calls
}

/// All that two filters, one on the other, may answer; strictest last.
fn stacked(policy: &Judgement, request: &Judgement) -> Vec<Outcome> {
    let mut all: Vec<Outcome> = Vec::new();
    for one in policy.outcomes() {
        all.extend(request.outcomes().iter().map(|other| one.stacked(*other)));
    }
    all.sort_by_key(|outcome| outcome.strictness());
    all
}

/// Whether the process ought to die where the result kills the thread, as a note says.
fn excused(result: &Restricted, arch: Arch) -> bool {
    result.rounded.contains(&Note::KillsThread { arch })
}

/// A default of KILL_PROCESS may have no expression for a multiplexer: the only refusal here.
fn restricted(policy: &Seccomp, request: &Seccomp) -> Option<Restricted> {
    restrict(policy, request, X86_64).ok()
}

proptest! {
    #[test]
    fn a_result_is_never_looser_and_exact_unless_it_says_so(
        policy in any_profile(),
        request in any_profile(),
        seed in any::<u64>(),
    ) {
        let Some(result) = restricted(&policy, &request) else { return Ok(()) };
        let values = boundaries([&policy, &request]);
        for (arch, name, args) in calls(&values, seed) {
            if excused(&result, arch) {
                continue;
            }
            let both = stacked(
                &answer(&policy, arch, name, args),
                &answer(&request, arch, name, args),
            );
            let least = both.last().unwrap().strictness();
            let got = answer(&result.profile, arch, name, args);
            for one in got.outcomes() {
                prop_assert!(one.strictness() >= least, "{arch} {name} {args:x?}: {got:?}, {both:?}");
                let exact = one.strictness() == least && both.contains(one);
                prop_assert!(
                    exact || !result.rounded.is_empty(),
                    "{arch} {name} {args:x?}: {got:?}, {both:?}, {result:#x?}"
                );
            }
        }
    }

    #[test]
    fn restricting_again_changes_nothing(policy in any_profile(), request in any_profile()) {
        let Some(once) = restricted(&policy, &request) else { return Ok(()) };
        let twice = restricted(&policy, &once.profile).unwrap();
        prop_assert_eq!(once.profile, twice.profile);
    }

    #[test]
    fn a_profile_by_itself_means_the_same(one in any_profile(), seed in any::<u64>()) {
        let Some(result) = restricted(&one, &one) else { return Ok(()) };
        if result.rounded.is_empty() {
            for (arch, name, args) in calls(&boundaries([&one, &one]), seed) {
                let before = stacked(&answer(&one, arch, name, args), &answer(&one, arch, name, args));
                let after = answer(&result.profile, arch, name, args);
                let strictest = before.last().unwrap().strictness();
                for outcome in after.outcomes() {
                    prop_assert!(before.contains(outcome), "{arch} {name} {args:x?}");
                    prop_assert_eq!(outcome.strictness(), strictest);
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_two_matters_for_numbers_alone(
        one in any_profile(),
        other in any_profile(),
        seed in any::<u64>(),
    ) {
        let pair = (restricted(&one, &other), restricted(&other, &one));
        let (Some(ahead), Some(back)) = pair else { return Ok(()) };
        if ahead.rounded.is_empty() && back.rounded.is_empty() {
            for (arch, name, args) in calls(&boundaries([&one, &other]), seed) {
                let strictness = |profile: &Seccomp| {
                    let answer = answer(profile, arch, name, args);
                    answer.outcomes().iter().map(|one| one.strictness()).max()
                };
                prop_assert_eq!(strictness(&ahead.profile), strictness(&back.profile));
            }
        }
    }

    #[test]
    fn allowing_all_adds_nothing(one in any_profile(), seed in any::<u64>()) {
        let mut all = profile((Action::ScmpActAllow, None), vec![]);
        all.architectures.clone_from(&one.architectures);
        for result in [restricted(&one, &all), restricted(&all, &one)].into_iter().flatten() {
            if !result.rounded.is_empty() {
                continue;
            }
            for (arch, name, args) in calls(&boundaries([&one, &one]), seed) {
                let before = answer(&one, arch, name, args);
                for outcome in answer(&result.profile, arch, name, args).outcomes() {
                    prop_assert!(before.outcomes().contains(outcome), "{arch} {name} {args:x?}");
                }
            }
        }
    }

    #[test]
    fn killing_all_leaves_nothing(one in any_profile()) {
        let none = profile((Action::ScmpActKillProcess, None), vec![]);
        let result = restricted(&one, &none).unwrap().profile;
        prop_assert_eq!(result.default_action, Action::ScmpActKillProcess);
        let kills = |rule: &Rule| rule.action == Action::ScmpActKillProcess;
        prop_assert!(result.rules.iter().all(kills));
    }
}

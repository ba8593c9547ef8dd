use super::*;
use crate::Rule;

const ALLOW: Action = Action::ScmpActAllow;
const ERRNO: Action = Action::ScmpActErrno;
const X86_64: Arch = Arch::ScmpArchX86_64;
const X86: Arch = Arch::ScmpArchX86;
const X32: Arch = Arch::ScmpArchX32;

fn rule(name: &'static str, action: Action, args: &[(u32, Operator, u64)]) -> Rule {
    let condition = |&(index, op, value): &(u32, Operator, u64)| Condition {
        index,
        value,
        value_two: 0,
        op,
    };
    Rule {
        names: vec![name.into()],
        action,
        errno: None,
        args: args.iter().map(condition).collect(),
    }
}

fn profile(default_action: Action, rules: Vec<Rule>) -> Seccomp {
    Seccomp {
        default_action,
        default_errno: None,
        architectures: vec![X86_64, X86, X32],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    }
}

fn action(profile: &Seccomp, arch: Arch, name: &str, a0: u64) -> Action {
    match judge(profile, X86_64, arch, name, [a0, 0, 0, 0, 0, 0]) {
        Judgement::Certain(outcome) => outcome.action(),
        Judgement::AnyOf(_) => panic!("ambiguous"),
    }
}

#[test]
fn an_abi_that_is_not_listed_is_killed_even_if_the_default_allows() {
    let mut all = profile(ALLOW, vec![]);
    all.architectures.clear();
    assert_eq!(action(&all, X86_64, "read", 0), ALLOW);
    assert_eq!(action(&all, X32, "read", 0), Action::ScmpActKillThread);
}

#[test]
fn the_first_rule_without_conditions_wins_over_all_others() {
    let eq = [(0, Operator::ScmpCmpEq, 1)];
    let rules = vec![
        rule("read", Action::ScmpActTrap, &eq),
        rule("read", ALLOW, &[]),
        rule("read", Action::ScmpActKillProcess, &[]),
    ];
    assert_eq!(action(&profile(ERRNO, rules), X86_64, "read", 1), ALLOW);
}

#[test]
fn a_rule_that_does_what_the_default_does_is_dropped() {
    let rules = vec![rule("read", ERRNO, &[]), rule("read", ALLOW, &[])];
    assert_eq!(action(&profile(ERRNO, rules), X86_64, "read", 0), ALLOW);
}

#[test]
fn two_conditions_on_one_argument_are_alternatives() {
    let either = [(0, Operator::ScmpCmpEq, 1), (0, Operator::ScmpCmpEq, 5)];
    let profile = profile(ERRNO, vec![rule("read", ALLOW, &either)]);
    assert_eq!(action(&profile, X86_64, "read", 5), ALLOW);
    assert_eq!(action(&profile, X86_64, "read", 2), ERRNO);
}

#[test]
fn narrow_abis_see_values_cut_to_32_bits() {
    let wide = [(0, Operator::ScmpCmpEq, 1 << 32)];
    let profile = profile(ERRNO, vec![rule("read", ALLOW, &wide)]);
    assert_eq!(action(&profile, X86_64, "read", 0), ERRNO);
    assert_eq!(action(&profile, X86, "read", 0), ALLOW);
    assert_eq!(action(&profile, X32, "read", 7 << 32), ALLOW);
}

#[test]
fn a_rule_on_socket_opens_socketcall_for_every_family() {
    let inet = [(0, Operator::ScmpCmpEq, 2)];
    let profile = profile(ERRNO, vec![rule("socket", ALLOW, &inet)]);
    assert_eq!(action(&profile, X86, "socketcall", 1), ALLOW);
    assert_eq!(action(&profile, X86, "socketcall", 3), ERRNO);
    assert_eq!(action(&profile, X86_64, "socketcall", 1), ERRNO);
}

#[test]
fn overlapping_rules_that_differ_are_said_to_be_uncertain() {
    let rules = vec![
        rule("read", ALLOW, &[(0, Operator::ScmpCmpLe, 5)]),
        rule("read", Action::ScmpActTrap, &[(0, Operator::ScmpCmpEq, 2)]),
    ];
    let profile = profile(ERRNO, rules);
    let both = judge(&profile, X86_64, X86_64, "read", [2, 0, 0, 0, 0, 0]);
    assert_eq!(both.outcomes().len(), 2);
}

#[test]
fn the_rule_that_decides_is_known() {
    let profile = profile(
        ERRNO,
        vec![
            rule("read", ALLOW, &[(0, Operator::ScmpCmpEq, 1)]),
            rule("read", Action::ScmpActLog, &[(0, Operator::ScmpCmpLe, 1)]),
            rule("write", ERRNO, &[]),
            rule("write", ALLOW, &[(1, Operator::ScmpCmpEq, 1)]),
            rule("write", Action::ScmpActTrap, &[]),
        ],
    );
    let why = |arch, name, a0| reason(&profile, X86_64, arch, name, [a0, 1, 0, 0, 0, 0]);
    assert_eq!(why(X86_64, "read", 1), Reason::Conditions(vec![0, 1]));
    assert_eq!(why(X86_64, "read", 0), Reason::Conditions(vec![1]));
    assert_eq!(why(X86_64, "read", 2), Reason::Default);
    // Rule 2 does what the default does, so that the runtimes drop it.
    assert_eq!(why(X86, "write", 2), Reason::Rule(4));
    assert_eq!(why(Arch::ScmpArchArm, "read", 1), Reason::Architecture);
}

use super::*;
use crate::Operator;
use crate::meaning::{Judgement, judge};

const X64: Arch = Arch::ScmpArchX86_64;
const RUNC: Asker = Asker {
    as_default: false,
    never: &["write"],
};
const CRUN: Asker = Asker {
    as_default: true,
    never: &[],
};

fn rule(name: &'static str, action: Action, errno: Option<u32>, args: &[Condition]) -> Rule {
    Rule {
        names: vec![name.into()],
        action,
        errno,
        args: args.to_vec(),
    }
}

fn when(op: Operator, value: u64, value_two: u64) -> Condition {
    Condition {
        index: 0,
        value,
        value_two,
        op,
    }
}

fn profile(default: Action, errno: Option<u32>, rules: Vec<Rule>) -> Seccomp {
    Seccomp {
        default_action: default,
        default_errno: errno,
        architectures: vec![X64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    }
}

/// Each of shapes that occur: what is certain stays, or becomes a notification where it was an
/// error; gives how many became one.
fn compare_all(plain: &Seccomp, asker: Asker) -> usize {
    let asking = ask(plain, X64, asker, |outcome| {
        outcome.action() == Action::ScmpActErrno
    });
    let mut notified = 0;
    let names = [
        "write",
        "clone",
        "socket",
        "mount",
        "read",
        "socketcall",
        "send",
        "getpid",
    ];
    for name in names {
        for arch in [X64, Arch::ScmpArchX86, Arch::ScmpArchX32] {
            for arg in [
                0,
                1,
                2,
                7,
                8,
                9,
                0x4000_0000,
                0x7e02_0000,
                1 << 33,
                u64::MAX,
            ] {
                let args = [arg, 0, 0, 0, 0, 0];
                let before = judge(plain, X64, arch, name, args);
                let after = judge(&asking.profile, X64, arch, name, args);
                let (Judgement::Certain(before), Judgement::Certain(after)) = (&before, &after)
                else {
                    panic!("{name} {arch} {arg:#x}: {before:?} {after:?}");
                };
                if after.action() == Action::ScmpActNotify {
                    assert_eq!(before.action(), Action::ScmpActErrno, "{name} {arg:#x}");
                    notified += 1;
                } else {
                    assert_eq!(before, after, "{name} {arch} {arg:#x}");
                }
            }
        }
    }
    notified
}

#[test]
fn only_errors_become_notifications() {
    use Action::*;
    use Operator::*;
    let masked = when(ScmpCmpMaskedEq, 0x7e02_0000, 0);
    for asker in [RUNC, CRUN] {
        for default in [
            (ScmpActErrno, Some(38)),
            (ScmpActAllow, None),
            (ScmpActKillProcess, None),
        ] {
            for clone in [
                masked,
                when(ScmpCmpEq, 7, 0),
                when(ScmpCmpLt, 8, 0),
                when(ScmpCmpNe, 1, 0),
            ] {
                let plain = profile(
                    default.0,
                    default.1,
                    vec![
                        rule("socketcall", ScmpActAllow, None, &[]),
                        rule("read", ScmpActAllow, None, &[]),
                        rule("mount", ScmpActErrno, Some(1), &[]),
                        rule("clone", ScmpActAllow, None, &[clone]),
                        rule("socket", ScmpActAllow, None, &[when(ScmpCmpLt, 8, 0)]),
                        rule("socket", ScmpActErrno, Some(97), &[when(ScmpCmpGt, 8, 0)]),
                        rule("getpid", ScmpActKillProcess, None, &[]),
                    ],
                );
                assert!(compare_all(&plain, asker) > 0);
            }
        }
    }
}

#[test]
fn the_rest_of_a_single_condition_is_asked_about_by_name() {
    use Action::*;
    let plain = profile(
        ScmpActErrno,
        None,
        vec![
            rule("read", ScmpActAllow, None, &[]),
            rule(
                "clone",
                ScmpActAllow,
                None,
                &[when(Operator::ScmpCmpMaskedEq, 0x7e02_0000, 0)],
            ),
        ],
    );
    let asking = ask(&plain, X64, RUNC, |one| one.action() == ScmpActErrno);
    let clones = asking
        .profile
        .rules
        .iter()
        .filter(|rule| rule.names == ["clone"]);
    assert_eq!(clones.count(), 8);
    assert_eq!(asking.unasked, ["write"]);
    let asking = ask(&plain, X64, CRUN, |one| one.action() == ScmpActErrno);
    assert_eq!(asking.profile.default_action, ScmpActNotify);
    assert!(asking.unasked.is_empty());
}

#[test]
fn what_overlaps_stays_and_is_named() {
    use Action::*;
    use Operator::*;
    let plain = profile(
        ScmpActErrno,
        Some(38),
        vec![
            rule("clone", ScmpActAllow, None, &[when(ScmpCmpLt, 8, 0)]),
            rule("clone", ScmpActErrno, Some(1), &[when(ScmpCmpGt, 4, 0)]),
            rule("write", ScmpActErrno, Some(1), &[]),
        ],
    );
    for asker in [RUNC, CRUN] {
        let asking = ask(&plain, X64, asker, |one| one.action() == ScmpActErrno);
        let kept = |rule: &&Rule| rule.names == ["clone"] && rule.action != ScmpActNotify;
        assert_eq!(asking.profile.rules.iter().filter(kept).count(), 2);
        assert!(asking.unasked.contains(&"clone (in part)".to_owned()));
        assert_eq!(asking.unasked.contains(&"write".to_owned()), asker == RUNC);
    }
}

#[test]
fn a_denial_without_conditions_takes_its_calls_other_rules_along() {
    use Action::*;
    let plain = profile(
        ScmpActErrno,
        Some(38),
        vec![
            rule(
                "clone",
                ScmpActAllow,
                None,
                &[when(Operator::ScmpCmpEq, 1, 0)],
            ),
            rule("clone", ScmpActErrno, Some(1), &[]),
        ],
    );
    for asker in [RUNC, CRUN] {
        let asking = ask(&plain, X64, asker, |one| one.action() == ScmpActErrno);
        for arg in [0, 1] {
            let said = judge(&asking.profile, X64, X64, "clone", [arg, 0, 0, 0, 0, 0]);
            let notify = Outcome::new(ScmpActNotify, None);
            assert_eq!(said, Judgement::Certain(notify), "{asker:?} {arg}");
        }
    }
}

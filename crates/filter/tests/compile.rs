//! What each runtime makes of odd profiles.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use filter::{Call, CompileError, Endian, InvalidProgram, Refusal, Runtime, compile};
use profile::{Action, Arch, Condition, Operator, Rule, Seccomp};

const X64: Arch = Arch::ScmpArchX86_64;
const BOTH: [Runtime; 2] = [Runtime::Runc, Runtime::Crun];

fn profile(default_action: Action, rules: Vec<Rule>) -> Seccomp {
    Seccomp {
        default_action,
        default_errno: None,
        architectures: vec![],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    }
}

fn rule(name: &'static str, action: Action, args: Vec<Condition>) -> Rule {
    Rule {
        names: vec![name.into()],
        action,
        errno: None,
        args,
    }
}

fn equal(index: u32, value: u64) -> Condition {
    Condition {
        index,
        value,
        value_two: 0,
        op: Operator::ScmpCmpEq,
    }
}

fn said(profile: &Seccomp, runtime: Runtime, name: &str, arg: u64) -> String {
    let nr = filter::nr(name, X64).unwrap();
    compile(profile, X64, runtime)
        .unwrap()
        .run(&Call::new(X64, nr, [arg, 0, 0, 0, 0, 0]))
        .to_string()
}

#[test]
fn an_errno_without_use_is_refused_by_crun_alone() {
    let mut allow = profile(
        Action::ScmpActErrno,
        vec![rule("read", Action::ScmpActAllow, vec![])],
    );
    allow.rules[0].errno = Some(1);
    assert!(compile(&allow, X64, Runtime::Runc).is_ok());
    assert_eq!(
        compile(&allow, X64, Runtime::Crun),
        Err(CompileError::RuleErrno {
            rule: 0,
            action: Action::ScmpActAllow
        })
    );
    let mut default = profile(Action::ScmpActKill, vec![]);
    default.default_errno = Some(1);
    assert!(compile(&default, X64, Runtime::Runc).is_ok());
    assert_eq!(
        compile(&default, X64, Runtime::Crun),
        Err(CompileError::DefaultErrno {
            action: Action::ScmpActKill
        })
    );
}

#[test]
fn notify_is_refused_by_runc_as_default_on_write_and_without_listener() {
    let mut notify = profile(
        Action::ScmpActAllow,
        vec![rule("mount", Action::ScmpActNotify, vec![])],
    );
    assert_eq!(
        compile(&notify, X64, Runtime::Runc),
        Err(CompileError::NoListener { rule: 0 })
    );
    notify.listener_path = Some("/run/agent.sock".into());
    for runtime in BOTH {
        let filter = compile(&notify, X64, runtime).unwrap();
        assert_eq!(filter.flags, 0b1100, "{runtime}: SPEC_ALLOW, NEW_LISTENER");
    }
    notify.rules[0].names.push("write".into());
    assert_eq!(
        compile(&notify, X64, Runtime::Runc),
        Err(CompileError::NotifyWrite { rule: 0 })
    );
    assert_eq!(said(&notify, Runtime::Crun, "write", 0), "NOTIFY");
    let default = profile(Action::ScmpActNotify, vec![]);
    assert_eq!(
        compile(&default, X64, Runtime::Runc),
        Err(CompileError::DefaultNotify)
    );
    assert_eq!(said(&default, Runtime::Crun, "read", 0), "NOTIFY");
}

#[test]
fn an_empty_name_is_refused_by_runc_and_unknown_to_crun() {
    let empty = profile(
        Action::ScmpActAllow,
        vec![rule("", Action::ScmpActErrno, vec![])],
    );
    assert_eq!(
        compile(&empty, X64, Runtime::Runc),
        Err(CompileError::EmptyName { rule: 0 })
    );
    assert_eq!(compile(&empty, X64, Runtime::Crun).unwrap().unknown, [""]);
}

#[test]
fn unknown_names_are_given_once_in_their_order() {
    let names = ["zzz_call", "read", "aaa_call", "zzz_call"];
    let rules = names.map(|name| rule(name, Action::ScmpActErrno, vec![]));
    let filter = compile(
        &profile(Action::ScmpActAllow, rules.into()),
        X64,
        Runtime::Runc,
    )
    .unwrap();
    assert_eq!(filter.unknown, ["zzz_call", "aaa_call"]);
}

#[test]
fn a_repeated_argument_makes_conditions_alternatives() {
    let deny = profile(
        Action::ScmpActAllow,
        vec![rule(
            "close",
            Action::ScmpActErrno,
            vec![equal(0, 7), equal(0, 9)],
        )],
    );
    for runtime in BOTH {
        for (arg, answer) in [(7, "ERRNO(1)"), (8, "ALLOW"), (9, "ERRNO(1)")] {
            assert_eq!(said(&deny, runtime, "close", arg), answer, "{runtime}");
        }
    }
}

#[test]
fn crun_drops_conditions_after_the_sixth() {
    let deny = profile(
        Action::ScmpActAllow,
        vec![rule(
            "close",
            Action::ScmpActErrno,
            (1..=7).map(|value| equal(0, value)).collect(),
        )],
    );
    assert_eq!(said(&deny, Runtime::Runc, "close", 7), "ERRNO(1)");
    assert_eq!(said(&deny, Runtime::Crun, "close", 6), "ERRNO(1)");
    assert_eq!(said(&deny, Runtime::Crun, "close", 7), "ALLOW");
}

#[test]
fn a_rule_that_does_what_the_default_does_is_dropped() {
    let mut hole = profile(
        Action::ScmpActErrno,
        vec![
            rule("close", Action::ScmpActAllow, vec![]),
            rule("close", Action::ScmpActErrno, vec![equal(0, 7)]),
        ],
    );
    // Compared after the cut to 16 bits.
    hole.rules[1].errno = Some(0x1_0001);
    for runtime in BOTH {
        assert_eq!(said(&hole, runtime, "close", 7), "ALLOW", "{runtime}");
    }
}

#[test]
fn the_same_condition_with_another_action_names_the_rule() {
    let mut conflict = profile(
        Action::ScmpActAllow,
        vec![
            rule("close", Action::ScmpActErrno, vec![equal(0, 7)]),
            rule("close", Action::ScmpActErrno, vec![equal(0, 7)]),
        ],
    );
    conflict.rules[1].errno = Some(2);
    for runtime in BOTH {
        assert_eq!(
            compile(&conflict, X64, runtime),
            Err(CompileError::Rule {
                rule: 1,
                name: "close".into(),
                source: Refusal::Conflict
            })
        );
    }
}

#[test]
fn an_argument_that_no_syscall_has_is_refused() {
    let seventh = profile(
        Action::ScmpActAllow,
        vec![rule("close", Action::ScmpActErrno, vec![equal(6, 0)])],
    );
    for runtime in BOTH {
        assert_eq!(
            compile(&seventh, X64, runtime),
            Err(CompileError::ArgIndex {
                rule: 0,
                name: "close".into(),
                index: 6
            })
        );
    }
}

#[test]
fn errnos_end_at_4094() {
    let mut deny = profile(Action::ScmpActErrno, vec![]);
    deny.default_errno = Some(4094);
    assert_eq!(said(&deny, Runtime::Crun, "read", 0), "ERRNO(4094)");
    deny.default_errno = Some(4095);
    assert_eq!(
        compile(&deny, X64, Runtime::Crun),
        Err(CompileError::Default {
            action: Action::ScmpActErrno,
            data: 4095
        })
    );
    let mut rule = profile(
        Action::ScmpActAllow,
        vec![rule("read", Action::ScmpActErrno, vec![])],
    );
    rule.rules[0].errno = Some(4095);
    assert_eq!(
        compile(&rule, X64, Runtime::Runc),
        Err(CompileError::Rule {
            rule: 0,
            name: "read".into(),
            source: Refusal::Invalid
        })
    );
}

#[test]
fn architectures_are_refused_as_the_runtimes_refuse_them() {
    let mut open = profile(Action::ScmpActAllow, vec![]);
    for (arch, expected) in [
        (
            Arch::ScmpArchNative,
            CompileError::ArchUnknown {
                arch: Arch::ScmpArchNative,
            },
        ),
        (
            Arch::ScmpArchS390x,
            CompileError::Arch {
                arch: Arch::ScmpArchS390x,
                source: Refusal::Architecture,
            },
        ),
    ] {
        open.architectures = vec![arch];
        for runtime in BOTH {
            assert_eq!(compile(&open, X64, runtime), Err(expected.clone()));
        }
    }
    open.architectures = vec![Arch::ScmpArchParisc];
    assert_eq!(
        compile(&open, Arch::ScmpArchS390x, Runtime::Runc),
        Err(CompileError::ArchUnknown {
            arch: Arch::ScmpArchParisc
        })
    );
    assert!(compile(&open, Arch::ScmpArchS390x, Runtime::Crun).is_ok());
}

#[test]
fn a_machine_of_the_other_byte_order_gets_its_filter() {
    let s390x = Arch::ScmpArchS390x;
    let deny = profile(
        Action::ScmpActAllow,
        vec![rule("close", Action::ScmpActErrno, vec![equal(0, 1 << 32)])],
    );
    let filter = compile(&deny, s390x, Runtime::Crun).unwrap();
    assert_eq!(filter.endian, Endian::Big);
    let nr = filter::nr("close", s390x).unwrap();
    let run = |arg| {
        let call = Call::new(s390x, nr, [arg, 0, 0, 0, 0, 0]);
        filter.run(&call).to_string()
    };
    assert_eq!(run(1 << 32), "ERRNO(1)");
    assert_eq!(run(1), "ALLOW");
    // `ld [4]`, most significant byte first.
    assert_eq!(filter.to_bytes()[..8], [0, 0x20, 0, 0, 0, 0, 0, 4]);
}

#[test]
fn a_filter_that_the_kernel_would_find_too_long_is_an_error() {
    let rules = (0..5000)
        .map(|value| rule("close", Action::ScmpActErrno, vec![equal(0, value)]))
        .collect();
    let result = compile(&profile(Action::ScmpActAllow, rules), X64, Runtime::Crun)
        .map(|filter| filter.program.instructions().len());
    assert!(
        matches!(
            result,
            Err(CompileError::Program(InvalidProgram::Length(4097..)))
        ),
        "{result:?}"
    );
}

#[test]
fn a_model_that_disagrees_is_shown_the_call() {
    let open = profile(
        Action::ScmpActAllow,
        vec![rule("close", Action::ScmpActErrno, vec![equal(0, 7)])],
    );
    let filter = compile(&open, X64, Runtime::Crun).unwrap();
    let nr = filter::nr("close", X64).unwrap();
    let calls = (0..9).map(|arg| Call::new(X64, nr, [arg, 0, 0, 0, 0, 0]));
    let allow = filter::Outcome::new(Action::ScmpActAllow, 0);
    let found = filter.first_difference(calls.clone(), |_| Some(allow));
    assert_eq!(found.map(|difference| difference.call.args[0]), Some(7));
    assert_eq!(filter.first_difference(calls, |_| None), None);
}

#[test]
fn runc_makes_a_tree_of_more_than_32_names() {
    // A default of ALLOW has no stub, so that only the tree makes the lengths differ.
    let deny = |count| {
        let mut rule = rule("read", Action::ScmpActErrno, vec![]);
        rule.names = (0..count)
            .map(|nr| filter::name(nr, X64).unwrap().into())
            .collect();
        let profile = profile(Action::ScmpActAllow, vec![rule]);
        BOTH.map(|runtime| {
            let filter = compile(&profile, X64, runtime).unwrap();
            filter.program.instructions().len()
        })
    };
    let [runc, crun] = deny(32);
    assert_eq!(runc, crun);
    let [runc, crun] = deny(33);
    assert!(runc > crun, "{runc} {crun}");
}

#[test]
fn a_default_that_lets_calls_pass_has_no_stub() {
    for action in [
        Action::ScmpActAllow,
        Action::ScmpActLog,
        Action::ScmpActTrace,
        Action::ScmpActErrno,
        Action::ScmpActKillProcess,
    ] {
        let rules = vec![rule("close", Action::ScmpActTrap, vec![])];
        let new = said(&profile(action, rules), Runtime::Runc, "mount", 0);
        let closed = matches!(action, Action::ScmpActErrno | Action::ScmpActKillProcess);
        assert_eq!(new == "ERRNO(38)", closed, "{action}: {new}");
    }
}

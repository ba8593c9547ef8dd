//! Compiling in a child with limits. A program of its own, without the test harness: the children
//! are forks, and a harness has threads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says so by failing"
)]

use std::time::{Duration, Instant};

use filter::{CompileError, GuardError, Limits, Refusal, Runtime, compile, compile_guarded};
use profile::{Action, Arch, Condition, Operator, Rule, Seccomp};

const X64: Arch = Arch::ScmpArchX86_64;

fn main() {
    let tests: [(&str, fn()); 5] = [
        (
            "a_profile_on_which_libseccomp_does_not_end_is_an_error",
            a_profile_on_which_libseccomp_does_not_end_is_an_error,
        ),
        (
            "a_child_gives_the_same_filter",
            a_child_gives_the_same_filter,
        ),
        ("a_child_gives_the_same_error", a_child_gives_the_same_error),
        (
            "a_child_without_memory_is_an_error",
            a_child_without_memory_is_an_error,
        ),
        (
            "a_process_with_threads_is_refused",
            a_process_with_threads_is_refused,
        ),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
}

/// Index, operator, value.
type Compared = (u32, Operator, u64);

/// Rules for read(2), each an errno with its conditions.
fn profile(rules: &[(u32, &[Compared])]) -> Seccomp {
    let rules = rules.iter().map(|(errno, args)| Rule {
        names: vec!["read".into()],
        action: Action::ScmpActErrno,
        errno: Some(*errno),
        args: args
            .iter()
            .map(|(index, op, value)| Condition {
                index: *index,
                value: *value,
                value_two: 0,
                op: *op,
            })
            .collect(),
    });
    Seccomp {
        default_action: Action::ScmpActAllow,
        default_errno: None,
        architectures: vec![],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules: rules.collect(),
    }
}

/// Four overlapping rules, found by chance: about one in ninety random sets is of this kind.
fn endless() -> Seccomp {
    use Operator::*;
    profile(&[
        (2, &[(0, ScmpCmpGt, 5), (1, ScmpCmpEq, 0x1_0000_0005)]),
        (
            3,
            &[
                (2, ScmpCmpLt, u64::MAX),
                (1, ScmpCmpLt, 0),
                (0, ScmpCmpNe, 5),
            ],
        ),
        (4, &[(0, ScmpCmpNe, 5), (1, ScmpCmpNe, 0xffff_ffff)]),
        (
            5,
            &[
                (0, ScmpCmpGe, 8),
                (1, ScmpCmpNe, 0x1_0000_0000),
                (2, ScmpCmpEq, 5),
            ],
        ),
    ])
}

fn a_profile_on_which_libseccomp_does_not_end_is_an_error() {
    let limits = Limits {
        cpu_seconds: 1,
        ..Limits::default()
    };
    let start = Instant::now();
    let result = compile_guarded(&endless(), X64, Runtime::Crun, limits);
    assert!(
        matches!(result, Err(GuardError::Time { cpu_seconds: 1 })),
        "{result:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(60));
}

fn a_child_gives_the_same_filter() {
    let mut profile = profile(&[(7, &[(0, Operator::ScmpCmpEq, 3)])]);
    profile.rules[0].names.push("no_such_call".into());
    profile.default_action = Action::ScmpActErrno;
    for runtime in [Runtime::Runc, Runtime::Crun] {
        let guarded = compile_guarded(&profile, X64, runtime, Limits::default()).unwrap();
        assert_eq!(guarded, compile(&profile, X64, runtime).unwrap());
        assert_eq!(guarded.unknown, ["no_such_call"]);
    }
}

fn a_child_gives_the_same_error() {
    let one = (0, Operator::ScmpCmpEq, 6);
    let conflict = profile(&[(7, &[one]), (8, &[one])]);
    let result = compile_guarded(&conflict, X64, Runtime::Runc, Limits::default());
    let Err(GuardError::Compile(error)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(
        error,
        CompileError::Rule {
            rule: 1,
            name: "read".into(),
            source: Refusal::Conflict
        }
    );
    assert_eq!(compile(&conflict, X64, Runtime::Runc), Err(error));
}

fn a_child_without_memory_is_an_error() {
    let args: Vec<_> = (0..20_000_u64)
        .map(|value| (0, Operator::ScmpCmpNe, value))
        .collect();
    let limits = Limits {
        memory_bytes: 1 << 20,
        ..Limits::default()
    };
    let result = compile_guarded(&profile(&[(7, &args)]), X64, Runtime::Runc, limits);
    assert!(
        matches!(
            result,
            Err(GuardError::Compile(CompileError::Rule {
                source: Refusal::Memory,
                ..
            }) | GuardError::Killed { .. })
        ),
        "{result:?}"
    );
}

fn a_process_with_threads_is_refused() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || wait.recv());
    let result = compile_guarded(&profile(&[]), X64, Runtime::Runc, Limits::default());
    assert!(matches!(result, Err(GuardError::Threads(2))), "{result:?}");
    drop(done);
    assert!(thread.join().unwrap().is_err());
}

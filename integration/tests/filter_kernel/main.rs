//! The interpreter's answers against the running kernel's.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "a test says so by failing"
)]

#[allow(unsafe_code, reason = "fork, seccomp(2) and raw system calls")]
mod sys;

use std::borrow::Cow;

use filter::{Call, Filter, Instruction, Program, Runtime, X32_BIT, compile};
use profile::{Action, Arch, Condition, Operator, Rule, Seccomp};
use sys::{Seen, call_under};

const X64: Arch = Arch::ScmpArchX86_64;

/// Errnos that none of the calls here gives by itself.
const DENIED: u32 = 77;
const MASKED: u32 = 78;

fn rule(names: &[&'static str], action: Action, errno: u32, args: Vec<Condition>) -> Rule {
    Rule {
        names: names.iter().copied().map(Cow::Borrowed).collect(),
        action,
        errno: matches!(action, Action::ScmpActErrno | Action::ScmpActTrace).then_some(errno),
        args,
    }
}

fn condition(index: u32, op: Operator, value: u64, value_two: u64) -> Condition {
    Condition {
        index,
        value,
        value_two,
        op,
    }
}

fn profile(default_action: Action, rules: Vec<Rule>) -> Seccomp {
    let mut profile = Seccomp {
        default_action,
        default_errno: None,
        architectures: vec![Arch::ScmpArchX86, Arch::ScmpArchX32],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    };
    // The child's last call.
    let exit = rule(&["exit_group"], Action::ScmpActAllow, 0, vec![]);
    profile.rules.push(exit);
    profile
}

/// What the kernel must do where the interpreter says what it says.
fn expected(program: &Program, nr: u32, args: [u64; 6]) -> Seen {
    let outcome = program.run(&Call::new(X64, nr, args));
    match outcome.action() {
        Action::ScmpActAllow | Action::ScmpActLog => call_under(None, nr, args),
        Action::ScmpActErrno if outcome.data() == 0 => Seen::Success,
        Action::ScmpActErrno => Seen::Errno(outcome.data().into()),
        // Nobody traces or listens.
        Action::ScmpActTrace | Action::ScmpActNotify => Seen::Errno(libc::ENOSYS),
        _ => Seen::Killed(libc::SIGSYS),
    }
}

fn compare(program: &Program, nr: u32, args: [u64; 6]) -> Seen {
    let seen = call_under(Some(program.instructions()), nr, args);
    assert_eq!(
        seen,
        expected(program, nr, args),
        "call {nr:#x} with {args:x?}: the interpreter says {}",
        program.run(&Call::new(X64, nr, args))
    );
    seen
}

fn compiled(profile: &Seccomp, runtime: Runtime) -> Filter {
    compile(profile, X64, runtime).unwrap()
}

/// Calls that do nothing, whatever their arguments are: seccomp sees all six registers.
const HARMLESS: [&str; 6] = [
    "getppid", "getuid", "geteuid", "getgid", "getegid", "gettid",
];

#[test]
fn every_action_has_the_effect_that_is_said() {
    use Action::*;
    let deny = |default, action| {
        profile(
            default,
            vec![
                rule(&["getppid"], action, DENIED, vec![]),
                rule(&["getuid"], ScmpActErrno, 0, vec![]),
                rule(&["gettid"], ScmpActLog, 0, vec![]),
            ],
        )
    };
    let mut seen = Vec::new();
    for action in [
        ScmpActErrno,
        ScmpActTrace,
        ScmpActNotify,
        ScmpActTrap,
        ScmpActKill,
        ScmpActKillThread,
        ScmpActKillProcess,
    ] {
        for default in [ScmpActAllow, ScmpActErrno] {
            for runtime in [Runtime::Runc, Runtime::Crun] {
                let mut profile = deny(default, action);
                profile.listener_path = Some("/nowhere".into());
                let filter = compiled(&profile, runtime);
                for name in HARMLESS {
                    let nr = filter::nr(name, X64).unwrap();
                    seen.push(compare(&filter.program, nr, [0; 6]));
                }
                // The stub's and those of x32 and of no ABI.
                for nr in [334, 999, X32_BIT + 110, X32_BIT + 9999, u32::MAX] {
                    seen.push(compare(&filter.program, nr, [0; 6]));
                }
            }
        }
    }
    assert_eq!(seen.len(), 7 * 2 * 2 * 11);
    for outcome in [
        Seen::Success,
        Seen::Errno(77),
        Seen::Errno(1),
        Seen::Errno(libc::ENOSYS),
        Seen::Killed(libc::SIGSYS),
    ] {
        assert!(seen.contains(&outcome), "{outcome:?} was not seen");
    }
}

#[test]
fn each_operator_compares_as_said_on_64_bits() {
    use Operator::*;
    let value = 0x1_0000_0008;
    let mut compared = 0;
    for op in [
        ScmpCmpNe, ScmpCmpLt, ScmpCmpLe, ScmpCmpEq, ScmpCmpGe, ScmpCmpGt,
    ] {
        for index in [0, 5] {
            let deny = rule(
                &["getppid"],
                Action::ScmpActErrno,
                DENIED,
                vec![condition(index, op, value, 0)],
            );
            let filter = compiled(&profile(Action::ScmpActAllow, vec![deny]), Runtime::Runc);
            for arg in [0, 8, value - 1, value, value + 1, value << 1, u64::MAX] {
                let mut args = [0; 6];
                args[index as usize] = arg;
                compare(&filter.program, 110, args);
                compared += 1;
            }
        }
    }
    let masked = rule(
        &["getppid"],
        Action::ScmpActErrno,
        MASKED,
        vec![condition(
            2,
            ScmpCmpMaskedEq,
            0xf0_0000_000f,
            0x10_0000_0003,
        )],
    );
    let filter = compiled(&profile(Action::ScmpActAllow, vec![masked]), Runtime::Crun);
    for (arg, seen) in [
        (0x10_0000_0003, Seen::Errno(78)),
        (0xff1f_ffff_fff3, Seen::Errno(78)),
        (0x20_0000_0003, Seen::Success),
        (0x10_0000_0004, Seen::Success),
        (3, Seen::Success),
    ] {
        assert_eq!(compare(&filter.program, 110, [1, 1, arg, 1, 1, 1]), seen);
        compared += 1;
    }
    assert_eq!(compared, 89);
}

#[test]
fn random_conditions_are_judged_as_the_kernel_does() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let values = [0, 1, 2, 8, u64::from(u32::MAX), 1 << 32, (1 << 32) + 8];
    let mut compared = 0;
    let mut denied = 0;
    for _ in 0..60 {
        let rules = (0..1 + random.below(4))
            .map(|errno| {
                let op = [
                    Operator::ScmpCmpEq,
                    Operator::ScmpCmpGe,
                    Operator::ScmpCmpMaskedEq,
                    Operator::ScmpCmpLt,
                ];
                let index = random.below(3);
                let op = op[random.index(op.len())];
                let (value, two) = (random.of(&values), random.of(&values));
                let args = vec![condition(index, op, value, two)];
                rule(&["getppid"], Action::ScmpActErrno, DENIED + errno, args)
            })
            .collect();
        let Ok(filter) = compile(&profile(Action::ScmpActAllow, rules), X64, Runtime::Crun) else {
            continue; // the same condition twice
        };
        for _ in 0..6 {
            let args = std::array::from_fn(|_| random.of(&values));
            let seen = compare(&filter.program, 110, args);
            denied += usize::from(seen != Seen::Success);
            compared += 1;
        }
    }
    println!("{compared} calls, {denied} of them denied");
    assert!(compared > 200 && denied > 50 && denied < compared);
}

#[test]
fn random_programs_compute_as_the_kernel_does() {
    // add, sub, mul, div, or, and, lsh, rsh, neg, xor, tax, txa, of K and of X; loads and stores.
    let codes = [
        0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74,
        0x7c, 0x84, 0xa4, 0xac, 0x07, 0x87, 0x00, 0x01, 0x20, 0x80, 0x81, 0x02, 0x03, 0x60, 0x61,
        0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 0x05,
    ];
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut kinds = std::collections::BTreeSet::new();
    let mut compared = 0;
    while compared < 400 {
        let mut program = vec![
            // Let exit_group(2) pass, then put something into A, X and the first two words.
            Instruction::new(0x20, 0),
            Instruction::jump(0x15, 231, 0, 1),
            Instruction::new(0x06, 0x7fff_0000),
            Instruction::new(0x02, 0),
            Instruction::new(0x20, 16),
            Instruction::new(0x02, 1),
            Instruction::new(0x07, 0),
            Instruction::new(0x20, 28),
        ];
        for _ in 0..12 {
            let code = codes[random.index(codes.len())];
            let k = match code {
                0x20 => 4 * random.below(16),
                0x02 | 0x03 | 0x60 | 0x61 | 0x05 => random.below(2),
                0x34 => 1 + random.below(9),
                0x64 | 0x74 => random.below(32),
                _ => random.next() as u32 >> random.below(32),
            };
            let (jt, jf) = match code & 7 {
                5 if code != 0x05 => (random.below(2) as u8, random.below(2) as u8),
                _ => (0, 0),
            };
            // The instruction pointer is the child's own.
            if code != 0x20 || !(8..16).contains(&k) {
                program.push(Instruction::jump(code, k, jt, jf));
            }
        }
        // Fold A to 7 bits and return it as an errno, after a landing place for jumps.
        program.extend([
            Instruction::new(0x04, 0),
            Instruction::new(0x07, 0),
            Instruction::new(0x74, 9),
            Instruction::new(0xac, 0),
            Instruction::new(0x54, 0x7f),
            Instruction::new(0x44, 0x0005_0000),
            Instruction::new(0x16, 0),
        ]);
        let program = Program::new(program).unwrap();
        let args = std::array::from_fn(|_| random.next().wrapping_mul(random.below(3).into()));
        kinds.insert(format!("{:?}", compare(&program, 110, args)));
        compared += 1;
    }
    println!("{compared} programs, {} kinds of ends", kinds.len());
    assert!(kinds.len() > 50, "{kinds:?}");
    assert!(
        kinds.contains("Killed(31)"),
        "none divided by zero: {kinds:?}"
    );
}

/// xorshift64: the same numbers on each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from((self.next() >> 33) % u64::from(end)).unwrap()
    }

    fn index(&mut self, end: usize) -> usize {
        self.below(u32::try_from(end).unwrap()) as usize
    }

    fn of(&mut self, values: &[u64]) -> u64 {
        values[self.index(values.len())]
    }
}

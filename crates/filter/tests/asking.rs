//! Profiles with notifications in them, against libseccomp: they answer as the plain ones, or ask. A
//! program of its own, without the test harness: libseccomp works in forks, and a harness has threads.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a test says so by failing"
)]

use filter::{Limits, Runtime, prove_asking};
use profile::meaning::Outcome;
use profile::{Action, Arch, Asker, Condition, Operator, Rule, Seccomp, ask};

/// Numbers that are the same in every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).unwrap() % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Allows a call where its argument is one of a few values, or in a range, none of which meet.
fn allowing(name: &'static str, numbers: &mut Numbers) -> Vec<Rule> {
    use Operator::*;
    let allow = |op, value| Rule {
        names: vec![name.into()],
        action: Action::ScmpActAllow,
        errno: None,
        args: vec![Condition {
            index: 0,
            value,
            value_two: 0,
            op,
        }],
    };
    let mut rules = Vec::new();
    let mut next = 0;
    for at in 0..=numbers.below(6) {
        let step = numbers.of(&[0, 1, 2, 7, 0x1_0000, 0x3fff_ffff]);
        let value = next + step;
        let op = match at {
            0 => numbers.of(&[ScmpCmpLt, ScmpCmpLe, ScmpCmpEq]),
            _ => numbers.of(&[ScmpCmpEq, ScmpCmpEq, ScmpCmpEq, ScmpCmpGe, ScmpCmpGt]),
        };
        rules.push(allow(op, value));
        next = value + 1;
        if matches!(op, ScmpCmpGe | ScmpCmpGt) {
            break;
        }
    }
    rules
}

fn main() {
    what_asks_answers_as_before_where_it_does_not_ask();
    println!("test what_asks_answers_as_before_where_it_does_not_ask ... ok");
}

fn what_asks_answers_as_before_where_it_does_not_ask() {
    let native = Arch::ScmpArchX86_64;
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut whole = 0;
    for round in 0..150 {
        let mut rules = vec![Rule {
            names: ["read", "openat2", "socketcall"].map(Into::into).into(),
            action: Action::ScmpActAllow,
            errno: None,
            args: Vec::new(),
        }];
        for name in ["clone", "personality", "socket"] {
            rules.append(&mut allowing(name, &mut numbers));
        }
        let others = [Arch::ScmpArchX86, Arch::ScmpArchX32];
        let plain = Seccomp {
            default_action: Action::ScmpActErrno,
            default_errno: Some(numbers.of(&[1, 38])),
            architectures: [&[native], &others[..numbers.below(3)]].concat(),
            flags: None,
            listener_path: None,
            listener_metadata: None,
            rules,
        };
        for (as_default, never) in [(false, &["write"][..]), (true, &[])] {
            let asker = Asker { as_default, never };
            let errno = |outcome: Outcome| outcome.action() == Action::ScmpActErrno;
            let asking = ask(&plain, native, asker, errno);
            let runtime = if as_default {
                Runtime::Crun
            } else {
                Runtime::Runc
            };
            let proven = prove_asking(&plain, &asking.profile, native, runtime, Limits::default());
            assert!(
                proven.is_ok(),
                "{round}: {proven:?}
{}",
                plain.to_json()
            );
            let in_part = asking
                .unasked
                .iter()
                .filter(|one| one.ends_with("(in part)"));
            whole += 3 - in_part.count();
        }
    }
    // Of 900; without what lies between conditions, they are 450 and few more.
    assert!(whole > 700, "{whole}");
}

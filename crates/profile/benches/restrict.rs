//! How long one restricting takes, on profiles of the size that engines ship.

use criterion::{Criterion, criterion_group, criterion_main};
use profile::{Action, Arch, Condition, Operator, Rule, Seccomp, restrict};

/// An allow-list of 400 calls with the conditions that engines' defaults have.
fn allow_list(errno: u32, first: usize) -> Seccomp {
    let rule = |names: Vec<String>, action, errno, args| Rule {
        names: names.into_iter().map(Into::into).collect(),
        action,
        errno,
        args,
    };
    let names = |from: usize, to: usize| (from..to).map(|n| format!("call_{n}")).collect();
    let mut rules = vec![
        rule(
            names(first, first + 340),
            Action::ScmpActAllow,
            None,
            vec![],
        ),
        rule(
            names(first + 340, first + 400),
            Action::ScmpActErrno,
            Some(1),
            vec![],
        ),
    ];
    let conditional = [
        ("clone", Operator::ScmpCmpMaskedEq, vec![0x7e02_0000]),
        (
            "personality",
            Operator::ScmpCmpEq,
            vec![0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff],
        ),
        ("socket", Operator::ScmpCmpLt, vec![38]),
        ("socket", Operator::ScmpCmpEq, vec![39, 41, 42, 43, 44, 45]),
    ];
    for (name, op, values) in conditional {
        for value in values {
            let condition = Condition {
                index: 0,
                value,
                value_two: 0,
                op,
            };
            let names = vec![name.to_owned()];
            rules.push(rule(names, Action::ScmpActAllow, None, vec![condition]));
        }
    }
    Seccomp {
        default_action: Action::ScmpActErrno,
        default_errno: Some(errno),
        architectures: vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    }
}

fn benchmark(criterion: &mut Criterion) {
    let (policy, request) = (allow_list(38, 0), allow_list(1, 30));
    criterion.bench_function("restrict two of 400 calls", |bencher| {
        bencher.iter(|| restrict(&policy, &request, Arch::ScmpArchX86_64));
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);

use super::*;
use crate::{Call, Instruction, Runtime, compile};
use profile::{Action, Condition, Operator, Rule, Seccomp};

fn rule(names: &[&'static str], action: Action, args: Vec<Condition>) -> Rule {
    Rule {
        names: names.iter().copied().map(Into::into).collect(),
        action,
        errno: None,
        args,
    }
}

fn profile(default_action: Action, rules: Vec<Rule>) -> Seccomp {
    Seccomp {
        default_action,
        default_errno: None,
        architectures: vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
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

fn made(profile: &Seccomp) -> (Program, Program) {
    let program = compile(profile, Arch::ScmpArchX86_64, Runtime::Crun)
        .unwrap()
        .program;
    let compacted = compact(&program, Arch::ScmpArchX86_64).expect("a compact one");
    (program, compacted)
}

/// Names of all kinds: far apart, together, absent on x86-64, parts of others on x86.
const NAMES: &[&str] = &[
    "read",
    "write",
    "open",
    "openat",
    "clone",
    "socket",
    "socketcall",
    "stat64",
    "statx",
    "futex",
    "getpid",
    "mount",
    "kexec_load",
    "close_range",
    "personality",
];

#[test]
fn plain_names_become_runs() {
    let (program, compacted) = made(&profile(
        Action::ScmpActErrno,
        vec![rule(NAMES, Action::ScmpActAllow, vec![])],
    ));
    let all = |program: &Program| -> usize {
        let numbers = NAMES
            .iter()
            .filter_map(|name| nr(name, Arch::ScmpArchX86_64));
        numbers
            .map(|nr| program.executed(&Call::new(Arch::ScmpArchX86_64, nr, [0; 6])))
            .sum()
    };
    let (before, after) = (all(&program), all(&compacted));
    assert!(after < before, "{after} of {before}");
    let read = Call::new(Arch::ScmpArchX86_64, 0, [0; 6]);
    assert!(
        compacted.executed(&read) <= 8,
        "{}",
        compacted.executed(&read)
    );
}

#[test]
fn conditions_stay_what_they_are() {
    let conditions = [
        condition(0, Operator::ScmpCmpEq, 2, 0),
        condition(0, Operator::ScmpCmpNe, 0x1_0000_0002, 0),
        condition(0, Operator::ScmpCmpLt, 40, 0),
        condition(1, Operator::ScmpCmpGe, 0xffff_ffff_ffff, 0),
        condition(0, Operator::ScmpCmpMaskedEq, 0x7e02_0000, 0),
        condition(
            5,
            Operator::ScmpCmpMaskedEq,
            0x3000_0000_0303,
            0x1000_0000_0101,
        ),
    ];
    for one in conditions {
        for two in conditions {
            let conditional = |args| rule(&["clone", "socket"], Action::ScmpActAllow, args);
            let two_args = if one.index == two.index {
                vec![one]
            } else {
                vec![one, two]
            };
            let profile = profile(
                Action::ScmpActErrno,
                vec![
                    rule(&["read", "futex"], Action::ScmpActAllow, vec![]),
                    conditional(two_args),
                    conditional(vec![two]),
                ],
            );
            let program = compile(&profile, Arch::ScmpArchX86_64, Runtime::Crun);
            let program = program.unwrap().program;
            let left_alone = one.index == 0
                && two.index == 0
                && one.op != two.op
                && (one.value.count_ones() > 10 || two.value.count_ones() > 10);
            let compacted = compact(&program, Arch::ScmpArchX86_64);
            assert!(compacted.is_some() || left_alone, "{one:?} {two:?}");
        }
    }
}

#[test]
fn jumps_may_be_long() {
    // 200 numbers apart, each with a condition of its own.
    let rules = (0..200)
        .filter_map(|nr| {
            let name = crate::name(nr * 2, Arch::ScmpArchX86_64)?;
            let args = vec![condition(
                0,
                Operator::ScmpCmpEq,
                u64::from(nr) << 20 | 7,
                0,
            )];
            Some(Rule {
                names: vec![name.into()],
                ..rule(&[], Action::ScmpActAllow, args)
            })
        })
        .collect();
    let (_, compacted) = made(&profile(Action::ScmpActErrno, rules));
    assert!(compacted.instructions().len() > 600);
}

#[test]
fn a_program_that_differs_in_one_value_is_found_out() {
    let (program, compacted) = made(&profile(
        Action::ScmpActErrno,
        vec![
            rule(NAMES, Action::ScmpActAllow, vec![]),
            rule(
                &["prctl"],
                Action::ScmpActAllow,
                vec![condition(0, Operator::ScmpCmpEq, 0x5_0000_0009, 0)],
            ),
        ],
    ));
    assert!(same(&program, &compacted).is_ok());
    let mut found = 0;
    for at in 0..compacted.instructions().len() {
        for change in [1_u32, u32::MAX] {
            let mut other = compacted.instructions().to_vec();
            let instruction = other.get_mut(at).unwrap();
            if instruction.code == op::LD_ABS || instruction.code == op::JA {
                continue;
            }
            instruction.k = instruction.k.wrapping_add(change);
            let Ok(other) = Program::new(other) else {
                continue;
            };
            assert!(
                matches!(same(&program, &other), Err(NotSame::Answer { .. })),
                "instruction {at} changed by {change:x}"
            );
            found += 1;
        }
    }
    assert!(found > 20);
}

/// Every single instruction of what was written made another: its value, its two ways, what it does.
#[test]
fn a_program_that_differs_in_one_instruction_is_found_out() {
    let conditions = [
        condition(0, Operator::ScmpCmpMaskedEq, 0x7e02_0000, 0),
        condition(1, Operator::ScmpCmpGt, 0x1_0000_0002, 0),
        condition(2, Operator::ScmpCmpNe, 0x5_0000_0009, 0),
    ];
    let (program, compacted) = made(&profile(
        Action::ScmpActErrno,
        vec![
            rule(NAMES, Action::ScmpActAllow, vec![]),
            rule(&["prctl"], Action::ScmpActTrap, vec![conditions[0]]),
            rule(&["ioctl"], Action::ScmpActAllow, vec![conditions[1]]),
            rule(&["fcntl"], Action::ScmpActLog, conditions[1..].to_vec()),
        ],
    ));
    let whole = compacted.instructions();
    let mut found = 0;
    for at in 0..whole.len() {
        for other in mutants(whole[at]) {
            let mut changed = whole.to_vec();
            changed[at] = other;
            let Ok(changed) = Program::new(changed) else {
                continue;
            };
            match same(&program, &changed) {
                // A mutant may do the same: a jump to another return of the same value, say.
                Ok(_) => assert!(differs(&program, &changed).is_none(), "{at}: {other:?}"),
                Err(_) => found += 1,
            }
        }
    }
    assert!(found > 500, "{found}");
}

fn mutants(one: Instruction) -> Vec<Instruction> {
    let Instruction { code, jt, jf, k } = one;
    let jump = |jt, jf| Instruction::jump(code, k, jt, jf);
    let mut all: Vec<Instruction> = (0..32)
        .map(|bit| Instruction {
            k: k ^ (1 << bit),
            ..one
        })
        .collect();
    if matches!(code, op::JEQ_K | op::JGT_K | op::JGE_K | op::JSET_K) {
        all.extend([jump(jf, jt), jump(jt, jt), jump(jf, jf)]);
        all.extend([jump(jt.wrapping_add(1), jf), jump(jt, jf.wrapping_add(1))]);
        let codes = [op::JEQ_K, op::JGT_K, op::JGE_K, op::JSET_K];
        all.extend(codes.map(|code| Instruction { code, ..one }));
    }
    all.retain(|other| *other != one);
    all
}

/// A call that two programs answer differently, among very many that nobody has chosen for them:
/// all numbers, with and without x32's bit, negative ones, and arguments of which a few bits are set.
fn differs(one: &Program, other: &Program) -> Option<Call> {
    let arches = [Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchArm];
    let numbers = (0..460).flat_map(|nr| [nr, nr | crate::X32_BIT, nr.wrapping_neg()]);
    let numbers: Vec<u32> = numbers.collect();
    let values = [
        0,
        1,
        2,
        5,
        9,
        0x7e02_0000,
        0x0200_0000,
        0x5_0000_0009,
        0x1_0000_0002,
        u64::MAX,
    ];
    let values = values.into_iter().flat_map(|value: u64| {
        [
            value,
            value.wrapping_add(1),
            value.wrapping_sub(1),
            value << 32,
        ]
    });
    let args: Vec<u64> = values.collect();
    arches.into_iter().find_map(|arch| {
        numbers.iter().find_map(|nr| {
            args.iter().enumerate().find_map(|(at, value)| {
                let mut all = [args[(at * 7 + 3) % args.len()]; 6];
                all[at % 3] = *value;
                let call = Call::new(arch, *nr, all);
                (one.value(&call) != other.value(&call)).then_some(call)
            })
        })
    })
}

/// One comparison, reached with the number as it is and, for some arguments, with a part of it.
#[test]
fn a_comparison_that_is_reached_in_two_ways_is_followed_in_both() {
    let program = |odd: u32| {
        Program::new(vec![
            Instruction::new(op::LD_ABS, 16),
            Instruction::jump(op::JEQ_K, 7, 2, 0),
            Instruction::new(op::LD_ABS, NR),
            Instruction::new(op::JA, 2),
            Instruction::new(op::LD_ABS, NR),
            Instruction::new(op::AND_K, 0xf),
            Instruction::jump(op::JEQ_K, 5, 0, 1),
            Instruction::new(op::RET_K, odd),
            Instruction::new(op::RET_K, 1),
        ])
        .unwrap()
    };
    assert_eq!(same(&program(5), &program(5)), Err(NotSame::Unfollowed));
}

#[test]
fn two_masks_on_one_word_are_tried_together() {
    // They differ where bits 4 and 0 are set and no other of either mask.
    let program = |both: u32| {
        Program::new(vec![
            Instruction::new(op::LD_ABS, 16),
            Instruction::new(op::AND_K, 0xf0),
            Instruction::jump(op::JEQ_K, 0x10, 0, 3),
            Instruction::new(op::LD_ABS, 16),
            Instruction::new(op::AND_K, 0x0f),
            Instruction::jump(op::JEQ_K, 1, 1, 0),
            Instruction::new(op::RET_K, 0),
            Instruction::new(op::RET_K, both),
        ])
        .unwrap()
    };
    assert!(same(&program(5), &program(5)).is_ok());
    let found = same(&program(5), &program(6));
    assert!(matches!(
        found,
        Err(NotSame::Answer {
            left: 5,
            right: 6,
            ..
        })
    ));
}

#[test]
fn a_word_may_be_compared_whole_and_in_parts() {
    // They differ between 0x100 and 0x200 alone, where bit 4 is set and bits 5 to 7 are not.
    let program = |there: u32| {
        Program::new(vec![
            Instruction::new(op::LD_ABS, 16),
            Instruction::jump(op::JGE_K, 0x100, 0, 4),
            Instruction::jump(op::JGE_K, 0x200, 3, 0),
            Instruction::new(op::AND_K, 0xf0),
            Instruction::jump(op::JEQ_K, 0x10, 0, 1),
            Instruction::new(op::RET_K, there),
            Instruction::new(op::RET_K, 1),
        ])
        .unwrap()
    };
    assert!(same(&program(5), &program(5)).is_ok());
    let found = same(&program(5), &program(6));
    assert!(matches!(
        found,
        Err(NotSame::Answer {
            left: 5,
            right: 6,
            ..
        })
    ));
}

#[test]
fn many_parts_of_a_word_are_not_followed() {
    let program = Program::new(vec![
        Instruction::new(op::LD_ABS, 16),
        Instruction::new(op::AND_K, 0xf_ff00),
        Instruction::jump(op::JEQ_K, 0x1_0000, 2, 0),
        Instruction::new(op::AND_K, 0xff00),
        Instruction::jump(op::JEQ_K, 0x10, 0, 1),
        Instruction::new(op::RET_K, 0),
        Instruction::new(op::RET_K, 1),
    ])
    .unwrap();
    assert_eq!(same(&program, &program), Err(NotSame::Unfollowed));
}

#[test]
fn what_is_not_libseccomps_is_left_alone() {
    let arithmetic = Program::new(vec![
        Instruction::new(op::LD_ABS, NR),
        Instruction::new(op::ADD_K, 1),
        Instruction::jump(op::JEQ_K, 2, 0, 1),
        Instruction::new(op::RET_K, 0x7fff_0000),
        Instruction::new(op::RET_K, 0),
    ])
    .unwrap();
    assert_eq!(compact(&arithmetic, Arch::ScmpArchX86_64), None);
    assert_eq!(same(&arithmetic, &arithmetic), Err(NotSame::Unfollowed));
    let masked_number = Program::new(vec![
        Instruction::new(op::LD_ABS, NR),
        Instruction::new(op::AND_K, 1),
        Instruction::jump(op::JEQ_K, 1, 0, 1),
        Instruction::new(op::RET_K, 0x7fff_0000),
        Instruction::new(op::RET_K, 0),
    ])
    .unwrap();
    assert_eq!(compact(&masked_number, Arch::ScmpArchX86_64), None);
    assert_eq!(
        same(&masked_number, &masked_number),
        Err(NotSame::Unfollowed)
    );
}

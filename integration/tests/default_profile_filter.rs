//! The default profile as libseccomp compiles it: the program must answer as the profile says.
//!
//! Rules that share an argument are libseccomp's weak spot, and `clone`, `personality` and `socket`
//! have several. So each program is run, instruction by instruction, on both sides of every
//! boundary that a rule draws.

#[cfg(test)] // which tells clippy that these are tests
mod tests {
    use std::collections::BTreeSet;
    use std::io::{Read, Seek, Write};

    use libseccomp::{
        ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall,
    };
    use profile::{Action, Arch, Condition, Kernel, Operator, Rule, Seccomp, Target};

    #[test]
    fn the_compiled_filter_answers_as_the_profile_says() {
        for (native, arch) in [
            (Arch::ScmpArchX86_64, ScmpArch::X8664),
            (Arch::ScmpArchAarch64, ScmpArch::Aarch64),
            (Arch::ScmpArchRiscv64, ScmpArch::Riscv64),
        ] {
            for capability in ["CAP_CHOWN", "CAP_SYS_ADMIN"] {
                let seccomp = default_profile::resolve(&Target {
                    capabilities: [capability.to_owned()].into(),
                    arch: native,
                    kernel: Kernel {
                        major: 6,
                        minor: 18,
                    },
                });
                let program = compile(&seccomp, arch);
                let mut compared = 0;
                for name in ["clone", "personality", "socket", "read", "mount", "clone3"] {
                    let call = ScmpSyscall::from_name_by_arch(name, arch).unwrap();
                    for value in boundaries(&seccomp, name) {
                        let found = run(&program, i32::from(call), arch, value);
                        let wanted = answer(&seccomp, name, value);
                        assert_eq!(found, wanted, "{arch:?} {capability} {name} {value:#x}");
                        compared += 1;
                    }
                }
                println!("{arch:?} {capability}: {compared} calls compared");
            }
        }
    }

    /// The program that a runtime on `native` would load.
    fn compile(seccomp: &Seccomp, native: ScmpArch) -> Vec<u8> {
        let action = |action, errno: Option<u32>| match action {
            Action::ScmpActAllow => ScmpAction::Allow,
            Action::ScmpActErrno => ScmpAction::Errno(errno.unwrap().try_into().unwrap()),
            other => panic!("{other:?} in the default"),
        };
        let default = action(seccomp.default_action, seccomp.default_errno);
        let mut filter = ScmpFilterContext::new(default).unwrap();
        filter.remove_arch(ScmpArch::native()).unwrap();
        filter.add_arch(native).unwrap();
        for listed in &seccomp.architectures {
            filter
                .add_arch(listed.to_string().parse().unwrap())
                .unwrap();
        }
        for rule in &seccomp.rules {
            let action = action(rule.action, rule.errno);
            let args: Vec<_> = rule.args.iter().map(compare).collect();
            // Names that this libseccomp does not know are skipped, as runtimes do.
            for call in rule
                .names
                .iter()
                .filter_map(|name| ScmpSyscall::from_name(name).ok())
            {
                filter.add_rule_conditional(action, call, &args).unwrap();
            }
        }
        let mut file = tempfile::tempfile().unwrap();
        filter.export_bpf(&file).unwrap();
        file.flush().unwrap();
        file.rewind().unwrap();
        let mut program = Vec::new();
        file.read_to_end(&mut program).unwrap();
        program
    }

    fn compare(condition: &Condition) -> ScmpArgCompare {
        let Condition {
            index,
            value,
            value_two,
            op,
        } = *condition;
        let (op, datum) = match op {
            Operator::ScmpCmpLt => (ScmpCompareOp::Less, value),
            Operator::ScmpCmpEq => (ScmpCompareOp::Equal, value),
            Operator::ScmpCmpGt => (ScmpCompareOp::Greater, value),
            Operator::ScmpCmpMaskedEq => (ScmpCompareOp::MaskedEqual(value), value_two),
            other => panic!("{other:?} in the default"),
        };
        ScmpArgCompare::new(index, op, datum)
    }

    /// Runs a classic BPF program, as little-endian libseccomp writes it, on a call whose first
    /// argument is `value` (linux/filter.h, linux/seccomp.h).
    fn run(program: &[u8], number: i32, arch: ScmpArch, value: u64) -> u32 {
        let token = match arch {
            ScmpArch::X8664 => 0xc000_003e_u32,
            ScmpArch::Aarch64 => 0xc000_00b7,
            ScmpArch::Riscv64 => 0xc000_00f3,
            other => panic!("no token for {other:?}"),
        };
        let mut data = [0; 64];
        data[..4].copy_from_slice(&number.to_le_bytes());
        data[4..8].copy_from_slice(&token.to_le_bytes());
        data[16..24].copy_from_slice(&value.to_le_bytes());
        let (mut accumulator, mut at) = (0_u32, 0);
        loop {
            let one = &program[at * 8..at * 8 + 8];
            let code = u16::from_le_bytes([one[0], one[1]]);
            let k = u32::from_le_bytes([one[4], one[5], one[6], one[7]]);
            at += 1;
            let mut jump = |taken: bool| at += usize::from(one[if taken { 2 } else { 3 }]);
            match code {
                0x20 => {
                    let word = data[k as usize..k as usize + 4].try_into().unwrap();
                    accumulator = u32::from_le_bytes(word);
                }
                0x54 => accumulator &= k,
                0x05 => at += k as usize,
                0x15 => jump(accumulator == k),
                0x25 => jump(accumulator > k),
                0x35 => jump(accumulator >= k),
                0x06 => return k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    /// What the profile says, in the kernel's numbers. That no two rules hold at once is part of it.
    fn answer(seccomp: &Seccomp, name: &str, value: u64) -> u32 {
        let holding: Vec<&Rule> = rules(seccomp, name)
            .filter(|rule| rule.args.iter().all(|condition| holds(condition, value)))
            .collect();
        assert!(holding.len() <= 1, "{name} {value:#x}: {holding:?}");
        let default = (seccomp.default_action, seccomp.default_errno);
        match holding
            .first()
            .map_or(default, |rule| (rule.action, rule.errno))
        {
            (Action::ScmpActAllow, _) => 0x7fff_0000,
            (_, errno) => 0x0005_0000 | errno.unwrap(),
        }
    }

    fn rules<'a>(seccomp: &'a Seccomp, name: &str) -> impl Iterator<Item = &'a Rule> {
        let names = move |rule: &&Rule| rule.names.iter().any(|listed| listed == name);
        seccomp.rules.iter().filter(names)
    }

    fn holds(condition: &Condition, argument: u64) -> bool {
        match condition.op {
            Operator::ScmpCmpLt => argument < condition.value,
            Operator::ScmpCmpEq => argument == condition.value,
            Operator::ScmpCmpGt => argument > condition.value,
            Operator::ScmpCmpMaskedEq => argument & condition.value == condition.value_two,
            other => panic!("{other:?} in the default"),
        }
    }

    /// Values around all that the rules of `name` compare with, each also with any one bit turned.
    fn boundaries(seccomp: &Seccomp, name: &str) -> BTreeSet<u64> {
        let mut values: BTreeSet<u64> = (0..64).collect();
        for condition in rules(seccomp, name).flat_map(|rule| &rule.args) {
            for value in [condition.value, condition.value_two] {
                values.extend([value, value.wrapping_sub(1), value.wrapping_add(1), !value]);
            }
        }
        let turned = |value: &u64| (0..64).map(|bit| value ^ (1 << bit)).collect::<Vec<_>>();
        values
            .iter()
            .flat_map(turned)
            .chain(values.iter().copied())
            .collect()
    }
}

//! The instructions that runc puts before libseccomp's.
//!
//! A profile with a closed default answers EPERM, say, to a syscall that is newer than itself, and
//! a C library that tries the new call and would fall back on ENOSYS breaks. So runc answers ENOSYS
//! to every number above the highest that the profile names, for each architecture of the filter.
//! The layout is ours; which calls it answers, and its length, are runc's (the length counts
//! against the kernel's limit of 4096 instructions).
//!
//! Not here: what runc does about s390x's `setup`.
#![forbid(unsafe_code)]

use profile::Arch;

use crate::arch::audit_arch;
use crate::call::X32_BIT;
use crate::instruction::{Instruction, op};
use crate::names::nr;

/// The stub for a filter of `native` and `listed`; it falls through to what follows it.
pub(crate) fn stub<'a, N>(native: Arch, listed: &[Arch], names: impl Fn() -> N) -> Vec<Instruction>
where
    N: Iterator<Item = &'a str>,
{
    let mut sections: Vec<Section> = Vec::new();
    for arch in std::iter::once(native).chain(listed.iter().copied()) {
        let number = audit_arch(arch);
        let at = sections
            .iter()
            .position(|section| section.arch == number)
            .unwrap_or_else(|| {
                sections.push(Section::of(number));
                sections.len().saturating_sub(1)
            });
        let Some(section) = sections.get_mut(at) else {
            continue;
        };
        // As for runc, 0 counts as nothing: a profile that names no call but x86-64's read(2) has
        // no stub.
        let last = names()
            .filter_map(|name| nr(name, arch))
            .max()
            .filter(|last| *last != 0);
        if arch == Arch::ScmpArchX32 {
            section.last_x32 = last;
        } else {
            section.last = last;
        }
    }
    assemble(&sections)
}

/// What is answered for one audit architecture.
#[derive(Debug, Clone, Copy)]
struct Section {
    arch: u32,
    /// The highest number named.
    last: Option<u32>,
    /// The highest number of x32 named, with its bit.
    last_x32: Option<u32>,
}

/// An instruction of a section: what it does is fixed, where it leads is known once all are there.
#[derive(Debug, Clone, Copy)]
enum Line {
    Load(u32),
    /// To the answer if above the number.
    Above(u32),
    /// To the filter if at least x32's bit.
    PassX32,
    /// Over the next line if at least x32's bit.
    SkipX32,
    /// To the filter.
    Pass,
}

impl Section {
    fn of(arch: u32) -> Self {
        Self {
            arch,
            last: None,
            last_x32: None,
        }
    }

    fn lines(self) -> Vec<Line> {
        let x86_64 = self.arch == audit_arch(Arch::ScmpArchX86_64);
        match (self.last, self.last_x32) {
            (None, None) => vec![],
            (last, Some(x32)) => vec![
                Line::Load(NR),
                Line::SkipX32,
                Line::Above(last.unwrap_or(u32::MAX)),
                Line::Above(x32),
                Line::Pass,
            ],
            // Numbers of an x32 that is not listed are left to the filter, which kills for them.
            (Some(last), None) if x86_64 => {
                vec![Line::Load(NR), Line::PassX32, Line::Above(last), Line::Pass]
            }
            (Some(last), None) => vec![Line::Load(NR), Line::Above(last), Line::Pass],
        }
    }
}

fn assemble(sections: &[Section]) -> Vec<Instruction> {
    let bodies: Vec<Vec<Line>> = sections.iter().map(|section| section.lines()).collect();
    // Load, one jump for each architecture, and the jump for all others.
    let head = sections.len().saturating_add(2);
    let tail = bodies
        .iter()
        .fold(head, |at, body| at.saturating_add(body.len()));
    let answer = tail.saturating_add(1);

    let mut program = vec![Instruction::new(op::LD_ABS, ARCH)];
    let mut start = head;
    for (section, body) in sections.iter().zip(&bodies) {
        let to = if body.is_empty() { tail } else { start };
        let jt = distance(program.len(), to);
        program.push(Instruction::jump(op::JEQ_K, section.arch, jt, 0));
        start = start.saturating_add(body.len());
    }
    program.push(pass(program.len(), tail));
    for line in bodies.into_iter().flatten() {
        let at = program.len();
        program.push(match line {
            Line::Load(offset) => Instruction::new(op::LD_ABS, offset),
            Line::Above(last) => Instruction::jump(op::JGT_K, last, distance(at, answer), 0),
            Line::PassX32 => Instruction::jump(op::JGE_K, X32_BIT, distance(at, tail), 0),
            Line::SkipX32 => Instruction::jump(op::JGE_K, X32_BIT, 1, 0),
            Line::Pass => pass(at, tail),
        });
    }
    program.push(Instruction::new(op::JA, 1));
    program.push(Instruction::new(op::RET_K, ENOSYS));
    program
}

fn pass(at: usize, to: usize) -> Instruction {
    Instruction::new(op::JA, distance(at, to).into())
}

/// How far `to` is from the instruction after `at`. There are fewer than 25 architectures with at
/// most six instructions each, so a jump's 8 bits reach; a distance that did not would lead out of
/// the program and be refused by its check.
fn distance(at: usize, to: usize) -> u8 {
    u8::try_from(to.saturating_sub(at).saturating_sub(1)).unwrap_or(u8::MAX)
}

/// Where `struct seccomp_data` has the number and the architecture, in bytes.
const NR: u32 = 0;
const ARCH: u32 = 4;
/// `SECCOMP_RET_ERRNO` with ENOSYS.
const ENOSYS: u32 = 0x0005_0026;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Call;
    use crate::program::Program;

    fn said(native: Arch, listed: &[Arch], names: &[&str], call: &Call) -> String {
        let mut program = stub(native, listed, || names.iter().copied());
        program.push(Instruction::new(op::RET_K, 0x7fff_0000));
        Program::new(program).unwrap().run(call).to_string()
    }

    fn call(arch: Arch, nr: u32) -> Call {
        Call::new(arch, nr, [0; 6])
    }

    #[test]
    fn numbers_above_the_highest_named_are_enosys() {
        let x64 = Arch::ScmpArchX86_64;
        for (nr, answer) in [(0, "ALLOW"), (1, "ALLOW"), (2, "ERRNO(38)")] {
            assert_eq!(said(x64, &[], &["write", "read"], &call(x64, nr)), answer);
        }
    }

    #[test]
    fn each_architecture_has_its_own_highest_number() {
        let (x64, x86, x32) = (Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32);
        let all = [x64, x86, x32];
        for (arch, nr, answer) in [
            (x64, 1, "ALLOW"),
            (x64, 2, "ERRNO(38)"),
            (x86, 4, "ALLOW"),
            (x86, 5, "ERRNO(38)"),
            (x32, X32_BIT, "ALLOW"),
            (x32, X32_BIT + 1, "ALLOW"),
            (x32, X32_BIT + 2, "ERRNO(38)"),
            (x64, u32::MAX, "ERRNO(38)"),
            (Arch::ScmpArchArm, 999, "ALLOW"),
        ] {
            assert_eq!(
                said(x64, &all, &["write"], &call(arch, nr)),
                answer,
                "{arch} {nr}"
            );
        }
    }

    #[test]
    fn x32_that_is_not_listed_is_left_to_the_filter() {
        let x64 = Arch::ScmpArchX86_64;
        assert_eq!(said(x64, &[], &["write"], &call(x64, X32_BIT)), "ALLOW");
        assert_eq!(said(x64, &[], &["write"], &call(x64, u32::MAX)), "ALLOW");
    }

    #[test]
    fn a_highest_number_of_zero_counts_as_none() {
        let (x64, x86) = (Arch::ScmpArchX86_64, Arch::ScmpArchX86);
        assert_eq!(said(x64, &[x86], &["read"], &call(x64, 999)), "ALLOW");
        assert_eq!(said(x64, &[x86], &["read"], &call(x86, 999)), "ERRNO(38)");
    }

    #[test]
    fn an_architecture_of_which_nothing_is_named_is_left_to_the_filter() {
        let (arm64, arm) = (Arch::ScmpArchAarch64, Arch::ScmpArchArm);
        // aarch64 has no open(2).
        assert_eq!(said(arm64, &[arm], &["open"], &call(arm64, 999)), "ALLOW");
        assert_eq!(said(arm64, &[arm], &["open"], &call(arm, 999)), "ERRNO(38)");
    }
}

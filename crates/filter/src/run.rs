//! Runs a program as the kernel runs a seccomp filter (kernel/bpf/core.c on the translation of
//! net/core/filter.c; the results are those of kernel/seccomp.c).
#![forbid(unsafe_code)]

use crate::call::Call;
use crate::check::{DATA_BYTES, MEMORY_WORDS, word};
use crate::instruction::{Endian, Instruction, op};
use crate::outcome::Outcome;
use crate::program::Program;

impl Program {
    /// What this filter says of `call`.
    #[must_use]
    pub fn run(&self, call: &Call) -> Outcome {
        Outcome::from_return(self.value(call))
    }

    /// The 32 bits that the program returns for `call`.
    #[must_use]
    pub fn value(&self, call: &Call) -> u32 {
        let mut machine = Machine::default();
        let mut rest = self.instructions();
        // Every step takes at least one instruction off, and a checked program ends in a return.
        while let Some((instruction, after)) = rest.split_first() {
            match machine.step(*instruction, call) {
                Step::Next(distance) => rest = after.get(distance..).unwrap_or_default(),
                Step::Return(value) => return value,
            }
        }
        KILL_PROCESS
    }

    /// How many instructions are executed for `call`, the return among them.
    #[must_use]
    pub fn executed(&self, call: &Call) -> usize {
        let mut machine = Machine::default();
        let mut rest = self.instructions();
        let mut executed = 0_usize;
        while let Some((instruction, after)) = rest.split_first() {
            executed = executed.saturating_add(1);
            match machine.step(*instruction, call) {
                Step::Next(distance) => rest = after.get(distance..).unwrap_or_default(),
                Step::Return(_) => break,
            }
        }
        executed
    }
}

/// The two registers and the scratch memory, all zero at the start.
#[derive(Default)]
struct Machine {
    a: u32,
    x: u32,
    memory: [u32; MEMORY_WORDS],
}

enum Step {
    /// Go on, passing over that many instructions.
    Next(usize),
    Return(u32),
}

impl Machine {
    fn step(&mut self, instruction: Instruction, call: &Call) -> Step {
        let Instruction { code, jt, jf, k } = instruction;
        let (a, x) = (self.a, self.x);
        let branch = |holds: bool| Step::Next(if holds { jt } else { jf }.into());
        match code {
            op::LD_IMM => self.a = k,
            op::LD_ABS => self.a = call.word(k),
            op::LD_MEM => self.a = self.recall(k),
            op::LD_LEN => self.a = DATA_BYTES,
            op::LDX_IMM => self.x = k,
            op::LDX_MEM => self.x = self.recall(k),
            op::LDX_LEN => self.x = DATA_BYTES,
            op::ST => self.store(k, a),
            op::STX => self.store(k, x),
            op::TAX => self.x = a,
            op::TXA => self.a = x,
            op::NEG => self.a = a.wrapping_neg(),
            op::JA => return Step::Next(usize::try_from(k).unwrap_or(usize::MAX)),
            op::JEQ_K => return branch(a == k),
            op::JEQ_X => return branch(a == x),
            op::JGT_K => return branch(a > k),
            op::JGT_X => return branch(a > x),
            op::JGE_K => return branch(a >= k),
            op::JGE_X => return branch(a >= x),
            op::JSET_K => return branch(a & k != 0),
            op::JSET_X => return branch(a & x != 0),
            op::RET_K => return Step::Return(k),
            op::RET_A => return Step::Return(a),
            // The other operations differ from their twin in one bit: the operand is K or X.
            _ => match compute(
                code & !SOURCE_X,
                a,
                if code & SOURCE_X == 0 { k } else { x },
            ) {
                Some(value) => self.a = value,
                // A division by a register of zero ends the filter with 0.
                None => return Step::Return(0),
            },
        }
        Step::Next(0)
    }

    fn recall(&self, k: u32) -> u32 {
        word(k)
            .and_then(|word| self.memory.get(word))
            .copied()
            .unwrap_or_default()
    }

    fn store(&mut self, k: u32, value: u32) {
        if let Some(place) = word(k).and_then(|word| self.memory.get_mut(word)) {
            *place = value;
        }
    }
}

impl Call {
    /// The word at `offset` bytes into `struct seccomp_data`. Which half of a 64-bit field comes
    /// first is the calling machine's order.
    fn word(&self, offset: u32) -> u32 {
        let first = offset.is_multiple_of(8);
        let field = match offset / 8 {
            0 if first => return self.nr,
            0 => return self.arch,
            1 => self.instruction_pointer,
            other => other
                .checked_sub(2)
                .and_then(|index| usize::try_from(index).ok())
                .and_then(|index| self.args.get(index))
                .copied()
                .unwrap_or_default(),
        };
        let upper = first == (Endian::of_audit_arch(self.arch) == Endian::Big);
        let half = if upper { field >> 32 } else { field & LOW };
        u32::try_from(half).unwrap_or_default()
    }
}

/// `a` and `operand` under an arithmetic opcode; `None` where it divides by zero.
fn compute(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code {
        op::ADD_K => a.wrapping_add(operand),
        op::SUB_K => a.wrapping_sub(operand),
        op::MUL_K => a.wrapping_mul(operand),
        op::DIV_K => return a.checked_div(operand),
        op::OR_K => a | operand,
        op::AND_K => a & operand,
        op::XOR_K => a ^ operand,
        // A shift by a register takes its low five bits.
        op::LSH_K => a.wrapping_shl(operand),
        op::RSH_K => a.wrapping_shr(operand),
        _ => return None,
    })
}

/// `BPF_X`: the operand is the register X.
const SOURCE_X: u16 = 0x08;
/// The lower half of a 64-bit field.
const LOW: u64 = 0xffff_ffff;
/// `SECCOMP_RET_KILL_PROCESS`.
const KILL_PROCESS: u32 = 0x8000_0000;

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call {
        nr: 1,
        arch: 0xc000_003e,
        instruction_pointer: 0x0203_0405_0607_0809,
        args: [0x1111_1111_2222_2222, 0x33, 0, 0, 0, 0x6666_6666_7777_7777],
    };

    fn value(instructions: &[Instruction], call: &Call) -> u32 {
        Program::new(instructions.to_vec()).unwrap().value(call)
    }

    /// What A is after `instructions`.
    fn accumulator(instructions: &[Instruction]) -> u32 {
        let mut all = instructions.to_vec();
        all.push(Instruction::new(op::RET_A, 0));
        value(&all, &CALL)
    }

    #[test]
    fn loads_see_the_call_as_the_machine_lays_it_out() {
        let load = |offset, call: &Call| {
            value(
                &[
                    Instruction::new(op::LD_ABS, offset),
                    Instruction::new(op::RET_A, 0),
                ],
                call,
            )
        };
        for (offset, word) in [
            (0, 1),
            (4, 0xc000_003e),
            (8, 0x0607_0809),
            (12, 0x0203_0405),
            (16, 0x2222_2222),
            (20, 0x1111_1111),
            (24, 0x33),
            (56, 0x7777_7777),
            (60, 0x6666_6666),
        ] {
            assert_eq!(load(offset, &CALL), word, "offset {offset}");
        }
        let big = Call {
            arch: 0x8000_0016,
            ..CALL
        };
        assert_eq!(load(16, &big), 0x1111_1111);
        assert_eq!(load(20, &big), 0x2222_2222);
    }

    #[test]
    fn arithmetic_wraps_in_32_bits() {
        let set = |a, x| {
            [
                Instruction::new(op::LDX_IMM, x),
                Instruction::new(op::LD_IMM, a),
            ]
        };
        for (a, x, code, result) in [
            (u32::MAX, 2, op::ADD_X, 1),
            (1, 2, op::SUB_X, u32::MAX),
            (0x1_0001, 0x1_0000, op::MUL_X, 0x1_0000),
            (7, 2, op::DIV_X, 3),
            (7, 0, op::DIV_X, 0),
            (6, 3, op::AND_X, 2),
            (6, 3, op::OR_X, 7),
            (6, 3, op::XOR_X, 5),
            (1, 33, op::LSH_X, 2),
            (4, 33, op::RSH_X, 2),
            (5, 0, op::NEG, 5_u32.wrapping_neg()),
            (5, 9, op::TXA, 9),
            (5, 9, op::LD_LEN, 64),
        ] {
            let [ldx, ld] = set(a, x);
            assert_eq!(
                accumulator(&[ldx, ld, Instruction::new(code, 0)]),
                result,
                "{a} {code:#x} {x}"
            );
        }
    }

    #[test]
    fn division_by_a_register_of_zero_kills_the_thread() {
        let program = [
            Instruction::new(op::LD_IMM, 5),
            Instruction::new(op::DIV_X, 0),
            Instruction::new(op::RET_K, 0x7fff_0000),
        ];
        assert_eq!(
            Program::new(program.to_vec())
                .unwrap()
                .run(&CALL)
                .to_string(),
            "KILL_THREAD"
        );
    }

    #[test]
    fn scratch_memory_keeps_both_registers() {
        assert_eq!(
            accumulator(&[
                Instruction::new(op::LD_IMM, 40),
                Instruction::new(op::ST, 15),
                Instruction::new(op::LDX_IMM, 2),
                Instruction::new(op::STX, 0),
                Instruction::new(op::LDX_MEM, 15),
                Instruction::new(op::LD_MEM, 0),
                Instruction::new(op::ADD_X, 0),
            ]),
            42
        );
    }

    #[test]
    fn jumps_count_from_the_next_instruction() {
        let jump = |code, k| {
            value(
                &[
                    Instruction::new(op::LD_IMM, 5),
                    Instruction::new(op::LDX_IMM, 5),
                    Instruction::jump(code, k, 1, 0),
                    Instruction::new(op::RET_K, 1),
                    Instruction::new(op::RET_K, 2),
                ],
                &CALL,
            )
        };
        for (code, k, result) in [
            (op::JEQ_K, 5, 2),
            (op::JEQ_K, 6, 1),
            (op::JGT_K, 5, 1),
            (op::JGT_K, 4, 2),
            (op::JGE_K, 5, 2),
            (op::JGE_K, 6, 1),
            (op::JSET_K, 4, 2),
            (op::JSET_K, 2, 1),
            (op::JEQ_X, 0, 2),
            (op::JGT_X, 0, 1),
            (op::JGE_X, 0, 2),
            (op::JSET_X, 0, 2),
            (op::JA, 1, 2),
        ] {
            assert_eq!(jump(code, k), result, "{code:#x} {k}");
        }
    }
}

//! What the kernel asks of a program before it takes it as a seccomp filter:
//! `bpf_check_classic` of net/core/filter.c, then `seccomp_check_filter` of kernel/seccomp.c.
#![forbid(unsafe_code)]

use crate::instruction::{Instruction, op};

/// The longest program, in instructions: `BPF_MAXINSNS`.
pub(crate) const MAX_INSTRUCTIONS: usize = 4096;

/// How many words of scratch memory there are: `BPF_MEMWORDS`.
pub(crate) const MEMORY_WORDS: usize = 16;

/// The size of `struct seccomp_data` in bytes.
pub(crate) const DATA_BYTES: u32 = 64;

/// Why the kernel would refuse a program (all are EINVAL there).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProgram {
    /// It is empty or longer than 4096 instructions.
    #[error("the filter has {0} instructions, and the kernel takes 1 to 4096")]
    Length(usize),
    /// Its bytes are no whole number of instructions.
    #[error("the filter has {0} bytes, which is no multiple of 8")]
    Bytes(usize),
    /// An opcode is not among those that seccomp allows.
    #[error("instruction {at} has opcode {code:#06x}, which seccomp does not allow")]
    Opcode {
        /// The instruction, from 0.
        at: usize,
        /// Its opcode.
        code: u16,
    },
    /// A load is not at a whole word inside `struct seccomp_data`.
    #[error("instruction {at} loads at offset {offset}, which is no word of the call's 64 bytes")]
    Load {
        /// The instruction, from 0.
        at: usize,
        /// The offset in bytes.
        offset: u32,
    },
    /// A jump leads out of the program.
    #[error("instruction {at} jumps out of the filter")]
    Jump {
        /// The instruction, from 0.
        at: usize,
    },
    /// A constant divides by zero or shifts by 32 or more.
    #[error("instruction {at} divides by zero or shifts too far")]
    Constant {
        /// The instruction, from 0.
        at: usize,
    },
    /// Scratch memory is used out of its 16 words, or read where it was not written on all ways.
    #[error("instruction {at} uses scratch memory that is not there or not written yet")]
    Memory {
        /// The instruction, from 0.
        at: usize,
    },
    /// The last instruction does not return.
    #[error("the filter does not end in a return")]
    End,
}

/// Checks a whole program.
pub(crate) fn check(program: &[Instruction]) -> Result<(), InvalidProgram> {
    let length = program.len();
    if length == 0 || length > MAX_INSTRUCTIONS {
        return Err(InvalidProgram::Length(length));
    }
    for (at, instruction) in program.iter().enumerate() {
        check_one(at, *instruction, length)?;
    }
    if !matches!(
        program.last(),
        Some(Instruction {
            code: op::RET_A | op::RET_K,
            ..
        })
    ) {
        return Err(InvalidProgram::End);
    }
    check_memory(program)
}

fn check_one(at: usize, instruction: Instruction, length: usize) -> Result<(), InvalidProgram> {
    let Instruction { code, jt, jf, k } = instruction;
    let inside = |distance: usize| distance < length.saturating_sub(at).saturating_sub(1);
    match code {
        op::LD_ABS if k >= DATA_BYTES || k & 3 != 0 => Err(InvalidProgram::Load { at, offset: k }),
        op::DIV_K if k == 0 => Err(InvalidProgram::Constant { at }),
        op::LSH_K | op::RSH_K if k >= 32 => Err(InvalidProgram::Constant { at }),
        op::LD_MEM | op::LDX_MEM | op::ST | op::STX if word(k).is_none() => {
            Err(InvalidProgram::Memory { at })
        }
        op::JA if !usize::try_from(k).is_ok_and(inside) => Err(InvalidProgram::Jump { at }),
        op::JEQ_K
        | op::JGT_K
        | op::JGE_K
        | op::JSET_K
        | op::JEQ_X
        | op::JGT_X
        | op::JGE_X
        | op::JSET_X
            if !inside(jt.into()) || !inside(jf.into()) =>
        {
            Err(InvalidProgram::Jump { at })
        }
        op::LD_IMM
        | op::LD_ABS
        | op::LD_MEM
        | op::LD_LEN
        | op::LDX_IMM
        | op::LDX_MEM
        | op::LDX_LEN
        | op::ST
        | op::STX
        | op::ADD_K
        | op::ADD_X
        | op::SUB_K
        | op::SUB_X
        | op::MUL_K
        | op::MUL_X
        | op::DIV_K
        | op::DIV_X
        | op::OR_K
        | op::OR_X
        | op::AND_K
        | op::AND_X
        | op::LSH_K
        | op::LSH_X
        | op::RSH_K
        | op::RSH_X
        | op::NEG
        | op::XOR_K
        | op::XOR_X
        | op::JA
        | op::JEQ_K
        | op::JEQ_X
        | op::JGT_K
        | op::JGT_X
        | op::JGE_K
        | op::JGE_X
        | op::JSET_K
        | op::JSET_X
        | op::RET_K
        | op::RET_A
        | op::TAX
        | op::TXA => Ok(()),
        _ => Err(InvalidProgram::Opcode { at, code }),
    }
}

/// No word of scratch memory is read that some way to there has not written. Jumps go forward only,
/// so one pass sees every way; `valid` has a bit for each word that is written on all of them.
fn check_memory(program: &[Instruction]) -> Result<(), InvalidProgram> {
    let mut arriving = vec![u16::MAX; program.len()];
    let mut valid = 0_u16;
    for (at, Instruction { code, jt, jf, k }) in program.iter().copied().enumerate() {
        valid &= arriving.get(at).copied().unwrap_or_default();
        let mut leave = |distance: usize, valid: u16| {
            if let Some(there) = arriving.get_mut(at.saturating_add(1).saturating_add(distance)) {
                *there &= valid;
            }
        };
        match code {
            op::ST | op::STX => valid |= bit(k),
            op::LD_MEM | op::LDX_MEM if valid & bit(k) == 0 => {
                return Err(InvalidProgram::Memory { at });
            }
            op::JA => {
                leave(usize::try_from(k).unwrap_or(usize::MAX), valid);
                valid = u16::MAX;
            }
            op::JEQ_K
            | op::JGT_K
            | op::JGE_K
            | op::JSET_K
            | op::JEQ_X
            | op::JGT_X
            | op::JGE_X
            | op::JSET_X => {
                leave(jt.into(), valid);
                leave(jf.into(), valid);
                valid = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The word of scratch memory that `k` names.
pub(crate) fn word(k: u32) -> Option<usize> {
    usize::try_from(k).ok().filter(|word| *word < MEMORY_WORDS)
}

fn bit(k: u32) -> u16 {
    1_u16.checked_shl(k).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: Instruction = Instruction::new(op::RET_K, 0x7fff_0000);

    fn with_return(instruction: Instruction) -> Result<(), InvalidProgram> {
        check(&[instruction, ALLOW])
    }

    #[test]
    fn a_program_has_one_to_4096_instructions() {
        assert_eq!(check(&[]), Err(InvalidProgram::Length(0)));
        assert_eq!(check(&[ALLOW]), Ok(()));
        assert_eq!(check(&[ALLOW; 4096]), Ok(()));
        assert_eq!(check(&[ALLOW; 4097]), Err(InvalidProgram::Length(4097)));
    }

    #[test]
    fn a_program_ends_in_a_return() {
        let load = Instruction::new(op::LD_IMM, 1);
        assert_eq!(check(&[ALLOW, load]), Err(InvalidProgram::End));
        assert_eq!(check(&[load, Instruction::new(op::RET_A, 0)]), Ok(()));
    }

    #[test]
    fn loads_are_whole_words_of_the_call() {
        for offset in [0, 4, 60] {
            assert_eq!(with_return(Instruction::new(op::LD_ABS, offset)), Ok(()));
        }
        for offset in [1, 2, 3, 62, 64, u32::MAX] {
            assert_eq!(
                with_return(Instruction::new(op::LD_ABS, offset)),
                Err(InvalidProgram::Load { at: 0, offset })
            );
        }
    }

    #[test]
    fn packet_loads_and_remainders_are_not_for_seccomp() {
        // ldb abs, ldh abs, ld ind, ldxb msh, mod
        for code in [0x30, 0x28, 0x40, 0xb1, 0x94, 0x9c, 0xffff] {
            assert_eq!(
                with_return(Instruction::new(code, 0)),
                Err(InvalidProgram::Opcode { at: 0, code })
            );
        }
    }

    #[test]
    fn jumps_stay_inside() {
        let bad = Err(InvalidProgram::Jump { at: 0 });
        assert_eq!(with_return(Instruction::new(op::JA, 0)), Ok(()));
        assert_eq!(with_return(Instruction::new(op::JA, 1)), bad);
        assert_eq!(with_return(Instruction::new(op::JA, u32::MAX)), bad);
        assert_eq!(with_return(Instruction::jump(op::JEQ_K, 0, 0, 0)), Ok(()));
        assert_eq!(with_return(Instruction::jump(op::JEQ_K, 0, 1, 0)), bad);
        assert_eq!(with_return(Instruction::jump(op::JSET_X, 0, 0, 1)), bad);
    }

    #[test]
    fn constants_that_cannot_be_computed_with_are_refused() {
        let bad = Err(InvalidProgram::Constant { at: 0 });
        assert_eq!(with_return(Instruction::new(op::DIV_K, 0)), bad);
        assert_eq!(with_return(Instruction::new(op::LSH_K, 32)), bad);
        assert_eq!(with_return(Instruction::new(op::RSH_K, 32)), bad);
        assert_eq!(with_return(Instruction::new(op::RSH_K, 31)), Ok(()));
    }

    #[test]
    fn scratch_memory_is_written_on_every_way_before_it_is_read() {
        let store = Instruction::new(op::ST, 3);
        let load = Instruction::new(op::LD_MEM, 3);
        assert_eq!(check(&[store, load, ALLOW]), Ok(()));
        assert_eq!(check(&[load, ALLOW]), Err(InvalidProgram::Memory { at: 0 }));
        let pass_over_store = Instruction::jump(op::JEQ_K, 7, 1, 0);
        assert_eq!(
            check(&[pass_over_store, store, load, ALLOW]),
            Err(InvalidProgram::Memory { at: 2 })
        );
        assert_eq!(
            with_return(Instruction::new(op::ST, 16)),
            Err(InvalidProgram::Memory { at: 0 })
        );
    }
}

//! A program that the kernel would take as a seccomp filter.
#![forbid(unsafe_code)]

use crate::check::{InvalidProgram, check};
use crate::instruction::{Endian, INSTRUCTION_BYTES, Instruction};

/// A checked program: jumps and loads stay inside, every way ends in a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

impl Program {
    /// Checks `instructions` as the kernel does.
    ///
    /// # Errors
    /// What the kernel would refuse it for.
    pub fn new(instructions: Vec<Instruction>) -> Result<Self, InvalidProgram> {
        check(&instructions)?;
        Ok(Self(instructions))
    }

    /// Reads an array of `struct sock_filter` of a machine of that order, and checks it.
    ///
    /// # Errors
    /// As [`Program::new`], and a length that is no multiple of 8 bytes.
    pub fn from_bytes(bytes: &[u8], endian: Endian) -> Result<Self, InvalidProgram> {
        let (chunks, rest) = bytes.as_chunks::<INSTRUCTION_BYTES>();
        if !rest.is_empty() {
            return Err(InvalidProgram::Bytes(bytes.len()));
        }
        Self::new(
            chunks
                .iter()
                .map(|chunk| Instruction::from_bytes(*chunk, endian))
                .collect(),
        )
    }

    /// As an array of `struct sock_filter` of a machine of that order.
    #[must_use]
    pub fn to_bytes(&self, endian: Endian) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|instruction| instruction.to_bytes(endian))
            .collect()
    }

    /// The instructions in order; 1 to 4096 of them.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_end_inside_an_instruction_are_refused() {
        assert_eq!(
            Program::from_bytes(&[6, 0, 0, 0, 0, 0, 0xff, 0x7f, 6], Endian::Little),
            Err(InvalidProgram::Bytes(9))
        );
        let bytes = [6, 0, 0, 0, 0, 0, 0xff, 0x7f];
        let program = Program::from_bytes(&bytes, Endian::Little).unwrap();
        assert_eq!(program.to_bytes(Endian::Little), bytes);
    }
}

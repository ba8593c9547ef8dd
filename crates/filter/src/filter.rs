//! A compiled profile.
#![forbid(unsafe_code)]

use crate::call::Call;
use crate::instruction::Endian;
use crate::outcome::Outcome;
use crate::program::Program;

/// What a runtime would load for a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The program, with runc's stub before it where it has one.
    pub program: Program,
    /// Names that this libseccomp does not know, each once, in the order of the profile. The
    /// filter treats them as the default does, or as the stub.
    pub unknown: Vec<String>,
    /// The flags with which it is loaded, as bits of seccomp(2).
    pub flags: u32,
    /// The byte order of the architecture that it is for.
    pub endian: Endian,
}

impl Filter {
    /// What happens to `call`.
    #[must_use]
    pub fn run(&self, call: &Call) -> Outcome {
        self.program.run(call)
    }

    /// The program as the kernel of its architecture reads it: an array of `struct sock_filter`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.program.to_bytes(self.endian)
    }
}

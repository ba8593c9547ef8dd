//! One system call as a filter sees it.
#![forbid(unsafe_code)]

use profile::Arch;

use crate::arch::audit_arch;

/// Bit 30 of a syscall's number, by which x86-64 tells x32's calls
/// (`__X32_SYSCALL_BIT`, arch/x86/include/uapi/asm/unistd.h).
pub const X32_BIT: u32 = 0x4000_0000;

/// A system call: `struct seccomp_data` of include/uapi/linux/seccomp.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// The syscall's number, for x32 with [`X32_BIT`] set.
    pub nr: u32,
    /// The audit number of the ABI by which it was made ([`audit_arch`]).
    pub arch: u32,
    /// Where the calling instruction was.
    pub instruction_pointer: u64,
    /// The six argument registers, whether the syscall takes them or not.
    pub args: [u64; 6],
}

impl Call {
    /// A call of `arch`'s syscall `nr`; numbers of x32 come with their bit set, as
    /// [`nr`](crate::nr()) gives them.
    #[must_use]
    pub fn new(arch: Arch, nr: u32, args: [u64; 6]) -> Self {
        Self {
            nr,
            arch: audit_arch(arch),
            instruction_pointer: 0,
            args,
        }
    }
}

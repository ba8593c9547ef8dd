//! The same filter in fewer steps.
//!
//! libseccomp asks a call's number against every number that the profile names, one after the
//! other: hundreds of instructions for each system call of a container. [`compact`] takes such a
//! program apart, with the architecture and the number known ([`residual`]), into what is left for
//! each run of numbers ([`sections`]): mostly one return, else tests of arguments. From that it
//! writes a program that finds the run by halving ([`layout`]).
//!
//! Nothing is looked up in the profile: what the new program says comes from the old one, so
//! libseccomp stays the one who decides, where it compiles wrongly too. And nothing is believed:
//! [`same`](crate::same) holds the two programs against each other at every number and value at
//! which either changes its answer, before [`compact`] gives the new one.
#![forbid(unsafe_code)]

mod forest;
mod layout;
mod proof;
mod residual;
mod sections;

use profile::Arch;

use crate::arch::audit_arch;
use crate::instruction::op;
use crate::names::nr;
use crate::program::Program;

pub use proof::{NotSame, Proof, same};

/// A program that answers every call as `program` does, and is asked for fewer instructions by
/// most. `None` where `program` does what libseccomp's filters don't (arithmetic, memory), where the
/// two cannot be shown to be the same, or where nothing is won.
#[must_use]
pub fn compact(program: &Program, native: Arch) -> Option<Program> {
    let mut forest = forest::Forest::default();
    let sections = sections::sections(program.instructions(), &mut forest)?;
    let hot: Vec<u32> = HOT.iter().filter_map(|name| nr(name, native)).collect();
    let written = layout::write(&forest, &sections, audit_arch(native), &hot);
    let compacted = Program::new(written).ok()?;
    same(program, &compacted).ok()?;
    Some(compacted)
}

/// The calls that programs make most, for which the search is shortest. Which they are only changes
/// how fast the filter is.
pub const HOT: [&str; 30] = [
    "read",
    "write",
    "futex",
    "epoll_wait",
    "epoll_pwait",
    "recvfrom",
    "sendto",
    "recvmsg",
    "sendmsg",
    "poll",
    "ppoll",
    "clock_gettime",
    "nanosleep",
    "clock_nanosleep",
    "mmap",
    "munmap",
    "mprotect",
    "madvise",
    "brk",
    "openat",
    "close",
    "fstat",
    "newfstatat",
    "statx",
    "lseek",
    "pread64",
    "writev",
    "rt_sigprocmask",
    "sched_yield",
    "epoll_ctl",
];

/// Where `struct seccomp_data` has the number and the architecture, in bytes.
const NR: u32 = 0;
const ARCH: u32 = 4;

/// The comparisons that libseccomp writes.
fn holds(code: u16, a: u32, k: u32) -> Option<bool> {
    Some(match code {
        op::JEQ_K => a == k,
        op::JGT_K => a > k,
        op::JGE_K => a >= k,
        op::JSET_K => a & k != 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

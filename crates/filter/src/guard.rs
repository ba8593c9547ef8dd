//! Compiling with a limit.
//!
//! libseccomp's rule tree grows without end on some conditional rules: minutes of CPU time, in
//! 2.5.4 and after. A thread cannot be stopped from outside, a process can; so the compiling
//! happens in a child with `RLIMIT_CPU` and `RLIMIT_AS`, and a crash there is an error here.
//!
//! The child is a fork, not a new program: a profile need not be written out and read again, and
//! no binary need be found. What a fork may do is limited where other threads were in the middle of
//! something (holding the allocator's lock, say), so this refuses to fork unless the process has
//! one thread. That fits the tool, which has one; a server would have to start a process for it.
#![forbid(unsafe_code)]

use profile::{Arch, Seccomp};

use crate::error::CompileError;
use crate::fault::Fault;
use crate::filter::Filter;
use crate::plan::Plan;
use crate::runtime::Runtime;
use crate::sys::in_child;

/// What the compiling child may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// CPU time in seconds, at least 1; a default profile takes some milliseconds.
    pub cpu_seconds: u64,
    /// Address space in bytes, that of the process at the fork included.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_seconds: 5,
            memory_bytes: 1 << 30,
        }
    }
}

/// Why [`compile_guarded`] gives no filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The profile does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The limit on CPU time was reached.
    #[error("libseccomp did not compile the profile in {cpu_seconds} s of CPU time")]
    Time {
        /// The limit.
        cpu_seconds: u64,
    },
    /// The child was ended by a signal, e.g. for want of memory.
    #[error("compiling was ended by signal {signal}")]
    Killed {
        /// Its number.
        signal: i32,
    },
    /// The child ended without an answer.
    #[error("compiling ended without an answer")]
    Silent,
    /// There are other threads, so that a fork is not safe.
    #[error("the process has {0} threads, and compiling in a child needs it to have one")]
    Threads(usize),
    /// No child could be made or heard.
    #[error("a child to compile in cannot be made")]
    Child(#[source] std::io::Error),
}

/// [`compile`](crate::compile()) in a child process that may not use more than `limits`.
///
/// For programs with one thread, which reap no children elsewhere.
///
/// # Errors
/// Those of `compile`, a limit reached, or no child.
pub fn compile_guarded(
    profile: &Seccomp,
    native: Arch,
    as_runtime: Runtime,
    limits: Limits,
) -> Result<Filter, GuardError> {
    let plan = Plan::new(profile, native, as_runtime)?;
    match in_child(limits, || plan.build().map_err(Fault::to_bytes))? {
        Ok(bytes) => Ok(plan.finish(&bytes)?),
        Err(bytes) => {
            let fault = Fault::from_bytes(&bytes).ok_or(GuardError::Silent)?;
            Err(plan.explain(fault).into())
        }
    }
}

//! What a resolved profile does to a call, as the kernel will see it.
//!
//! [`compile`] takes a [`profile::Seccomp`] through libseccomp the way that runc or crun does (they
//! differ, see [`Runtime`]) and gives a [`Filter`]: the classic BPF that the runtime would load.
//! [`Filter::run`] executes it as the kernel does and says what happens to a [`Call`].
//! [`compile_guarded`] does the compiling in a child with a limit on CPU time, because libseccomp
//! does not end on some inputs.
//!
//! What comes out is as right as libseccomp is: it miscompiles some overlapping conditions, and so
//! do the runtimes. [`Filter::first_difference`] holds a filter against another model of the
//! profile;
//! [`examine`] does so with [`profile::meaning`] at every edge of the profile's conditions.
//!
//! ```
//! use filter::{Call, Runtime, compile};
//! use profile::{Action, Arch, Rule, Seccomp};
//!
//! let profile = Seccomp {
//!     default_action: Action::ScmpActErrno,
//!     default_errno: None,
//!     architectures: vec![],
//!     flags: None,
//!     listener_path: None,
//!     listener_metadata: None,
//!     rules: vec![Rule {
//!         names: vec!["read".into(), "write".into(), "getpid".into()],
//!         action: Action::ScmpActAllow,
//!         errno: None,
//!         args: vec![],
//!     }],
//! };
//! let filter = compile(&profile, Arch::ScmpArchX86_64, Runtime::Runc)?;
//! let said = |name| {
//!     let nr = filter::nr(name, Arch::ScmpArchX86_64)?;
//!     Some(filter.run(&Call::new(Arch::ScmpArchX86_64, nr, [0; 6])).to_string())
//! };
//! assert_eq!(said("getpid").as_deref(), Some("ALLOW"));
//! assert_eq!(said("open").as_deref(), Some("ERRNO(1)"));
//! // runc answers ENOSYS to what is newer than all that the profile names.
//! assert_eq!(said("mount").as_deref(), Some("ERRNO(38)"));
//! # Ok::<(), filter::CompileError>(())
//! ```

mod arch;
mod cache;
mod call;
mod check;
mod compact;
mod compile;
mod difference;
mod error;
mod examine;
mod fault;
mod filter;
mod finish;
mod flags;
mod guard;
mod instruction;
pub mod kernel;
mod names;
mod outcome;
mod plan;
mod program;
mod run;
mod runtime;
mod stub;
#[allow(
    unsafe_code,
    reason = "fork, _exit and seccomp(2) have no safe wrapper"
)]
mod sys;

pub use arch::{audit_arch, host};
pub use cache::{Cache, Entry, FileId, Key, libseccomp_version};
pub use call::{Call, X32_BIT};
pub use check::InvalidProgram;
pub use compact::{HOT, NotSame, Proof, compact, same};
pub use compile::compile;
pub use difference::Difference;
pub use error::{CompileError, Refusal};
pub use examine::{
    AskingError, Blame, Examination, ExamineError, Miscompiled, examine, prove_asking,
};
pub use filter::Filter;
pub use finish::{finish, finish_guarded};
pub use guard::{GuardError, Limits, compile_guarded};
pub use instruction::{Endian, Instruction};
pub use names::{known, name, nr};
pub use outcome::Outcome;
pub use program::Program;
pub use runtime::Runtime;
pub use sys::detached;

//! Where a result is stricter than what was asked for.

use std::fmt;

use crate::Arch;

/// One place where a profile of the OCI's form cannot say what the two filters, one on the other,
/// would answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rounding {
    /// Calls with some arguments get the default: which arguments cannot be written.
    SomeArguments,
    /// All calls get the strictest answer that any of them gets.
    AllArguments,
    /// The multiplexer is shut as a whole: rules for the calls behind it would open it too far.
    Multiplexer,
}

/// What was rounded, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The result is stricter for a syscall.
    Stricter {
        /// Its name.
        syscall: String,
        /// How it was rounded.
        rounding: Rounding,
    },
    /// Only one profile lists the architecture, so that it is left out and its calls kill the
    /// thread, as they do by the other profile; but where the profile that lists it kills the
    /// process, so would have the two together.
    KillsThread {
        /// The architecture.
        arch: Arch,
    },
    /// Of merged profiles only one lists the architecture, and the rules of the others would open
    /// more there than that one does: it is left out and its calls kill the thread.
    LeftOut {
        /// The architecture.
        arch: Arch,
    },
    /// Of merged profiles only one lists the architecture, and it kills the process for some calls
    /// there, where the others would kill the thread alone: the result kills the process.
    KillsProcess {
        /// The architecture.
        arch: Arch,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stricter { syscall, rounding } => match rounding {
                Rounding::SomeArguments => write!(f, "{syscall}: refused for more arguments"),
                Rounding::AllArguments => write!(f, "{syscall}: refused for all arguments"),
                Rounding::Multiplexer => {
                    write!(
                        f,
                        "{syscall}: refused, as rules for its calls would open it"
                    )
                }
            },
            Self::KillsThread { arch } => {
                write!(f, "calls of {arch} kill the thread, not the process")
            }
            Self::LeftOut { arch } => write!(
                f,
                "calls of {arch} kill the thread: not all of the profiles list it, and what the \
                 others allow would be allowed there too"
            ),
            Self::KillsProcess { arch } => {
                write!(f, "calls of {arch} kill the process, not the thread alone")
            }
        }
    }
}

//! Why two profiles cannot be made one.

use crate::Operator;

/// Two profiles that have no common restriction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestrictError {
    /// Both hand calls to a listener, and not to the same one. A filter has one listener.
    #[error(
        "cannot hand calls to two listeners: the policy's is {policy:?}, the request's {request:?}"
    )]
    TwoListeners {
        /// `listenerPath` of the policy.
        policy: String,
        /// `listenerPath` of the request.
        request: String,
    },
    /// A condition on an argument that no call has; every runtime refuses such a profile.
    #[error(
        "a rule for {syscall} has a condition ({op:?}) on argument {index}, beyond the last, 5"
    )]
    NoSuchArgument {
        /// The rule's syscall.
        syscall: String,
        /// The argument's index.
        index: u32,
        /// The condition's operator.
        op: Operator,
    },
    /// More rules than a filter has room for many times over: every pair of a syscall and a
    /// condition is an instruction at least, and the kernel takes 4096.
    #[error(
        "the {whose} has {pairs} pairs of a syscall and a condition, and no filter has room for \
         more than 4096"
    )]
    TooMany {
        /// `policy` or `request`.
        whose: &'static str,
        /// How many.
        pairs: usize,
    },
    /// Rules for the calls behind a multiplexer would open it although one of the profiles kills
    /// it by its default, and no stricter action exists to write down.
    #[error("rules for single calls would open {syscall}, which must kill the process")]
    Opened {
        /// `socketcall` or `ipc`.
        syscall: &'static str,
    },
}

/// A set has more parts than are worth writing down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

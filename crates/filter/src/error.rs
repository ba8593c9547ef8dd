//! Why a profile gives no filter.
#![forbid(unsafe_code)]

use profile::{Action, Arch, Flag};

use crate::check::InvalidProgram;

/// Why a runtime would not start a container with this profile. Rules are counted from 0 in
/// [`profile::Seccomp::rules`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The runtime does not know an architecture.
    #[error("architecture {arch} is unknown to the runtime")]
    ArchUnknown {
        /// As the profile has it.
        arch: Arch,
    },
    /// libseccomp refuses an architecture.
    #[error("architecture {arch} cannot be added to the filter")]
    Arch {
        /// As the profile has it.
        arch: Arch,
        /// What libseccomp says.
        source: Refusal,
    },
    /// libseccomp refuses the default action, e.g. for an errno above 4094.
    #[error("a filter with default action {action} and data {data} cannot be started")]
    Default {
        /// As the profile has it.
        action: Action,
        /// The errno or message, cut to 16 bits.
        data: u16,
    },
    /// crun: an errno goes with an action that takes none.
    #[error("the default action {action} takes no errno")]
    DefaultErrno {
        /// As the profile has it.
        action: Action,
    },
    /// runc: NOTIFY is the default action.
    #[error("the default action cannot be SCMP_ACT_NOTIFY")]
    DefaultNotify,
    /// runc with a libseccomp before 2.6: a flag that it has no way to set.
    #[error("flag {flag} needs libseccomp 2.6")]
    Flag {
        /// As the profile has it.
        flag: Flag,
    },
    /// crun: an errno goes with an action that takes none.
    #[error("rule {rule}: action {action} takes no errno")]
    RuleErrno {
        /// Which rule.
        rule: usize,
        /// Its action.
        action: Action,
    },
    /// runc: a name is empty.
    #[error("rule {rule}: a syscall's name is empty")]
    EmptyName {
        /// Which rule.
        rule: usize,
    },
    /// runc: NOTIFY on `write`, with which its init reports the fd.
    #[error("rule {rule}: SCMP_ACT_NOTIFY cannot be used for write")]
    NotifyWrite {
        /// Which rule.
        rule: usize,
    },
    /// runc: NOTIFY in a profile without a `listenerPath`.
    #[error("rule {rule}: SCMP_ACT_NOTIFY needs a listenerPath")]
    NoListener {
        /// Which rule.
        rule: usize,
    },
    /// A condition is on an argument that no syscall has.
    #[error("rule {rule}, {name}: argument {index} is not among the six, 0 to 5")]
    ArgIndex {
        /// Which rule.
        rule: usize,
        /// For which of its syscalls.
        name: String,
        /// The argument.
        index: u32,
    },
    /// libseccomp refuses a rule.
    #[error("rule {rule}, {name}: libseccomp refuses it")]
    Rule {
        /// Which rule.
        rule: usize,
        /// For which of its syscalls.
        name: String,
        /// What libseccomp says.
        source: Refusal,
    },
    /// libseccomp gives no program for the rules that it took.
    #[error("libseccomp does not write the filter")]
    Export {
        /// What libseccomp says.
        source: Refusal,
    },
    /// The buffer in memory that libseccomp writes to fails.
    #[error("the filter cannot be read back from memory (errno {errno})")]
    Memory {
        /// What memfd_create(2) or read(2) says; 0 where it says nothing.
        errno: i32,
    },
    /// The kernel would refuse the filter, mostly for its length.
    #[error("the kernel would refuse the filter")]
    Program(#[from] InvalidProgram),
}

/// What libseccomp answers (seccomp_rule_add(3), seccomp_arch_add(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// EACCES: the action is the default action.
    #[error("the action is the default action")]
    IsDefault,
    /// EDOM: e.g. an architecture of the other byte order.
    #[error("it does not fit the filter's architectures")]
    Architecture,
    /// EEXIST: an earlier rule has the same condition, or a part of it, and another action.
    #[error("an earlier rule with the same condition has another action")]
    Conflict,
    /// EINVAL: e.g. an errno above 4094.
    #[error("a value is out of range")]
    Invalid,
    /// ENOMEM.
    #[error("out of memory")]
    Memory,
    /// Another errno, or 0 for none.
    #[error("errno {0}")]
    Other(i32),
}

impl Refusal {
    /// What libseccomp's `errno`, above 0, means.
    pub(crate) fn from_errno(errno: i32) -> Self {
        match errno {
            libc::EACCES => Self::IsDefault,
            libc::EDOM => Self::Architecture,
            libc::EEXIST => Self::Conflict,
            libc::EINVAL => Self::Invalid,
            libc::ENOMEM => Self::Memory,
            _ => Self::Other(errno),
        }
    }
}

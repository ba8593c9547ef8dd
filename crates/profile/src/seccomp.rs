//! A resolved profile: what `linux.seccomp` of the OCI runtime spec holds
//! (runtime-spec config-linux.md, section "Seccomp").

use std::borrow::Cow;

use crate::{Action, Arch, Flag, Operator};

/// A profile as a runtime takes it: no filters left, everything resolved.
///
/// What it means is what libseccomp makes of it: of a syscall's rules, the first without
/// conditions wins over all others; a rule that does what the default does is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seccomp {
    /// What happens to a call that no rule names.
    pub default_action: Action,
    /// `defaultErrnoRet`: the errno of a default of ERRNO, the message of TRACE. EPERM if absent.
    pub default_errno: Option<u32>,
    /// The architectures beside the native one; absent or empty means the native one alone, and
    /// calls of any other kill.
    pub architectures: Vec<Arch>,
    /// `flags`: absent is SPEC_ALLOW for runc 1.2 and later and for crun; `[]` is none.
    pub flags: Option<Vec<Flag>>,
    /// `listenerPath`: where the runtime sends the notification fd.
    pub listener_path: Option<String>,
    /// `listenerMetadata`: opaque words for the listener.
    pub listener_metadata: Option<String>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

/// One entry of `syscalls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The syscalls by libseccomp's names.
    pub names: Vec<Cow<'static, str>>,
    /// What happens to them.
    pub action: Action,
    /// `errnoRet`: as [`Seccomp::default_errno`], for this rule.
    pub errno: Option<u32>,
    /// Conditions on arguments. All must hold; but where two of them look at the same argument,
    /// the runtimes make a rule of its own of each, so that any may hold.
    pub args: Vec<Condition>,
}

/// One entry of a rule's `args`: how an argument compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, 0 to 5.
    pub index: u32,
    /// What it is compared with; the mask of MASKED_EQ.
    pub value: u64,
    /// `valueTwo`: the value of MASKED_EQ after masking; 0 otherwise.
    pub value_two: u64,
    /// How.
    pub op: Operator,
}

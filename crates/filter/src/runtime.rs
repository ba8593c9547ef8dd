//! Which runtime's way of compiling.
#![forbid(unsafe_code)]

use std::fmt;

/// Whose filter. Both go through libseccomp and skip names that it does not know and rules that do
/// what the default does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// runc (libcontainer/seccomp). Puts a stub before the filter that answers ENOSYS to syscalls
    /// newer than all that the profile names; has libseccomp sort more than 32 rules into a tree;
    /// refuses NOTIFY as the default, on `write` and without a listener; ignores an errno on an
    /// action that takes none.
    Runc,
    /// crun (src/libcrun/seccomp.c). No stub, no tree, NOTIFY anywhere; refuses an errno on an
    /// action that takes none; looks at a rule's first six conditions alone.
    Crun,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
        })
    }
}

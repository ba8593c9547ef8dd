//! What the data is made of: groups of syscalls with one reason and one verdict each.

use profile::{Arch, Condition, Kernel, Operator, Target};

use crate::Errno;

/// Syscalls that are treated alike, for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// What the calls are for, in a few words.
    pub name: &'static str,
    /// Why the verdict is what it is.
    pub reason: &'static str,
    /// The native architectures that the group is for.
    pub on: Arches,
    /// What happens to the calls.
    pub verdict: Verdict,
    /// The calls, by libseccomp's names.
    pub syscalls: &'static [&'static str],
}

impl Group {
    /// What `target` gets of this group; `None` where the group is for other architectures.
    #[must_use]
    pub fn outcome(&self, target: &Target) -> Option<Outcome> {
        if !self.on.include(target.arch) {
            return None;
        }
        Some(match self.verdict {
            Verdict::Allow => Outcome::Allow,
            Verdict::Deny(errno) => Outcome::Deny(errno),
            Verdict::Needs {
                any_of,
                or_since,
                otherwise,
            } => {
                let new_enough = or_since.is_some_and(|since| target.kernel >= since);
                if new_enough || has_any(target, any_of) {
                    Outcome::Allow
                } else {
                    Outcome::Deny(otherwise)
                }
            }
            Verdict::ByArgument { cases, free_with } => {
                if has_any(target, free_with) {
                    Outcome::Allow
                } else {
                    Outcome::ByArgument(cases)
                }
            }
        })
    }
}

/// Which native architectures a group is for. Their compat ABIs follow the native one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arches {
    /// Every one.
    All,
    /// Every one but these.
    AllBut(&'static [Arch]),
    /// These alone.
    Only(&'static [Arch]),
}

impl Arches {
    /// Whether `arch` is among them.
    #[must_use]
    pub fn include(self, arch: Arch) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(list) => !list.contains(&arch),
            Self::Only(list) => list.contains(&arch),
        }
    }
}

/// What happens to a group's calls, for any container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every container may call them.
    Allow,
    /// It depends on an argument: the case whose condition holds answers, and where none does the
    /// profile's default action.
    ByArgument {
        /// No two of them hold for the same value.
        cases: &'static [Case],
        /// With one of these capabilities every argument is allowed.
        free_with: &'static [&'static str],
    },
    /// No container may call them.
    Deny(Errno),
    /// Containers with one of some capabilities may call them.
    Needs {
        /// The capabilities.
        any_of: &'static [&'static str],
        /// On kernels at least this new the calls are safe without.
        or_since: Option<Kernel>,
        /// What the others get.
        otherwise: Errno,
    },
}

/// What happens to a group's calls, for one container on one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Allowed.
    Allow,
    /// See [`Verdict::ByArgument`].
    ByArgument(&'static [Case]),
    /// Denied.
    Deny(Errno),
}

/// One answer to a call, given where an argument compares in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// How the argument must compare.
    pub when: Condition,
    /// What then happens.
    pub then: Answer,
}

impl Case {
    /// `then` where the argument `index` compares as `op` to `value`.
    pub(crate) const fn new(index: u32, op: Operator, value: u64, then: Answer) -> Self {
        let when = Condition {
            index,
            value,
            value_two: 0,
            op,
        };
        Self { when, then }
    }

    /// `then` where of the bits in `mask` the argument `index` has those of `bits`, and no others.
    pub(crate) const fn masked(index: u32, mask: u64, bits: u64, then: Answer) -> Self {
        let when = Condition {
            index,
            value: mask,
            value_two: bits,
            op: Operator::ScmpCmpMaskedEq,
        };
        Self { when, then }
    }
}

/// What a [`Case`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The call goes ahead.
    Allow,
    /// The call is denied. The default action would deny it too: this picks the errno.
    Deny(Errno),
}

fn has_any(target: &Target, capabilities: &[&str]) -> bool {
    capabilities
        .iter()
        .any(|name| target.capabilities.contains(*name))
}

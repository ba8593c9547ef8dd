//! What is odd about a profile that engines nevertheless run.

use std::fmt;

use strict_json::Place;

use crate::{Action, Dialect};

/// One odd thing, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line and column of the value that the message is about.
    pub place: Place,
    /// What is odd there.
    pub kind: WarningKind,
    /// What to write instead, where that can be guessed.
    pub mend: Option<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)?;
        self.mend.iter().try_for_each(|mend| write!(f, "; {mend}"))
    }
}

/// The kinds of oddity. None changes how the profile is resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WarningKind {
    /// A key that the dialect in use ignores and another obeys.
    #[error("read as {reader}'s, which ignores {key:?}; {other} obeys it")]
    Ignored {
        /// The key.
        key: &'static str,
        /// The dialect that the file is read as.
        reader: Dialect,
        /// The dialect in which the key counts.
        other: Dialect,
    },
    /// An entry of `archMap` with further architectures that only one engine knows.
    #[error(
        "{applies} allows the architectures of this entry; {ignores} does not know \
         {architecture} here and leaves the native one alone"
    )]
    ArchMap {
        /// The entry's `architecture`.
        architecture: &'static str,
        /// The dialect that applies the entry.
        applies: Dialect,
        /// The dialect that does not.
        ignores: Dialect,
    },
    /// A capability or architecture in a filter that no container or node ever has.
    #[error("{found:?} never matches, it is no {what} as engines spell them")]
    NeverMatches {
        /// `capability` or `architecture`.
        what: &'static str,
        /// The word.
        found: String,
    },
    /// The kernel's name for NOTIFY, which no runtime takes. It is read as `SCMP_ACT_NOTIFY`.
    #[error("SECCOMP_RET_USER_NOTIF is the kernel's name, which runtimes refuse")]
    KernelsName,
    /// An errno beside an action that has none: runc ignores it, crun refuses the container.
    #[error("{0} carries no errno: runc ignores this one, crun refuses the container")]
    IdleErrno(Action),
    /// A rule that Podman refuses where its filters let it in.
    #[error("the rule has both \"name\" and \"names\": refused wherever it applies")]
    NameAndNames,
    /// A rule that Podman refuses where its filters let it in.
    #[error("{found:?} is no errno: the rule is refused wherever it applies")]
    UnknownErrno {
        /// The name.
        found: String,
    },
    /// NOTIFY without a listener: runc refuses the container, with crun the calls fail.
    #[error("SCMP_ACT_NOTIFY without \"listenerPath\": runc refuses that, and crun answers ENOSYS")]
    NoListener,
    /// An empty `minKernel`, which every kernel satisfies: as an exclusion it drops the rule.
    #[error("an empty \"minKernel\" is met by every kernel")]
    EveryKernel,
    /// A default of KILL: it kills one thread and leaves runc's own process hanging.
    #[error("as the default, {0} kills a thread only, which can leave the runtime hanging")]
    KillsOneThread(Action),
}

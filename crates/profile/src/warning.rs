//! What is odd about a profile that engines nevertheless run.

use std::fmt;

use strict_json::Place;

use crate::meaning::Outcome;
use crate::problem::shown;
use crate::{Action, Arch, Dialect};

/// One odd thing, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line and column of the value that the message is about.
    pub place: Place,
    /// What is odd there.
    pub kind: WarningKind,
    /// What to write instead, where that can be guessed.
    pub mend: Option<String>,
    /// Where the very same stands again; only [`Source::lint`](crate::Source::lint) gathers.
    pub also: Vec<Place>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)?;
        self.mend
            .iter()
            .try_for_each(|mend| write!(f, "; {mend}"))?;
        match self.also.as_slice() {
            [] => Ok(()),
            [one] => write!(f, "; so does line {}", one.line),
            [one, more @ ..] => write!(f, "; so do line {} and {} more", one.line, more.len()),
        }
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
    /// Names that nothing has: the runtimes pass over them in silence.
    #[error("no syscall has the name {0}, and runtimes pass over it in silence")]
    UnknownSyscalls(Names),
    /// Rules for calls of other architectures alone.
    #[error("only other architectures have {0}, so rules for nothing else do nothing here")]
    Elsewhere(Names),
    /// A rule without a name: runc lets it pass, crun may refuse the container.
    #[error("the rule names no syscall and does nothing")]
    NoNames,
    /// A rule for which there is always another one without conditions.
    #[error("{own} never counts for {names}: the rule at {by} has no conditions and says {wins}")]
    Hidden {
        /// For which syscalls.
        names: Names,
        /// What the rule says.
        own: Outcome,
        /// Where the rule stands that wins.
        by: Place,
        /// What that one says.
        wins: Outcome,
    },
    /// A rule that does what the default does, and so takes nothing out of another.
    #[error(
        "{own} is what the default does, so this is dropped and takes nothing out of the rule for \
         {names} at {from}, which says {wins}"
    )]
    Dropped {
        /// For which syscalls.
        names: Names,
        /// What both say.
        own: Outcome,
        /// Where the rule stands that it would be an exception to.
        from: Place,
        /// What that one says.
        wins: Outcome,
    },
    /// Rules that all do what the default does.
    #[error("every rule does what the default does: {0} is the answer to every call")]
    NoEffect(Outcome),
    /// Two rules with conditions that may both hold.
    #[error(
        "{own} here and {others} at {other} both hold for {names} with {example}: which one wins \
         hangs on how libseccomp sorts them"
    )]
    Overlap {
        /// For which syscalls.
        names: Names,
        /// What the rule says.
        own: Outcome,
        /// Where the other rule stands.
        other: Place,
        /// What that one says.
        others: Outcome,
        /// Arguments for which both hold, e.g. `argument 0 = 0x5`.
        example: String,
    },
    /// Two rules with the same condition and other actions, that some container may get both of.
    #[error(
        "{names}: the rule at {other} has the same condition and says {others}, not {own}: \
             where both apply, libseccomp refuses them and the container does not start"
    )]
    Collision {
        /// For which syscalls.
        names: Names,
        /// What the rule says.
        own: Outcome,
        /// Where the other rule stands.
        other: Place,
        /// What that one says.
        others: Outcome,
    },
    /// A comparison of 64 bits with what the kernel takes for 32, so that calls get by it.
    #[error(
        "the kernel looks at 32 bits of argument {index} of {names} and this compares 64: \
         {wide:#x} is {low:#x} to the kernel, but gets {gets}, not {meant}"
    )]
    WideArgument {
        /// For which syscalls.
        names: Names,
        /// Which argument.
        index: u32,
        /// A value as the kernel takes it.
        low: u64,
        /// The same with higher bits.
        wide: u64,
        /// What the rules say of the former.
        meant: Outcome,
        /// What they say of the latter.
        gets: Outcome,
    },
    /// No architectures but the node's own.
    #[error(
        "no architectures are listed beside the node's own, {native}: calls of {others} programs \
         kill their thread, whatever the rules say"
    )]
    NativeOnly {
        /// The node's.
        native: Arch,
        /// Whose calls the kernel would take there, e.g. `32-bit`.
        others: &'static str,
    },
    /// Conditions that `socketcall` and `ipc` lose.
    #[error(
        "on {arch} programs make {names} through {through}, too, with the arguments in memory: \
         there {own} {}", if *.whole { "holds whatever they are" } else { "hangs on their address" }
    )]
    Multiplexed {
        /// For which syscalls.
        names: Names,
        /// The first architecture with that call.
        arch: Arch,
        /// `socketcall` or `ipc`.
        through: &'static str,
        /// What the rule says.
        own: Outcome,
        /// Whether all conditions are on argument 0, which libseccomp takes for the call's number.
        whole: bool,
    },
    /// `socketcall` or `ipc` is let through as a whole, and conditions on what it does with it.
    #[error(
        "on {arch} programs make {names} through {through}, too, which the rule at {by} lets \
         through with any arguments"
    )]
    MultiplexerOpen {
        /// For which syscalls.
        names: Names,
        /// The first architecture with that call.
        arch: Arch,
        /// `socketcall` or `ipc`.
        through: &'static str,
        /// Where its rule stands.
        by: Place,
    },
    /// A denial with errno 0: nothing happens and the program is told that it did.
    #[error("ERRNO(0) skips the call and tells the program that it succeeded")]
    Success,
    /// A listener that no rule needs.
    #[error("no rule has SCMP_ACT_NOTIFY; crun connects to \"listenerPath\" and fails without it")]
    IdleListener,
    /// `listenerMetadata` without `listenerPath`, against the spec.
    #[error("\"listenerMetadata\" without \"listenerPath\" goes to nobody")]
    IdleMetadata,
}

/// Syscalls' names in a message: a few of them and how many more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub(crate) Vec<String>);

impl Names {
    /// All of them, each once, in the order of the file.
    #[must_use]
    pub fn all(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{:?}", shown(name))?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl WarningKind {
    /// A short name that stays the same when messages are reworded, e.g. `unknown-syscall`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ignored { .. } => "ignored-key",
            Self::ArchMap { .. } => "arch-map",
            Self::NeverMatches { .. } => "never-matches",
            Self::KernelsName => "kernel-action-name",
            Self::IdleErrno(_) => "idle-errno",
            Self::NameAndNames => "name-and-names",
            Self::UnknownErrno { .. } => "unknown-errno",
            Self::NoListener => "no-listener",
            Self::EveryKernel => "every-kernel",
            Self::KillsOneThread(_) => "kills-one-thread",
            Self::UnknownSyscalls(_) => "unknown-syscall",
            Self::Elsewhere(_) => "other-architecture",
            Self::NoNames => "no-names",
            Self::Hidden { .. } => "hidden-rule",
            Self::Dropped { .. } => "dropped-rule",
            Self::NoEffect(_) => "no-effect",
            Self::Overlap { .. } => "overlap",
            Self::Collision { .. } => "collision",
            Self::WideArgument { .. } => "int-argument",
            Self::NativeOnly { .. } => "native-only",
            Self::Multiplexed { .. } => "multiplexed",
            Self::MultiplexerOpen { .. } => "multiplexer-open",
            Self::Success => "errno-zero",
            Self::IdleListener => "idle-listener",
            Self::IdleMetadata => "idle-metadata",
        }
    }
}

/// How many names a message has.
const SHOWN: usize = 8;

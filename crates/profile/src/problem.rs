//! What is wrong with a profile, all of it, and where.

use std::fmt;

use strict_json::{FaultKind, Place};

/// One thing that is wrong, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line and column of the value that the message is about.
    pub place: Place,
    /// What is wrong there.
    pub kind: ProblemKind,
    /// What would put it right, where that can be guessed, e.g. `did you mean "SCMP_ACT_ERRNO"?`.
    pub mend: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)?;
        self.mend.iter().try_for_each(|mend| write!(f, "; {mend}"))
    }
}

/// All that is wrong with a profile, in the order in which it stands there; never empty.
///
/// Of very many, only the first hundred are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(crate) fn new(kept: Vec<Problem>, more: usize) -> Self {
        Self { kept, more }
    }

    /// The one problem of an empty profile.
    pub(crate) fn decides_nothing() -> Self {
        let place = Place { line: 1, column: 1 };
        let kind = ProblemKind::DecidesNothing;
        let mend = None;
        Self::new(vec![Problem { place, kind, mend }], 0)
    }

    /// The problems, by place.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.kept.iter()
    }

    /// How many were found beyond those that [`Problems::iter`] gives.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for Problems {
    /// One problem a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.kept.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{problem}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The kinds of problem. Words of the file are quoted, escaped and shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// No JSON that every parser reads alike.
    #[error("{0}")]
    Json(FaultKind),
    /// No default action and no rules: Docker, Podman and runc run such a container without any
    /// filter (CVE-2023-2431).
    #[error(
        "the profile decides nothing: it has no \"defaultAction\", and an empty profile never \
         means unconfined here"
    )]
    DecidesNothing,
    /// Rules, but no default action: every runtime refuses.
    #[error(
        "the profile has rules but no \"defaultAction\", so it decides nothing about other calls, \
         and that never means unconfined here"
    )]
    NoDefault,
    /// Another JSON document.
    #[error("this is {0}, not a seccomp profile")]
    NotAProfile(&'static str),
    /// A field of another JSON type than every reader of the dialect needs.
    #[error("{what} must be {wanted}, not {found}")]
    WrongKind {
        /// The field.
        what: &'static str,
        /// The type it needs, with its article.
        wanted: &'static str,
        /// The type it has, with its article.
        found: &'static str,
    },
    /// A string with a NUL inside, of which parsers and libraries in C see the beginning alone.
    #[error("{what} holds a NUL character, which ends it for runtimes")]
    Nul {
        /// The field.
        what: &'static str,
    },
    /// A number with a sign, a point or an exponent, or over 64 bits.
    #[error("{what} must be a whole number of 0 to 18446744073709551615, not {found}")]
    NotWhole {
        /// The field.
        what: &'static str,
        /// The number as written.
        found: String,
    },
    /// A field that a rule or condition cannot do without.
    #[error("{0} is missing or empty")]
    Missing(&'static str),
    /// A word that is none of its set.
    #[error("{found:?} is no {what} that runtimes know")]
    Unknown {
        /// What it should have been: `action`, `operator`, `architecture`, `flag`.
        what: &'static str,
        /// The word.
        found: String,
    },
    /// An errno that the action cannot carry: libseccomp refuses it, runc cuts it to 16 bits.
    #[error("errno {found} is out of range: this action carries 0 to {highest}")]
    ErrnoRange {
        /// The errno.
        found: u64,
        /// The highest that the action carries.
        highest: u32,
    },
    /// An errno by a name that Linux does not have.
    #[error("{found:?} is neither the name of an errno nor a decimal number")]
    UnknownErrno {
        /// The name.
        found: String,
    },
    /// A condition on an argument that no syscall has.
    #[error("argument {found} does not exist: syscalls have arguments 0 to 5")]
    ArgIndex {
        /// The index.
        found: u64,
    },
    /// NOTIFY as the default: the runtime itself would wait for an answer.
    #[error("SCMP_ACT_NOTIFY cannot be the default action: runtimes would hang or refuse")]
    NotifyDefault,
    /// NOTIFY on `write`, which the runtime needs to hand the listener over.
    #[error("SCMP_ACT_NOTIFY cannot be used for the syscall \"write\"")]
    NotifyWrite,
    /// A rule with both ways of naming syscalls.
    #[error("the rule has both \"name\" and \"names\"; engines refuse that")]
    NameAndNames,
    /// Both ways of listing architectures.
    #[error("the profile has both \"architectures\" and \"archMap\"; engines refuse that")]
    ArchitecturesAndArchMap,
    /// An empty syscall name: runc refuses it.
    #[error("a syscall name is empty")]
    EmptyName,
    /// A `minKernel` that Docker cannot read.
    #[error("minKernel must be \"<major>.<minor>\", two numbers up to 255, not {found}")]
    MinKernel {
        /// It, as JSON.
        found: String,
    },
    /// The same condition twice with different outcomes: libseccomp refuses it (EEXIST).
    #[error("{name:?} has the same condition with another action in an earlier rule")]
    Conflict {
        /// The syscall.
        name: String,
    },
}

/// A word of the file as a message shows it: not longer than a line bears.
pub(crate) fn shown(word: &str) -> String {
    if word.chars().count() <= SHOWN {
        return word.to_owned();
    }
    word.chars().take(SHOWN).chain(['…']).collect()
}

const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_its_place_and_what_would_mend_it() {
        let problem = |line, mend: Option<&str>| Problem {
            place: Place { line, column: 2 },
            kind: ProblemKind::EmptyName,
            mend: mend.map(str::to_owned),
        };
        let all = Problems::new(vec![problem(1, Some("name it")), problem(3, None)], 7);
        assert_eq!(
            all.to_string(),
            "line 1, column 2: a syscall name is empty; name it\n\
             line 3, column 2: a syscall name is empty\nand 7 more"
        );
    }

    #[test]
    fn long_words_are_cut() {
        assert_eq!(shown("é"), "é");
        assert_eq!(shown(&"é".repeat(1_000)).chars().count(), 61);
    }
}

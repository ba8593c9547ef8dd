//! Why a policy could not be read or could not decide.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// The policy refuses: what file, where in it, what is wrong, and what to do about it.
#[derive(Debug)]
pub struct PolicyError {
    /// The file or folder that the message is about; none where it is the container's own words.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// The character in the line, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong, by kind. Each message says how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A system call failed.
    #[error("cannot {doing}")]
    Io {
        /// What was tried, e.g. `open it`.
        doing: &'static str,
        /// How the kernel refused.
        #[source]
        errno: Errno,
    },
    /// A required file is not there.
    #[error("it is missing; {mend}")]
    Missing {
        /// What to do.
        mend: &'static str,
    },
    /// A folder, fifo or device where a file belongs.
    #[error("not a regular file; put a regular file there")]
    NotRegular,
    /// A file beyond the limit.
    #[error("larger than {limit} bytes; make it smaller")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Somebody else owns it.
    #[error(
        "it belongs to user {owner}, who could change what containers may do; chown it to root"
    )]
    Owner {
        /// The owner's uid.
        owner: u32,
    },
    /// Somebody else may write to it.
    #[error("mode {mode:04o} lets others write to it; chmod go-w")]
    Writable {
        /// The permission bits.
        mode: u32,
    },
    /// TOML that does not parse, an unknown key, a value of the wrong type.
    #[error("{0}")]
    Toml(String),
    /// A value that parses and means nothing.
    #[error("{what} cannot be {value:?}; {mend}")]
    Value {
        /// The key.
        what: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        mend: &'static str,
    },
    /// A mode that needs notifications, in front of a runtime that is not known to have them.
    #[error(
        "mode {mode:?} needs runc, crun or youki, and which of them the runtime is cannot be told; name it in runtime.path"
    )]
    NoAsker {
        /// The mode.
        mode: &'static str,
    },
    /// A profile that has a listener already.
    #[error(
        "the profile has notifications for another listener, and mode {mode:?} needs them for the agent, as there can be one alone; use enforce, or a profile without SCMP_ACT_NOTIFY (a bundle that was made for the agent must be made anew)"
    )]
    OtherListener {
        /// The mode.
        mode: &'static str,
    },
    /// It is replaced faster than it can be read.
    #[error("it was replaced again and again while it was being read; try again")]
    Restless,
    /// A Localhost profile that is in none of the roots.
    #[error(
        "Localhost profile {name:?} is in none of the profile roots ({roots}); put it there or correct the name"
    )]
    NoProfile {
        /// The name asked for.
        name: String,
        /// The roots searched.
        roots: String,
    },
    /// A link out of a profile root.
    #[error(
        "Localhost profile {name:?} leads out of its root by a link; copy the file, or set trust_links for that root"
    )]
    LeavesRoot {
        /// The name asked for.
        name: String,
    },
    /// A profile with something wrong in it.
    #[error("not a profile that can be used: {0}")]
    Profile(String),
    /// The container asked for something that cannot be read.
    #[error("{0}")]
    Request(String),
    /// Two profiles that cannot be combined.
    #[error("the policy's profile and the container's cannot be combined: {0}")]
    Combine(String),
}

impl PolicyError {
    pub(crate) fn new(file: impl Into<PathBuf>, problem: Problem) -> Self {
        Self {
            file: Some(file.into()),
            line: None,
            column: None,
            problem,
        }
    }

    pub(crate) fn at(file: impl Into<PathBuf>, line: usize, problem: Problem) -> Self {
        Self {
            file: Some(file.into()),
            line: Some(line),
            column: None,
            problem,
        }
    }

    /// A system call failed: what was tried, and how the kernel refused.
    pub(crate) fn io(file: &Path, doing: &'static str, errno: Errno) -> Self {
        Self::new(file, Problem::Io { doing, errno })
    }

    pub(crate) fn request(words: impl Into<String>) -> Self {
        Self {
            file: None,
            line: None,
            column: None,
            problem: Problem::Request(words.into()),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ", line {line}")?;
            }
            write!(f, ": ")?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

//! What a call asks for, and where its errors must be told.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::reading::{Made, owned};

/// What the words after the runtime's name come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A container is made from a bundle: look at its config.json first.
    Ours(Request),
    /// Nothing for us: the runtime does something else, or says in its own words what is wrong.
    PassThrough,
    /// A container could be made from a bundle that can't be known for certain.
    Refused {
        /// Why, in one line for a person.
        reason: Doubt,
        /// Where to say so.
        log: Log,
    },
}

/// A container that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// By which subcommand.
    pub command: Command,
    /// The bundle's folder as it stands in argv, relative to the working directory; the working
    /// directory itself if `None`.
    pub bundle: Option<OsString>,
    /// The file that crun reads in the place of the bundle's `config.json` (`--config`, `-f`). A
    /// relative one is relative to the working directory of the call, not to the bundle: measured
    /// on crun 1.8.1, and so in its source since (`src/run_create.c`). `--config config.json`, to
    /// the letter, means the bundle's own and is `None` here; `./config.json` isn't.
    pub config: Option<OsString>,
    /// The container's id, as it stands in argv.
    pub id: OsString,
    /// Where the runtime would tell its errors.
    pub log: Log,
}

impl Request {
    pub(super) fn new(made: Made) -> Self {
        Self {
            command: made.command,
            bundle: made.bundle.map(owned),
            config: made.config.map(owned),
            id: owned(made.id),
            log: made.log,
        }
    }
}

/// The subcommands that make a container from a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Makes a container, to be started later.
    Create,
    /// Makes a container from a checkpoint.
    Restore,
    /// Makes a container and starts it.
    Run,
}

impl Command {
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"create" => Some(Self::Create),
            b"restore" => Some(Self::Restore),
            b"run" => Some(Self::Run),
            _ => None,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Restore => "restore",
            Self::Run => "run",
        })
    }
}

/// Where the caller looks for errors besides standard error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The file of `--log`. `None` where there is no such flag, where it is empty, and where it is
    /// crun's `journald:` or `syslog:`.
    pub file: Option<OsString>,
    /// The form that `--log-format` asks for.
    pub format: LogFormat,
}

impl Log {
    pub(super) fn new(file: Option<&[u8]>, format: Option<&[u8]>, schemes: bool) -> Self {
        let file = match file {
            Some(b"") | None => None,
            Some(word) if !schemes => Some(word),
            Some(word) if word.starts_with(b"journald:") || word.starts_with(b"syslog:") => None,
            Some(word) => Some(word.strip_prefix(b"file:").unwrap_or(word)),
        };
        Self {
            file: file.map(owned),
            format: LogFormat::from_name(format),
        }
    }
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Plain text.
    #[default]
    Text,
}

impl LogFormat {
    /// `json`, or text for all else.
    pub(super) fn from_name(name: Option<&[u8]>) -> Self {
        match name {
            Some(b"json") => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Why the bundle can't be known for certain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// A value that starts with a dash, which versions of runc read differently.
    #[error(
        "the bundle can't be known for certain: versions of runc differ on {} followed by a word \
         that starts with a dash; write both as one word, with = between them",
        shown(flag)
    )]
    DashValue {
        /// The flag before the value.
        flag: OsString,
    },
    /// Two readings find different containers.
    #[error(
        "the bundle can't be known for certain: runtimes read this {command} in different ways; \
         write --bundle=DIR once, before the container's id, and nothing after the id"
    )]
    Disagreement {
        /// The subcommand.
        command: Command,
    },
    /// An option of ours where it can't be taken out.
    #[error(
        "the option {} of seccomp-shim must come first, before the runtime's own options",
        shown(flag)
    )]
    OwnFlag {
        /// The option.
        flag: OsString,
    },
    /// A flag after `create`, `run` and `restore` that no table has.
    #[error(
        "the bundle can't be known for certain: seccomp-shim does not know the flag {} of \
         {command}; leave it out, or use a seccomp-shim that knows it",
        shown(flag)
    )]
    UnknownFlag {
        /// The subcommand.
        command: Command,
        /// The flag as it stands.
        flag: OsString,
    },
    /// A global flag that no table has, after which different words could be the subcommand.
    #[error(
        "the subcommand can't be known for certain: seccomp-shim does not know the flag {}; if \
         it takes a value, write both as one word, with = between them, or leave it out",
        shown(flag)
    )]
    UnknownGlobal {
        /// The flag as it stands.
        flag: OsString,
    },
    /// Too many global flags that no table has.
    #[error(
        "the subcommand can't be known for certain: seccomp-shim does not know {} and other flags \
         before it; leave them out, or use a seccomp-shim that knows them",
        shown(flag)
    )]
    UnknownGlobals {
        /// The last of them.
        flag: OsString,
    },
}

/// A word of argv for a message: quoted, without control characters, not without end.
pub(super) fn shown(word: &OsStr) -> String {
    let text = String::from_utf8_lossy(word.as_bytes());
    let short: String = text.chars().take(LONGEST_SHOWN).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("{short:?}{more}")
}

/// Characters of a word that a message shows.
const LONGEST_SHOWN: usize = 80;

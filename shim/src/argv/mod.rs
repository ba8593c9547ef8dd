//! argv: is this a container to be made, and from which bundle?
//!
//! Every runtime reads its command line in its own way, and it is not told which version is
//! installed. So argv is read as each parser that could be behind it would read it; where those that
//! make a container find different bundles, and where a flag is unknown, the call is refused.
//!
//! What is promised: where the runtime makes a container from a bundle (with crun: and a config
//! file), [`scan`] has said [`Call::Ours`] with just that bundle (and file), or [`Call::Refused`].
//! Never is the subcommand looked for by its word, and never is anything read after another
//! subcommand: `exec`'s words are the user's.
//!
//! Words are bytes; nothing here asks for UTF-8, and nothing here touches a file.
#![forbid(unsafe_code)]

mod clap_style;
mod cli_v3;
mod flags;
mod getopt;
mod go_flags;
mod own;
mod reading;
mod request;
mod tables;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use reading::{Outcome, Reading, Style};

pub use own::{Own, OwnError, OwnFault, take_own};
pub use request::{Call, Command, Doubt, Log, LogFormat, Request};

/// Which runtime reads argv.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// crun, and krun, which is crun by another name.
    Crun,
    /// runc, of any version.
    Runc,
    /// Another runtime; any of the parsers could be its own.
    Unknown,
    /// youki.
    Youki,
}

impl Flavor {
    /// The flavour that the file name of a runtime tells: `runc`, `crun`, `krun` and `youki`, also
    /// with something after a dash or a dot (`runc-1.2`, `crun-wasm`, `runc.real`).
    #[must_use]
    pub fn of(runtime: &Path) -> Self {
        let name = runtime.file_name().unwrap_or_default().as_bytes();
        let stem = name.split(|byte| b"-._".contains(byte)).next();
        match stem.unwrap_or_default() {
            b"crun" | b"krun" => Self::Crun,
            b"runc" => Self::Runc,
            b"youki" => Self::Youki,
            _ => Self::Unknown,
        }
    }

    fn readings(self) -> &'static [Reading] {
        match self {
            Self::Crun => &[CRUN],
            Self::Runc => &[RUNC_V1, RUNC_V3],
            Self::Unknown => &ANY,
            Self::Youki => &[YOUKI],
        }
    }
}

/// What the words after the runtime's name come to. Our own options must be out of them
/// ([`take_own`]).
#[must_use]
pub fn scan(args: &[OsString], flavor: Flavor) -> Call {
    // No runtime makes a container without one of these words; space around it is cut off by runc
    // 1.5.
    let named = |arg: &OsString| Command::from_name(cli_v3::trim(arg.as_bytes())).is_some();
    if !args.iter().any(named) {
        return Call::PassThrough;
    }
    let words: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let outcome = flavor
        .readings()
        .iter()
        .map(|reading| reading::read(reading, &words))
        .reduce(Outcome::or);
    match outcome {
        Some(Outcome::Makes(made)) => Call::Ours(Request::new(made)),
        Some(Outcome::Unclear(reason, log)) => Call::Refused { reason, log },
        Some(Outcome::Nothing | Outcome::Other) | None => Call::PassThrough,
    }
}

const RUNC_V1: Reading = Reading {
    style: Style::Go,
    global: tables::RUNC_GLOBAL,
    make: tables::RUNC_MAKE,
    refuses: &[tables::RUNC_GLOBAL],
    log_schemes: false,
};

const RUNC_V3: Reading = Reading {
    style: Style::CliV3,
    refuses: &[],
    ..RUNC_V1
};

const CRUN: Reading = Reading {
    style: Style::Getopt,
    global: tables::CRUN_GLOBAL,
    make: tables::CRUN_MAKE,
    refuses: &[tables::CRUN_GLOBAL],
    log_schemes: true,
};

const YOUKI: Reading = Reading {
    style: Style::Clap,
    global: tables::YOUKI_GLOBAL,
    make: tables::YOUKI_MAKE,
    refuses: &[],
    log_schemes: false,
};

/// Of an unknown runtime, a flag that one of the tables has is not unknown to the others: their
/// runtimes refuse it.
const ANY: [Reading; 4] = [any(RUNC_V1), any(RUNC_V3), any(CRUN), any(YOUKI)];

const fn any(reading: Reading) -> Reading {
    Reading {
        refuses: &[
            tables::RUNC_GLOBAL,
            tables::RUNC_MAKE,
            tables::CRUN_GLOBAL,
            tables::CRUN_MAKE,
            tables::YOUKI_GLOBAL,
            tables::YOUKI_MAKE,
        ],
        log_schemes: true,
        ..reading
    }
}

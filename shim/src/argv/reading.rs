//! One reading of an argv: what one runtime's parser would make of it.
//!
//! A reading may take more than its runtime does, as long as it finds the same bundle wherever the
//! runtime makes a container: a command line that the runtime refuses makes no container at all.
//! Where versions could differ, a reading says so ([`Outcome::Unclear`]).
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::flags::{self, Flag, Role};
use super::request::{Command, Doubt, Log};
use super::{clap_style, cli_v3, getopt, go_flags};

/// How a runtime parses its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Rust's clap: youki.
    Clap,
    /// urfave/cli v3: runc 1.5.
    CliV3,
    /// glibc's argp with `ARGP_IN_ORDER`: crun.
    Getopt,
    /// urfave/cli v1 over Go's flag package: runc up to 1.4.
    Go,
}

/// A parser with its tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// How words become flags.
    pub(super) style: Style,
    /// The flags before the subcommand.
    pub(super) global: &'static [Flag],
    /// The flags after `create`, `run` and `restore`.
    pub(super) make: &'static [Flag],
    /// Flags that this parser surely refuses after `create`, `run` and `restore`.
    pub(super) refuses: &'static [&'static [Flag]],
    /// Whether the log may be `file:PATH`, `journald:ID` or `syslog:ID`, as crun's.
    pub(super) log_schemes: bool,
}

/// What was read of the flags so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'a> {
    bundle: Option<&'a [u8]>,
    config: Option<&'a [u8]>,
    log: Option<&'a [u8]>,
    log_format: Option<&'a [u8]>,
    /// `--help` or `--version` was asked for.
    leaves: bool,
    /// The subcommand was read.
    inside: bool,
    /// `-b` was used, and `--bundle`.
    bundle_short: bool,
    bundle_long: bool,
}

impl<'a> Said<'a> {
    /// Takes note of a flag with a value.
    pub(super) fn value(&mut self, flag: &Flag, name: &[u8], value: &'a [u8]) {
        match flag.role {
            Role::Bundle => {
                self.bundle = Some(value);
                self.bundle_short |= name.len() == 1;
                self.bundle_long |= name.len() > 1;
            }
            Role::Config => self.config = Some(value),
            Role::Log => self.log = Some(value),
            Role::LogFormat => self.log_format = Some(value),
            Role::Help | Role::Plain | Role::Version => (),
        }
    }

    /// Takes note of a flag without a value, for parsers that go on after `--help`.
    pub(super) fn switch(&mut self, flag: &Flag, on: bool) {
        match flag.role {
            Role::Help => self.leaves = on,
            // runc 1.5 looks at `--version` only before the subcommand.
            Role::Version if !self.inside => self.leaves = on,
            _ => (),
        }
    }

    /// Where errors go, by what was read.
    pub(super) fn log(&self, schemes: bool) -> Log {
        Log::new(self.log, self.log_format, schemes)
    }
}

/// What one word, or two, came to.
#[derive(Debug)]
pub(super) enum Step {
    /// No word is left.
    End,
    /// The operand at this index is the last word that is looked at.
    Last(usize),
    /// A flag was read; go on at this index.
    Next(usize),
    /// An operand stands at this index; flags may follow.
    Operand(usize),
    /// All from this index on are operands.
    Rest(usize),
    /// The runtime ends here: a usage error, its help, its version.
    Stop,
    /// A flag at this index that no table has.
    Unknown {
        /// Where it stands.
        at: usize,
        /// Whether it brings its value along, after `=`.
        inline: bool,
    },
}

/// What a reading comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    /// The runtime makes a container.
    Makes(Made<'a>),
    /// The runtime makes nothing: a usage error, its help, its version.
    Nothing,
    /// The runtime runs another subcommand.
    Other,
    /// Versions of the runtime could differ.
    Unclear(Doubt, Log),
}

/// The container that a runtime would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made<'a> {
    pub(super) command: Command,
    pub(super) bundle: Option<&'a [u8]>,
    pub(super) config: Option<&'a [u8]>,
    pub(super) id: &'a [u8],
    pub(super) log: Log,
}

impl<'a> Outcome<'a> {
    /// What can be said when either of two readings could be the runtime's.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Unclear(doubt, log), _) | (_, Self::Unclear(doubt, log)) => {
                Self::Unclear(doubt, log)
            }
            (Self::Other, Self::Other) => Self::Other,
            (Self::Makes(a), Self::Makes(b)) if a.same_container(&b) => Self::Makes(a),
            (Self::Makes(a), Self::Makes(_) | Self::Other) | (Self::Other, Self::Makes(a)) => {
                Self::Unclear(Doubt::Disagreement { command: a.command }, a.log)
            }
        }
    }
}

impl Made<'_> {
    fn same_container(&self, other: &Self) -> bool {
        self.command == other.command
            && self.bundle == other.bundle
            && self.config == other.config
            && self.id == other.id
    }
}

/// Reads the words after the runtime's name.
pub(super) fn read<'a>(reading: &Reading, words: &[&'a [u8]]) -> Outcome<'a> {
    globals(reading, words, 0, Said::default(), 0)
}

/// Reads on among the global flags. An unknown one may take the next word as its value or not;
/// both are followed, for [`UNKNOWN_GLOBALS`] of them.
fn globals<'a>(
    reading: &Reading,
    words: &[&'a [u8]],
    mut at: usize,
    mut said: Said<'a>,
    mut unknown: u8,
) -> Outcome<'a> {
    let tables = [reading.global];
    loop {
        let step = match reading.style {
            Style::Clap => clap_style::step(&tables, words, at, &mut said),
            Style::CliV3 => cli_v3::step(&tables, words, at, &mut said),
            Style::Getopt => getopt::step(&tables, words, at, &mut said),
            Style::Go => go_flags::step(&tables, words, at, &mut said),
        };
        match step {
            Step::Next(next) => at = next,
            Step::End | Step::Stop => return Outcome::Nothing,
            Step::Operand(at) | Step::Rest(at) | Step::Last(at) => {
                return subcommand(reading, words, at, said);
            }
            Step::Unknown { at: here, inline } => {
                let word = words.get(here).copied().unwrap_or_default();
                let doubt = if word.starts_with(b"--shim-") {
                    Doubt::OwnFlag { flag: owned(word) }
                } else if unknown == UNKNOWN_GLOBALS {
                    Doubt::UnknownGlobals { flag: owned(word) }
                } else if inline {
                    at = here + 1;
                    unknown += 1;
                    continue;
                } else {
                    let switch = globals(reading, words, here + 1, said, unknown + 1);
                    let value = globals(reading, words, here + 2, said, unknown + 1);
                    return match switch.or(value) {
                        Outcome::Unclear(Doubt::Disagreement { .. }, log) => {
                            Outcome::Unclear(Doubt::UnknownGlobal { flag: owned(word) }, log)
                        }
                        outcome => outcome,
                    };
                };
                return Outcome::Unclear(doubt, said.log(reading.log_schemes));
            }
        }
    }
}

/// Reads the subcommand at `at`, and what follows.
fn subcommand<'a>(
    reading: &Reading,
    words: &[&'a [u8]],
    at: usize,
    mut said: Said<'a>,
) -> Outcome<'a> {
    let Some((word, rest)) = words.get(at..).and_then(<[_]>::split_first) else {
        return Outcome::Nothing;
    };
    let name = match reading.style {
        Style::CliV3 => cli_v3::trim(word),
        Style::Clap | Style::Getopt | Style::Go => word,
    };
    let Some(command) = Command::from_name(name) else {
        return if early_entry::words::OTHER.contains(&name) {
            Outcome::Other
        } else {
            Outcome::Nothing
        };
    };
    if said.leaves {
        return Outcome::Nothing;
    }
    said.inside = true;
    match reading.style {
        Style::Go => go_flags::make(reading, command, rest, said),
        Style::Clap | Style::CliV3 | Style::Getopt => make(reading, command, rest, said),
    }
}

/// Reads the words after `create`, `run` and `restore`.
fn make<'a>(
    reading: &Reading,
    command: Command,
    words: &[&'a [u8]],
    mut said: Said<'a>,
) -> Outcome<'a> {
    let mut operands = Operands::default();
    let mut at = 0;
    loop {
        let step = match reading.style {
            // youki refuses its global flags here, so that reading them changes nothing; should
            // a later version share them, they are understood.
            Style::Clap => clap_style::step(&[reading.make, reading.global], words, at, &mut said),
            Style::CliV3 => cli_v3::step(&[reading.make, reading.global], words, at, &mut said),
            Style::Getopt | Style::Go => getopt::step(&[reading.make], words, at, &mut said),
        };
        match step {
            Step::Next(next) => at = next,
            Step::Stop => return Outcome::Nothing,
            Step::End => break,
            Step::Operand(here) => {
                operands.take(words.get(here..=here).unwrap_or_default());
                at = here + 1;
            }
            Step::Rest(from) => {
                operands.take(words.get(from..).unwrap_or_default());
                break;
            }
            Step::Last(here) => {
                operands.take(words.get(here..=here).unwrap_or_default());
                break;
            }
            Step::Unknown { at: here, .. } => {
                let word = words.get(here).copied().unwrap_or_default();
                return reading.unknown(command, word, &said);
            }
        }
    }
    if reading.style == Style::CliV3 {
        operands.first = operands.first.map(cli_v3::trim);
    }
    finish(reading, command, operands, said)
}

impl Reading {
    /// What an unknown flag after `create`, `run` and `restore` comes to.
    pub(super) fn unknown<'a>(&self, command: Command, word: &[u8], said: &Said) -> Outcome<'a> {
        let name = dashless(word);
        let name = name.split(|&byte| byte == b'=').next().unwrap_or_default();
        if flags::by_name(self.refuses, name).is_some() {
            return Outcome::Nothing;
        }
        let flag = owned(word);
        Outcome::Unclear(
            Doubt::UnknownFlag { command, flag },
            said.log(self.log_schemes),
        )
    }
}

/// The words that are no flags.
#[derive(Debug, Default)]
pub(super) struct Operands<'a> {
    first: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Operands<'a> {
    /// Adds these.
    pub(super) fn take(&mut self, words: &[&'a [u8]]) {
        self.first = self.first.or(words.first().copied());
        self.count += words.len();
    }
}

/// Draws the conclusion when all words were read.
pub(super) fn finish<'a>(
    reading: &Reading,
    command: Command,
    operands: Operands<'a>,
    said: Said<'a>,
) -> Outcome<'a> {
    // crun's restore takes a second operand and ignores it.
    let most = match (reading.style, command) {
        (Style::Getopt, Command::Restore) => 2,
        _ => 1,
    };
    let Some(id) = operands.first.filter(|_| operands.count <= most) else {
        return Outcome::Nothing;
    };
    if said.leaves {
        return Outcome::Nothing;
    }
    let runc = matches!(reading.style, Style::CliV3 | Style::Go);
    let bundle = match said.bundle {
        // runc takes the working directory, crun and youki refuse.
        Some(b"") if runc => None,
        Some(b"") => return Outcome::Nothing,
        // urfave/cli v1 refuses two names of one flag.
        Some(_) if reading.style == Style::Go && said.bundle_short && said.bundle_long => {
            return Outcome::Nothing;
        }
        bundle => bundle,
    };
    let config = match said.config {
        Some(b"") => return Outcome::Nothing,
        // crun takes this very word for the bundle's own.
        Some(b"config.json") => None,
        config => config,
    };
    Outcome::Makes(Made {
        command,
        bundle,
        config,
        id,
        log: said.log(reading.log_schemes),
    })
}

/// The word without the one or two dashes it starts with.
pub(super) fn dashless(word: &[u8]) -> &[u8] {
    match word {
        [b'-', b'-', name @ ..] | [b'-', name @ ..] => name,
        name => name,
    }
}

/// The two sides of the first `=`, if there is one.
pub(super) fn split_value(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    match word.iter().position(|&byte| byte == b'=') {
        Some(at) => {
            let (name, value) = word.split_at(at);
            (name, value.get(1..))
        }
        None => (word, None),
    }
}

/// What Go's `strconv.ParseBool` makes of a value.
pub(super) fn go_bool(value: &[u8]) -> Option<bool> {
    match value {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Some(false),
        _ => None,
    }
}

pub(super) fn owned(word: &[u8]) -> OsString {
    OsStr::from_bytes(word).to_owned()
}

/// How many unknown global flags are followed both ways; no engine passes more than one.
const UNKNOWN_GLOBALS: u8 = 8;

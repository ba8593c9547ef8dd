//! Our own options on the runtime path: `--shim-policy`, `--shim-runtime`, `--shim-handler`.
//!
//! They are taken out before the runtime sees argv, and only where they can be nothing else: before
//! the subcommand, and after nothing but flags that all runtimes read alike. What follows the
//! subcommand can be a user's words (`exec`), and is never looked at.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::flags::{self, Role, Takes};
use super::reading::{owned, split_value};
use super::request::{Log, shown};
use super::tables::{CRUN_GLOBAL, RUNC_GLOBAL, YOUKI_GLOBAL};

/// Our own options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// `--shim-policy DIR`: the policy's folder.
    pub policy: Option<OsString>,
    /// `--shim-runtime PATH`: the runtime to exec.
    pub runtime: Option<OsString>,
    /// `--shim-handler NAME`: the handler that the policy is to think of.
    pub handler: Option<OsString>,
}

/// Why our own options can't be taken out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct OwnError {
    /// What is wrong.
    pub fault: OwnFault,
    /// Where to say so.
    pub log: Log,
}

/// What can be wrong with an option of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnFault {
    /// No value follows.
    #[error(
        "the option {} needs a value; write both as one word, with = between them",
        shown(option)
    )]
    NoValue {
        /// The option.
        option: OsString,
    },
    /// There is no such option.
    #[error(
        "seccomp-shim has no option {}; it has --shim-policy, --shim-runtime and --shim-handler",
        shown(option)
    )]
    Unknown {
        /// The option.
        option: OsString,
    },
}

/// Takes our own options out of the words after the runtime's name. The last of each wins. Without
/// any, the words come back as they were.
///
/// # Errors
/// [`OwnFault::Unknown`] for any other `--shim-…`, [`OwnFault::NoValue`] where a value is missing,
/// is empty, or starts with a dash in a word of its own.
pub fn take_own(args: Vec<OsString>) -> Result<(Own, Vec<OsString>), OwnError> {
    if !args.iter().any(|arg| is_own(arg)) {
        return Ok((Own::default(), args));
    }
    let mut own = Own::default();
    let mut rest = Vec::with_capacity(args.len());
    let mut log = Globals::default();
    let mut fault = None;
    let mut words = args.into_iter();
    while let Some(word) = words.next() {
        if is_own(&word) {
            if let Err(wrong) = own.take(&word, &mut words) {
                fault = fault.or(Some(wrong));
            }
            continue;
        }
        let takes = log.note(&word);
        rest.push(word);
        match takes {
            Some(Takes::Nothing | Takes::Inline) => (),
            Some(Takes::Value) => {
                let value = words.next();
                log.note_value(value.as_deref());
                rest.extend(value);
            }
            None => break,
        }
    }
    rest.extend(words);
    match fault {
        Some(fault) => Err(OwnError {
            fault,
            log: log.log(),
        }),
        None => Ok((own, rest)),
    }
}

impl Own {
    fn take(
        &mut self,
        word: &OsStr,
        words: &mut std::vec::IntoIter<OsString>,
    ) -> Result<(), OwnFault> {
        let (name, inline) = split_value(word.as_bytes());
        let option = || owned(name);
        let slot = match name {
            b"--shim-policy" => &mut self.policy,
            b"--shim-runtime" => &mut self.runtime,
            b"--shim-handler" => &mut self.handler,
            _ => return Err(OwnFault::Unknown { option: option() }),
        };
        let value = match inline {
            Some(value) => Some(owned(value)),
            None if words.as_slice().first().is_some_and(|next| dashed(next)) => None,
            None => words.next(),
        };
        let value = value.filter(|value| !value.is_empty());
        *slot = Some(value.ok_or_else(|| OwnFault::NoValue { option: option() })?);
        Ok(())
    }
}

/// The global flags that were passed by, as far as they say where errors go.
#[derive(Debug, Default)]
struct Globals {
    log: Option<OsString>,
    format: Option<OsString>,
    pending: Option<Role>,
}

impl Globals {
    /// Takes note of a word that all runtimes take for one of their global flags, if it is that.
    fn note(&mut self, word: &OsStr) -> Option<Takes> {
        let tables = [RUNC_GLOBAL, CRUN_GLOBAL, YOUKI_GLOBAL];
        let word = word.as_bytes();
        let (flag, inline) = match word {
            [b'-', b'-', body @ ..] => {
                let (name, inline) = split_value(body);
                (flags::by_long(&tables, name)?, inline)
            }
            &[b'-', letter] => (flags::by_short(&tables, letter)?, None),
            _ => return None,
        };
        self.pending = Some(flag.role);
        match inline {
            Some(value) => {
                self.note_value(Some(OsStr::from_bytes(value)));
                Some(Takes::Nothing)
            }
            None => Some(flag.takes),
        }
    }

    /// Takes note of the value of the flag before it.
    fn note_value(&mut self, value: Option<&OsStr>) {
        match self.pending.take() {
            Some(Role::Log) => self.log = value.map(OsStr::to_owned),
            Some(Role::LogFormat) => self.format = value.map(OsStr::to_owned),
            _ => (),
        }
    }

    fn log(&self) -> Log {
        let bytes = |word: &Option<OsString>| word.as_deref().map(|word| word.as_bytes().to_vec());
        Log::new(
            bytes(&self.log).as_deref(),
            bytes(&self.format).as_deref(),
            true,
        )
    }
}

fn is_own(word: &OsStr) -> bool {
    word.as_bytes().starts_with(early_entry::words::OWN)
}

fn dashed(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn taken(line: &str) -> (Own, Vec<OsString>) {
        take_own(words(line)).unwrap()
    }

    fn fault(line: &str) -> OwnError {
        take_own(words(line)).unwrap_err()
    }

    #[test]
    fn own_options_are_taken_out_in_both_forms_and_the_last_wins() {
        let (own, rest) = taken(
            "--shim-policy /p --root r --shim-policy=/q --shim-handler h --log=l --shim-runtime /r \
             create --bundle b id",
        );
        assert_eq!(own.policy, Some("/q".into()));
        assert_eq!(own.handler, Some("h".into()));
        assert_eq!(own.runtime, Some("/r".into()));
        assert_eq!(rest, words("--root r --log=l create --bundle b id"));
    }

    #[test]
    fn what_looks_like_an_own_option_elsewhere_is_left_alone() {
        for line in [
            "--log --shim-policy create id",
            "--log-format --shim-policy --root --shim-nonsense state id",
            "-l --shim-policy create id",
            "exec id prog --shim-policy /p",
            "--debug exec id prog --shim-nonsense",
            "-- exec --shim-policy /p",
            "--unknown exec id --shim-policy /p",
            "create --shim-policy /p id",
        ] {
            assert_eq!(taken(line), (Own::default(), words(line)), "{line}");
        }
    }

    #[test]
    fn an_own_option_after_a_runtime_switch_is_taken() {
        let (own, rest) =
            taken("--debug --systemd-cgroup -s --rootless=true --shim-policy p run x");
        assert_eq!(own.policy, Some("p".into()));
        assert_eq!(
            rest,
            words("--debug --systemd-cgroup -s --rootless=true run x")
        );
    }

    #[test]
    fn a_misspelt_option_is_refused() {
        for line in [
            "--shim-polcy /p create id",
            "--shim-=x create id",
            "--shim- create",
        ] {
            assert!(
                matches!(fault(line).fault, OwnFault::Unknown { .. }),
                "{line}"
            );
        }
    }

    #[test]
    fn a_missing_value_is_refused() {
        for line in [
            "--shim-policy",
            "--shim-policy= create id",
            "--shim-policy --root r create id",
            "--shim-policy --shim-handler h create id",
        ] {
            let fault = fault(line).fault;
            let option = "--shim-policy".into();
            assert_eq!(fault, OwnFault::NoValue { option }, "{line}");
        }
    }

    #[test]
    fn the_log_is_found_before_and_after_the_fault() {
        use crate::argv::LogFormat;
        let error = fault("--log=/l --shim-nonsense --log-format json create id");
        assert_eq!(error.log.file, Some("/l".into()));
        assert_eq!(error.log.format, LogFormat::Json);
    }

    #[test]
    fn messages_name_the_option() {
        let text = fault("--shim-policy").to_string();
        assert_eq!(
            text,
            r#"the option "--shim-policy" needs a value; write both as one word, with = between them"#
        );
    }
}

//! crun: glibc's argp with `ARGP_IN_ORDER`, over `getopt_long`.
//!
//! Long names may be shortened as long as one fits, letters may be joined (`-db DIR`, `-bDIR`),
//! `-b=DIR` means the folder `=DIR`, the first operand ends the flags, and `--help`, `--usage` and
//! `--version` end the process where they stand.
//! <https://sourceware.org/glibc/manual/latest/html_node/Argp.html>
#![forbid(unsafe_code)]

use super::flags::{self, Flag, Role, Tables, Takes};
use super::reading::{Said, Step, split_value};

/// Reads the word at `at`.
pub(super) fn step<'a>(
    tables: &Tables,
    words: &[&'a [u8]],
    at: usize,
    said: &mut Said<'a>,
) -> Step {
    let Some(&word) = words.get(at) else {
        return Step::End;
    };
    match word {
        b"--" => Step::Rest(at + 1),
        [b'-', b'-', body @ ..] => {
            let (name, inline) = split_value(body);
            let Some(flag) = flags::by_abbreviation(tables, name) else {
                let inline = inline.is_some();
                return Step::Unknown { at, inline };
            };
            long(flag, inline, words, at, said)
        }
        [b'-', letters @ ..] if !letters.is_empty() => joined(tables, letters, words, at, said),
        _ => Step::Rest(at),
    }
}

/// Whether a flag ends the process where it stands.
pub(super) fn leaves(flag: &Flag) -> bool {
    matches!(flag.role, Role::Help | Role::Version)
}

/// Takes a flag that was given by its long name.
pub(super) fn long<'a>(
    flag: &Flag,
    inline: Option<&'a [u8]>,
    words: &[&'a [u8]],
    at: usize,
    said: &mut Said<'a>,
) -> Step {
    match (flag.takes, inline) {
        (Takes::Nothing, Some(_)) => Step::Stop,
        (Takes::Nothing, None) if leaves(flag) => Step::Stop,
        (Takes::Nothing, None) | (Takes::Inline, _) => Step::Next(at + 1),
        (Takes::Value, Some(value)) => {
            said.value(flag, flag.long.as_bytes(), value);
            Step::Next(at + 1)
        }
        (Takes::Value, None) => next_word(flag, words, at, said),
    }
}

/// Takes the word after `at` for the flag's value.
pub(super) fn next_word<'a>(
    flag: &Flag,
    words: &[&'a [u8]],
    at: usize,
    said: &mut Said<'a>,
) -> Step {
    match words.get(at + 1) {
        Some(value) => {
            said.value(flag, flag.long.as_bytes(), value);
            Step::Next(at + 2)
        }
        None => Step::Stop,
    }
}

/// Reads the letters of one word: switches, and at most one flag that takes the rest, or the next
/// word, for its value.
fn joined<'a>(
    tables: &Tables,
    letters: &'a [u8],
    words: &[&'a [u8]],
    at: usize,
    said: &mut Said<'a>,
) -> Step {
    for (here, &letter) in letters.iter().enumerate() {
        let Some(flag) = flags::by_short(tables, letter) else {
            return match flags::is_go_switch(tables, letters) {
                true => Step::Next(at + 1),
                false => Step::Unknown { at, inline: false },
            };
        };
        if leaves(flag) {
            return Step::Stop;
        }
        if flag.takes == Takes::Value {
            return match letters.get(here + 1..) {
                Some(value) if !value.is_empty() => {
                    said.value(flag, flag.long.as_bytes(), value);
                    Step::Next(at + 1)
                }
                _ => next_word(flag, words, at, said),
            };
        }
    }
    Step::Next(at + 1)
}

//! runc 1.5: urfave/cli v3, which has a parser of its own.
//!
//! Flags and operands may be mixed, global flags may follow the subcommand, space around a word is
//! cut off, a lone `-` ends the command line, and a dash with no letter after it ends the flags.
//! <https://github.com/urfave/cli/blob/main/command_parse.go>
#![forbid(unsafe_code)]

use super::flags::{self, Tables, Takes};
use super::reading::{Said, Step, dashless, go_bool, split_value};

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
    let word = trim(word);
    match word {
        b"--" => return Step::Rest(at + 1),
        b"-" => return Step::Last(at),
        [b'-', b'-', ..] => (),
        [b'-', letter, ..] if is_letter(*letter) => (),
        [b'-', ..] => return Step::Rest(at),
        _ => return Step::Operand(at),
    }
    let (name, inline) = split_value(dashless(word));
    let Some(flag) = flags::by_name(tables, name) else {
        let inline = inline.is_some();
        return Step::Unknown { at, inline };
    };
    if flag.takes == Takes::Nothing {
        // `--switch=` is taken for `--switch`.
        let on = inline.filter(|value| !value.is_empty());
        return match on.map_or(Some(true), go_bool) {
            Some(on) => {
                said.switch(flag, on);
                Step::Next(at + 1)
            }
            None => Step::Stop,
        };
    }
    match (inline, words.get(at + 1)) {
        (Some(value), _) => {
            said.value(flag, name, value);
            Step::Next(at + 1)
        }
        (None, Some(value)) => {
            said.value(flag, name, value);
            Step::Next(at + 2)
        }
        (None, None) => Step::Stop,
    }
}

/// The word without the space around it, as Go's `strings.TrimSpace` cuts it.
pub(super) fn trim(word: &[u8]) -> &[u8] {
    let mut word = word;
    if let Some(first) = word.utf8_chunks().next() {
        let valid = first.valid();
        let cut = valid.len() - valid.trim_start().len();
        word = word.get(cut..).unwrap_or_default();
    }
    if let Some(last) = word
        .utf8_chunks()
        .last()
        .filter(|chunk| chunk.invalid().is_empty())
    {
        let valid = last.valid();
        let cut = valid.len() - valid.trim_end().len();
        word = word.get(..word.len() - cut).unwrap_or_default();
    }
    word
}

/// Go asks whether the byte, taken for a character of Latin-1, is a letter.
fn is_letter(byte: u8) -> bool {
    char::from(byte).is_alphabetic()
}

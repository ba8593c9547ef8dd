//! runc up to 1.4: urfave/cli v1 over Go's `flag` package.
//!
//! One dash or two, whole names, a value after `=` or in the next word, `--switch=false`. Parsing
//! ends at the first operand; but after the subcommand v1 first moves what looks like a flag, and
//! the word after it, to the front. It does so in two ways, one before 1.22.2 (runc 1.0 and 1.1 as
//! released vendor 1.22.1) and one since (Debian's runc, runc 1.2 and later). Both are followed.
//! <https://github.com/urfave/cli/blob/v1-maint/command.go>, <https://pkg.go.dev/flag>
#![forbid(unsafe_code)]

use super::flags::{self, Flag, Tables, Takes};
use super::reading::{
    Operands, Outcome, Reading, Said, Step, dashless, finish, go_bool, owned, split_value,
};
use super::request::{Command, Doubt};

/// Reads the word at `at` as Go's `flag` does.
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
        b"--" => return Step::Rest(at + 1),
        [b'-', _, ..] => (),
        _ => return Step::Rest(at),
    }
    let body = dashless(word);
    if matches!(body, [b'-' | b'=', ..]) {
        return Step::Stop;
    }
    let (name, inline) = split_value(body);
    let Some(flag) = flags::by_name(tables, name) else {
        let inline = inline.is_some();
        return Step::Unknown { at, inline };
    };
    if flag.takes == Takes::Nothing {
        return match inline.map_or(Some(true), go_bool) {
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

/// Reads the words after `create`, `run` and `restore`.
pub(super) fn make<'a>(
    reading: &Reading,
    command: Command,
    words: &[&'a [u8]],
    said: Said<'a>,
) -> Outcome<'a> {
    if let Some(outcome) = doubtful(reading, command, words, &said) {
        return outcome;
    }
    let old = reordered(reading.make, words, Reorder::Until1_22_1);
    let new = reordered(reading.make, words, Reorder::Since1_22_2);
    parsed(reading, command, &old, said).or(parsed(reading, command, &new, said))
}

/// What is moved, and what is made of it, hangs on which flags the installed version knows. That
/// cannot matter as long as all flags are known here and no value looks like a flag.
fn doubtful<'a>(
    reading: &Reading,
    command: Command,
    words: &[&'a [u8]],
    said: &Said<'a>,
) -> Option<Outcome<'a>> {
    for (at, &word) in words.iter().enumerate() {
        if word == b"--" {
            break;
        }
        let [b'-', _, ..] = word else {
            continue;
        };
        let (name, inline) = split_value(dashless(word));
        let Some(flag) = flags::by_name(&[reading.make], name) else {
            return Some(reading.unknown(command, word, said));
        };
        let next = words.get(at + 1).copied().unwrap_or_default();
        if takes_next(flag, inline) && matches!(next, [b'-', _, ..]) {
            let doubt = Doubt::DashValue { flag: owned(word) };
            return Some(Outcome::Unclear(doubt, said.log(reading.log_schemes)));
        }
    }
    None
}

fn takes_next(flag: &Flag, inline: Option<&[u8]>) -> bool {
    flag.takes == Takes::Value && inline.is_none()
}

/// Parses words that were reordered.
fn parsed<'a>(
    reading: &Reading,
    command: Command,
    words: &[&'a [u8]],
    mut said: Said<'a>,
) -> Outcome<'a> {
    let mut operands = Operands::default();
    let mut at = 0;
    loop {
        match step(&[reading.make], words, at, &mut said) {
            Step::Next(next) => at = next,
            Step::End => break,
            Step::Operand(from) | Step::Rest(from) | Step::Last(from) => {
                operands.take(words.get(from..).unwrap_or_default());
                break;
            }
            Step::Stop => return Outcome::Nothing,
            Step::Unknown { at, .. } => {
                let word = words.get(at).copied().unwrap_or_default();
                return reading.unknown(command, word, &said);
            }
        }
    }
    finish(reading, command, operands, said)
}

/// By which version's rule flags are moved to the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reorder {
    /// A `--` ends it wherever it stands, and a word with a dash is never moved as a value.
    Until1_22_1,
    /// After a flag, `--` and unknown flags are moved as its value.
    Since1_22_2,
}

/// The words with flags, and what may be their values, moved to the front. A switch, too, takes
/// the next word along.
fn reordered<'a>(table: &'static [Flag], words: &[&'a [u8]], rule: Reorder) -> Vec<&'a [u8]> {
    let mut front = Vec::with_capacity(words.len());
    let mut rest = Vec::new();
    let mut value_may_follow = false;
    for (at, &word) in words.iter().enumerate() {
        let after = words.get(at + 1..).unwrap_or_default();
        let moved_as_value = match rule {
            Reorder::Until1_22_1 => !word.starts_with(b"-"),
            Reorder::Since1_22_2 => !is_flag(table, word),
        };
        if rule == Reorder::Until1_22_1 && word == b"--" {
            rest.push(word);
            rest.extend(after);
            break;
        }
        if value_may_follow && moved_as_value {
            value_may_follow = false;
            front.push(word);
        } else if word == b"--" {
            rest.insert(0, word);
            rest.extend(after);
            break;
        } else if is_flag(table, word) {
            value_may_follow = !word.contains(&b'=');
            front.push(word);
        } else {
            rest.push(word);
        }
    }
    front.extend(rest);
    front
}

/// Whether v1 takes this word for one of the subcommand's flags.
fn is_flag(table: &'static [Flag], word: &[u8]) -> bool {
    let [b'-', _, ..] = word else {
        return false;
    };
    let (name, _) = split_value(dashless(word));
    flags::by_name(&[table], name).is_some()
}

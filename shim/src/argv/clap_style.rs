//! youki: Rust's clap.
//!
//! Whole long names, joined letters, `-b=DIR` means the folder `DIR`, flags and operands may be
//! mixed, and `--help` and `--version` end the process where they stand. clap refuses a flag given
//! twice and a value that starts with a dash; here they are read as the other runtimes read them.
//! <https://docs.rs/clap>
#![forbid(unsafe_code)]

use super::flags::{self, Tables, Takes};
use super::getopt::{leaves, long, next_word};
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
            match flags::by_long(tables, name) {
                Some(flag) => long(flag, inline, words, at, said),
                None => Step::Unknown {
                    at,
                    inline: inline.is_some(),
                },
            }
        }
        [b'-', letters @ ..] if !letters.is_empty() => joined(tables, letters, words, at, said),
        _ => Step::Operand(at),
    }
}

/// Reads the letters of one word. A value may be set off by `=`.
fn joined<'a>(
    tables: &Tables,
    letters: &'a [u8],
    words: &[&'a [u8]],
    at: usize,
    said: &mut Said<'a>,
) -> Step {
    for (here, &letter) in letters.iter().enumerate() {
        let Some(flag) = flags::by_short(tables, letter) else {
            let inline = letters.contains(&b'=');
            return match flags::is_go_switch(tables, letters) {
                true => Step::Next(at + 1),
                false => Step::Unknown { at, inline },
            };
        };
        if leaves(flag) {
            return Step::Stop;
        }
        if flag.takes == Takes::Value {
            return match letters.get(here + 1..) {
                Some([b'=', value @ ..]) => {
                    said.value(flag, flag.long.as_bytes(), value);
                    Step::Next(at + 1)
                }
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

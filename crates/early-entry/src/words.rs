//! The words that say whose a call is.

use crate::bytes::{begins, same, trim};

/// The subcommands that make a container. No runtime makes one without one of these words.
pub const MAKE: &[&[u8]] = &[b"create", b"restore", b"run"];

/// Subcommands of any of the runtimes that make no container from a bundle.
pub const OTHER: &[&[u8]] = &[
    b"checkpoint",
    b"checkpointt",
    b"completion",
    b"delete",
    b"events",
    b"exec",
    b"features",
    b"h",
    b"help",
    b"info",
    b"init",
    b"kill",
    b"list",
    b"mounts",
    b"pause",
    b"ps",
    b"resume",
    b"spec",
    b"start",
    b"state",
    b"update",
];

/// What our own options on the runtime path begin with.
pub const OWN: &[u8] = b"--shim-";

/// A call that is certainly the runtime's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing<'a> {
    /// `--shim-runtime`.
    pub runtime: Option<&'a [u8]>,
    /// `--shim-policy`.
    pub policy: Option<&'a [u8]>,
    /// How many words at the front are ours; those after them are the runtime's.
    pub taken: usize,
}

/// Reads the words after the program's name. None where there is the least doubt.
///
/// Our own options are read only at the very front and only where each has its value. The first
/// word after them is a flag or a subcommand of [`OTHER`], so that no tool of ours is called. No word
/// anywhere is one of [`MAKE`], not even with anything around it that a runtime might cut off: on
/// that the ordinary path passes everything through, whatever else the words say.
#[inline(always)]
pub fn passing<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Option<Passing<'a>> {
    let mut passing = Passing {
        runtime: None,
        policy: None,
        taken: 0,
    };
    let first = loop {
        let word = words.next()?;
        if !begins(word, OWN) {
            break word;
        }
        passing.taken += 1;
        let (name, inline) = split_value(word);
        let value = match inline {
            Some(value) => value,
            None => {
                passing.taken += 1;
                words.next().filter(|value| !begins(value, b"-"))?
            }
        };
        if value.is_empty() {
            return None;
        }
        if same(name, b"--shim-runtime") {
            passing.runtime = Some(value);
        } else if same(name, b"--shim-policy") {
            passing.policy = Some(value);
        } else if !same(name, b"--shim-handler") {
            return None;
        }
    };
    if !begins(first, b"-") && !is_one_of(first, OTHER) {
        return None;
    }
    if could_be_ours(first) {
        return None;
    }
    for word in words {
        if could_be_ours(word) {
            return None;
        }
    }
    Some(passing)
}

/// Whether a word is an option of ours, or could be read as one of [`MAKE`].
#[inline(always)]
fn could_be_ours(word: &[u8]) -> bool {
    // Runtimes cut off what Unicode calls white space: of these bytes, all of it is made.
    let bare = trim(word, |byte| byte <= b' ' || byte >= 0x7F);
    begins(word, OWN) || is_one_of(bare, MAKE)
}

#[inline(always)]
fn is_one_of(word: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|one| same(word, one))
}

/// The two sides of the first `=`, if there is one.
#[inline(always)]
fn split_value(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    for (at, byte) in word.iter().enumerate() {
        if *byte == b'=' {
            return match (word.get(..at), word.get(at + 1..)) {
                (Some(name), Some(value)) => (name, Some(value)),
                _ => (word, None),
            };
        }
    }
    (word, None)
}

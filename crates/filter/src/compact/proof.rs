//! Holding two programs against each other.
//!
//! Both are run on a first call. Whatever value a field is compared with on the way, in either,
//! gives more calls: with that value in that field, and with those on its two sides. And so on until
//! no call shows a value that was not seen before. Then every other call takes the way of one that
//! was tried, branch by branch, since the two stand on the same side of every comparison; so
//! programs that agree on those tried agree on all. What that does not hold for (arithmetic, memory,
//! a word of which many parts are compared) is not followed.
//!
//! This shares nothing with what wrote the program but the meaning of an instruction.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use super::{ARCH, NR, holds};
use crate::check::DATA_BYTES;
use crate::instruction::{Instruction, op};
use crate::program::Program;

/// How two programs were shown to be the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many calls both were run on.
    pub calls: usize,
}

/// Why two programs are not shown to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSame {
    /// They answer a call differently: its words in the order of `struct seccomp_data`.
    #[error("the call {words:x?} gives {left:#x} and {right:#x}")]
    Answer {
        /// The call.
        words: [u32; WORDS],
        /// What the one returns.
        left: u32,
        /// What the other returns.
        right: u32,
    },
    /// One of them does what this cannot follow: arithmetic, memory, arguments compared with more
    /// values together than can be tried.
    #[error("the programs do more than load, mask, compare and return, or compare too much")]
    Unfollowed,
}

/// Shows that two programs return the same value for every call.
///
/// # Errors
/// Where they do not, or where it cannot be shown.
pub fn same(left: &Program, right: &Program) -> Result<Proof, NotSame> {
    let mut pair = Pair {
        left: left.instructions(),
        right: right.instructions(),
        proof: Proof::default(),
    };
    let mut seen = Seen::default();
    let start = [0; WORDS];
    each(
        &mut seen,
        |seen| &seen.arch,
        |arch, seen| {
            let mut inner = Seen {
                numbers: [left, right].map(|program| vec![false; program.instructions().len()]),
                ..Seen::default()
            };
            each(
                &mut inner,
                |inner| &inner.nr,
                |nr, inner| {
                    let mut call = start;
                    set(&mut call, ARCH, arch);
                    set(&mut call, NR, nr);
                    pair.every_argument(call, inner)
                },
            )?;
            seen.arch.extend(inner.arch);
            Ok(())
        },
    )?;
    Ok(pair.proof)
}

/// Does `try_one` for 0 and every value that turns up in `of` meanwhile.
fn each(
    seen: &mut Seen,
    of: impl Fn(&Seen) -> &BTreeSet<u32>,
    mut try_one: impl FnMut(u32, &mut Seen) -> Result<(), NotSame>,
) -> Result<(), NotSame> {
    let mut tried = BTreeSet::new();
    let mut waiting = BTreeSet::from([0]);
    let mut known = 0;
    while let Some(value) = waiting.pop_first() {
        tried.insert(value);
        try_one(value, seen)?;
        let all = of(seen);
        if all.len() != known {
            known = all.len();
            waiting.extend(all.difference(&tried));
        }
    }
    Ok(())
}

struct Pair<'a> {
    left: &'a [Instruction],
    right: &'a [Instruction],
    proof: Proof,
}

/// The values worth trying, by field.
#[derive(Debug, Default)]
struct Seen {
    arch: BTreeSet<u32>,
    nr: BTreeSet<u32>,
    /// At which instructions of each program a number was compared already.
    numbers: [Vec<bool>; 2],
    /// By the word's offset.
    words: Vec<(u32, Compared)>,
}

/// What a word of the arguments is compared with.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Compared {
    /// Values that the whole word is compared with.
    whole: BTreeSet<u32>,
    /// Bits of it, and what they are asked to be.
    parts: BTreeSet<(u32, u32)>,
}

impl Seen {
    /// A field under `mask` was compared with `k`; `None` for a comparison that is not followed.
    fn note(&mut self, offset: u32, mask: u32, code: u16, k: u32) -> Option<()> {
        let whole = mask == u32::MAX && code != op::JSET_K;
        let sides = [k, k.wrapping_add(1), k.wrapping_sub(1)];
        match offset {
            NR if whole => self.nr.extend(sides),
            ARCH if whole => self.arch.extend(sides),
            NR | ARCH => return None,
            _ => {
                let word = self.word(offset)?;
                match code {
                    _ if whole => word.whole.extend(sides),
                    op::JEQ_K => drop(word.parts.insert((mask, k))),
                    // Whether any bit is set is whether all of them are not 0.
                    op::JSET_K => drop(word.parts.insert((mask & k, 0))),
                    _ => return None,
                }
            }
        }
        Some(())
    }

    fn word(&mut self, offset: u32) -> Option<&mut Compared> {
        let at = self.words.iter().position(|(known, _)| *known == offset);
        let at = at.unwrap_or_else(|| {
            self.words.push((offset, Compared::default()));
            self.words.len().saturating_sub(1)
        });
        self.words.get_mut(at).map(|(_, word)| word)
    }
}

impl Compared {
    /// A value for every way in which the comparisons can come out together.
    fn values(&self) -> Option<BTreeSet<u32>> {
        if self.parts.is_empty() {
            let mut values = self.whole.clone();
            values.insert(0);
            return Some(values);
        }
        let masks: BTreeSet<u32> = self.parts.iter().map(|(mask, _)| *mask).collect();
        let union = masks.iter().fold(0, |union, mask| union | mask);
        if union.count_ones() <= BITS {
            // All that the bits can be, on each stretch between whole values.
            let starts = self.whole.iter().copied().chain([0]);
            let stretches: Vec<u32> = starts.collect();
            let values = stretches
                .iter()
                .flat_map(|from| Submasks::of(union).filter_map(|bits| least(*from, union, bits)));
            return Some(values.collect());
        }
        if masks.len() > 1 || !self.whole.is_empty() {
            return None;
        }
        // Each value that the bits are asked to be, and one that they are not.
        let mut values: BTreeSet<u32> = self.parts.iter().map(|(mask, k)| mask & k).collect();
        let other = Submasks::of(union).find(|value| !values.contains(value));
        values.extend(other);
        Some(values)
    }
}

/// The least value from `from` on whose bits in `mask` are `bits`.
fn least(from: u32, mask: u32, bits: u32) -> Option<u32> {
    if from & mask == bits {
        return Some(from);
    }
    // It is `from` above some bit, has that bit where `from` has not, and is as low as can be below.
    (0..u32::BITS).find_map(|at| {
        let bit = 1_u32 << at;
        let below = bit.wrapping_sub(1);
        let above = !(below | bit);
        let value = (from & above) | bit | (bits & below);
        (from & bit == 0 && value & mask == bits).then_some(value)
    })
}

/// Every value that has no bits but those of a mask, from 0.
struct Submasks {
    mask: u32,
    next: Option<u32>,
}

impl Submasks {
    fn of(mask: u32) -> Self {
        let next = Some(0);
        Self { mask, next }
    }
}

impl Iterator for Submasks {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let now = self.next?;
        let next = now.wrapping_sub(self.mask) & self.mask;
        self.next = (next != 0).then_some(next);
        Some(now)
    }
}

impl Pair<'_> {
    /// Runs both on `call` with all arguments that make a difference.
    fn every_argument(&mut self, call: [u32; WORDS], seen: &mut Seen) -> Result<(), NotSame> {
        seen.words.clear();
        loop {
            let before = seen.words.clone();
            let mut product = vec![call];
            for (offset, compared) in &before {
                let values = compared.values().ok_or(NotSame::Unfollowed)?;
                let many = product.len().saturating_mul(values.len());
                if many > MOST {
                    return Err(NotSame::Unfollowed);
                }
                product = product
                    .iter()
                    .flat_map(|call| {
                        values.iter().map(|value| {
                            let mut call = *call;
                            set(&mut call, *offset, *value);
                            call
                        })
                    })
                    .collect();
            }
            for words in product {
                let left = trace(self.left, LEFT, &words, seen).ok_or(NotSame::Unfollowed)?;
                let right = trace(self.right, RIGHT, &words, seen).ok_or(NotSame::Unfollowed)?;
                self.proof.calls = self.proof.calls.saturating_add(1);
                if self.proof.calls > MOST_IN_ALL {
                    return Err(NotSame::Unfollowed);
                }
                if left != right {
                    return Err(NotSame::Answer { words, left, right });
                }
            }
            if seen.words == before {
                return Ok(());
            }
        }
    }
}

/// What `program` returns for the call, with what it compares put into `seen`.
fn trace(
    program: &[Instruction],
    which: usize,
    words: &[u32; WORDS],
    seen: &mut Seen,
) -> Option<u32> {
    let (mut at, mut offset, mut mask) = (0_usize, None, u32::MAX);
    loop {
        let Instruction { code, jt, jf, k } = *program.get(at)?;
        let here = at;
        at = at.checked_add(1)?;
        match code {
            op::LD_ABS if k < DATA_BYTES => (offset, mask) = (Some(k), u32::MAX),
            op::AND_K => mask &= k,
            op::JA => at = at.checked_add(usize::try_from(k).ok()?)?,
            op::RET_K => return Some(k),
            _ => {
                let offset = offset?;
                let value = word(words, offset)?;
                let yes = holds(code, value & mask, k)?;
                // Nearly all comparisons are of whole numbers, the same ones for call after call.
                let known = match seen.numbers.get_mut(which) {
                    Some(numbers) if offset == NR && mask == u32::MAX => numbers.get_mut(here),
                    _ => None,
                };
                if !known.is_some_and(|known| std::mem::replace(known, true)) {
                    seen.note(offset, mask, code, k)?;
                }
                at = at.checked_add(usize::from(if yes { jt } else { jf }))?;
            }
        }
    }
}

fn word(words: &[u32; WORDS], offset: u32) -> Option<u32> {
    words.get(usize::try_from(offset / 4).ok()?).copied()
}

fn set(words: &mut [u32; WORDS], offset: u32, value: u32) {
    let index = usize::try_from(offset / 4).unwrap_or(usize::MAX);
    if let Some(word) = words.get_mut(index) {
        *word = value;
    }
}

/// Which program.
const LEFT: usize = 0;
const RIGHT: usize = 1;
/// How many words `struct seccomp_data` has.
const WORDS: usize = 16;
/// Of how many bits of a word all combinations are tried.
const BITS: u32 = 10;
/// How many calls of one number are tried, and how many in all; a default profile needs 2000. A
/// profile that compares more together is left to libseccomp.
const MOST: usize = 2_000;
const MOST_IN_ALL: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_with_given_bits_is_the_least() {
        for from in 0..64 {
            for mask in 0..64 {
                for bits in Submasks::of(mask) {
                    let slow = (from..256).find(|value| value & mask == bits);
                    assert_eq!(least(from, mask, bits), slow, "{from} {mask:b} {bits:b}");
                }
            }
        }
        assert_eq!(least(u32::MAX, 1, 0), None);
    }
}

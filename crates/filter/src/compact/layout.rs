//! Writing the program: architectures one by one, numbers by halving, then arguments.
//!
//! It is written from its end, so that where a jump leads is always known. A jump whose condition
//! holds or fails reaches 255 instructions; what is farther is led to by one that reaches all.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use super::forest::{Forest, Node, Tree, Word};
use super::sections::{Run, Sections};
use super::{ARCH, NR};
use crate::instruction::{Instruction, op};

/// The program for `sections`, `native`'s first, with the shortest ways to its numbers in `hot`.
pub(super) fn write(
    forest: &Forest,
    sections: &Sections,
    native: u32,
    hot: &[u32],
) -> Vec<Instruction> {
    let mut layout = Layout {
        forest,
        reversed: Vec::new(),
        places: HashMap::new(),
    };
    let mut next = layout.section(&sections.others, &[]);
    let (natives, others): (Vec<_>, Vec<_>) = sections
        .named
        .iter()
        .partition(|section| section.arch == native);
    // From the end: the last section first, and the tests after all sections.
    let starts: Vec<(u32, usize)> = natives
        .into_iter()
        .chain(others)
        .rev()
        .map(|section| {
            let hot = if section.arch == native { hot } else { &[] };
            (section.arch, layout.section(&section.runs, hot))
        })
        .collect();
    for (arch, start) in starts {
        next = layout.test(op::JEQ_K, arch, start, next);
    }
    layout.jump_to(next);
    layout.push(Instruction::new(op::LD_ABS, ARCH));
    layout.reversed.reverse();
    layout.reversed
}

struct Layout<'a> {
    forest: &'a Forest,
    /// The program so far, its last instruction first. A place is an index into this.
    reversed: Vec<Instruction>,
    /// Where a decision is, given the word that is held on the way there.
    places: HashMap<(Tree, Option<Word>), usize>,
}

impl Layout<'_> {
    fn push(&mut self, instruction: Instruction) -> usize {
        self.reversed.push(instruction);
        self.reversed.len().saturating_sub(1)
    }

    /// How many instructions the next one must pass over to get to `place`.
    fn distance(&self, place: usize) -> usize {
        self.reversed.len().saturating_sub(place).saturating_sub(1)
    }

    /// Makes the next instruction's successor `place`.
    fn jump_to(&mut self, place: usize) -> usize {
        match self.distance(place) {
            0 => place,
            far => self.push(Instruction::new(
                op::JA,
                u32::try_from(far).unwrap_or(u32::MAX),
            )),
        }
    }

    /// A place that leads to `place` and that a condition reaches, with `spare` instructions to come
    /// between.
    fn near(&mut self, place: usize, spare: usize) -> usize {
        if self.distance(place).saturating_add(spare) <= usize::from(u8::MAX) {
            return place;
        }
        match self.reversed.get(place) {
            // A return is as short as the way to one.
            Some(end) if end.code == op::RET_K => self.push(*end),
            _ => self.jump_to(place),
        }
    }

    fn test(&mut self, code: u16, k: u32, yes: usize, no: usize) -> usize {
        let yes = self.near(yes, 1);
        let no = self.near(no, 0);
        // Near by now; were it not, the program's check would refuse a jump that leads elsewhere,
        // and the proof one that leads to another answer.
        let [jt, jf] = [yes, no].map(|to| u8::try_from(self.distance(to)).unwrap_or(u8::MAX));
        self.push(Instruction::jump(code, k, jt, jf))
    }

    fn section(&mut self, runs: &[Run], hot: &[u32]) -> usize {
        let place = self.search(runs, hot);
        if runs.len() < 2 {
            return place;
        }
        self.jump_to(place);
        self.push(Instruction::new(op::LD_ABS, NR))
    }

    /// Finds the run of the number that is held.
    fn search(&mut self, runs: &[Run], hot: &[u32]) -> usize {
        match runs {
            [] => self.push(Instruction::new(op::RET_K, 0)),
            [run] => self.decision(run.tree, None),
            [before, one, after]
                if before.tree == after.tree && one.first.checked_add(1) == Some(after.first) =>
            {
                let no = self.decision(before.tree, None);
                let yes = self.decision(one.tree, None);
                self.test(op::JEQ_K, one.first, yes, no)
            }
            _ => {
                let (below, above) = runs.split_at(middle(runs, hot));
                let from = above.first().map_or(0, |run| run.first);
                let yes = self.search(above, hot);
                let no = self.search(below, hot);
                self.test(op::JGE_K, from, yes, no)
            }
        }
    }

    /// Where `tree` is, with `held` in the register on the way there.
    fn decision(&mut self, tree: Tree, held: Option<Word>) -> usize {
        let node = self.forest.node(tree);
        // A return is the same whatever is held.
        let held = held.filter(|_| matches!(node, Node::Test { .. }));
        let known = self.places.get(&(tree, held)).copied();
        let place = match (node, known) {
            (Node::Return(_), Some(place)) if self.distance(place) < NEARBY => place,
            (Node::Return(value), _) => self.push(Instruction::new(op::RET_K, value)),
            (Node::Test { .. }, Some(place)) => place,
            (
                Node::Test {
                    word,
                    code,
                    k,
                    yes,
                    no,
                },
                None,
            ) => {
                let yes = self.decision(yes, Some(word));
                let no = self.decision(no, Some(word));
                let test = self.test(code, k, yes, no);
                if held == Some(word) {
                    test
                } else {
                    self.load(word)
                }
            }
        };
        self.places.insert((tree, held), place);
        place
    }

    /// Loads the word that the instruction after it tests.
    fn load(&mut self, word: Word) -> usize {
        if word.mask != u32::MAX {
            self.push(Instruction::new(op::AND_K, word.mask));
        }
        self.push(Instruction::new(op::LD_ABS, word.offset))
    }
}

/// Where to halve: both sides are to be asked for equally often.
fn middle(runs: &[Run], hot: &[u32]) -> usize {
    let weights: Vec<usize> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let end = runs.get(at.saturating_add(1)).map(|next| next.first);
            let inside = |nr: &&u32| **nr >= run.first && end.is_none_or(|end| **nr < end);
            hot.iter()
                .filter(inside)
                .count()
                .saturating_mul(HOTTER)
                .saturating_add(1)
        })
        .collect();
    let total: usize = weights.iter().sum();
    let mut below = 0_usize;
    let mut best = (usize::MAX, 1);
    for (at, weight) in weights
        .iter()
        .enumerate()
        .take(runs.len().saturating_sub(1))
    {
        below = below.saturating_add(*weight);
        let uneven = below.saturating_mul(2).abs_diff(total);
        if uneven < best.0 {
            best = (uneven, at.saturating_add(1));
        }
    }
    best.1
}

/// How far back a return is looked for before it is written once more: near enough that the tests
/// of one search reach it.
const NEARBY: usize = 128;
/// How many runs that are not hot one hot number weighs as much as.
const HOTTER: usize = 4;

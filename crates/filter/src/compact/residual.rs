//! Running a program with the architecture and the number known and the arguments not.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use super::forest::{Forest, Node, Tree, Word};
use super::{ARCH, NR, holds};
use crate::instruction::{Instruction, op};

/// What the register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Held {
    Known(u32),
    Word(Word),
}

/// One run.
pub(super) struct Residual<'a> {
    program: &'a [Instruction],
    forest: &'a mut Forest,
    arch: u32,
    nr: u32,
    done: HashMap<(usize, Held), Tree>,
}

/// What `program` does to calls of `nr` on `arch`; `None` where it does what is not known here, or
/// tests more in a row than a filter has reason to.
pub(super) fn residual(
    program: &[Instruction],
    forest: &mut Forest,
    arch: u32,
    nr: u32,
) -> Option<Tree> {
    let mut run = Residual {
        program,
        forest,
        arch,
        nr,
        done: HashMap::new(),
    };
    run.follow(0, Held::Known(0), DEEPEST)
}

impl Residual<'_> {
    fn follow(&mut self, mut at: usize, mut held: Held, deepest: usize) -> Option<Tree> {
        loop {
            let Instruction { code, jt, jf, k } = *self.program.get(at)?;
            let mut distance = 0;
            match (code, held) {
                (op::LD_ABS, _) => {
                    held = match k {
                        NR => Held::Known(self.nr),
                        ARCH => Held::Known(self.arch),
                        offset => Held::Word(Word {
                            offset,
                            mask: u32::MAX,
                        }),
                    }
                }
                (op::AND_K, Held::Known(a)) => held = Held::Known(a & k),
                (op::AND_K, Held::Word(Word { offset, mask })) => {
                    let mask = mask & k;
                    held = Held::Word(Word { offset, mask });
                }
                (op::RET_K, _) => return Some(self.forest.plant(Node::Return(k))),
                (op::JA, _) => distance = usize::try_from(k).ok()?,
                (_, Held::Known(a)) => {
                    distance = usize::from(if holds(code, a, k)? { jt } else { jf });
                }
                (op::JEQ_K | op::JGT_K | op::JGE_K | op::JSET_K, Held::Word(word)) => {
                    return self.branch(at, word, deepest);
                }
                _ => return None,
            }
            at = at.checked_add(1)?.checked_add(distance)?;
        }
    }

    fn branch(&mut self, at: usize, word: Word, deepest: usize) -> Option<Tree> {
        let held = Held::Word(word);
        if let Some(tree) = self.done.get(&(at, held)) {
            return Some(*tree);
        }
        let deepest = deepest.checked_sub(1)?;
        let Instruction { code, jt, jf, k } = *self.program.get(at)?;
        let next = at.checked_add(1)?;
        let yes = self.follow(next.checked_add(jt.into())?, held, deepest)?;
        let no = self.follow(next.checked_add(jf.into())?, held, deepest)?;
        let tree = self.forest.plant(Node::Test {
            word,
            code,
            k,
            yes,
            no,
        });
        self.done.insert((at, held), tree);
        Some(tree)
    }
}

/// How many tests of arguments in a row are followed.
const DEEPEST: usize = 512;

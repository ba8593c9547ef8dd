//! What a program does, by architecture and by runs of numbers.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use super::forest::{Forest, Tree};
use super::residual::residual;
use super::{ARCH, NR};
use crate::instruction::{Instruction, op};

/// What is done to the calls of one architecture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its audit number.
    pub(super) arch: u32,
    /// The runs of numbers, the first from 0; each ends before the next begins.
    pub(super) runs: Vec<Run>,
}

/// Numbers that follow each other and have the same done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) tree: Tree,
}

/// All sections.
#[derive(Debug)]
pub(super) struct Sections {
    /// The architectures that the program tells apart from the rest.
    pub(super) named: Vec<Section>,
    /// The rest.
    pub(super) others: Vec<Run>,
}

/// Takes `program` apart; `None` where it tells architectures or numbers apart by other than
/// comparing them.
pub(super) fn sections(program: &[Instruction], forest: &mut Forest) -> Option<Sections> {
    let mut named = Vec::new();
    let mut others = None;
    let arches = cuts(program, Field::Arch, None)?;
    for (at, arch) in arches.iter().enumerate() {
        let runs = runs(program, forest, *arch)?;
        // A cut that is one number wide is an architecture; all wider ones are none that is known.
        let one = arches.get(at.saturating_add(1)) == arch.checked_add(1).as_ref();
        if one {
            named.push(Section { arch: *arch, runs });
        } else if *others.get_or_insert_with(|| runs.clone()) != runs {
            return None;
        }
    }
    let others = others?;
    named.retain(|section| section.runs != others);
    Some(Sections { named, others })
}

fn runs(program: &[Instruction], forest: &mut Forest, arch: u32) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for first in cuts(program, Field::Nr, Some(arch))? {
        let tree = residual(program, forest, arch, first)?;
        if runs.last().is_none_or(|run| run.tree != tree) {
            runs.push(Run { first, tree });
        }
    }
    Some(runs)
}

/// What the register may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Arch,
    Nr,
    Other,
}

/// The values of `field` at which some answer may change, 0 first: those that it is compared with
/// on some way through the program, and those after them. With `arch`, on the ways of that one.
fn cuts(program: &[Instruction], field: Field, arch: Option<u32>) -> Option<Vec<u32>> {
    let mut cuts = BTreeSet::from([0]);
    // What may be held at each instruction; ways only lead on, so one pass sees all.
    let mut held: Vec<BTreeSet<Field>> = vec![BTreeSet::new(); program.len()];
    held.first_mut()?.insert(Field::Other);
    for (at, Instruction { code, jt, jf, k }) in program.iter().copied().enumerate() {
        let here = held.get(at)?.clone();
        let mut after = BTreeSet::new();
        let next = at.checked_add(1)?;
        for one in here {
            let (mut ways, mut then) = (vec![0], one);
            match code {
                op::RET_K => ways.clear(),
                op::LD_ABS => {
                    then = match k {
                        NR => Field::Nr,
                        ARCH => Field::Arch,
                        _ => Field::Other,
                    }
                }
                op::JA => ways = vec![usize::try_from(k).ok()?],
                op::JEQ_K | op::JGT_K | op::JGE_K | op::JSET_K => {
                    if one != Field::Other && code == op::JSET_K {
                        return None;
                    }
                    if one == field {
                        cuts.insert(k);
                        cuts.extend(k.checked_add(1));
                    }
                    ways = match (arch, one) {
                        (Some(arch), Field::Arch) if super::holds(code, arch, k)? => {
                            vec![jt.into()]
                        }
                        (Some(_), Field::Arch) => vec![jf.into()],
                        _ => vec![jt.into(), jf.into()],
                    };
                }
                op::AND_K if one == Field::Other => {}
                _ => return None,
            }
            after.extend(ways.into_iter().map(|way: usize| (way, then)));
        }
        for (way, then) in after {
            held.get_mut(next.checked_add(way)?)?.insert(then);
        }
    }
    Some(cuts.into_iter().collect())
}

//! What two profiles do differently: which calls, from what to what, under which arguments.

mod regions;
#[cfg(test)]
mod tests;

pub(crate) use regions::regions;

use crate::meaning::{Outcome, multiplexes};
use crate::restrict::cell::{Cell, joined};
use crate::restrict::effect::{Effect, Effects};
use crate::restrict::error::TooLarge;
use crate::restrict::multiplexer::MULTIPLEXERS;
use crate::restrict::width::Width;
use crate::restrict::{combine::Side, frame};
use crate::{Arch, Condition, Flag, RestrictError, Seccomp};

/// All that two profiles do differently. Where rules of one profile contradict each other, the
/// strictest of them counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// What calls get that no rule is for.
    pub default: Option<Changed<Outcome>>,
    /// Architectures that the first alone lets in; calls of theirs kill by the second.
    pub lost: Vec<Arch>,
    /// Architectures that the second alone lets in.
    pub gained: Vec<Arch>,
    /// The flags, where they differ; absent is SPEC_ALLOW.
    pub flags: Option<Changed<Vec<Flag>>>,
    /// `listenerPath`.
    pub listener_path: Option<Changed<Option<String>>>,
    /// `listenerMetadata`.
    pub listener_metadata: Option<Changed<Option<String>>>,
    /// Calls that some rule of either is for, by name, and that differ on an architecture that
    /// both let in.
    pub calls: Vec<CallChange>,
}

/// Something before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// In the first profile.
    pub from: T,
    /// In the second.
    pub to: T,
}

/// What changed for one syscall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallChange {
    /// Its name.
    pub syscall: String,
    /// Each pair of answers, once for the same architectures.
    pub changes: Vec<Change>,
}

/// One answer that became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the first profile answers.
    pub from: Outcome,
    /// What the second does.
    pub to: Outcome,
    /// For which arguments.
    pub when: When,
    /// On which architectures.
    pub bits: Bits,
}

/// The arguments that a change is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// Those for which all conditions of any of these lists hold, on 64 bits: on an architecture of
    /// 32 bits, of the argument's lower 32.
    AnyOf(Vec<Vec<Condition>>),
    /// Some, in too many parts to list; or, where it cannot be said which, none.
    Some,
}

/// The architectures that a change is for. Filters for those of 32 bits, and for x32, compare the
/// lower 32 bits of arguments and of what they are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// All that both profiles let in.
    All,
    /// Those that compare 32 bits.
    Only32,
    /// Those that compare 64 bits.
    Only64,
}

impl Diff {
    /// Whether the two do the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.default.is_none()
            && self.lost.is_empty()
            && self.gained.is_empty()
            && self.flags.is_none()
            && self.listener_path.is_none()
            && self.listener_metadata.is_none()
            && self.calls.is_empty()
    }
}

/// What `after` does otherwise than `before`, on a node of architecture `native`.
///
/// Calls behind `socketcall` and `ipc` count as these, too, where both let in an architecture that
/// has them.
///
/// # Errors
/// A condition on an argument beyond the sixth, which every runtime refuses.
pub fn diff(before: &Seccomp, after: &Seccomp, native: Arch) -> Result<Diff, RestrictError> {
    let arches = [before, after].map(|profile| frame::effective(profile, native));
    let [before_arches, after_arches] = &arches;
    let without = |all: &[Arch], others: &[Arch]| -> Vec<Arch> {
        let alone = all.iter().filter(|arch| !others.contains(arch));
        alone.copied().collect()
    };
    let both: Vec<Arch> = before_arches
        .iter()
        .copied()
        .filter(|arch| after_arches.contains(arch))
        .collect();
    let through = both.iter().copied().find(|arch| multiplexes(*arch));
    let [from, to] = [Effects::of(before, through)?, Effects::of(after, through)?];
    Ok(Diff {
        default: changed(from.default, to.default),
        lost: without(before_arches, after_arches),
        gained: without(after_arches, before_arches),
        flags: changed(frame::in_force(before), frame::in_force(after)),
        listener_path: changed(before.listener_path.clone(), after.listener_path.clone()),
        listener_metadata: changed(
            before.listener_metadata.clone(),
            after.listener_metadata.clone(),
        ),
        calls: calls(&from, &to, Width::of(&both), through.is_some()),
    })
}

fn changed<T: PartialEq>(from: T, to: T) -> Option<Changed<T>> {
    (from != to).then_some(Changed { from, to })
}

fn calls(from: &Effects<'_>, to: &Effects<'_>, width: Width, multiplexed: bool) -> Vec<CallChange> {
    let mut names: Vec<&str> = from.names().chain(to.names()).map(AsRef::as_ref).collect();
    if multiplexed {
        names.extend(MULTIPLEXERS);
    }
    names.sort_unstable();
    names.dedup();
    let rest = [from, to].map(|effects| Effect::Always(effects.default));
    let [from_rest, to_rest] = &rest;
    let of = |name: &&str| {
        let before = Side {
            effect: from.on(name).unwrap_or(from_rest),
            default: from.default,
        };
        let after = Side {
            effect: to.on(name).unwrap_or(to_rest),
            default: to.default,
        };
        let changes = changes(before, after, width);
        let syscall = (*name).to_owned();
        (!changes.is_empty()).then_some(CallChange { syscall, changes })
    };
    names.iter().filter_map(of).collect()
}

/// How one call's answers differ, at every width there is.
fn changes(before: Side<'_>, after: Side<'_>, width: Width) -> Vec<Change> {
    let at = |width, bits| at_width(before, after, width, bits);
    match width {
        Width::Both if !(before.fits(width) && after.fits(width)) => {
            let wide = at(Width::Wide, Bits::Only64);
            let narrow = at(Width::Narrow, Bits::Only32);
            let alike = |one: &Change, other: &Change| {
                (one.from, one.to, &one.when) == (other.from, other.to, &other.when)
            };
            let same = wide.len() == narrow.len()
                && wide
                    .iter()
                    .zip(&narrow)
                    .all(|(one, other)| alike(one, other));
            if same {
                return at(Width::Wide, Bits::All);
            }
            wide.into_iter().chain(narrow).collect()
        }
        Width::Both => at(Width::Wide, Bits::All),
        width => at(width, Bits::All),
    }
}

fn at_width(before: Side<'_>, after: Side<'_>, width: Width, bits: Bits) -> Vec<Change> {
    let change = |from, to, when| Change {
        from,
        to,
        when,
        bits,
    };
    match regions(before, after, width) {
        Ok(all) => {
            let differ = all.into_iter().filter(|(from, to, _)| from != to);
            differ
                .map(|(from, to, cells)| change(from, to, when(cells)))
                .collect()
        }
        // Where the parts are too many to tell apart, what each can answer is still known.
        Err(TooLarge) => vec![change(before.strictest(), after.strictest(), When::Some)],
    }
}

fn when(cells: Vec<Cell>) -> When {
    let lists = || -> Result<When, TooLarge> {
        let cells = joined(cells)?;
        if cells.iter().any(Cell::is_all) {
            return Ok(When::Always);
        }
        let mut all = Vec::new();
        for cell in &cells {
            all.extend(cell.conditions(LISTED)?);
        }
        Ok(When::AnyOf(all))
    };
    lists().unwrap_or(When::Some)
}

/// How many lists of conditions a cell may come to.
const LISTED: usize = 256;

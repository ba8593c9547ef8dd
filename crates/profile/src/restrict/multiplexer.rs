//! Rules for calls behind `socketcall` and `ipc` also open or shut those, by the call's number
//! alone. A result's rules must not open them further than both profiles do.

use super::cell::{Cell, minus, tidy};
use super::effect::{Case, Effect, through};
use super::error::{RestrictError, TooLarge};
use super::width::Width;
use crate::Action;
use crate::meaning::Outcome;

/// What rules for calls behind the multiplexers make of these.
#[derive(Debug, Default)]
pub(crate) struct Implied {
    cases: Vec<(&'static str, Vec<Case>)>,
}

impl Implied {
    /// Notes the effect on the call that `syscall` makes when its first argument is `number`.
    pub(crate) fn add(
        &mut self,
        syscall: &'static str,
        number: u64,
        effect: &Effect,
        default: Outcome,
    ) {
        let cases: Vec<Case> = match effect {
            Effect::Always(outcome) if *outcome == default => return,
            Effect::Always(outcome) => vec![through(number, &[], *outcome)],
            Effect::Cases(cases) => {
                let cases = cases.iter();
                let cases = cases.map(|case| through(number, &case.conditions, case.outcome));
                cases.collect()
            }
        };
        match self.cases.iter_mut().find(|(known, _)| *known == syscall) {
            Some((_, known)) => known.extend(cases),
            None => self.cases.push((syscall, cases)),
        }
    }

    /// All that is noted for a multiplexer.
    pub(crate) fn of(&self, syscall: &str) -> &[Case] {
        let found = self.cases.iter().find(|(known, _)| *known == syscall);
        found.map_or(&[], |(_, cases)| cases)
    }
}

/// What of `meant` is not implied already.
pub(crate) fn unsaid(meant: &Effect, implied: &[Case], default: Outcome) -> Effect {
    let Effect::Cases(cases) = meant else {
        return meant.clone();
    };
    let cells = |cases: &[Case], outcome: Outcome| {
        let cases = cases.iter().filter(|case| case.outcome == outcome);
        cases
            .filter_map(|case| Cell::of(&case.conditions))
            .collect::<Vec<_>>()
    };
    let covered = |outcome: Outcome| -> Result<bool, TooLarge> {
        let rest = minus(tidy(cells(cases, outcome))?, &cells(implied, outcome))?;
        Ok(rest.is_empty())
    };
    let rest = cases
        .iter()
        .filter(|case| covered(case.outcome) != Ok(true));
    let rest: Vec<Case> = rest.cloned().collect();
    if rest.is_empty() {
        Effect::Always(default)
    } else {
        Effect::Cases(rest)
    }
}

/// What the result must say of a multiplexer itself, given what it is `meant` to do and what the
/// result's rules for the calls behind it make of it anyway; none if `meant` can stand.
pub(crate) fn shut(
    syscall: &'static str,
    meant: &Effect,
    implied: &[Case],
    default: Outcome,
    width: Width,
) -> Result<Option<Outcome>, RestrictError> {
    let cases = match meant {
        // A rule without conditions beats those for the calls.
        Effect::Always(outcome) if *outcome != default => return Ok(None),
        Effect::Always(_) => &[],
        Effect::Cases(cases) => cases.as_slice(),
    };
    if implied.iter().all(|case| is_meant(case, cases, width)) && agree(implied) {
        return Ok(None);
    }
    strict(syscall, meant, default).map(Some)
}

/// An answer that may be given to all calls of a multiplexer that is `meant` to do something, and
/// that can be written.
pub(crate) fn strict(
    syscall: &'static str,
    meant: &Effect,
    default: Outcome,
) -> Result<Outcome, RestrictError> {
    let strictest = match meant {
        Effect::Always(outcome) => *outcome,
        Effect::Cases(cases) => cases
            .iter()
            .map(|case| case.outcome)
            .fold(default, Outcome::stacked),
    };
    if strictest != default {
        return Ok(strictest);
    }
    // The default itself cannot be written: a rule that repeats it is dropped.
    let (action, errno) = match (default.action(), default.errno()) {
        (Action::ScmpActAllow, _) => (Action::ScmpActLog, None),
        (Action::ScmpActLog | Action::ScmpActTrace | Action::ScmpActNotify, _) => {
            (Action::ScmpActErrno, None)
        }
        (Action::ScmpActErrno, Some(ENOSYS)) => (Action::ScmpActErrno, None),
        (Action::ScmpActErrno, _) => (Action::ScmpActErrno, Some(ENOSYS)),
        (Action::ScmpActTrap, _) => (Action::ScmpActKillThread, None),
        (Action::ScmpActKill | Action::ScmpActKillThread, _) => (Action::ScmpActKillProcess, None),
        (Action::ScmpActKillProcess, _) => return Err(RestrictError::Opened { syscall }),
    };
    Ok(Outcome::new(action, errno))
}

/// Whether the multiplexer is meant to do what an implied case does.
fn is_meant(implied: &Case, meant: &[Case], width: Width) -> bool {
    let Some(implied_cell) = Cell::of(&implied.conditions) else {
        return true;
    };
    let fits = |case: &Case| case.conditions.iter().all(|one| width.fits(one));
    let same = || meant.iter().filter(|case| case.outcome == implied.outcome);
    if same().any(|case| case.conditions == implied.conditions) {
        return true;
    }
    let within = || -> Result<bool, TooLarge> {
        let cells = same().filter_map(|case| Cell::of(&case.conditions));
        let cells: Vec<_> = cells.collect();
        Ok(minus(vec![implied_cell], &cells)?.is_empty())
    };
    fits(implied) && same().all(fits) && within() == Ok(true)
}

/// Whether no two cases overlap and differ.
fn agree(cases: &[Case]) -> bool {
    let mut others = cases.iter();
    while let Some(case) = others.next() {
        let overlaps = |other: &Case| {
            let both = Cell::of(&case.conditions).zip(Cell::of(&other.conditions));
            both.is_some_and(|(one, other)| one.and(&other) != Ok(None))
        };
        let mut rest = others.clone();
        if rest.any(|other| other.outcome != case.outcome && overlaps(other)) {
            return false;
        }
    }
    true
}

/// The calls that stand for others, by their first argument.
pub(crate) const MULTIPLEXERS: [&str; 2] = ["ipc", "socketcall"];

/// "No such syscall", the errno that tells a caller to look for another way.
const ENOSYS: u32 = 38;

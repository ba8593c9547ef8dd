//! What two effects on one syscall come to: the stricter, or the looser.

use std::cell::OnceCell;

use super::cell::{Cell, joined, minus, tidy, widened};
use super::effect::{Case, Effect};
use super::error::TooLarge;
use super::note::Rounding;
use super::pick::Pick;
use super::verbatim::verbatim;
use super::width::Width;
use crate::Condition;
use crate::meaning::Outcome;

/// One profile's side: its effect on the syscall and its default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) effect: &'a Effect,
    pub(crate) default: Outcome,
}

/// What both sides come to under the result's `default`. Of two that are combined to the stricter,
/// the result gives with `policy` itself again.
pub(crate) fn combine(
    pick: Pick,
    policy: Side<'_>,
    request: Side<'_>,
    default: Outcome,
    width: Width,
) -> (Effect, Option<Rounding>) {
    if let (Effect::Always(one), Effect::Always(other)) = (policy.effect, request.effect) {
        return (Effect::Always(pick.of(*one, *other)), None);
    }
    let policy = Known::of(policy);
    let (mut effect, mut rounding) = once(pick, &policy, request, default, width);
    if pick == Pick::Looser {
        return (effect, rounding);
    }
    for _ in 0..ROUNDS {
        let again = Side {
            effect: &effect,
            default,
        };
        let (next, further) = once(pick, &policy, again, default, width);
        if next == effect {
            return (effect, rounding);
        }
        effect = next;
        rounding = rounding.max(further);
    }
    // No case is known that comes here; shutting the call is stable.
    let all = Effect::Always(strictest(pick, policy.side, request));
    (all, Some(Rounding::AllArguments))
}

/// A side that is combined several times, with what is worked out of it once.
struct Known<'a> {
    side: Side<'a>,
    parts: OnceCell<Result<Regions, TooLarge>>,
    rest: OnceCell<Result<Option<Region>, TooLarge>>,
}

impl<'a> Known<'a> {
    fn of(side: Side<'a>) -> Self {
        Self {
            side,
            parts: OnceCell::new(),
            rest: OnceCell::new(),
        }
    }

    /// What the side says ([`Side::parts`]).
    fn parts(&self, width: Width) -> Result<&Regions, TooLarge> {
        let parts = self.parts.get_or_init(|| self.side.parts(width));
        parts.as_ref().map_err(|error| *error)
    }

    /// Where its default counts ([`Side::rest`]).
    fn rest(&self, width: Width) -> Result<Option<&Region>, TooLarge> {
        let parts = self.parts(width)?;
        let rest = self.rest.get_or_init(|| self.side.rest(parts));
        rest.as_ref().map(Option::as_ref).map_err(|error| *error)
    }
}

fn once(
    pick: Pick,
    known: &Known<'_>,
    request: Side<'_>,
    default: Outcome,
    width: Width,
) -> (Effect, Option<Rounding>) {
    let policy = known.side;
    if let (Effect::Always(one), Effect::Always(other)) = (policy.effect, request.effect) {
        return (Effect::Always(pick.of(*one, *other)), None);
    }
    let result = if policy.fits(width) && request.fits(width) {
        regions(pick, known, request, default, width)
            .and_then(|regions| written(regions, default, width))
    } else {
        verbatim(pick, policy, request, default).map(|effect| (effect, None))
    };
    result.unwrap_or_else(|TooLarge| {
        let all = Effect::Always(strictest(pick, policy, request));
        (all, Some(Rounding::AllArguments))
    })
}

/// Outcomes, each with where it counts; together all calls that do not get the default.
pub(crate) type Regions = Vec<Region>;
type Region = (Outcome, Vec<Cell>);

/// Where the two sides together differ from the result's default.
fn regions(
    pick: Pick,
    known: &Known<'_>,
    request: Side<'_>,
    default: Outcome,
    width: Width,
) -> Result<Regions, TooLarge> {
    let policy = known.side;
    let mut request_parts = request.parts(width)?;
    let matters = |one: Outcome, other: Outcome| pick.of(one, other) != default;
    // Where neither says anything, it is the default.
    let policy_rest = request_parts
        .iter()
        .any(|(outcome, _)| matters(policy.default, *outcome));
    let policy_said = known.parts(width)?;
    let request_rest = policy_said
        .iter()
        .any(|(outcome, _)| matters(*outcome, request.default));
    let policy_unsaid = if policy_rest {
        known.rest(width)?
    } else {
        None
    };
    if request_rest {
        request_parts.extend(request.rest(&request_parts)?);
    }
    let always = |side: Side<'_>| matches!(side.effect, Effect::Always(_));
    let mut defaults = !(policy_rest || always(policy)) || !(request_rest || always(request));
    let mut regions: Regions = Vec::new();
    for (one, cells) in policy_said.iter().chain(policy_unsaid) {
        for (other, other_cells) in &request_parts {
            let mut both = Vec::new();
            for cell in cells {
                for other in other_cells {
                    both.extend(cell.and(other)?);
                }
            }
            let outcome = pick.of(*one, *other);
            if outcome == default {
                defaults |= !both.is_empty();
                continue;
            }
            match regions.iter_mut().find(|(known, _)| *known == outcome) {
                Some((_, all)) => all.extend(both),
                None => regions.push((outcome, both)),
            }
        }
    }
    regions.retain(|(_, cells)| !cells.is_empty());
    if let ([(_, cells)], false) = (regions.as_mut_slice(), defaults) {
        *cells = vec![Cell::ALL];
        return Ok(regions);
    }
    regions.sort_by_key(|(outcome, _)| outcome.sort_key());
    Ok(regions)
}

/// Regions as an effect. Where one cannot be written, calls get the default if that is as strict.
fn written(
    regions: Regions,
    default: Outcome,
    width: Width,
) -> Result<(Effect, Option<Rounding>), TooLarge> {
    let mut rounding = None;
    let mut all = Vec::new();
    for (outcome, cells) in regions {
        let cells = joined(cells)?;
        if cells.iter().any(Cell::is_all) {
            return Ok((Effect::Always(outcome), None));
        }
        // Cells that do not overlap compile best, unless they take more conditions to tell apart:
        // libseccomp miscompiles EQ on one argument with NE on another for some of them.
        let apart = tidy(cells.clone()).and_then(|cells| lists(&cells, width));
        let wide = widened(&cells).and_then(|cells| lists(&cells, width));
        let lists = match (apart, wide.or_else(|_| lists(&cells, width))) {
            (Ok(apart), Ok(plain)) if apart.as_good_as(&plain) => apart,
            (Ok(apart), Err(TooLarge)) => apart,
            (_, plain) => plain?,
        };
        if lists.cut > 0 {
            if outcome.strictness() > default.strictness() {
                return Err(TooLarge);
            }
            rounding = Some(Rounding::SomeArguments);
        }
        all.extend(lists.conditions.into_iter().map(|conditions| Case {
            conditions,
            outcome,
        }));
    }
    if all.len() > CASES {
        return Err(TooLarge);
    }
    // Some trees of libseccomp's lose a longer rule that comes after a shorter one.
    all.sort_by_key(|case| std::cmp::Reverse(case.conditions.len()));
    let effect = if all.is_empty() {
        Effect::Always(default)
    } else {
        Effect::Cases(all)
    };
    Ok((effect, rounding))
}

/// Cells as lists of conditions.
struct Lists {
    /// How many lists are left out, as they would mean more to an architecture of 32 bits.
    cut: usize,
    conditions: Vec<Vec<Condition>>,
}

impl Lists {
    /// Whether these are as good as `other`.
    fn as_good_as(&self, other: &Self) -> bool {
        let size = |lists: &Self| {
            (
                lists.cut,
                lists.conditions.iter().map(Vec::len).sum::<usize>(),
            )
        };
        size(self) <= size(other)
    }
}

fn lists(cells: &[Cell], width: Width) -> Result<Lists, TooLarge> {
    let mut all = Vec::new();
    for cell in cells {
        all.extend(cell.conditions(CASES)?);
    }
    let before = all.len();
    all.retain(|list| list.iter().all(|one| width.fits(one)));
    Ok(Lists {
        cut: before - all.len(),
        conditions: all,
    })
}

/// An answer at least as strict as that to any call.
fn strictest(pick: Pick, policy: Side<'_>, request: Side<'_>) -> Outcome {
    pick.of(policy.strictest(), request.strictest())
}

impl Side<'_> {
    /// What the side says, and where, without its default; cells overlap for one outcome alone.
    /// Where cases overlap, any of them may win, so the strictest must.
    pub(crate) fn parts(self, width: Width) -> Result<Regions, TooLarge> {
        let cases = match self.effect {
            Effect::Always(outcome) => return Ok(vec![(*outcome, vec![Cell::ALL])]),
            Effect::Cases(cases) => cases,
        };
        let mut parts: Regions = Vec::new();
        for case in cases {
            let conditions: Vec<_> = case.conditions.iter().map(|one| width.seen(one)).collect();
            let Some(cell) = Cell::of(&conditions) else {
                continue;
            };
            match parts.iter_mut().find(|(known, _)| *known == case.outcome) {
                Some((_, cells)) => cells.push(cell),
                None => parts.push((case.outcome, vec![cell])),
            }
        }
        parts.sort_by_key(|(outcome, _)| std::cmp::Reverse(outcome.sort_key()));
        let mut stricter: Vec<Cell> = Vec::new();
        for (_, cells) in &mut parts {
            *cells = minus(joined(std::mem::take(cells))?, &stricter)?;
            stricter.extend(cells.iter().cloned());
        }
        Ok(parts)
    }

    /// Where the side's default counts.
    pub(crate) fn rest(self, parts: &Regions) -> Result<Option<(Outcome, Vec<Cell>)>, TooLarge> {
        if let Effect::Always(_) = self.effect {
            return Ok(None);
        }
        let mut cells = vec![Cell::ALL];
        for (_, said) in parts {
            cells = minus(cells, said)?;
        }
        Ok(Some((self.default, cells)))
    }

    pub(crate) fn strictest(self) -> Outcome {
        match self.effect {
            Effect::Always(outcome) => *outcome,
            Effect::Cases(cases) => cases
                .iter()
                .map(|case| case.outcome)
                .fold(self.default, Outcome::stacked),
        }
    }

    /// Whether sets of 64 bits tell the truth about all its conditions at these widths.
    pub(crate) fn fits(self, width: Width) -> bool {
        match self.effect {
            Effect::Always(_) => true,
            Effect::Cases(cases) => cases.iter().all(|case| {
                let seen = case.conditions.iter().map(|one| width.seen(one));
                seen.into_iter().all(|one| width.fits(&one))
            }),
        }
    }
}

/// How often a result may change on being restricted again before it is given up.
const ROUNDS: usize = 4;

/// How many rules may be written for one syscall.
const CASES: usize = 256;

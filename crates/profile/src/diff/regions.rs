//! All calls of one syscall, by what two profiles answer.

use crate::meaning::Outcome;
use crate::restrict::cell::Cell;
use crate::restrict::combine::Side;
use crate::restrict::effect::Effect;
use crate::restrict::error::TooLarge;
use crate::restrict::width::Width;

/// Both answers and the calls that get them.
pub(crate) type Region = (Outcome, Outcome, Vec<Cell>);

/// Each pair of answers that some call gets, once, from the loosest first answer to the strictest.
pub(crate) fn regions(
    before: Side<'_>,
    after: Side<'_>,
    width: Width,
) -> Result<Vec<Region>, TooLarge> {
    if let (Effect::Always(from), Effect::Always(to)) = (before.effect, after.effect) {
        return Ok(vec![(*from, *to, vec![Cell::ALL])]);
    }
    if before.default == after.default && before.effect == after.effect {
        return Ok(Vec::new());
    }
    let mut all: Vec<Region> = Vec::new();
    let (whole, other) = (parts(before, width)?, parts(after, width)?);
    for (from, cells) in &whole {
        for (to, others) in &other {
            let mut both = Vec::new();
            for cell in cells {
                for other in others {
                    both.extend(cell.and(other)?);
                }
            }
            if both.is_empty() {
                continue;
            }
            match all.iter_mut().find(|(a, b, _)| (a, b) == (from, to)) {
                Some((_, _, known)) => known.extend(both),
                None => all.push((*from, *to, both)),
            }
        }
    }
    all.sort_by_key(|(from, to, _)| (from.sort_key(), to.sort_key()));
    Ok(all)
}

/// What a side answers, and where, its default among it.
fn parts(side: Side<'_>, width: Width) -> Result<Vec<(Outcome, Vec<Cell>)>, TooLarge> {
    let mut parts = side.parts(width)?;
    parts.extend(side.rest(&parts)?);
    Ok(parts)
}

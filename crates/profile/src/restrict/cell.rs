//! Cells: sets of calls that are given by a set of values for each argument, and unions of them.

use super::error::TooLarge;
use super::set::Set;
use crate::Condition;

/// All calls whose arguments are each in its set; none stands for every value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    sides: [Option<Set>; 6],
}

impl Cell {
    /// All calls.
    pub(crate) const ALL: Self = Self {
        sides: [const { None }; 6],
    };

    /// The calls for which all conditions hold, of which no two look at one argument; none if
    /// there are no such calls.
    pub(crate) fn of(conditions: &[Condition]) -> Option<Self> {
        let mut cell = Self::ALL;
        for condition in conditions {
            let set = Set::of(condition);
            if set.is_empty() {
                return None;
            }
            let at = usize::try_from(condition.index).ok()?;
            *cell.sides.get_mut(at)? = (!set.is_full()).then_some(set);
        }
        Some(cell)
    }

    pub(crate) fn is_all(&self) -> bool {
        self.constrained() == 0
    }

    /// The calls in both, if any.
    pub(crate) fn and(&self, other: &Self) -> Result<Option<Self>, TooLarge> {
        let mut both = self.clone();
        for (mine, theirs) in both.sides.iter_mut().zip(&other.sides) {
            match (&mut *mine, theirs) {
                (_, None) => {}
                (None, Some(set)) => *mine = Some(set.clone()),
                (Some(one), Some(set)) => {
                    *one = one.and(set)?;
                    if one.is_empty() {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(both))
    }

    /// Adds the calls of the cell that are not in `other` to `to`, in cells that do not overlap.
    fn minus(&self, other: &Self, to: &mut Vec<Self>) -> Result<(), TooLarge> {
        if self.and(other)?.is_none() {
            to.push(self.clone());
            return Ok(());
        }
        let mut rest = self.clone();
        for (at, theirs) in other.sides.iter().enumerate() {
            let (Some(theirs), Some(mine)) = (theirs, rest.sides.get_mut(at)) else {
                continue;
            };
            let outside = theirs.not()?;
            let (out, within) = match &*mine {
                None => (outside, theirs.clone()),
                Some(mine) => (mine.and(&outside)?, mine.and(theirs)?),
            };
            *mine = Some(out);
            if mine.as_ref().is_some_and(|out| !out.is_empty()) {
                to.push(rest.clone());
            }
            if let Some(mine) = rest.sides.get_mut(at) {
                *mine = Some(within);
            }
        }
        Ok(())
    }

    /// The union, if it is a cell: the two differ in one argument at most.
    fn join(&self, other: &Self) -> Result<Option<Self>, TooLarge> {
        let pairs = self.sides.iter().zip(&other.sides).enumerate();
        let mut different = pairs.filter(|(_, (mine, theirs))| mine != theirs);
        let first = different.next();
        if different.next().is_some() {
            return Ok(None);
        }
        let mut joined = self.clone();
        if let Some((at, (mine, theirs))) = first {
            let set = match (mine, theirs) {
                (Some(mine), Some(theirs)) => Some(mine.clone().or(theirs.clone())?),
                _ => None,
            };
            if let Some(side) = joined.sides.get_mut(at) {
                *side = set.filter(|set| !set.is_full());
            }
        }
        Ok(Some(joined))
    }

    /// Lists of conditions, any of which holds altogether exactly for the calls of the cell; no
    /// more than `limit` of them.
    pub(crate) fn conditions(&self, limit: usize) -> Result<Vec<Vec<Condition>>, TooLarge> {
        let mut all = vec![Vec::new()];
        for (index, set) in (0..).zip(&self.sides) {
            let Some(set) = set else { continue };
            let parts = set.conditions(index);
            if all.len().saturating_mul(parts.len()) > limit {
                return Err(TooLarge);
            }
            let with = |one: &Vec<Condition>| {
                let one = one.clone();
                parts.iter().map(move |part| {
                    let mut longer = one.clone();
                    longer.push(*part);
                    longer
                })
            };
            all = all.iter().flat_map(with).collect();
        }
        Ok(all)
    }

    fn constrained(&self) -> usize {
        self.sides.iter().flatten().count()
    }
}

/// What of `cells` is not in `others`.
pub(crate) fn minus(cells: Vec<Cell>, others: &[Cell]) -> Result<Vec<Cell>, TooLarge> {
    let mut rest = cells;
    for other in others {
        let mut smaller = Vec::with_capacity(rest.len());
        for cell in &rest {
            cell.minus(other, &mut smaller)?;
        }
        if smaller.len() > CELLS {
            return Err(TooLarge);
        }
        rest = smaller;
    }
    Ok(rest)
}

/// The same calls in few cells that do not overlap, whatever the order they are given in.
pub(crate) fn tidy(cells: Vec<Cell>) -> Result<Vec<Cell>, TooLarge> {
    let mut cells = joined(cells)?;
    if cells.len() < 2 {
        return Ok(cells);
    }
    cells.sort_by(|a, b| (a.constrained(), a).cmp(&(b.constrained(), b)));
    let mut apart: Vec<Cell> = Vec::with_capacity(cells.len());
    for cell in cells {
        let rest = minus(vec![cell], &apart)?;
        apart.extend(rest);
    }
    let mut cells = joined(apart)?;
    cells.sort_unstable();
    Ok(cells)
}

/// The same calls in fewer cells, whatever the order they are given in: those that make one are
/// joined.
pub(crate) fn joined(mut cells: Vec<Cell>) -> Result<Vec<Cell>, TooLarge> {
    if cells.len() > CELLS {
        return Err(TooLarge);
    }
    cells.sort_unstable();
    cells.dedup();
    let mut done: Vec<Cell> = Vec::with_capacity(cells.len());
    for mut cell in cells {
        let mut at = 0;
        while let Some(other) = done.get(at) {
            if let Some(joined) = other.join(&cell)? {
                cell = joined;
                done.swap_remove(at);
                at = 0;
            } else {
                at += 1;
            }
        }
        done.push(cell);
    }
    Ok(done)
}

/// The same calls in cells as wide as they go, which may overlap: they take the fewest conditions.
pub(crate) fn widened(cells: &[Cell]) -> Result<Vec<Cell>, TooLarge> {
    let within = |cell: &Cell, all: &[Cell]| {
        let rest = minus(vec![cell.clone()], all);
        rest.map(|rest| rest.is_empty())
    };
    if cells.len() > WIDENED {
        return Ok(cells.to_vec());
    }
    let mut wide = cells.to_vec();
    for cell in &mut wide {
        for at in 0..cell.sides.len() {
            let mut wider = cell.clone();
            let side = wider.sides.get_mut(at).and_then(Option::take);
            if side.is_some() && within(&wider, cells)? {
                *cell = wider;
            }
        }
    }
    let mut wide = joined(wide)?;
    wide.sort_unstable();
    let mut at = 0;
    while let Some(cell) = wide.get(at).cloned() {
        let mut others = wide.clone();
        others.remove(at);
        if within(&cell, &others)? {
            wide = others;
        } else {
            at += 1;
        }
    }
    Ok(wide)
}

/// How many cells are worth widening: the work grows with their cube.
const WIDENED: usize = 16;

/// How many cells a union may have.
const CELLS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;

    fn cell(conditions: &[(u32, Operator, u64)]) -> Cell {
        let condition = |&(index, op, value): &(u32, Operator, u64)| Condition {
            index,
            value,
            value_two: 0,
            op,
        };
        let conditions: Vec<_> = conditions.iter().map(condition).collect();
        Cell::of(&conditions).unwrap()
    }

    #[test]
    fn points_of_one_argument_join() {
        let points = [0, 8, 9].map(|x| cell(&[(0, Operator::ScmpCmpEq, x)]));
        assert_eq!(tidy(points.to_vec()).unwrap().len(), 1);
    }

    #[test]
    fn a_cell_and_the_rest_make_all_calls() {
        let one = cell(&[(0, Operator::ScmpCmpEq, 16), (2, Operator::ScmpCmpEq, 9)]);
        let rest = minus(vec![Cell::ALL], std::slice::from_ref(&one)).unwrap();
        assert_eq!(rest.len(), 2);
        for cell in &rest {
            assert_eq!(cell.and(&one), Ok(None));
        }
        let all = rest.into_iter().chain([one]).collect();
        assert_eq!(tidy(all).unwrap(), [Cell::ALL]);
    }

    #[test]
    fn cells_that_were_set_apart_are_widened_again() {
        let two = [
            cell(&[(0, Operator::ScmpCmpEq, 16)]),
            cell(&[(2, Operator::ScmpCmpEq, 9)]),
        ];
        let apart = tidy(two.to_vec()).unwrap();
        assert_ne!(apart, two);
        let mut wide = widened(&apart).unwrap();
        wide.sort_by_key(|cell| cell != &two[0]);
        assert_eq!(wide, two);
    }

    #[test]
    fn cells_that_overlap_are_set_apart() {
        let two = vec![
            cell(&[(0, Operator::ScmpCmpNe, 16)]),
            cell(&[(2, Operator::ScmpCmpNe, 9)]),
        ];
        let apart = tidy(two).unwrap();
        assert_eq!(apart.len(), 2);
        assert_eq!(apart[0].and(&apart[1]), Ok(None));
    }
}

//! Sets of values of one argument: ranges for the comparisons, cubes for MASKED_EQ.

use super::cube::{Cube, blocks};
use super::error::TooLarge;
use crate::{Condition, Operator};

/// A set of 64-bit numbers: the union of its parts. Ranges are sorted and have gaps between them;
/// cubes that are ranges are among the ranges. Two sets of ranges alone are equal as values
/// exactly if they hold the same numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Set {
    ranges: Vec<(u64, u64)>,
    cubes: Vec<Cube>,
}

impl Set {
    /// The values that satisfy a condition.
    pub(crate) fn of(condition: &Condition) -> Self {
        let value = condition.value;
        let range = |low: Option<u64>, high: Option<u64>| low.zip(high);
        let ranges = match condition.op {
            Operator::ScmpCmpEq => [range(Some(value), Some(value)), None],
            Operator::ScmpCmpNe => [
                range(Some(0), value.checked_sub(1)),
                range(value.checked_add(1), Some(u64::MAX)),
            ],
            Operator::ScmpCmpLt => [range(Some(0), value.checked_sub(1)), None],
            Operator::ScmpCmpLe => [range(Some(0), Some(value)), None],
            Operator::ScmpCmpGe => [range(Some(value), Some(u64::MAX)), None],
            Operator::ScmpCmpGt => [range(value.checked_add(1), Some(u64::MAX)), None],
            Operator::ScmpCmpMaskedEq => {
                let cube = Cube::new(value, condition.value_two);
                if !cube.is_range() {
                    return Self {
                        ranges: Vec::new(),
                        cubes: vec![cube],
                    };
                }
                [Some(cube.bounds()), None]
            }
        };
        Self {
            ranges: ranges.into_iter().flatten().collect(),
            cubes: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.cubes.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.ranges == [(0, u64::MAX)]
    }

    /// The numbers in either.
    pub(crate) fn or(mut self, other: Self) -> Result<Self, TooLarge> {
        self.ranges.extend(other.ranges);
        self.cubes.extend(other.cubes);
        self.tidy()
    }

    /// The numbers in both.
    pub(crate) fn and(&self, other: &Self) -> Result<Self, TooLarge> {
        let mut both = Self {
            ranges: Vec::new(),
            cubes: Vec::new(),
        };
        for (low, high) in &self.ranges {
            let overlaps = other.ranges.iter().filter_map(|(from, to)| {
                let (from, to) = (*low.max(from), *high.min(to));
                (from <= to).then_some((from, to))
            });
            both.ranges.extend(overlaps);
        }
        for cube in &self.cubes {
            let overlaps = other.cubes.iter().filter_map(|one| cube.and(*one));
            both.cubes.extend(overlaps);
        }
        for (ranges, cubes) in [(&self.ranges, &other.cubes), (&other.ranges, &self.cubes)] {
            for cube in cubes {
                let (least, most) = cube.bounds();
                for (low, high) in ranges {
                    if *low <= least && most <= *high {
                        both.cubes.push(*cube);
                    } else if *low <= most && least <= *high {
                        let overlaps = blocks(*low, *high).into_iter();
                        both.cubes.extend(overlaps.filter_map(|one| cube.and(one)));
                    }
                }
            }
        }
        both.tidy()
    }

    /// The numbers not in it.
    pub(crate) fn not(&self) -> Result<Self, TooLarge> {
        let mut gaps = Vec::new();
        let mut next = Some(0);
        for (low, high) in &self.ranges {
            if let Some((from, to)) = next.zip(low.checked_sub(1))
                && from <= to
            {
                gaps.push((from, to));
            }
            next = high.checked_add(1);
        }
        gaps.extend(next.map(|from| (from, u64::MAX)));
        let mut rest = Self {
            ranges: gaps,
            cubes: Vec::new(),
        };
        for cube in &self.cubes {
            let others = Self {
                ranges: Vec::new(),
                cubes: cube.not().collect(),
            };
            rest = rest.and(&others.tidy()?)?;
        }
        Ok(rest)
    }

    /// Conditions on argument `index` of which any holds exactly for the numbers of the set.
    pub(crate) fn conditions(&self, index: u32) -> Vec<Condition> {
        let condition = |op, value, value_two| Condition {
            index,
            value,
            value_two,
            op,
        };
        if let (Some(hole), true) = (self.hole(), self.cubes.is_empty()) {
            return vec![condition(Operator::ScmpCmpNe, hole, 0)];
        }
        let mut all = Vec::new();
        for (low, high) in self.ranges.iter().copied() {
            // `LT 2^32` and `GE 2^32` would mean something else to a filter of 32 bits.
            match (low.checked_sub(1), high.checked_add(1)) {
                _ if high - low < FEW => {
                    all.extend((low..=high).map(|x| condition(Operator::ScmpCmpEq, x, 0)));
                }
                (None, _) if high == u64::from(u32::MAX) => {
                    all.push(condition(Operator::ScmpCmpLe, high, 0));
                }
                (None, Some(above)) => all.push(condition(Operator::ScmpCmpLt, above, 0)),
                (None, None) => all.push(condition(Operator::ScmpCmpGe, 0, 0)),
                (Some(below), None) => all.push(condition(Operator::ScmpCmpGt, below, 0)),
                (Some(_), Some(_)) => {
                    let masked = |cube: Cube| match cube.mask {
                        u64::MAX => condition(Operator::ScmpCmpEq, cube.value, 0),
                        mask => condition(Operator::ScmpCmpMaskedEq, mask, cube.value),
                    };
                    all.extend(blocks(low, high).into_iter().map(masked));
                }
            }
        }
        let cubes = self.cubes.iter();
        all.extend(cubes.map(|cube| condition(Operator::ScmpCmpMaskedEq, cube.mask, cube.value)));
        all
    }

    /// The one number that the ranges leave out, if it is just one and within.
    fn hole(&self) -> Option<u64> {
        match self.ranges.as_slice() {
            [(0, below), (above, u64::MAX)] if above - below == 2 => Some(below + 1),
            [(1, u64::MAX)] => Some(0),
            _ => None,
        }
    }

    /// Puts the parts in the form that the type promises.
    fn tidy(mut self) -> Result<Self, TooLarge> {
        let (ranges, mut cubes): (Vec<_>, Vec<_>) =
            self.cubes.into_iter().partition(|cube| cube.is_range());
        self.ranges.extend(ranges.into_iter().map(Cube::bounds));
        self.ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(self.ranges.len());
        for (low, high) in self.ranges {
            match joined.last_mut() {
                Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
                _ => joined.push((low, high)),
            }
        }
        cubes.sort_unstable();
        cubes.dedup();
        let mut kept: Vec<Cube> = Vec::with_capacity(cubes.len());
        // Sorted by mask; but a mask that is a part of another may come after it, so ask all.
        for (at, cube) in cubes.iter().enumerate() {
            let (least, most) = cube.bounds();
            let in_range = joined
                .iter()
                .any(|(low, high)| *low <= least && most <= *high);
            let in_cube = cubes
                .iter()
                .enumerate()
                .any(|(other_at, other)| other_at != at && other.covers(*cube));
            if !in_range && !in_cube {
                kept.push(*cube);
            }
        }
        if joined.len().saturating_add(kept.len()) > PARTS {
            return Err(TooLarge);
        }
        Ok(Self {
            ranges: joined,
            cubes: kept,
        })
    }
}

/// Ranges of up to so many numbers are written as EQ, which people read best.
const FEW: u64 = 8;

/// How many parts a set may have.
const PARTS: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(op: Operator, value: u64, value_two: u64) -> Condition {
        Condition {
            index: 0,
            value,
            value_two,
            op,
        }
    }

    fn set(op: Operator, value: u64) -> Set {
        Set::of(&condition(op, value, 0))
    }

    #[test]
    fn two_bounds_become_one_condition_where_one_is_within_the_other() {
        let both = set(Operator::ScmpCmpLt, 38).and(&set(Operator::ScmpCmpLe, 50));
        let expect = [condition(Operator::ScmpCmpLt, 38, 0)];
        assert_eq!(both.unwrap().conditions(0), expect);
        let none = set(Operator::ScmpCmpLt, 5).and(&set(Operator::ScmpCmpGe, 5));
        assert!(none.unwrap().is_empty());
    }

    #[test]
    fn the_complement_of_a_comparison_is_its_opposite() {
        use Operator::*;
        for (op, opposite) in [
            (ScmpCmpEq, ScmpCmpNe),
            (ScmpCmpLt, ScmpCmpGe),
            (ScmpCmpLe, ScmpCmpGt),
        ] {
            for value in [0, 1, 40, u64::from(u32::MAX), 1 << 32, u64::MAX] {
                assert_eq!(
                    set(op, value).not(),
                    Ok(set(opposite, value)),
                    "{op:?} {value}"
                );
                assert_eq!(
                    set(opposite, value).not(),
                    Ok(set(op, value)),
                    "{op:?} {value}"
                );
            }
        }
    }

    #[test]
    fn a_range_in_the_middle_is_written_as_masks() {
        let middle = set(Operator::ScmpCmpGe, 17).and(&set(Operator::ScmpCmpLt, 38));
        let written = middle.clone().unwrap().conditions(0);
        let again = written
            .iter()
            .map(Set::of)
            .reduce(|a, b| a.or(b).unwrap())
            .unwrap();
        assert_eq!(Ok(again), middle);
        assert!(written.len() < 8, "{written:?}");
    }

    #[test]
    fn a_mask_within_a_mask_is_the_narrower_one() {
        let wide = Set::of(&condition(Operator::ScmpCmpMaskedEq, 0x7c02_0000, 0));
        let narrow = Set::of(&condition(Operator::ScmpCmpMaskedEq, 0x7e02_0000, 0));
        assert_eq!(wide.and(&narrow), Ok(narrow.clone()));
        assert!(wide.not().unwrap().and(&narrow).unwrap().is_empty());
        let between = narrow.not().unwrap().and(&wide).unwrap();
        let expect = [condition(
            Operator::ScmpCmpMaskedEq,
            0x7e02_0000,
            0x0200_0000,
        )];
        assert_eq!(between.conditions(0), expect);
    }

    #[test]
    fn no_condition_is_written_that_32_bits_would_cut() {
        let low = set(Operator::ScmpCmpLe, u64::from(u32::MAX));
        for set in [low.clone(), low.not().unwrap()] {
            for condition in set.conditions(0) {
                assert!(u32::try_from(condition.value).is_ok(), "{condition:?}");
            }
        }
    }
}

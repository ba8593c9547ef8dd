//! Cubes: the numbers that have given bits in given places, which is what MASKED_EQ takes.

/// All `x` with `x & mask == value`; `value` has no bit outside `mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cube {
    pub(crate) mask: u64,
    pub(crate) value: u64,
}

impl Cube {
    /// Bits of `value` outside `mask` do not count, as in the compiled filter.
    pub(crate) fn new(mask: u64, value: u64) -> Self {
        Self {
            mask,
            value: value & mask,
        }
    }

    /// The numbers in both.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        let clash = (self.value ^ other.value) & self.mask & other.mask;
        (clash == 0).then_some(Self {
            mask: self.mask | other.mask,
            value: self.value | other.value,
        })
    }

    /// The numbers not in it, as cubes that do not overlap: one for each bit of the mask.
    pub(crate) fn not(self) -> impl Iterator<Item = Self> {
        let bits = (0..u64::BITS).rev().map(|shift| 1_u64 << shift);
        let masked = bits.filter(move |bit| self.mask & bit != 0);
        masked.map(move |bit| {
            let above = self.mask & !(bit - 1);
            Self::new(above, self.value ^ bit)
        })
    }

    /// Whether every number of `other` is in it.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.mask & !other.mask == 0 && other.value & self.mask == self.value
    }

    /// The smallest and the largest number, which are all there is between if `is_range`.
    pub(crate) fn bounds(self) -> (u64, u64) {
        (self.value, self.value | !self.mask)
    }

    /// Whether its numbers follow each other without a gap.
    pub(crate) fn is_range(self) -> bool {
        let free = !self.mask;
        free & free.wrapping_add(1) == 0
    }
}

/// The numbers from `low` to `high` as cubes that do not overlap, 126 at the most.
pub(crate) fn blocks(low: u64, high: u64) -> Vec<Cube> {
    let mut cubes = Vec::new();
    let mut next = Some(low);
    while let Some(at) = next.filter(|at| *at <= high) {
        // The largest block that starts here and does not pass the end.
        let mut free = at.wrapping_sub(1) & !at; // the zeros below the lowest one
        while free > high - at {
            free >>= 1;
        }
        cubes.push(Cube::new(!free, at));
        next = (at | free).checked_add(1);
    }
    cubes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(cube: Cube, x: u64) -> bool {
        x & cube.mask == cube.value
    }

    #[test]
    fn blocks_hold_each_number_of_the_range_once() {
        for (low, high) in [(0, 0), (0, 63), (3, 17), (16, 31), (17, 37), (1, 254)] {
            let cubes = blocks(low, high);
            for x in 0..300 {
                let count = cubes.iter().filter(|cube| has(**cube, x)).count();
                assert_eq!(count, usize::from((low..=high).contains(&x)), "{x}");
            }
        }
        assert_eq!(blocks(0, u64::MAX), [Cube::new(0, 0)]);
        assert_eq!(blocks(u64::MAX, u64::MAX), [Cube::new(u64::MAX, u64::MAX)]);
        assert_eq!(blocks(1, u64::MAX).len(), 64);
    }

    #[test]
    fn a_cube_and_its_complement_hold_each_number_once() {
        let cube = Cube::new(0b1011_0010, 0b1001_0000);
        for x in 0..512 {
            let count = cube.not().filter(|part| has(*part, x)).count();
            assert_eq!(count, usize::from(!has(cube, x)), "{x}");
        }
        assert_eq!(Cube::new(0, 0).not().count(), 0);
    }
}

//! Which widths the architectures of a result compare arguments at, and what that forbids.
//!
//! One rule serves all architectures. Reasoning is done on 64-bit sets; what it finds also holds
//! for filters of 32 bits as long as no condition involved loses bits that count.

use crate::meaning::compares_32_bits;
use crate::{Arch, Condition, Operator};

/// The widths of the architectures that a result is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// 64 bits alone.
    Wide,
    /// 32 bits alone.
    Narrow,
    /// Some 64 and some 32.
    Both,
}

impl Width {
    /// The widths of `arches`.
    pub(crate) fn of(arches: &[Arch]) -> Self {
        let narrow = arches
            .iter()
            .filter(|arch| compares_32_bits(**arch))
            .count();
        match narrow {
            0 => Self::Wide,
            _ if narrow == arches.len() => Self::Narrow,
            _ => Self::Both,
        }
    }

    /// Whether a condition accepts the same 32-bit values at every width.
    pub(crate) fn fits(self, condition: &Condition) -> bool {
        self == Self::Wide || condition.compared() <= NARROW
    }

    /// The condition as all of these architectures see it.
    pub(crate) fn seen(self, condition: &Condition) -> Condition {
        if self == Self::Narrow {
            narrowed(condition)
        } else {
            *condition
        }
    }
}

/// The condition as an architecture of 32 bits sees it.
pub(crate) fn narrowed(condition: &Condition) -> Condition {
    Condition {
        value: condition.value & NARROW,
        value_two: condition.value_two & NARROW,
        ..*condition
    }
}

impl Condition {
    /// The number that an argument is compared with.
    fn compared(&self) -> u64 {
        match self.op {
            Operator::ScmpCmpMaskedEq => self.value & self.value_two,
            _ => self.value,
        }
    }
}

/// All values that an architecture of 32 bits knows.
const NARROW: u64 = u32::MAX as u64;

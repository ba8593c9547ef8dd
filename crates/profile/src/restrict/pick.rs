//! Which of two answers to a call counts.

use crate::meaning::Outcome;

/// How two profiles become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// The stricter answer counts, as of two filters that are both installed.
    Stricter,
    /// The less strict answer counts: what either allows is allowed.
    Looser,
}

impl Pick {
    /// The answer that counts. Of two that are equally strict, that is the second's for
    /// [`Pick::Stricter`] and the first's for [`Pick::Looser`].
    pub(crate) fn of(self, first: Outcome, second: Outcome) -> Outcome {
        match self {
            Self::Stricter => first.stacked(second),
            Self::Looser => first.eased(second),
        }
    }
}

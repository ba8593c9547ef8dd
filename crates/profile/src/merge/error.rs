//! Why profiles cannot be merged.

use crate::RestrictError;

/// Profiles that have no common loosening.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Two hand calls to a listener, and not to the same one. A filter has one listener.
    #[error("cannot hand calls to two listeners, {first:?} and {second:?}")]
    TwoListeners {
        /// `listenerPath` of an earlier profile.
        first: String,
        /// `listenerPath` of a later one.
        second: String,
    },
    /// The rules of one cannot be read, or the result's cannot be written.
    #[error(transparent)]
    Rules(#[from] RestrictError),
}

//! What can be wrong with a bundle.

use rustix::io::Errno;
use strict_json::{Fault, Place};

/// A bundle's file could not be read or replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A system call failed.
    #[error("cannot {doing}")]
    Io {
        /// What was tried, e.g. `open it`.
        doing: &'static str,
        /// How the kernel refused.
        #[source]
        errno: Errno,
    },
    /// A fifo, a device, a folder.
    #[error("not a regular file; put a regular file there")]
    NotRegular,
    /// Larger than [`crate::MAX_SIZE`].
    #[error("larger than {} MiB, which no engine writes; make it smaller", crate::MAX_SIZE / (1024 * 1024))]
    TooLarge,
    /// Another file stands there now than the one that was read.
    #[error("it was changed by somebody else while it was being rewritten; try again")]
    Changed,
}

impl BundleError {
    pub(crate) fn io(doing: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self::Io { doing, errno }
    }
}

/// config.json says something that cannot be decided on.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    #[source]
    pub fault: Fault,
}

//! Why an engine cannot be set up.

use std::io;
use std::path::PathBuf;

/// One clear line, with the mend in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{}: cannot {doing} it: {error}", path.display())]
    Io {
        path: PathBuf,
        doing: &'static str,
        error: io::Error,
    },
    #[error("{}: {what}", path.display())]
    Config { path: PathBuf, what: String },
    #[error("{0}")]
    Asked(String),
}

impl Fault {
    pub(super) fn io(
        path: impl Into<PathBuf>,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, doing, error }
    }
}

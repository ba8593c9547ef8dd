//! A profile file: read in one dialect, with its warnings, ready to be resolved.

use strict_json::{MAX_DEPTH, Text};

use crate::parsed::Parsed;
use crate::read_profile;
use crate::reader::{Reader, not_json};
use crate::{Dialect, ProblemKind, Problems, Warning};

/// A profile file that is sound, in the dialect that it was read in.
#[derive(Debug, Clone)]
pub struct Source {
    pub(crate) dialect: Dialect,
    /// The file, for the places of problems that show only when it is resolved.
    pub(crate) text: String,
    pub(crate) parsed: Parsed,
    pub(crate) warnings: Vec<Warning>,
}

impl Source {
    /// Reads a profile in the dialect that its keys belong to (see [`Source::dialect`]).
    ///
    /// How large the file may be is the caller's business; the work is linear in its size.
    ///
    /// # Errors
    /// All that an engine or a runtime would refuse whatever the container, all that they would
    /// read differently (keys that stand twice or in another case), numbers that runc would cut,
    /// and a profile that decides nothing, which engines take for "unconfined" (CVE-2023-2431).
    pub fn read(bytes: &[u8]) -> Result<Self, Problems> {
        sound(read(bytes, None, false)?)
    }

    /// Reads a profile by the rules of `dialect`, whatever keys there are. What it ignores is
    /// among the warnings.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read_as(bytes: &[u8], dialect: Dialect) -> Result<Self, Problems> {
        sound(read(bytes, Some(dialect), false)?)
    }

    /// Reads a profile as [`Source::read_as`], but gives none where the engine would run the
    /// container without any filter: for comparing with engines, never for deciding.
    ///
    /// # Errors
    /// As [`Source::read`], but neither for a profile that decides nothing nor for an errno out of
    /// range, which engines leave to the runtime.
    pub fn read_as_engine(bytes: &[u8], dialect: Dialect) -> Result<Option<Self>, Problems> {
        read(bytes, Some(dialect), true)
    }

    /// The dialect in which the file was read: Podman's if it has a `defaultErrno` or an `errno`,
    /// Docker's if it has an `archMap`, `name`, `includes` or `excludes`, else OCI, where all
    /// engines agree.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What is odd about the file, by place: at most a hundred.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A source, or none where the engine would use no filter and `as_engine` is set.
fn read(
    bytes: &[u8],
    dialect: Option<Dialect>,
    as_engine: bool,
) -> Result<Option<Source>, Problems> {
    let text = Text::check(bytes, MAX_DEPTH).map_err(|fault| not_json(bytes, fault))?;
    let root = text.root();
    let dialect = dialect.unwrap_or_else(|| Dialect::of(&root));
    let mut reader = Reader::new(dialect);
    reader.as_engine = as_engine;
    let parsed = read_profile::profile(&mut reader, &root);
    let unconfined = matches!(
        reader.only_problem(),
        Some(ProblemKind::DecidesNothing | ProblemKind::NotAProfile(_))
    );
    if as_engine && unconfined {
        return Ok(None);
    }
    let warnings = reader.finish(root.document())?;
    Ok(parsed.map(|parsed| Source {
        dialect,
        text: root.document().to_owned(),
        parsed,
        warnings,
    }))
}

/// The source; a reader that gives none without a problem has decided nothing.
fn sound(source: Option<Source>) -> Result<Source, Problems> {
    source.ok_or_else(Problems::decides_nothing)
}

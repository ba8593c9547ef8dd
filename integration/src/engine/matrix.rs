//! What was tried, as the tests record it: one JSON line for each cell of the table in
//! docs/engines.md.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::engine::Wrapped;
use serde::{Deserialize, Serialize};

/// One operation of one engine with one runtime behind the shim, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cell {
    /// The engine and its version.
    pub engine: String,
    /// What was done.
    pub operation: String,
    /// The runtime and its version.
    pub runtime: String,
    /// `works`, or what this machine or runtime cannot do, with the shim or without.
    pub came: String,
}

impl Cell {
    /// One of an engine, by its version, and a runtime.
    #[must_use]
    pub fn of(engine: &str, runtime: &Wrapped, operation: &str, came: String) -> Self {
        Self {
            engine: engine.to_owned(),
            operation: operation.to_owned(),
            runtime: format!("{} {}", runtime.name, runtime.version),
            came,
        }
    }

    /// Where the cells are kept: what `SHIM_TEST_MATRIX` names, else `target/engine-matrix.jsonl`.
    #[must_use]
    pub fn kept() -> PathBuf {
        let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/engine-matrix.jsonl");
        std::env::var_os("SHIM_TEST_MATRIX").map_or_else(usual, PathBuf::from)
    }

    /// Adds it to those that are kept.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self) -> std::io::Result<()> {
        let path = Self::kept();
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        file.write_all(line.as_bytes())
    }
}

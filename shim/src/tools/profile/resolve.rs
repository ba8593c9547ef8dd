//! `shim profile resolve`: what an engine makes of a profile for one container.

use std::path::PathBuf;

use clap::Args;
use profile::{Dialect, Problems, Source};

use super::failure::Failure;
use super::file::File;
use super::json::print_profile;
use super::target::TargetArgs;
use crate::tools::{Format, complain, print};

/// Print what the engine makes of a profile for a container: linux.seccomp of the OCI runtime
/// spec, or null for no seccomp at all
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// The profile; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// JSON in lines, or on one
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: TargetArgs,
}

impl Resolve {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let target = self.target.target()?;
        let file = File::read(&self.file)?;
        let source = as_engine(&file.bytes, self.target.dialect());
        let Some(source) = source.map_err(|problems| file.errors(&problems))? else {
            complain(&format!(
                "{}: it decides nothing, and the engine would run a container without any filter",
                file.name
            ));
            print("null\n");
            return Ok(0);
        };
        let resolved = source.resolve(&target);
        let seccomp = resolved.map_err(|problems| file.errors(&problems))?;
        print_profile(&seccomp, self.format);
        Ok(0)
    }
}

/// The profile as an engine reads it; none where that engine would use no filter.
fn as_engine(bytes: &[u8], dialect: Option<Dialect>) -> Result<Option<Source>, Problems> {
    if let Some(dialect) = dialect {
        return Source::read_as_engine(bytes, dialect);
    }
    Source::read(bytes).map(Some).or_else(|problems| {
        // Of a profile that decides nothing, all engines make the same.
        match Source::read_as_engine(bytes, Dialect::Oci) {
            Ok(None) => Ok(None),
            _ => Err(problems),
        }
    })
}

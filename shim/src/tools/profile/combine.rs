//! `shim profile merge` and `shim profile restrict`: one profile of several.

use std::path::{Path, PathBuf};

use clap::Args;
use profile::{Note, Seccomp};

use super::failure::Failure;
use super::file::File;
use super::json::print_profile;
use super::target::TargetArgs;
use crate::tools::{Format, complain};

/// Print the profile that allows what any of some profiles allows
///
/// Each call gets the least strict of the profiles' answers. Where the OCI format cannot say that,
/// the result is stricter, and standard error says where.
#[derive(Debug, Args)]
pub(super) struct Merge {
    /// The profiles; - is standard input
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    files: Vec<PathBuf>,
    /// JSON in lines, or on one
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: TargetArgs,
}

/// Print the profile that does what two do together
///
/// Each call gets the stricter of the two answers, as if both filters were installed; where both
/// are equally strict, B's errno counts. Where the OCI format cannot say that, the result is
/// stricter, and standard error says where.
#[derive(Debug, Args)]
pub(super) struct Restrict {
    /// A profile; - is standard input
    a: PathBuf,
    /// Another
    b: PathBuf,
    /// JSON in lines, or on one
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: TargetArgs,
}

impl Merge {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let paths = self.files.iter().map(PathBuf::as_path);
        let profiles = load(paths, &self.target)?;
        let Some((first, others)) = profiles.split_first() else {
            return Err(Failure::Asked("there is no profile to merge".to_owned()));
        };
        let native = self.target.container.native()?;
        let merged = profile::merge(first, others, native);
        let merged = merged.map_err(|error| Failure::No(format!("cannot merge these: {error}")))?;
        print(&merged.profile, &merged.rounded, self.format);
        Ok(0)
    }
}

impl Restrict {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let profiles = load([self.a.as_path(), self.b.as_path()], &self.target)?;
        let [policy, request] = profiles.as_slice() else {
            return Err(Failure::Asked("two profiles are needed".to_owned()));
        };
        let native = self.target.container.native()?;
        let restricted = profile::restrict(policy, request, native);
        let restricted = restricted
            .map_err(|error| Failure::No(format!("cannot restrict one by the other: {error}")))?;
        print(&restricted.profile, &restricted.rounded, self.format);
        Ok(0)
    }
}

fn load<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    target: &TargetArgs,
) -> Result<Vec<Seccomp>, Failure> {
    let files = File::read_all(paths)?;
    let loaded = files.into_iter().map(|file| file.load(target));
    loaded.map(|loaded| Ok(loaded?.seccomp)).collect()
}

/// Prints a result, and on standard error where it is stricter than asked for.
fn print(seccomp: &Seccomp, rounded: &[Note], format: Format) {
    for note in rounded {
        complain(&format!("stricter than asked for: {note}"));
    }
    print_profile(seccomp, format);
}

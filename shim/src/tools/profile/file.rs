//! Profile files, and standard input, read.

use std::fs::File as Open;
use std::io::Read;
use std::path::Path;

use profile::{Problems, Seccomp, Source};
use strict_json::Place;

use super::failure::Failure;
use super::finding::Finding;
use super::target::TargetArgs;
use crate::tools::paint::Paint;

/// A file's name as messages show it, and its bytes.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// A profile for one container: where it came from, and what it is there.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) file: File,
    pub(super) source: Source,
    pub(super) seccomp: Seccomp,
    /// Where in the file each rule of `seccomp` stands.
    pub(super) places: Vec<Place>,
}

impl File {
    /// Reads the file at `path`; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        let (name, read) = if path == Path::new("-") {
            let stdin = std::io::stdin().lock();
            (
                STDIN.to_owned(),
                stdin.take(LARGEST).read_to_end(&mut bytes),
            )
        } else {
            let file = Open::open(path);
            let read = file.and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
            (path.display().to_string(), read)
        };
        if let Err(error) = read {
            return Err(Failure::Asked(format!("cannot read {name}: {error}")));
        }
        if bytes.len() as u64 == LARGEST {
            let text = format!("{name} is no profile: it has more than 16 MiB");
            return Err(Failure::Asked(text));
        }
        Ok(Self { name, bytes })
    }

    /// Reads them all; standard input can be one of them, once.
    pub(super) fn read_all<'a>(
        paths: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Vec<Self>, Failure> {
        let mut files = Vec::new();
        for path in paths {
            let file = Self::read(path)?;
            if file.name == STDIN && files.iter().any(|other: &Self| other.name == STDIN) {
                return Err(Failure::Asked(
                    "- stands twice: standard input can be read once".into(),
                ));
            }
            files.push(file);
        }
        Ok(files)
    }

    /// The profile that this file is for `target`.
    pub(super) fn load(self, args: &TargetArgs) -> Result<Loaded, Failure> {
        let target = args.target()?;
        let read = match args.dialect() {
            Some(dialect) => Source::read_as(&self.bytes, dialect),
            None => Source::read(&self.bytes),
        };
        let source = read.map_err(|problems| self.errors(&problems))?;
        let resolved = source.resolve_with_places(&target);
        let (seccomp, places) = resolved.map_err(|problems| self.errors(&problems))?;
        Ok(Loaded {
            file: self,
            source,
            seccomp,
            places,
        })
    }

    /// What is wrong with it, for people.
    pub(super) fn errors(&self, problems: &Problems) -> Failure {
        let paint = Paint::of_stderr();
        let mut report = String::new();
        for problem in problems {
            report.push_str(&Finding::of_problem(problem).shown(self, paint));
            report.push('\n');
        }
        if problems.more() > 0 {
            report.push_str(&format!("and {} more errors\n", problems.more()));
        }
        Failure::Errors(report)
    }
}

/// What messages call standard input.
const STDIN: &str = "<stdin>";

/// The most that is read of a file, in bytes.
const LARGEST: u64 = 16 << 20;

//! `shim profile check`: what is wrong with profiles, and what surprises.

use std::path::PathBuf;

use clap::Args;
use profile::{Problems, Source};
use serde_json::{Value, json};

use super::examine::of_source;
use super::failure::Failure;
use super::file::File;
use super::finding::{Finding, Level};
use super::target::TargetArgs;
use crate::tools::{Format, page::page, paint::Paint, print};

/// Say what is wrong with profiles, and what about them surprises; exit status 1 if any has an
/// error
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The profiles; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: TargetArgs,
}

/// What there is to say of one file.
struct Verdict {
    file: File,
    /// The dialect's name, if the file could be read.
    dialect: Option<String>,
    findings: Vec<Finding>,
    /// How many errors are not among the findings.
    more: usize,
}

impl Check {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let files = File::read_all(self.files.iter().map(PathBuf::as_path))?;
        let verdicts: Result<Vec<Verdict>, Failure> =
            files.into_iter().map(|file| self.verdict(file)).collect();
        let verdicts = verdicts?;
        let sound = verdicts.iter().all(Verdict::is_sound);
        match self.format {
            Format::Text => {
                let paint = Paint::of_stdout();
                let texts: Vec<String> = verdicts.iter().map(|one| one.text(paint)).collect();
                page(&texts.concat());
            }
            Format::Json => {
                let files: Vec<Value> = verdicts.iter().map(Verdict::json).collect();
                print(&format!("{:#}\n", json!({"sound": sound, "files": files})));
            }
        }
        Ok(i32::from(!sound))
    }

    fn verdict(&self, file: File) -> Result<Verdict, Failure> {
        let read = match self.target.dialect() {
            Some(dialect) => Source::read_as(&file.bytes, dialect),
            None => Source::read(&file.bytes),
        };
        let mut verdict = Verdict {
            file,
            dialect: None,
            findings: Vec::new(),
            more: 0,
        };
        match read {
            Ok(source) => {
                verdict.dialect = Some(source.dialect().to_string());
                verdict.findings = self.examined(&source)?;
            }
            Err(problems) => verdict.add(&problems),
        }
        if self.strict {
            for finding in &mut verdict.findings {
                finding.level = Level::Error;
            }
        }
        verdict.findings.sort_by_key(|finding| finding.place);
        Ok(verdict)
    }

    /// All that there is to say of a profile that can be read.
    fn examined(&self, source: &Source) -> Result<Vec<Finding>, Failure> {
        let native = self.target.container.native()?;
        // With all capabilities other rules apply than with those asked for.
        let targets = [self.target.target()?, self.target.container.with_all()?];
        Ok(of_source(source, native, &targets))
    }
}

impl Verdict {
    fn add(&mut self, problems: &Problems) {
        self.findings
            .extend(problems.iter().map(Finding::of_problem));
        self.more = problems.more();
    }

    fn is_sound(&self) -> bool {
        self.count(Level::Error) == 0
    }

    fn count(&self, level: Level) -> usize {
        let of_level = self.findings.iter().filter(|one| one.level == level);
        let more = if level == Level::Error { self.more } else { 0 };
        of_level.count().saturating_add(more)
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            text.push_str(&finding.shown(&self.file, paint));
            text.push('\n');
        }
        if self.more > 0 {
            text.push_str(&format!("and {} more errors\n\n", self.more));
        }
        let read = match &self.dialect {
            Some(dialect) => format!(", read as {dialect}"),
            None => String::new(),
        };
        let count = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            count => Some(format!("{count} {what}s")),
        };
        let (errors, warnings) = (self.count(Level::Error), self.count(Level::Warning));
        let counts: Vec<String> = [count(errors, "error"), count(warnings, "warning")]
            .into_iter()
            .flatten()
            .collect();
        let counts = match counts.join(", ") {
            none if none.is_empty() => paint.green("sound"),
            some if errors > 0 => paint.red(&some),
            some => paint.yellow(&some),
        };
        text.push_str(&format!("{}: {counts}{read}\n", self.file.name));
        text
    }

    fn json(&self) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(Finding::json).collect();
        json!({
            "file": self.file.name,
            "sound": self.is_sound(),
            "dialect": self.dialect,
            "findings": findings,
            "more": self.more,
        })
    }
}

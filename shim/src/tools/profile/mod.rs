//! `shim profile`: questions about seccomp profiles.

mod arches;
mod ask;
mod batch;
pub(super) mod capability;
mod check;
mod combine;
mod deciding;
mod default;
mod diff;
mod diff_html;
pub(super) mod examine;
mod failure;
mod file;
pub(super) mod finding;
mod grid;
mod json;
mod resolve;
mod show;
mod summary;
mod syscalls;
mod target;
mod words;

use clap::{Args, Subcommand};

use self::failure::Failure;

/// Ask seccomp profiles what they do: check, test, compare and combine them
///
/// A FILE that is - is standard input. A profile is read for a container with the capabilities
/// that --cap gives; --cap docker gives those of Docker's default.
///
/// Exit status: 0 all is well, 1 the answer is no (errors in a profile; two that differ), 2 asked
/// wrongly.
#[derive(Debug, Args)]
pub(super) struct Profile {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Check(check::Check),
    Show(show::Show),
    Resolve(resolve::Resolve),
    Test(ask::Test),
    Diff(diff::Differ),
    Merge(combine::Merge),
    Restrict(combine::Restrict),
    Default(default::Default),
}

impl Profile {
    pub(super) fn run(&self) -> i32 {
        let answer = match &self.question {
            Question::Check(check) => check.run(),
            Question::Show(show) => show.run(),
            Question::Resolve(resolve) => resolve.run(),
            Question::Test(test) => test.run(),
            Question::Diff(differ) => differ.run(),
            Question::Merge(merge) => merge.run(),
            Question::Restrict(restrict) => restrict.run(),
            Question::Default(default) => default.run(),
        };
        answer.unwrap_or_else(Failure::tell)
    }
}

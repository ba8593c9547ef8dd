//! `shim policy`: questions about the policy directory.

mod check;
mod finding;
mod schema;
mod show;
mod warm;

use clap::{Args, Subcommand};

use crate::argv::Own;

/// Ask the policy what is wrong with it, and what it says
///
/// Exit status: 0 all is well, 1 the answer is no (errors in the policy), 2 asked wrongly.
#[derive(Debug, Args)]
pub(super) struct PolicyTool {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Check(check::Check),
    Show(show::Show),
    Schema(schema::Schema),
}

impl PolicyTool {
    pub(super) fn run(&self, own: &Own) -> i32 {
        match &self.question {
            Question::Check(check) => check.run(own),
            Question::Show(show) => show.run(own),
            Question::Schema(schema) => schema.run(),
        }
    }
}

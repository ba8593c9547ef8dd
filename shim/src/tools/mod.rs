//! The tools for people, on a command line of their own.
//!
//! Exit codes: 0 all is well, 1 the answer is no, 2 asked wrongly.

mod agent;
mod change;
mod doctor;
mod explain;
mod install;
mod page;
mod paint;
mod policy;
mod profile;
mod record;
mod snippet;
mod top;

use std::ffi::{OsStr, OsString};
use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};
use serde_json::Value;

use crate::argv::Own;

/// The words that are ours as the first word of the command line; no runtime has them.
const OWN_WORDS: &[&str] = &[
    "agent",
    "doctor",
    "explain",
    "install",
    "policy",
    "profile",
    "record",
    "uninstall",
];

/// Whether `word` calls for one of our tools.
#[must_use]
pub fn is_own_word(word: &OsStr) -> bool {
    OWN_WORDS.iter().any(|own| word == *own)
}

/// Decides, on the node, which system calls every container may make.
#[derive(Debug, Parser)]
#[command(name = "shim", version, disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, Subcommand)]
enum Tool {
    Agent(agent::Agent),
    Doctor(doctor::Doctor),
    Explain(Box<explain::Explain>),
    Install(install::Install),
    Policy(policy::PolicyTool),
    Profile(profile::Profile),
    Record(record::Record),
    Uninstall(install::Uninstall),
}

/// How a tool prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON value.
    Json,
}

/// Runs a tool and gives the exit code.
#[must_use]
pub fn main(own: &Own, args: Vec<OsString>) -> i32 {
    let argv = std::iter::once(OsString::from("shim")).chain(args);
    match CommandLine::try_parse_from(argv) {
        Ok(line) => match line.tool {
            Tool::Agent(agent) => agent.run(),
            Tool::Explain(explain) => explain.run(own),
            Tool::Doctor(doctor) => doctor.run(own),
            Tool::Install(install) => install.run(),
            Tool::Policy(policy) => policy.run(own),
            Tool::Profile(profile) => profile.run(),
            Tool::Record(record) => record.run(),
            Tool::Uninstall(uninstall) => uninstall.run(),
        },
        Err(error) => {
            // Help goes to stdout and a wrong question to stderr; a closed one hears neither.
            let _ = error.print();
            error.exit_code()
        }
    }
}

/// Prints an answer; a reader that has gone away wants no more of it.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// As [`print`], for what is no text.
fn print_bytes(bytes: &[u8]) {
    let mut out = std::io::stdout();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Puts a member into a JSON object.
fn put(object: &mut Value, key: &str, member: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), member.into());
    }
}

/// Prints a complaint.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("shim: {text}\n").as_bytes());
}

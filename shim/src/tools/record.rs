//! `shim record`: what containers did in mode record, and the profiles for it.

mod command;
mod run;
mod session;

pub(super) use session::take_back;

use std::path::PathBuf;

use agent::{Recording, Store, learn};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Format, complain, print};
use crate::errno_words;

/// Look at recordings of containers, and make profiles of them
#[derive(Debug, Args)]
pub(super) struct Record {
    #[command(subcommand)]
    verb: Verb,
    /// The folder that the agent keeps recordings in
    #[arg(long, global = true, value_name = "DIR", default_value = agent::RECORDINGS)]
    recordings: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what was recorded, the oldest first
    List {
        /// For people, or as JSON
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Print the smallest profile that would have sufficed for a recording
    Show(Which),
    /// Print one profile for several recordings, which says how many of them saw each call
    Merge(Which),
    Run(run::Run),
}

#[derive(Debug, Args)]
struct Which {
    /// Recordings by name, or by the beginning of a container's id
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Allow calls that came with few different arguments with those alone
    #[arg(long)]
    with_args: bool,
}

impl Record {
    pub(super) fn run(&self) -> i32 {
        if let Verb::Run(run) = &self.verb {
            return run.run(&self.recordings);
        }
        let all = match Store::new(self.recordings.clone()).all() {
            Ok(all) => all,
            Err(error) => {
                let folder = self.recordings.display();
                let why = errno_words::chain(&error);
                complain(&format!("the recordings in {folder} cannot be read: {why}"));
                return 1;
            }
        };
        match &self.verb {
            Verb::List { format } => {
                list(&all, *format);
                0
            }
            Verb::Show(which) if which.names.len() > 1 => {
                complain("one recording can be shown; shim record merge takes several");
                2
            }
            Verb::Show(which) | Verb::Merge(which) => self.profile(&all, which),
            // Begun above, before there is anything to read.
            Verb::Run(_) => 0,
        }
    }

    fn profile(&self, all: &[(String, Recording)], which: &Which) -> i32 {
        let mut picked = Vec::new();
        for name in &which.names {
            let found = all
                .iter()
                .rfind(|(key, one)| key == name || one.id.starts_with(name.as_str()));
            let Some((_, recording)) = found else {
                let folder = self.recordings.display();
                complain(&format!(
                    "no recording {name:?} in {folder}; shim record list names them"
                ));
                return 1;
            };
            picked.push(recording.clone());
        }
        print(&format!("{:#}\n", learn(&picked, which.with_args)));
        0
    }
}

fn list(all: &[(String, Recording)], format: Format) {
    for (key, one) in all {
        let calls = one.calls.len();
        let total: u64 = one.calls.iter().map(|call| call.count).sum();
        match format {
            Format::Text => {
                let state = if one.over { "" } else { ", still running" };
                print(&format!(
                    "{key}  {} under {}: {calls} calls, {total} times{state}\n",
                    one.id, one.runtime
                ));
            }
            Format::Json => print(&format!(
                "{}\n",
                json!({
                    "name": key, "id": one.id, "runtime": one.runtime, "over": one.over,
                    "namespace": one.namespace, "pod": one.pod, "container": one.container,
                    "image": one.image, "calls": calls, "total": total, "saved": one.saved,
                })
            )),
        }
    }
}

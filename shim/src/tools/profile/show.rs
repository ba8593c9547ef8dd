//! `shim profile show`: a profile's calls by what happens to them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use profile::meaning::Outcome;
use profile::{Arch, Seccomp};
use serde_json::{Value, json};

use super::failure::Failure;
use super::file::{File, Loaded};
use super::summary::{Fate, Summary};
use super::target::{self, TargetArgs};
use super::{arches, words};
use crate::tools::{Format, page::page, paint::Paint, print};

/// Sum up a profile: which calls are allowed, which for some arguments, which denied and how
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The profile; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: TargetArgs,
}

impl Show {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let target = self.target.target()?;
        let loaded = File::read(&self.file)?.load(&self.target)?;
        match self.format {
            Format::Text => {
                let paint = Paint::of_stdout();
                let mut text = format!(
                    "{}, read as {}, for {}\n\n",
                    paint.bold(&loaded.file.name),
                    loaded.source.dialect(),
                    target::words(&target)
                );
                text.push_str(&overview(&loaded.seccomp, target.arch, paint));
                page(&text);
            }
            Format::Json => print(&format!("{:#}\n", value(&loaded, target.arch))),
        }
        Ok(0)
    }
}

/// A profile's summary, for people.
pub(super) fn overview(seccomp: &Seccomp, native: Arch, paint: Paint) -> String {
    let summary = Summary::of(seccomp);
    let mut text = String::new();
    let mut line = |label: &str, words: &str| text.push_str(&format!("{label:<15}{words}\n"));
    line("default", &coloured(summary.default, paint));
    let others = match seccomp.architectures.as_slice() {
        [] => format!("{} alone; calls of any other kill", arches::name(native)),
        list => format!("{}; calls of any other kill", arches::names(list)),
    };
    line("architectures", &others);
    let flags = match &seccomp.flags {
        Some(flags) => words::flags(flags),
        None => "SPEC_ALLOW, as the profile names none".to_owned(),
    };
    line("flags", &flags);
    if let Some(path) = &seccomp.listener_path {
        line("listener", path);
    }
    let mut always: BTreeMap<(u8, u32), (Outcome, Vec<&str>)> = BTreeMap::new();
    let mut cases = Vec::new();
    for (name, fate) in &summary.calls {
        match fate {
            Fate::Always(outcome) => {
                let key = (outcome.strictness(), outcome.errno().unwrap_or(0));
                let entry = always.entry(key).or_insert((*outcome, Vec::new()));
                entry.1.push(name);
            }
            Fate::Cases(list) => cases.push((*name, list)),
        }
    }
    for (outcome, names) in always.into_values() {
        let count = names.len();
        text.push_str(&format!("\n{} ({count})\n", coloured(outcome, paint)));
        text.push_str(&words::wrapped(names, "  "));
    }
    if !cases.is_empty() {
        text.push_str(&format!(
            "\n{} ({})\n",
            paint.bold("by arguments"),
            cases.len()
        ));
    }
    for (name, list) in cases {
        text.push_str(&format!("  {name}\n"));
        for (outcome, conditions) in list {
            let said = coloured(*outcome, paint);
            text.push_str(&format!("    {said} where {}\n", words::all(conditions)));
        }
        let default = coloured(summary.default, paint);
        text.push_str(&format!("    {default} otherwise\n"));
    }
    text
}

/// An outcome in the colour of its news.
pub(super) fn coloured(outcome: Outcome, paint: Paint) -> String {
    let said = outcome.to_string();
    match outcome.strictness() {
        0 => paint.green(&said),
        1..=3 => paint.yellow(&said),
        _ => paint.red(&said),
    }
}

fn value(loaded: &Loaded, native: Arch) -> Value {
    let seccomp = &loaded.seccomp;
    let summary = Summary::of(seccomp);
    let calls: serde_json::Map<String, Value> = summary
        .calls
        .iter()
        .map(|(name, fate)| ((*name).to_owned(), fate_value(fate)))
        .collect();
    let listed = match seccomp.architectures.as_slice() {
        [] => vec![arches::name(native)],
        list => list.iter().map(|arch| arches::name(*arch)).collect(),
    };
    let flags = seccomp.flags.as_ref();
    json!({
        "dialect": loaded.source.dialect().to_string(),
        "default": summary.default.to_string(),
        "architectures": listed,
        "flags": flags.map(|flags| flags.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "listenerPath": seccomp.listener_path,
        "calls": calls,
    })
}

/// What happens to a call: an action, or a list of actions with conditions.
fn fate_value(fate: &Fate<'_>) -> Value {
    match fate {
        Fate::Always(outcome) => json!(outcome.to_string()),
        Fate::Cases(cases) => cases
            .iter()
            .map(|(outcome, conditions)| {
                let when: Vec<String> = conditions.iter().map(words::condition).collect();
                json!({"action": outcome.to_string(), "when": when})
            })
            .collect(),
    }
}

//! `shim profile diff`: what two profiles do differently.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use profile::meaning::Outcome;
use profile::{Bits, Change, Changed, Diff, When};
use serde_json::{Value, json};

use super::failure::Failure;
use super::file::{File, Loaded};
use super::target::TargetArgs;
use super::{arches, diff_html, show, words};
use crate::tools::{page::page, paint::Paint, print};

/// Tell what two profiles do differently: exit status 0 if nothing, 1 if something
#[derive(Debug, Args)]
pub(super) struct Differ {
    /// A profile; - is standard input
    a: PathBuf,
    /// Another
    b: PathBuf,
    /// For people, as JSON, or as a page to look at
    #[arg(long, value_enum, default_value = "text")]
    format: DiffFormat,
    #[command(flatten)]
    target: TargetArgs,
}

/// How a difference is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// For people.
    Text,
    /// One JSON value.
    Json,
    /// One page of HTML: a grid of all syscalls.
    Html,
}

impl Differ {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        // As with diff(1), 1 says that they differ; all that is wrong is 2.
        self.answer().map_err(|failure| match failure {
            Failure::Errors(report) => {
                // There is nowhere else to say it.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), report.as_bytes());
                Failure::Asked("a profile with errors cannot be compared".to_owned())
            }
            Failure::No(text) | Failure::Asked(text) => Failure::Asked(text),
        })
    }

    fn answer(&self) -> Result<i32, Failure> {
        let files = File::read_all([self.a.as_path(), self.b.as_path()])?;
        let loaded: Result<Vec<Loaded>, Failure> = files
            .into_iter()
            .map(|file| file.load(&self.target))
            .collect();
        let loaded = loaded?;
        let [a, b] = loaded.as_slice() else {
            return Err(Failure::Asked("two profiles are needed".to_owned()));
        };
        let native = self.target.container.native()?;
        let diff = profile::diff(&a.seccomp, &b.seccomp, native)
            .map_err(|error| Failure::Asked(format!("cannot compare these: {error}")))?;
        match self.format {
            DiffFormat::Text => page(&text(a, b, &diff, Paint::of_stdout())),
            DiffFormat::Json => print(&format!("{:#}\n", value(&diff))),
            DiffFormat::Html => print(&diff_html::page(a, b, &diff, native)),
        }
        Ok(i32::from(!diff.is_empty()))
    }
}

fn text(a: &Loaded, b: &Loaded, diff: &Diff, paint: Paint) -> String {
    let mut text = format!(
        "{}\n{}\n",
        paint.red(&format!("--- {}", a.file.name)),
        paint.green(&format!("+++ {}", b.file.name))
    );
    if diff.is_empty() {
        text.push_str("no difference\n");
        return text;
    }
    let arrow = |from: Outcome, to: Outcome| {
        let (from, to) = (show::coloured(from, paint), show::coloured(to, paint));
        format!("{from} -> {to}")
    };
    if let Some(Changed { from, to }) = diff.default {
        text.push_str(&format!("default: {}\n", arrow(from, to)));
    }
    for (arches, what) in [
        (&diff.lost, "no longer let in, so that their calls kill"),
        (&diff.gained, "newly let in"),
    ] {
        if !arches.is_empty() {
            let names = arches::names(arches);
            text.push_str(&format!("architectures: {names} {what}\n"));
        }
    }
    if let Some(Changed { from, to }) = &diff.flags {
        let (from, to) = (words::flags(from), words::flags(to));
        text.push_str(&format!("flags: {from} -> {to}\n"));
    }
    for (label, changed) in [
        ("listenerPath", &diff.listener_path),
        ("listenerMetadata", &diff.listener_metadata),
    ] {
        if let Some(Changed { from, to }) = changed {
            let word = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
            text.push_str(&format!("{label}: {} -> {}\n", word(from), word(to)));
        }
    }
    // Calls that changed as a whole, by how; then those that changed for some arguments.
    let mut whole: BTreeMap<(u8, u8, String), (String, Vec<&str>)> = BTreeMap::new();
    let mut partly = String::new();
    for call in &diff.calls {
        if let [
            Change {
                from,
                to,
                when: When::Always,
                bits: Bits::All,
            },
        ] = call.changes.as_slice()
        {
            let key = (to.strictness(), from.strictness(), format!("{from} {to}"));
            let entry = whole
                .entry(key)
                .or_insert_with(|| (arrow(*from, *to), Vec::new()));
            entry.1.push(&call.syscall);
            continue;
        }
        partly.push_str(&format!("  {}\n", paint.bold(&call.syscall)));
        for change in &call.changes {
            let arrow = arrow(change.from, change.to);
            partly.push_str(&format!(
                "    {arrow}{}{}\n",
                where_(change),
                on(change.bits)
            ));
        }
    }
    for (arrow, names) in whole.into_values() {
        text.push_str(&format!("\n{arrow} ({})\n", names.len()));
        text.push_str(&words::wrapped(names, "  "));
    }
    if !partly.is_empty() {
        text.push_str(&format!("\nfor some arguments\n{partly}"));
    }
    text
}

/// For which arguments a change is, after the change.
pub(super) fn where_(change: &Change) -> String {
    match &change.when {
        When::Always => String::new(),
        When::Some => " for some arguments, in too many parts to list".to_owned(),
        When::AnyOf(lists) => {
            let lists: Vec<String> = lists.iter().map(|list| words::all(list)).collect();
            format!(" where {}", lists.join(", or "))
        }
    }
}

/// On which architectures a change is, after that.
pub(super) fn on(bits: Bits) -> &'static str {
    match bits {
        Bits::All => "",
        Bits::Only32 => " (on architectures of 32 bits)",
        Bits::Only64 => " (on architectures of 64 bits)",
    }
}

fn value(diff: &Diff) -> Value {
    let names = |list: &[profile::Arch]| -> Vec<String> {
        list.iter().map(|arch| arches::name(*arch)).collect()
    };
    let flags = |flags: &[profile::Flag]| -> Vec<String> {
        flags.iter().map(ToString::to_string).collect()
    };
    let change = |change: &Change| {
        let when = match &change.when {
            When::Always => Value::Null,
            When::Some => json!("some"),
            When::AnyOf(lists) => {
                let words = |list: &Vec<_>| list.iter().map(words::condition).collect::<Vec<_>>();
                json!(lists.iter().map(words).collect::<Vec<_>>())
            }
        };
        json!({
            "from": change.from.to_string(),
            "to": change.to.to_string(),
            "when": when,
            "bits": match change.bits { Bits::All => None, Bits::Only32 => Some(32), Bits::Only64 => Some(64) },
        })
    };
    let calls: Vec<Value> = diff
        .calls
        .iter()
        .map(|call| {
            let changes: Vec<Value> = call.changes.iter().map(change).collect();
            json!({"syscall": call.syscall, "changes": changes})
        })
        .collect();
    json!({
        "same": diff.is_empty(),
        "default": diff.default.as_ref().map(|one| {
            json!({"from": one.from.to_string(), "to": one.to.to_string()})
        }),
        "architectures": {"lost": names(&diff.lost), "gained": names(&diff.gained)},
        "flags": diff.flags.as_ref().map(|one| {
            json!({"from": flags(&one.from), "to": flags(&one.to)})
        }),
        "listenerPath": diff.listener_path.as_ref().map(|one| json!({"from": one.from, "to": one.to})),
        "listenerMetadata": diff.listener_metadata.as_ref().map(|one| {
            json!({"from": one.from, "to": one.to})
        }),
        "calls": calls,
    })
}

/// The last part of a path, for headings.
pub(super) fn short(name: &str) -> &str {
    let last = Path::new(name).file_name().and_then(|name| name.to_str());
    last.unwrap_or(name)
}

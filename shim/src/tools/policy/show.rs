//! `shim policy show`: the policy in effect.

use std::path::{Path, PathBuf};

use clap::Args;
use policy::{At, Directory, Effect, FloorOutline, LogTo, Outline, Policy, RuleOutline};
use serde_json::{Value, json};

use crate::argv::Own;
use crate::create::load;
use crate::tools::{Format, complain, page::page, paint::Paint, print, put};
use crate::{errno_words, policy_directory};

/// Show the policy in effect: settings, rules in order, defaults, floors, and where each stands
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The policy directory; /etc/seccomp-shim by default
    #[arg(value_name = "DIR", conflicts_with = "policy")]
    directory: Option<PathBuf>,
    /// The same, as an option
    #[arg(long, alias = "shim-policy", value_name = "DIR")]
    policy: Option<PathBuf>,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Show {
    pub(super) fn run(&self, own: &Own) -> i32 {
        let named = self.directory.as_deref().or(self.policy.as_deref());
        let folder = named.unwrap_or_else(|| policy_directory(own));
        let policy: Policy = match load(Directory::open(folder)) {
            Ok(policy) => policy,
            Err(error) => {
                let reason = errno_words::chain(&error);
                complain(&format!(
                    "{reason} (every create is refused for it; `shim policy check` lists all errors)"
                ));
                return 1;
            }
        };
        let outline = policy.outline();
        match self.format {
            Format::Text => page(&text(&outline, folder, Paint::of_stdout())),
            Format::Json => print(&format!("{:#}\n", json(&outline))),
        }
        0
    }
}

fn text(outline: &Outline, folder: &Path, paint: Paint) -> String {
    let mut text = match &outline.directory {
        Some(directory) => format!("policy    {}\n", directory.display()),
        None => format!(
            "policy    embedded, since there is no {}\n",
            folder.display()
        ),
    };
    let mut line = |label: &str, words: &str| {
        text.push_str(&format!("{label:<10}{words}\n"));
    };
    line("strict", if outline.strict { "yes" } else { "no" });
    let runtime = outline.runtime.as_ref();
    line(
        "runtime",
        &runtime.map_or_else(
            || "the first of runc, crun, youki that is found".to_owned(),
            |path| path.display().to_string(),
        ),
    );
    let honours = if outline.annotations {
        "linux.seccomp, and Kubernetes' old annotations before it"
    } else {
        "linux.seccomp"
    };
    line("requests", honours);
    line("log", &log(&outline.log));
    for (index, (root, trusted)) in outline.roots.iter().enumerate() {
        let label = if index == 0 { "profiles" } else { "" };
        let trusted = if *trusted { " (links are trusted)" } else { "" };
        line(label, &format!("{}{trusted}", root.display()));
    }
    let default = match &outline.runtime_default {
        Some((name, at)) => format!("{name} ({})", place(at, outline)),
        None => "the embedded default profile".to_owned(),
    };
    line("", &format!("RuntimeDefault is {default}"));
    text.push('\n');

    let mut rows = vec![
        [
            "",
            "WHEN",
            "PROFILE",
            "COMBINE",
            "MODE",
            "ARCHITECTURES",
            "FROM",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let mut names = vec![None];
    for (index, rule) in outline.rules.iter().enumerate() {
        rows.push(row(
            &index.saturating_add(1).to_string(),
            &when(&rule.when),
            &rule.effect,
            &place(&rule.at, outline),
        ));
        names.push(Some(rule.name.clone()));
    }
    let from = match (&outline.directory, &outline.defaults_at) {
        (_, Some(at)) => place(at, outline),
        (Some(_), None) => "policy.toml, as embedded".to_owned(),
        (None, None) => "embedded".to_owned(),
    };
    rows.push(row("", "no rule matches", &outline.defaults, &from));
    names.push(Some("[defaults]".to_owned()));
    text.push_str(&table(&rows, &names, paint));
    text.push_str("\na value in (…) is the defaults'; a privileged container is Unconfined unless a rule says privileged = true\n");

    for floor in &outline.floors {
        text.push_str(&format!(
            "\n{}  {}  {}\n",
            paint.bold("floor"),
            floor.profile,
            place(&floor.at, outline)
        ));
        for (name, fields) in &floor.except {
            text.push_str(&format!("  except {name:?}: {}\n", when(fields)));
        }
    }
    text
}

fn row(number: &str, when: &str, effect: &Effect, from: &str) -> Vec<String> {
    let said = |here: bool, value: &str| {
        if here {
            value.to_owned()
        } else {
            format!("({value})")
        }
    };
    let native = if effect.native_only.value {
        "native"
    } else {
        ""
    };
    vec![
        number.to_owned(),
        when.to_owned(),
        said(effect.profile.here, &effect.profile.value),
        said(effect.combine.here, effect.combine.value.name()),
        said(effect.mode.here, effect.mode.value.name()),
        if native.is_empty() {
            String::new()
        } else {
            said(effect.native_only.here, native)
        },
        from.to_owned(),
    ]
}

/// The rows in columns, with each rule's name on a line of its own above it.
fn table(rows: &[Vec<String>], names: &[Option<String>], paint: Paint) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    // A long `when` would push everything else off the screen.
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).min(WIDEST))
        .collect();
    let empty: Vec<bool> = (0..columns)
        .map(|column| {
            rows.iter()
                .skip(1)
                .all(|row| row.get(column).is_none_or(String::is_empty))
        })
        .collect();
    let mut text = String::new();
    for (row, name) in rows.iter().zip(names) {
        if let Some(name) = name {
            text.push_str(&format!("{}\n", paint.bold(name)));
        }
        let mut line = String::from("  ");
        for ((cell, width), empty) in row.iter().zip(&widths).zip(&empty) {
            if !empty {
                line.push_str(&format!("{cell:<width$}  "));
            }
        }
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    text
}

/// How wide a column gets before its longest cells stick out.
const WIDEST: usize = 48;

fn when(fields: &[(String, Vec<String>)]) -> String {
    if fields.is_empty() {
        return "every container".to_owned();
    }
    let words = fields.iter().map(|(field, values)| {
        let values = values.join(" | ");
        format!("{field} = {values}")
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A place, below the policy directory if it is there.
fn place(at: &At, outline: &Outline) -> String {
    let below = outline
        .directory
        .as_ref()
        .and_then(|directory| at.file.strip_prefix(directory).ok());
    let file = below.unwrap_or(&at.file);
    format!("{}:{}", file.display(), at.line)
}

fn log(log: &LogTo) -> String {
    match log {
        LogTo::Auto => "auto".to_owned(),
        LogTo::Journald => "journald".to_owned(),
        LogTo::Off => "off".to_owned(),
        LogTo::File(path) => path.display().to_string(),
    }
}

fn json(outline: &Outline) -> Value {
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    let roots: Vec<Value> = outline
        .roots
        .iter()
        .map(|(root, trusted)| json!({"path": path(root), "trustLinks": trusted}))
        .collect();
    let rules: Vec<Value> = outline.rules.iter().map(of_rule).collect();
    let floors: Vec<Value> = outline.floors.iter().map(of_floor).collect();
    let mut defaults = of_effect(&outline.defaults);
    put(
        &mut defaults,
        "at",
        json!(outline.defaults_at.as_ref().map(of_place)),
    );
    let default = outline.runtime_default.as_ref();
    json!({
        "directory": outline.directory.as_ref().map(path),
        "embedded": outline.directory.is_none(),
        "strict": outline.strict,
        "runtime": outline.runtime.as_ref().map(path),
        "annotations": outline.annotations,
        "log": log(&outline.log),
        "roots": roots,
        "runtimeDefault": default.map(|(name, at)| json!({"file": name, "at": of_place(at)})),
        "rules": rules,
        "defaults": defaults,
        "floors": floors,
    })
}

fn of_rule(rule: &RuleOutline) -> Value {
    let mut value = of_effect(&rule.effect);
    put(&mut value, "name", json!(rule.name));
    put(&mut value, "at", of_place(&rule.at));
    put(&mut value, "when", of_when(&rule.when));
    value
}

fn of_floor(floor: &FloorOutline) -> Value {
    let except: Vec<Value> = floor
        .except
        .iter()
        .map(|(name, fields)| json!({"name": name, "when": of_when(fields)}))
        .collect();
    json!({"at": of_place(&floor.at), "profile": floor.profile, "except": except})
}

fn of_effect(effect: &Effect) -> Value {
    let mut inherited = Vec::new();
    let flags = [
        ("profile", effect.profile.here),
        ("combine", effect.combine.here),
        ("mode", effect.mode.here),
        ("architectures", effect.native_only.here),
    ];
    for (key, here) in flags {
        if !here {
            inherited.push(key);
        }
    }
    json!({
        "profile": effect.profile.value,
        "combine": effect.combine.value.name(),
        "mode": effect.mode.value.name(),
        "architectures": effect.native_only.value.then_some("native"),
        "inherited": inherited,
    })
}

fn of_when(fields: &[(String, Vec<String>)]) -> Value {
    fields
        .iter()
        .map(|(field, values)| (field.clone(), json!(values)))
        .collect::<serde_json::Map<String, Value>>()
        .into()
}

fn of_place(at: &At) -> Value {
    json!({"file": at.file.to_string_lossy(), "line": at.line})
}

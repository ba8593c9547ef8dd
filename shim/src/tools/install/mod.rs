//! `shim install` and `shim uninstall`: an engine's own configuration, edited as its own tools would.
//!
//! Plan → diff → apply → check → reload. A plan is a list of [`step::Step`]s; nothing is touched
//! until all of it is known. Each engine's file is a [`configuration::Configuration`]: texts in,
//! texts out.

mod configuration;
pub(super) mod containerd;
mod crio;
mod docker;
pub(super) mod fault;
pub(super) mod host;
mod imports;
mod json_text;
mod named;
mod own;
mod plan;
pub(super) mod podman;
pub(super) mod reload;
pub(super) mod setup;
mod step;
mod taken_out;
mod toml_text;
mod verify;

pub(super) use self::verify::program;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use self::fault::Fault;
use self::plan::Plan;
use super::{Format, complain, print};

/// An engine that can be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Engine {
    Docker,
    Containerd,
    Crio,
    Podman,
}

impl Engine {
    /// Its name, as on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Crio => "crio",
            Self::Podman => "podman",
        }
    }

    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Docker, Self::Containerd, Self::Crio, Self::Podman];
}

/// What both directions are asked with.
#[derive(Debug, Args)]
struct Asked {
    /// The engine
    #[arg(value_enum)]
    engine: Engine,
    /// The runtime's name to the engine, and the handler's to the policy
    #[arg(long, value_name = "NAME", default_value = "shim")]
    handler: String,
    /// Show what would change and change nothing; exit 1 if something would
    #[arg(long)]
    dry_run: bool,
    /// Ask the engine to read its configuration again
    #[arg(long)]
    reload: bool,
    /// A host mounted elsewhere; paths in its configuration are as it sees them
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The engine's configuration, if not where it usually is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The path of shim on the host [default: this very program; with --root, /usr/local/bin/shim,
    /// where it is copied]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Set up an engine to use shim
#[derive(Debug, Args)]
pub(super) struct Install {
    #[command(flatten)]
    asked: Asked,
    /// Make it the runtime of every container that names none
    #[arg(long)]
    set_default: bool,
    /// The real runtime behind this handler: runc, crun, youki, or a path
    #[arg(long, alias = "shim-runtime", value_name = "NAME|PATH")]
    runtime: Option<PathBuf>,
    /// The policy directory of this handler
    #[arg(long, alias = "shim-policy", value_name = "DIR")]
    policy: Option<PathBuf>,
}

/// Take shim out of an engine's configuration again
#[derive(Debug, Args)]
pub(super) struct Uninstall {
    #[command(flatten)]
    asked: Asked,
}

impl Install {
    pub(super) fn run(&self) -> i32 {
        finish(&self.asked, plan::install(self))
    }
}

impl Uninstall {
    pub(super) fn run(&self) -> i32 {
        finish(&self.asked, plan::uninstall(&self.asked))
    }
}

/// Shows a plan, or does it, and gives the exit code.
fn finish(asked: &Asked, plan: Result<Plan, Fault>) -> i32 {
    let done = plan.and_then(|plan| carry_out(asked, &plan));
    match done {
        Ok(code) => code,
        Err(fault) => {
            match asked.format {
                Format::Text => complain(&fault.to_string()),
                Format::Json => {
                    let answer = json!({"result": "refused", "reason": fault.to_string()});
                    print(&format!("{answer:#}\n"));
                }
            }
            1
        }
    }
}

fn carry_out(asked: &Asked, plan: &Plan) -> Result<i32, Fault> {
    let steps: Vec<_> = plan.steps.iter().filter(|step| step.changes()).collect();
    let mut words = String::new();
    let mut backups = Vec::new();
    for step in &steps {
        words.push_str(&step.diff());
    }
    let mut reloaded = None;
    if !asked.dry_run {
        verify::before(asked, plan)?;
        for step in &steps {
            backups.extend(step.apply()?);
        }
        for backup in &backups {
            words.push_str(&format!(
                "the file as it was is kept: {}\n",
                backup.display()
            ));
        }
        if asked.reload && !steps.is_empty() {
            reloaded = Some(if plan.restart {
                Err(reload::RESTART.to_owned())
            } else {
                reload::reload(asked.engine, &plan.host)
            });
        }
    }
    let next = match &reloaded {
        Some(Ok(done)) => done.clone(),
        Some(Err(why)) => why.clone(),
        None if steps.is_empty() => "nothing to change".to_owned(),
        None if asked.dry_run => "nothing was changed".to_owned(),
        None if plan.restart => format!("now: {}", reload::RESTART),
        None => format!("now: {}", reload::how(asked.engine)),
    };
    for note in &plan.notes {
        words.push_str(&format!("note: {note}\n"));
    }
    let result = match (steps.is_empty(), asked.dry_run) {
        (true, _) => "unchanged",
        (false, true) => "would change",
        (false, false) => "changed",
    };
    match asked.format {
        Format::Text => print(&format!("{words}{next}\n")),
        Format::Json => {
            let steps: Vec<_> = steps.iter().map(|step| step.json()).collect();
            let answer = json!({
                "result": result,
                "engine": asked.engine.name(),
                "handler": asked.handler,
                "path": plan.path,
                "steps": steps,
                "backups": backups,
                "notes": plan.notes,
                "next": next,
            });
            print(&format!("{answer:#}\n"));
        }
    }
    let failed = matches!(reloaded, Some(Err(_))) || (asked.dry_run && !steps.is_empty());
    Ok(i32::from(failed))
}

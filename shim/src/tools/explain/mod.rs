//! `shim explain`: what would happen to this bundle, or to the pods of a manifest, and why. Changes
//! nothing.

mod answer;
mod as_engine;
mod kubelet;
mod manifest;
mod pod;
mod yaml;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use policy::Directory;
use serde_json::json;

use self::answer::Answer;
use super::{Format, complain, print, put};
use crate::argv::{Command, Own};
use crate::create::check_bundle;
use crate::files::Files;
use crate::handover::Handover;
use crate::refusal::Refusal;
use crate::runtime::Runtime;
use crate::{errno_words, handler, node, policy_directory};

/// Show what would happen to a bundle, or to each container of a Kubernetes manifest, and why;
/// changes nothing
///
/// Exit status: 0 every container is answered for, 1 a create would be refused or the manifest has
/// no pod, 2 asked wrongly.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The bundle: the folder that holds config.json
    #[arg(
        long,
        short,
        value_name = "DIR",
        default_value = ".",
        conflicts_with = "pod"
    )]
    bundle: PathBuf,
    /// Another file in the place of the bundle's config.json
    #[arg(long, value_name = "FILE", conflicts_with = "pod")]
    config: Option<PathBuf>,
    /// The policy directory
    #[arg(long, alias = "shim-policy", value_name = "DIR")]
    policy: Option<PathBuf>,
    /// The runtime handler to decide for [default: shim; for a pod with a runtimeClassName, that]
    #[arg(long, alias = "shim-handler", value_name = "NAME")]
    handler: Option<String>,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    pods: pod::PodArgs,
}

impl Explain {
    pub(super) fn run(&self, own: &Own) -> i32 {
        let mut own = own.clone();
        if let Some(policy) = &self.policy {
            own.policy = Some(policy.clone().into_os_string());
        }
        // As the handler's own settings would have it.
        let name = self.handler.as_deref().unwrap_or(HANDLER);
        let settings = handler::fill_in(&mut own, OsStr::new(name));
        let settings = settings.and_then(|policy| policy.map_or(Ok(()), |policy| policy.check()));
        let folder = policy_directory(&own);
        if let Some(file) = &self.pods.pod {
            return match settings {
                Ok(()) => self.explain_pods(&own, folder, file),
                Err(error) => {
                    let reason = errno_words::chain(&error);
                    complain(&format!("every create would be refused: {reason}"));
                    1
                }
            };
        }
        match settings.and_then(|()| self.answer(&own, folder)) {
            Ok((files, answer)) => {
                let shown = files.shown.to_string_lossy();
                match self.format {
                    Format::Text => {
                        let chain = answer.text(folder, true);
                        print(&format!("{:<12}{shown}\n{chain}", "bundle"));
                    }
                    Format::Json => {
                        let mut value = answer.json();
                        put(&mut value, "config", json!(shown));
                        print(&format!("{value:#}\n"));
                    }
                }
                0
            }
            Err(refusal) => {
                let reason = errno_words::chain(&refusal);
                match self.format {
                    Format::Text => complain(&format!("the create would be refused: {reason}")),
                    Format::Json => {
                        print(&format!(
                            "{:#}\n",
                            json!({"result": "refused", "reason": reason})
                        ));
                    }
                }
                1
            }
        }
    }

    fn answer(&self, own: &Own, folder: &Path) -> Result<(Files, Answer), Refusal> {
        let files = Files::at(&self.bundle, self.config.as_deref());
        let bundle = files.open()?.ok_or_else(|| Refusal::NoBundle {
            path: files.shown.clone(),
        })?;
        let directory = Directory::open(folder);
        let runtime = Runtime::find(own, directory.as_ref().ok().and_then(Option::as_ref)).ok();
        let mut hand_over =
            |profile: &str, at_once: bool| filter(runtime.as_ref()?, profile, at_once);
        let handler = self.handler.as_deref().unwrap_or(HANDLER);
        let answer = policy::ask(directory, |policy| {
            check_bundle(policy, &bundle, &files)?;
            let before = bundle.read().map_err(|error| files.fail(error))?;
            let runtime = runtime.as_ref();
            Answer::of(policy, before, &files, handler, runtime, &mut hand_over)
        })?;
        Ok((files, answer))
    }
}

/// The filter that a create would hand over, and by which it knows its own in a bundle; one that is
/// not kept is made if it is wanted at once, and not kept either.
fn filter(runtime: &Runtime, profile: &str, at_once: bool) -> Option<String> {
    match Handover::to(runtime, Command::Create, node::arch()?)?.filter(profile) {
        Ok(filter) => Some(filter),
        Err(Some(missing)) if at_once => missing.make_now(),
        Err(_) => None,
    }
}

/// The handler where none is named: the name of the binary.
const HANDLER: &str = "shim";

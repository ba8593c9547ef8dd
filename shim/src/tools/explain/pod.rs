//! `shim explain --pod`: what each container of a manifest would get on a node with this policy.

mod asker;
mod entry;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use policy::Directory;
use serde_json::{Value, json};

use self::asker::Asker;
use self::entry::Entry;
use super::as_engine::Engine;
use super::{Explain, manifest};
use crate::argv::Own;
use crate::create::load;
use crate::errno_words;
use crate::runtime::Runtime;
use crate::tools::{Format, complain, page::page, print};

/// Options that go with `--pod`.
#[derive(Debug, Args)]
pub(super) struct PodArgs {
    /// A Kubernetes manifest in YAML or JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) pod: Option<PathBuf>,
    /// The namespace of pods that name none
    #[arg(long, value_name = "NAME", default_value = "default", requires = "pod")]
    namespace: String,
    /// The engine that the kubelet talks to
    #[arg(long, value_enum, default_value = "containerd", requires = "pod")]
    engine: Engine,
    /// A RuntimeClass and its handler; without it the class's name is taken for the handler's
    #[arg(long, value_name = "CLASS=HANDLER", value_parser = class, requires = "pod")]
    runtime_class: Vec<(String, String)>,
    /// The kubelet runs with --seccomp-default: who says nothing gets RuntimeDefault
    #[arg(long, requires = "pod")]
    seccomp_default: bool,
    /// The kubelet is older than 1.27, and honours the old seccomp annotations itself
    #[arg(long, requires = "pod")]
    old_kubelet: bool,
    /// The kubelet's folder of Localhost profiles
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/var/lib/kubelet/seccomp",
        requires = "pod"
    )]
    seccomp_root: PathBuf,
}

fn class(word: &str) -> Result<(String, String), String> {
    let (class, handler) = word
        .split_once('=')
        .ok_or_else(|| "write CLASS=HANDLER".to_owned())?;
    Ok((class.to_owned(), handler.to_owned()))
}

impl Explain {
    pub(super) fn explain_pods(&self, own: &Own, folder: &Path, file: &Path) -> i32 {
        let fail = |text: &str, code| {
            complain(text);
            code
        };
        let text = match read(file) {
            Ok(text) => text,
            Err(reason) => return fail(&reason, 2),
        };
        let manifest = match manifest::read(&text) {
            Ok(manifest) => manifest,
            Err(reason) => return fail(&format!("{}, {reason}", file.display()), 2),
        };
        let directory = Directory::open(folder);
        let runtime = Runtime::find(own, directory.as_ref().ok().and_then(Option::as_ref));
        let runtime = runtime.as_ref().ok();
        let policy = match load(directory) {
            Ok(policy) => policy,
            Err(error) => {
                let reason = errno_words::chain(&error);
                return fail(&format!("every create would be refused: {reason}"), 1);
            }
        };
        let asker = Asker {
            args: &self.pods,
            policy: &policy,
            runtime,
            handler: self.handler.as_deref(),
        };
        let mut entries = Vec::new();
        for pod in &manifest.pods {
            entries.push(asker.entry(pod, None));
            entries.extend(pod.containers.iter().map(|one| asker.entry(pod, Some(one))));
        }
        for skipped in &manifest.skipped {
            complain(&format!(
                "{}, {skipped} makes no pod: skipped",
                file.display()
            ));
        }
        if entries.is_empty() {
            return fail(&format!("{} has no pod", file.display()), 1);
        }
        match self.format {
            Format::Text => {
                let mut text: String = entries.iter().map(|one| one.text(file, folder)).collect();
                text.push_str(&summary(&entries));
                page(&text);
            }
            Format::Json => {
                let containers: Vec<Value> = entries.iter().map(Entry::json).collect();
                let value = json!({"containers": containers, "skipped": manifest.skipped});
                print(&format!("{value:#}\n"));
            }
        }
        i32::from(entries.iter().any(Entry::is_refused))
    }
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LARGEST)
            .read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(file);
        file.and_then(|file| file.take(LARGEST).read_to_string(&mut text))
    };
    match read {
        Err(error) => Err(format!("cannot read {}: {error}", file.display())),
        Ok(size) if size as u64 == LARGEST => {
            Err(format!("{} has more than 16 MiB", file.display()))
        }
        Ok(_) => Ok(text),
    }
}

const LARGEST: u64 = 16 << 20;

fn summary(entries: &[Entry<'_>]) -> String {
    let refused = entries.iter().filter(|one| one.is_refused()).count();
    let unknown = entries.iter().filter(|one| one.unknown.is_some()).count();
    let all = entries.len();
    format!(
        "{all} containers, sandboxes included: {refused} refused, {unknown} not wholly known here\n"
    )
}

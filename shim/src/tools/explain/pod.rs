//! `shim explain --pod`: what each container of a manifest would get on a node with this policy.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use default_profile::Newer;
use policy::{Combine, Directory, Policy};
use profile::{Dialect, Seccomp, Source, Target};
use serde_json::{Value, json};

use super::answer::{Answer, flavor};
use super::as_engine::{Engine, Making, capabilities};
use super::kubelet::{Asks, Denied, Kubelet, Selected};
use super::manifest::{self, Container, Pod};
use super::{Explain, HANDLER};
use crate::argv::Own;
use crate::create::load;
use crate::files::Files;
use crate::runtime::Runtime;
use crate::tools::{Format, complain, page::page, print, put};
use crate::{errno_words, handler, node};

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

/// What there is to say of one container.
struct Entry<'m> {
    pod: &'m Pod,
    /// None for the sandbox.
    container: Option<&'m Container>,
    namespace: &'m str,
    handler: String,
    /// What the kubelet asks for.
    selected: Result<Selected, Denied>,
    privileged: bool,
    notes: Vec<String>,
    decided: Option<Result<Answer, String>>,
    /// Why the result is not known, where it is not.
    unknown: Option<String>,
}

/// What all containers of a manifest are asked about.
struct Asker<'a> {
    args: &'a PodArgs,
    policy: &'a Policy,
    runtime: Option<&'a Runtime>,
    handler: Option<&'a str>,
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

impl Asker<'_> {
    fn entry<'m>(&'m self, pod: &'m Pod, container: Option<&'m Container>) -> Entry<'m> {
        let kubelet = Kubelet {
            seccomp_default: self.args.seccomp_default,
            annotations: self.args.old_kubelet,
            root: &self.args.seccomp_root,
        };
        let selected = match container {
            Some(container) => kubelet.select(pod, container),
            None => Ok(Selected {
                asks: Asks::RuntimeDefault,
                by: "Kubernetes gives it to every sandbox".to_owned(),
                implicit: true,
            }),
        };
        let mut notes = Vec::new();
        let handler = self.handler(pod, &mut notes);
        let namespace = pod.namespace.as_deref().unwrap_or(&self.args.namespace);
        let privileged = container.is_some_and(|container| container.privileged);
        let mut entry = Entry {
            pod,
            container,
            namespace,
            handler,
            selected,
            privileged,
            notes,
            decided: None,
            unknown: None,
        };
        self.decide(&mut entry);
        entry
    }

    fn handler(&self, pod: &Pod, notes: &mut Vec<String>) -> String {
        if let Some(handler) = self.handler {
            return handler.to_owned();
        }
        let Some(class) = &pod.runtime_class else {
            return HANDLER.to_owned();
        };
        let mut classes = self.args.runtime_class.iter();
        let named = classes.find(|(name, _)| name == class);
        let handler = named.map_or(class, |(_, handler)| handler);
        if named.is_none() {
            notes.push(format!(
                "the handler of RuntimeClass {class} is taken to be {class}; say another with \
                 --runtime-class {class}=HANDLER"
            ));
        }
        if handler::link(handler, "policy").is_symlink() {
            notes.push(format!(
                "the handler {handler} has a policy of its own on this node, which --handler \
                 {handler} asks"
            ));
        }
        handler.clone()
    }

    fn decide(&self, entry: &mut Entry<'_>) {
        let Ok(selected) = &entry.selected else {
            return;
        };
        let node = match node::this(flavor(self.runtime)) {
            Ok(node) => node,
            Err(refusal) => {
                entry.decided = Some(Err(errno_words::chain(&refusal)));
                return;
            }
        };
        let target = Target {
            capabilities: capabilities(self.args.engine, entry.container),
            arch: node.arch,
            kernel: node.kernel,
        };
        let asked = match &selected.asks {
            Asks::RuntimeDefault => "RuntimeDefault".to_owned(),
            Asks::Unconfined => "Unconfined".to_owned(),
            Asks::Localhost(path) => path.display().to_string(),
        };
        let mut stand_in = None;
        // Before anything else, a privileged container gets none (containerd
        // internal/cri/sputil/seccomp_linux.go).
        let seccomp = match &selected.asks {
            _ if entry.privileged => None,
            Asks::Unconfined => None,
            Asks::RuntimeDefault => {
                let default = default_profile::resolve_for(&target, Newer::Runtime);
                Some(default.to_json())
            }
            Asks::Localhost(path) => match self.localhost(path, &target) {
                Ok(profile) => Some(profile.to_json()),
                Err(reason) => {
                    stand_in = Some(reason);
                    Some(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#.to_owned())
                }
            },
        };
        if selected.asks == Asks::RuntimeDefault && !entry.privileged {
            entry.notes.push(
                "the engine's own RuntimeDefault is taken to be shim's default, since it differs by version"
                    .to_owned(),
            );
        }
        let honours = self.policy.outline().annotations;
        let making = Making {
            engine: self.args.engine,
            pod: entry.pod,
            namespace: entry.namespace,
            container: entry.container,
            seccomp: seccomp.as_deref(),
            asked: &asked,
            old_annotations: honours,
        };
        let config = match making.config() {
            Ok(config) => config,
            Err(error) => {
                entry.decided = Some(Err(error.to_string()));
                return;
            }
        };
        let files = Files::at(&making.bundle(), None);
        let handler = &entry.handler;
        let answer = Answer::of(
            self.policy,
            config.into_bytes(),
            &files,
            handler,
            self.runtime,
            // No bundle is there that could have one from before.
            &mut |_, _| None,
        );
        let shown = format!("{}: ", files.shown.display());
        let answer = answer.map_err(|refusal| errno_words::chain(&refusal).replace(&shown, ""));
        if let (Some(reason), Ok(answer)) = (stand_in, &answer) {
            let decision = &answer.judged.decision;
            // What is replaced is not even read.
            let counts = decision.combine == Combine::Restrict || decision.profile == "Requested";
            if counts {
                entry.unknown = Some(reason);
            } else {
                entry
                    .notes
                    .push(format!("{reason}; it would be replaced anyway"));
            }
        }
        if let Ok(answer) = &answer
            && answer.judged.decision.request.by != "linux.seccomp"
            && self.args.engine == Engine::Containerd
        {
            entry.notes.push(
                "containerd hands the annotation on only if the handler's pod_annotations lists it"
                    .to_owned(),
            );
        }
        entry.decided = Some(answer);
    }

    /// What the engine makes of a Localhost profile of the kubelet's.
    fn localhost(&self, path: &Path, target: &Target) -> Result<Seccomp, String> {
        // A node's folder may be looked at from elsewhere: another root of the policy's may hold it.
        let below = path.strip_prefix(&self.args.seccomp_root).unwrap_or(path);
        let outline = self.policy.outline();
        let roots = outline
            .roots
            .iter()
            .skip(1)
            .map(|(root, _)| root.join(below));
        let mut places = std::iter::once(path.to_owned()).chain(roots);
        let Some(bytes) = places.find_map(|place| std::fs::read(place).ok()) else {
            return Err(format!("{} is not on this machine", path.display()));
        };
        let dialect = match self.args.engine {
            Engine::Containerd => Dialect::Oci,
            Engine::CriO => Dialect::Podman,
        };
        let wrong = |problems: profile::Problems| {
            let first = problems.iter().next();
            let why = first.map_or_else(String::new, |one| format!(": {}", one.kind));
            format!("{} is no profile for the engine{why}", path.display())
        };
        let source = Source::read_as(&bytes, dialect).map_err(wrong)?;
        source.resolve(target).map_err(wrong)
    }
}

impl Entry<'_> {
    fn is_refused(&self) -> bool {
        self.selected.is_err() || matches!(self.decided, None | Some(Err(_)))
    }

    fn kind(&self) -> &'static str {
        self.container.map_or("sandbox", |container| container.kind)
    }

    fn line(&self) -> usize {
        self.container
            .map_or(self.pod.line, |container| container.line)
    }

    fn text(&self, file: &Path, folder: &Path) -> String {
        let name = self
            .container
            .map(|container| format!(" {}", container.name));
        let mut text = format!(
            "{}, {}{} ({}:{})\n",
            self.pod.owner,
            self.kind(),
            name.unwrap_or_default(),
            file.display(),
            self.line()
        );
        let mut line = |label: &str, words: &str| text.push_str(&format!("{label:<12}{words}\n"));
        match &self.selected {
            Err(Denied::ByApiServer(reasons)) => {
                line("kubernetes", "the API server refuses the pod:");
                for reason in reasons {
                    line("", reason);
                }
            }
            Err(Denied::ByKubelet(reason)) => {
                line(
                    "kubernetes",
                    &format!("the kubelet refuses the container: {reason}"),
                );
            }
            Ok(selected) => {
                let asks = match &selected.asks {
                    Asks::RuntimeDefault => "RuntimeDefault".to_owned(),
                    Asks::Unconfined => "Unconfined".to_owned(),
                    Asks::Localhost(path) => format!("Localhost {}", path.display()),
                };
                line("kubernetes", &format!("{asks}: {}", selected.by));
                if self.privileged {
                    line(
                        "",
                        "but it is privileged, so that the engine gives it no profile",
                    );
                }
            }
        }
        line("handler", &self.handler);
        for note in &self.notes {
            line("note", note);
        }
        match &self.decided {
            None => {}
            Some(Err(reason)) => line("refused", &format!("the create would be refused: {reason}")),
            Some(Ok(answer)) => {
                text.push_str(&answer.text(folder, self.unknown.is_none()));
                if let Some(reason) = &self.unknown {
                    text.push_str(&format!(
                        "{:<12}not known here, since {reason}; ask on a node\n",
                        "result"
                    ));
                }
            }
        }
        text.push('\n');
        text
    }

    fn json(&self) -> Value {
        let mut value = match &self.decided {
            Some(Ok(answer)) => answer.json(),
            Some(Err(reason)) => json!({"result": "refused", "reason": reason}),
            None => json!({"result": "refused"}),
        };
        if let (Some(reason), Some(fields)) = (&self.unknown, value.as_object_mut()) {
            for key in ["seccomp", "sha256", "result", "rounded", "changesBundle"] {
                fields.remove(key);
            }
            fields.insert("unknown".to_owned(), json!(reason));
        }
        put(&mut value, "owner", json!(self.pod.owner));
        put(&mut value, "pod", json!(self.pod.name));
        put(&mut value, "namespace", json!(self.namespace));
        put(
            &mut value,
            "container",
            json!(self.container.map(|container| &container.name)),
        );
        put(&mut value, "kind", json!(self.kind()));
        put(&mut value, "line", json!(self.line()));
        put(&mut value, "handler", json!(self.handler));
        put(&mut value, "notes", json!(self.notes));
        put(&mut value, "kubernetes", self.kubernetes());
        value
    }

    /// What Kubernetes makes of the fields.
    fn kubernetes(&self) -> Value {
        let selected = match &self.selected {
            Err(Denied::ByApiServer(reasons)) => return json!({"rejectedByApiServer": reasons}),
            Err(Denied::ByKubelet(reason)) => return json!({"error": reason}),
            Ok(selected) => selected,
        };
        let mut asks = match &selected.asks {
            Asks::RuntimeDefault => json!({"type": "RuntimeDefault"}),
            Asks::Unconfined => json!({"type": "Unconfined"}),
            Asks::Localhost(path) => json!({"type": "Localhost", "path": path.to_string_lossy()}),
        };
        if self.privileged {
            return json!({"type": "Unconfined", "because": "privileged", "requested": asks});
        }
        put(&mut asks, "by", json!(selected.by));
        put(&mut asks, "implicit", json!(selected.implicit));
        asks
    }
}

fn summary(entries: &[Entry<'_>]) -> String {
    let refused = entries.iter().filter(|one| one.is_refused()).count();
    let unknown = entries.iter().filter(|one| one.unknown.is_some()).count();
    let all = entries.len();
    format!(
        "{all} containers, sandboxes included: {refused} refused, {unknown} not wholly known here\n"
    )
}

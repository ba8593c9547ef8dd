//! What a container of a manifest is asked for: by the kubelet, by the engine, and what then the policy says.

use std::path::Path;

use default_profile::Newer;
use policy::{Combine, Policy};
use profile::{Dialect, Seccomp, Source, Target};

use super::PodArgs;
use super::entry::Entry;
use crate::files::Files;
use crate::runtime::Runtime;
use crate::tools::explain::HANDLER;
use crate::tools::explain::answer::{Answer, flavor};
use crate::tools::explain::as_engine::{Engine, Making, capabilities};
use crate::tools::explain::kubelet::{Asks, Kubelet, Selected};
use crate::tools::explain::manifest::{Container, Pod};
use crate::{errno_words, handler, node};

/// What all containers of a manifest are asked about.
pub(super) struct Asker<'a> {
    pub(super) args: &'a PodArgs,
    pub(super) policy: &'a Policy,
    pub(super) runtime: Option<&'a Runtime>,
    pub(super) handler: Option<&'a str>,
}

impl Asker<'_> {
    pub(super) fn entry<'m>(&'m self, pod: &'m Pod, container: Option<&'m Container>) -> Entry<'m> {
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

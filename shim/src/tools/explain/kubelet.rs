//! What the kubelet asks an engine for: the field of the container over that of the pod over its own
//! default (kubernetes pkg/kubelet/kuberuntime/helpers.go, `getSeccompProfile`), after the API
//! server's checks (pkg/apis/core/validation).

use std::path::{Component, Path, PathBuf};

use super::manifest::{Container, Pod};

/// A `seccompProfile`, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) kind: String,
    pub(super) localhost: Option<String>,
    pub(super) by: String,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asks {
    RuntimeDefault,
    /// The file, below the kubelet's root.
    Localhost(PathBuf),
    Unconfined,
}

/// What the kubelet asks for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) asks: Asks,
    /// What says so.
    pub(super) by: String,
    /// Whether nobody said anything.
    pub(super) implicit: bool,
}

/// How the kubelet is set up.
#[derive(Debug)]
pub(super) struct Kubelet<'a> {
    /// `--seccomp-default`.
    pub(super) seccomp_default: bool,
    /// Whether it is older than 1.27, and honours the annotations itself.
    pub(super) annotations: bool,
    /// Its seccomp root.
    pub(super) root: &'a Path,
}

/// Why there is no container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The API server does not take the pod.
    ByApiServer(Vec<String>),
    /// The kubelet does not create the container.
    ByKubelet(String),
}

impl Kubelet<'_> {
    /// What it asks for a container of a pod.
    pub(super) fn select(&self, pod: &Pod, container: &Container) -> Result<Selected, Denied> {
        let rejected = self.rejections(pod);
        if !rejected.is_empty() {
            return Err(Denied::ByApiServer(rejected));
        }
        let note = |key: &str| {
            let found = pod.annotations.iter().find(|(name, _)| name == key);
            found
                .filter(|_| self.annotations)
                .map(|(_, value)| of_annotation(value, key))
        };
        let own = format!("{CONTAINER_KEY}{}", container.name);
        let found = container
            .seccomp
            .clone()
            .or_else(|| note(&own))
            .or_else(|| pod.seccomp.clone())
            .or_else(|| note(POD_KEY));
        let Some(field) = found else {
            let (asks, by) = if self.seccomp_default {
                (
                    Asks::RuntimeDefault,
                    "nothing is said, and the kubelet has --seccomp-default",
                )
            } else {
                (
                    Asks::Unconfined,
                    "nothing is said, and the kubelet has no --seccomp-default",
                )
            };
            return Ok(Selected {
                asks,
                by: by.to_owned(),
                implicit: true,
            });
        };
        let asks = match field.kind.as_str() {
            "RuntimeDefault" => Asks::RuntimeDefault,
            "Unconfined" => Asks::Unconfined,
            _ => {
                let name = field.localhost.unwrap_or_default();
                // An annotation's name may be empty: it is the root then.
                if name.is_empty() && !field.by.starts_with("annotation") {
                    let words = "localhostProfile must be set if seccompProfile type is Localhost.";
                    return Err(Denied::ByKubelet(words.to_owned()));
                }
                Asks::Localhost(join(self.root, &name))
            }
        };
        Ok(Selected {
            asks,
            by: field.by,
            implicit: false,
        })
    }

    /// What the API server has against the pod.
    fn rejections(&self, pod: &Pod) -> Vec<String> {
        let fields = pod.containers.iter().filter_map(|one| one.seccomp.as_ref());
        let mut all: Vec<String> = fields
            .chain(&pod.seccomp)
            .filter_map(|field| Some(format!("{}: {}", field.by, of_field(field)?)))
            .collect();
        if self.annotations {
            for (key, value) in &pod.annotations {
                if (key == POD_KEY || key.starts_with(CONTAINER_KEY))
                    && let Some(why) = of_value(value)
                {
                    all.push(format!("annotation {key}: {why}"));
                }
            }
        }
        all
    }
}

fn of_field(field: &Field) -> Option<&'static str> {
    match (field.kind.as_str(), &field.localhost) {
        ("", _) => Some("type is required when seccompProfile is set"),
        ("Localhost", None) => Some("must be set when seccomp type is Localhost"),
        ("Localhost", Some(name)) => of_path(name),
        ("RuntimeDefault" | "Unconfined", None) => None,
        ("RuntimeDefault" | "Unconfined", Some(_)) => {
            Some("can only be set when seccomp type is Localhost")
        }
        _ => Some("unsupported type: write RuntimeDefault, Localhost or Unconfined"),
    }
}

fn of_value(value: &str) -> Option<&'static str> {
    match value {
        "runtime/default" | "docker/default" | "unconfined" => None,
        other => match other.strip_prefix("localhost/") {
            Some(name) => of_path(name),
            None => Some("must be a valid seccomp profile"),
        },
    }
}

fn of_path(name: &str) -> Option<&'static str> {
    if name.starts_with('/') {
        Some("must be a relative path")
    } else if name.split('/').any(|part| part == "..") {
        Some("must not contain '..'")
    } else {
        None
    }
}

fn of_annotation(value: &str, key: &str) -> Field {
    let (kind, localhost) = match value {
        "runtime/default" | "docker/default" => ("RuntimeDefault", None),
        "unconfined" => ("Unconfined", None),
        other => ("Localhost", other.strip_prefix("localhost/")),
    };
    Field {
        kind: kind.to_owned(),
        localhost: localhost.map(str::to_owned),
        by: format!("annotation {key}"),
    }
}

/// As Go's filepath.Join, for names without `..`.
fn join(root: &Path, name: &str) -> PathBuf {
    let parts = Path::new(name).components();
    let named = parts.filter(|part| matches!(part, Component::Normal(_)));
    named.fold(root.to_owned(), |path, part| path.join(part))
}

/// The old annotation for one container, before its name.
pub(super) const CONTAINER_KEY: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The old annotation for all containers of a pod.
pub(super) const POD_KEY: &str = "seccomp.security.alpha.kubernetes.io/pod";

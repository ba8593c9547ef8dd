//! The config.json that an engine writes for a container of a pod, as far as a decision reads it.
//!
//! containerd: internal/cri/server/container_create.go and internal/cri/annotations; CRI-O:
//! server/container_create.go. Deciding on this text is deciding on the bundle to come.

use std::collections::BTreeSet;
use std::path::PathBuf;

use profile::{CAPABILITIES, DOCKER_CAPABILITIES};
use serde_json::{Map, Value, json};

use super::kubelet::{CONTAINER_KEY, POD_KEY};
use super::manifest::{Container, Pod};
use crate::tools::put;

/// An engine that Kubernetes talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Engine {
    /// containerd.
    Containerd,
    /// CRI-O.
    #[value(name = "cri-o", alias = "crio")]
    CriO,
}

/// What a bundle is made from.
pub(super) struct Making<'a> {
    pub(super) engine: Engine,
    pub(super) pod: &'a Pod,
    pub(super) namespace: &'a str,
    /// The container; none for the pod's sandbox.
    pub(super) container: Option<&'a Container>,
    /// `linux.seccomp`, if there is to be one.
    pub(super) seccomp: Option<&'a str>,
    /// How CRI-O notes what was asked.
    pub(super) asked: &'a str,
    /// Whether the engine hands on Kubernetes' old annotations.
    pub(super) old_annotations: bool,
}

/// The bounding capabilities that an engine gives: its defaults, then `add` and `drop`
/// (containerd internal/cri/opts/spec_linux_opts.go, `WithCapabilities`).
pub(super) fn capabilities(engine: Engine, container: Option<&Container>) -> BTreeSet<String> {
    let all = || CAPABILITIES.iter().map(|name| (*name).to_owned()).collect();
    let defaults: &[&str] = match engine {
        Engine::Containerd => &DOCKER_CAPABILITIES,
        Engine::CriO => CRI_O,
    };
    let mut set: BTreeSet<String> = defaults.iter().map(|name| (*name).to_owned()).collect();
    let Some(container) = container else {
        return set;
    };
    if container.privileged {
        return all();
    }
    let has_all = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
    let named = |names: &[String]| -> Vec<String> {
        let names = names.iter().map(|name| name.to_ascii_uppercase());
        let names = names.filter(|name| name != "ALL");
        names
            .map(|name| match name.strip_prefix("CAP_") {
                // CRI-O takes both forms; containerd puts its own CAP_ before whatever comes.
                Some(bare) if engine == Engine::CriO => format!("CAP_{bare}"),
                _ => format!("CAP_{name}"),
            })
            .collect()
    };
    if has_all(&container.add) {
        set = all();
    }
    if has_all(&container.drop) {
        set.clear();
    }
    set.extend(named(&container.add));
    for name in named(&container.drop) {
        set.remove(&name);
    }
    set
}

/// CRI-O's default (pkg/config, `default_capabilities`).
const CRI_O: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
];

impl Making<'_> {
    /// Where the engine puts the bundle.
    pub(super) fn bundle(&self) -> PathBuf {
        let name = self
            .container
            .map_or("sandbox", |container| &container.name);
        // Names come from the manifest, and must not lead anywhere.
        let id = format!("{}-{name}", self.pod.name).replace('/', "-");
        PathBuf::from(match self.engine {
            Engine::Containerd => {
                format!("/run/containerd/io.containerd.runtime.v2.task/k8s.io/{id}")
            }
            Engine::CriO => format!("/run/containers/storage/overlay-containers/{id}/userdata"),
        })
    }

    /// The text of config.json.
    pub(super) fn config(&self) -> Result<String, serde_json::Error> {
        let container = self.container;
        let privileged = container.is_some_and(|one| one.privileged);
        let unmasked = privileged || container.is_some_and(|one| one.unmasked);
        let pod = self.pod;
        let mut namespaces = vec![json!({"type": "mount"}), json!({"type": "uts"})];
        // What shares the host's has none of its own; a pod's own is as good as a new one.
        for (kind, host) in [
            ("network", pod.host_network),
            ("pid", pod.host_pid),
            ("ipc", pod.host_ipc),
        ] {
            if !host {
                namespaces.push(json!({"type": kind}));
            }
        }
        if pod.user_namespace {
            namespaces.push(json!({"type": "user"}));
        }
        let masked: &[&str] = if unmasked { &[] } else { &["/proc/kcore"] };
        let cgroup = match self.engine {
            Engine::Containerd => "/k8s.io/0",
            Engine::CriO => "kubepods.slice:crio:0",
        };
        let mut linux = json!({
            "cgroupsPath": cgroup,
            "maskedPaths": masked,
            "namespaces": namespaces,
            "resources": {"devices": [{"allow": privileged, "access": "rwm"}]},
        });
        if let Some(seccomp) = self.seccomp {
            put(
                &mut linux,
                "seccomp",
                serde_json::from_str::<Value>(seccomp)?,
            );
        }
        let bounding = capabilities(self.engine, container);
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "capabilities": {"bounding": bounding},
                "noNewPrivileges": container.is_some_and(|one| one.no_new_privileges),
            },
            "annotations": self.annotations(),
            "linux": linux,
        });
        serde_json::to_string(&config)
    }

    fn annotations(&self) -> Map<String, Value> {
        let mut all = Map::new();
        for (key, value) in &self.pod.annotations {
            let old = key == POD_KEY || key.starts_with(CONTAINER_KEY);
            let hands_on = match self.engine {
                Engine::Containerd => old && self.old_annotations,
                // CRI-O hands on all but those that steer it or the runtime (pkg/annotations).
                Engine::CriO => {
                    !key.starts_with("io.kubernetes.cri-o.") && !key.starts_with("run.oci.")
                }
            };
            if hands_on {
                all.insert(key.clone(), json!(value));
            }
        }
        let kind = if self.container.is_some() {
            "container"
        } else {
            "sandbox"
        };
        let image = self.container.map(|container| image(&container.image));
        let name = self.container.map(|container| container.name.as_str());
        let pod = &self.pod.name;
        let told = match self.engine {
            Engine::Containerd => [
                ("io.kubernetes.cri.container-type", Some(kind)),
                ("io.kubernetes.cri.sandbox-namespace", Some(self.namespace)),
                ("io.kubernetes.cri.sandbox-name", Some(pod)),
                ("io.kubernetes.cri.container-name", name),
                ("io.kubernetes.cri.image-name", image.as_deref()),
            ]
            .to_vec(),
            Engine::CriO => [
                ("io.kubernetes.cri-o.ContainerType", Some(kind)),
                ("io.kubernetes.pod.namespace", Some(self.namespace)),
                ("io.kubernetes.pod.name", Some(pod)),
                ("io.kubernetes.container.name", name),
                ("io.kubernetes.cri-o.ImageName", image.as_deref()),
                ("io.kubernetes.cri-o.SeccompProfilePath", Some(self.asked)),
            ]
            .to_vec(),
        };
        for (key, value) in told {
            if let Some(value) = value {
                all.insert(key.to_owned(), json!(value));
            }
        }
        all
    }
}

/// An image as engines name it: with its registry, and its tag or digest
/// (distribution/reference, `ParseDockerRef`).
fn image(name: &str) -> String {
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let registry = first.contains(['.', ':']) || first == "localhost";
    let full = if registry {
        name.to_owned()
    } else if first.is_empty() {
        format!("docker.io/library/{rest}")
    } else {
        format!("docker.io/{name}")
    };
    let last = full.rsplit('/').next().unwrap_or("");
    if last.contains([':', '@']) {
        full
    } else {
        format!("{full}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_in_full() {
        for (short, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.29", "docker.io/library/nginx:1.29"),
            ("team/web", "docker.io/team/web:latest"),
            ("quay.io/a/b:1", "quay.io/a/b:1"),
            ("localhost:5000/a", "localhost:5000/a:latest"),
            ("nginx@sha256:00", "docker.io/library/nginx@sha256:00"),
        ] {
            assert_eq!(image(short), full);
        }
    }

    #[test]
    fn capabilities_are_added_and_dropped_as_the_engine_does() {
        let with = |add: &[&str], drop: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let container = Container {
                add: own(add),
                drop: own(drop),
                ..Container::default()
            };
            capabilities(Engine::Containerd, Some(&container))
        };
        assert_eq!(with(&[], &[]).len(), 14);
        assert_eq!(with(&["SYS_ADMIN"], &["KILL"]).len(), 14);
        assert!(with(&["sys_admin"], &[]).contains("CAP_SYS_ADMIN"));
        assert_eq!(with(&["NET_ADMIN"], &["ALL"]).len(), 1);
        assert_eq!(with(&["all"], &["CHOWN"]).len(), CAPABILITIES.len() - 1);
    }
}

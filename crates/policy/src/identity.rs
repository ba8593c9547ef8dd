//! Who the container is, as far as its engine tells.
//!
//! Each engine's own marks count, in the order of how hard they are to forge: first the folder in
//! which the engine made the bundle, then the cgroup's last part, which no engine leaves to its
//! users, then annotations. A bundle with none of the first two was made by hand, by root.
//! Pod names are read only under the keys of the engine that was found, so that an annotation given
//! to Docker cannot pose as Kubernetes'.

use std::fmt;
use std::path::Path;

use bundle::Facts;

/// The engine that made a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// buildkitd, or dockerd's own.
    Buildkit,
    /// containerd, through CRI or not.
    Containerd,
    /// CRI-O.
    CriO,
    /// dockerd.
    Docker,
    /// Podman.
    Podman,
    /// None that is known here; a bundle made by hand.
    Unknown,
}

/// The engines' names in policies.
pub(crate) const ENGINES: &[&str] = &[
    "buildkit",
    "containerd",
    "cri-o",
    "docker",
    "podman",
    "unknown",
];

impl Engine {
    /// The name that policies use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Buildkit => "buildkit",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Unknown => "unknown",
        }
    }

    fn of(facts: &Facts<'_>, bundle: &Path) -> Self {
        if is_buildahs(bundle) {
            return Self::Unknown;
        }
        Self::by_bundle(bundle)
            .or_else(|| Self::by_cgroup(facts.cgroups_path.as_deref()?))
            .or_else(|| is_in_containers_storage(bundle).then_some(Self::Podman))
            .unwrap_or_else(|| Self::by_annotations(facts))
    }

    /// Where containerd's shim and buildkit make bundles; dockerd's containerd namespace is `moby`.
    fn by_bundle(bundle: &Path) -> Option<Self> {
        let path = bundle.as_os_str().as_encoded_bytes();
        let below = |part: &str| {
            path.windows(part.len())
                .any(|window| window == part.as_bytes())
        };
        // With remapped users the namespace is `moby-UID.GID`.
        if below("/io.containerd.runtime.v2.task/moby") {
            Some(Self::Docker)
        } else if below("/io.containerd.runtime.v2.task/") {
            Some(Self::Containerd)
        } else if below("/buildkit/") {
            Some(Self::Buildkit)
        } else {
            None
        }
    }

    /// The last part of the cgroup's path, which no engine leaves to its user: `libpod-ID` under
    /// whatever parent, or `SLICE:libpod:ID` for systemd; CRI-O's has `crio` there. dockerd puts
    /// `/docker/ID`, or `SLICE:docker:ID`. What is before it (`--cgroup-parent`) may be anything,
    /// with colons and all.
    fn by_cgroup(path: &str) -> Option<Self> {
        let mut folders = path.rsplit('/');
        let last = folders.next().unwrap_or_default();
        let mut parts = last.rsplitn(3, ':');
        let for_systemd = match (parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(mark), Some(_)) => Some(mark),
            _ => None,
        };
        match for_systemd.or_else(|| Some(last.split_once('-')?.0)) {
            Some("libpod") => Some(Self::Podman),
            Some("crio") => Some(Self::CriO),
            _ if for_systemd == Some("docker") => Some(Self::Docker),
            _ if for_systemd.is_none() && folders.next() == Some("docker") => Some(Self::Docker),
            _ => None,
        }
    }

    /// What else an engine leaves. A user could have left it too, so this comes last.
    fn by_annotations(facts: &Facts<'_>) -> Self {
        let has = |key: &str| facts.annotation(key).is_some();
        if facts.annotation("io.container.manager") == Some("libpod") {
            Self::Podman
        } else if has("io.kubernetes.cri-o.ContainerType") {
            Self::CriO
        } else if has("io.kubernetes.cri.container-type") {
            Self::Containerd
        } else {
            Self::Unknown
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the engine says of the container; nothing where it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who made the bundle.
    pub engine: Engine,
    /// The pod's Kubernetes namespace.
    pub namespace: Option<String>,
    /// The pod's name.
    pub pod: Option<String>,
    /// The container's name in its pod.
    pub container: Option<String>,
    /// The image it was made from, as the engine names it.
    pub image: Option<String>,
    /// Whether it is a pod's sandbox (pause) container.
    pub sandbox: bool,
}

impl Identity {
    /// Reads who the container is from its annotations and from where its bundle is.
    #[must_use]
    pub fn read(facts: &Facts<'_>, bundle: &Path) -> Self {
        let engine = Engine::of(facts, bundle);
        let read = |key: &str| facts.annotation(key).map(str::to_owned);
        let mut identity = Self {
            engine,
            namespace: None,
            pod: None,
            container: None,
            image: None,
            sandbox: false,
        };
        match engine {
            // containerd internal/cri/annotations: written after what a pod may pass through. Other
            // clients of containerd (nerdctl, ctr) leave these keys to their users.
            Engine::Containerd if is_cri(bundle) => {
                identity.namespace = read("io.kubernetes.cri.sandbox-namespace");
                identity.pod = read("io.kubernetes.cri.sandbox-name");
                identity.container = read("io.kubernetes.cri.container-name");
                identity.image = read("io.kubernetes.cri.image-name");
                identity.sandbox =
                    facts.annotation("io.kubernetes.cri.container-type") == Some("sandbox");
            }
            // The kubelet's labels, which CRI-O writes last.
            Engine::CriO => {
                identity.namespace = read("io.kubernetes.pod.namespace");
                identity.pod = read("io.kubernetes.pod.name");
                identity.container = read("io.kubernetes.container.name");
                identity.image = read("io.kubernetes.cri-o.ImageName");
                identity.sandbox =
                    facts.annotation("io.kubernetes.cri-o.ContainerType") == Some("sandbox");
            }
            Engine::Buildkit
            | Engine::Containerd
            | Engine::Docker
            | Engine::Podman
            | Engine::Unknown => {}
        }
        identity
    }
}

/// Whether the bundle is where containers/storage has Podman and CRI-O put it
/// (`overlay-containers/ID/userdata`). CRI-O's always have a cgroup with its mark, so what has none is
/// Podman's (`--cgroups=disabled`), whose users write any annotation.
fn is_in_containers_storage(bundle: &Path) -> bool {
    let mut names = bundle.iter().rev().map(|name| name.as_encoded_bytes());
    let (last, _, above) = (names.next(), names.next(), names.next());
    last == Some(b"userdata") && above.is_some_and(|name| name.ends_with(b"-containers"))
}

/// Whether the bundle is one of buildah's, which `podman build` is, too: a temporary folder of that
/// name (buildah run_linux.go). The whole path of its cgroup is what its user gave as
/// `--cgroup-parent`, so that it tells nothing.
fn is_buildahs(bundle: &Path) -> bool {
    let name = bundle.file_name().unwrap_or_default().as_encoded_bytes();
    name.strip_prefix(b"buildah")
        .is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// Whether the bundle is of containerd's CRI plugin, whose namespace is `k8s.io`, or one that was put
/// elsewhere by hand, by somebody who is root anyway.
fn is_cri(bundle: &Path) -> bool {
    let path = bundle.as_os_str().as_encoded_bytes();
    let below = |part: &str| {
        path.windows(part.len())
            .any(|window| window == part.as_bytes())
    };
    below("/io.containerd.runtime.v2.task/k8s.io/") || !below("/io.containerd.runtime.v2.task/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroup_of_a_build_is_its_users_word() {
        for parent in ["/crio-a", "a:crio:b", "/docker/a", "a:libpod:b"] {
            let facts = Facts {
                cgroups_path: Some(parent.into()),
                ..Facts::default()
            };
            let engine = |bundle: &str| Engine::of(&facts, Path::new(bundle));
            assert_eq!(engine("/var/tmp/buildah3141592653"), Engine::Unknown);
            assert_ne!(engine("/var/tmp/buildah"), Engine::Unknown);
        }
    }

    #[test]
    fn bundles_and_cgroups_tell_the_engine() {
        let by_bundle = |path: &str| Engine::by_bundle(Path::new(path));
        let task = "/run/containerd/io.containerd.runtime.v2.task";
        assert_eq!(
            by_bundle(&format!("{task}/k8s.io/abc")),
            Some(Engine::Containerd)
        );
        assert_eq!(by_bundle(&format!("{task}/moby/abc")), Some(Engine::Docker));
        assert_eq!(
            by_bundle("/var/lib/buildkit/runc-native/executor/x"),
            Some(Engine::Buildkit)
        );
        assert_eq!(by_bundle("/tmp/bundle"), None);
        for (path, engine) in [
            ("/docker/a09def908d6d", Some(Engine::Docker)),
            ("system.slice:docker:a09d", Some(Engine::Docker)),
            ("/libpod_parent/libpod-ff96", Some(Engine::Podman)),
            ("machine.slice:libpod:ff96", Some(Engine::Podman)),
            ("/docker/crio/libpod-ff96", Some(Engine::Podman)),
            (
                "kubepods-besteffort-pod1.slice:crio:abc",
                Some(Engine::CriO),
            ),
            ("/kubepods/besteffort/pod1/crio-abc", Some(Engine::CriO)),
            ("/k8s.io/fc87", None),
            // What users put before the last part.
            ("/a:crio:b/libpod-ff96", Some(Engine::Podman)),
            ("crio-a:b.slice:libpod:ff96", Some(Engine::Podman)),
            ("a:crio:b.slice:libpod:ff96", Some(Engine::Podman)),
            ("/crio/a09def908d6d", None),
            ("/crio-a/b", None),
            ("", None),
        ] {
            assert_eq!(Engine::by_cgroup(path), engine, "{path}");
        }
    }
}

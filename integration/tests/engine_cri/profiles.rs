//! Which profile a pod's containers have, told by what the kernel answers within them.

use std::io;

use integration::engine::cri_v1::security_profile::ProfileType::{
    self, Localhost, RuntimeDefault, Unconfined,
};
use integration::engine::cri_v1::{ContainerConfig, SecurityProfile};
use integration::engine::{Came, Pod, World, container_named, container_with, equal};

use crate::{Node, SLEEP};

const POLICY: &str = r#"
version = 1
log.decisions = "/etc/seccomp-shim/decisions.jsonl"
[[rule]]
when = { handler = "shim-asked", namespace = "team-b", pod = "web-*", container = "guarded" }
profile = { type = "Localhost", localhostProfile = "mkdir.json" }
[[rule]]
when = { handler = "shim-asked" }
profile = "Requested"
[[rule]]
when = { handler = "shim-missing", container = "*" }
profile = { type = "Localhost", localhostProfile = "missing.json" }
[[rule]]
when = { handler = "shim-ruled", privileged = true }
profile = { type = "Localhost", localhostProfile = "mkdir.json" }
"#;

const OLD: &str = "version = 1\nlog.decisions = \"off\"\nrequest.annotations = true\n\
                   [defaults]\nprofile = \"Requested\"\n";

const FLOOR: &str = r#"
version = 1
log.decisions = "off"
[defaults]
profile = "Requested"
[floor]
profile = { type = "Localhost", localhostProfile = "mkdir.json" }
"#;

const NO_MKDIR: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#;

pub(crate) fn write(world: &World) -> io::Result<()> {
    world.policy("profiles/mkdir.json", NO_MKDIR)?;
    world.policy("old/profiles/mkdir.json", NO_MKDIR)?;
    world.policy("old/policy.toml", OLD)?;
    world.policy("floor/profiles/mkdir.json", NO_MKDIR)?;
    world.policy("floor/policy.toml", FLOOR)?;
    world.policy("policy.toml", POLICY)
}

/// What the kernel says in a container: whether it has a filter, may mkdir, may unshare.
#[derive(Debug, PartialEq)]
struct May {
    filtered: bool,
    mkdir: bool,
    unshare: bool,
}

const DEFAULT: May = May {
    filtered: true,
    mkdir: true,
    unshare: false,
};
const FREE: May = May {
    filtered: false,
    mkdir: true,
    unshare: true,
};
const GUARDED: May = May {
    filtered: true,
    mkdir: false,
    unshare: true,
};
const BOTH: May = May {
    filtered: true,
    mkdir: false,
    unshare: false,
};

/// Runs a container and asks.
fn may(pod: &Pod<'_>, config: ContainerConfig) -> Result<May, String> {
    let container = pod.run(config)?;
    let script =
        "grep Seccomp: /proc/1/status; mkdir /tmp/x && echo made; unshare -U echo unshared; true";
    let (_, text) = pod.exec(&container, &["sh", "-c", script])?;
    Ok(May {
        filtered: text.contains("Seccomp:\t2"),
        mkdir: text.contains("made"),
        unshare: text.contains("unshared"),
    })
}

fn asking(name: &str, profile_type: ProfileType, path: &str) -> ContainerConfig {
    container_with(name, SLEEP, |security| {
        security.seccomp = Some(SecurityProfile {
            profile_type: profile_type.into(),
            localhost_ref: path.to_owned(),
        });
    })
}

fn privileged(name: &str) -> ContainerConfig {
    container_with(name, SLEEP, |security| {
        security.privileged = true;
        security.seccomp = None;
    })
}

/// A pod whose containers may be privileged.
fn free_pod<'a>(node: &'a Node, name: &str, handler: &str) -> Result<Pod<'a>, String> {
    let mut config = node.config(&format!("{name}-{handler}"), "default");
    let linux = config.linux.as_mut();
    if let Some(security) = linux.and_then(|linux| linux.security_context.as_mut()) {
        security.privileged = true;
    }
    node.cri.pod(handler, config)
}

fn localhost(node: &Node) -> String {
    let path = node
        .containerd
        .world
        .path()
        .join("policy/profiles/mkdir.json");
    format!("localhost/{}", path.display())
}

pub(crate) fn as_asked(node: &Node) -> Came {
    let path = localhost(node).replace("localhost/", "");
    let pod = free_pod(node, "asked", "shim-asked")?;
    equal(&may(&pod, asking("default", RuntimeDefault, ""))?, &DEFAULT)?;
    equal(&may(&pod, asking("localhost", Localhost, &path))?, &GUARDED)?;
    equal(&may(&pod, asking("unconfined", Unconfined, ""))?, &FREE)?;
    equal(&may(&pod, privileged("privileged"))?, &FREE)
}

pub(crate) fn embedded(node: &Node) -> Came {
    let path = localhost(node).replace("localhost/", "");
    let pod = free_pod(node, "embedded", "shim-embedded")?;
    equal(&may(&pod, asking("default", RuntimeDefault, ""))?, &DEFAULT)?;
    equal(&may(&pod, asking("localhost", Localhost, &path))?, &BOTH)?;
    equal(&may(&pod, asking("unconfined", Unconfined, ""))?, &DEFAULT)?;
    equal(&may(&pod, privileged("privileged"))?, &FREE)
}

pub(crate) fn sandbox(node: &Node) -> Came {
    for handler in ["shim-asked", "shim-embedded"] {
        let pod = node.pod("sandbox", handler)?;
        let decisions = node.containerd.world.decisions();
        let ours = decisions
            .iter()
            .find(|one| one.get("id").is_some_and(|id| *id == *pod.id));
        let ours = ours.ok_or("no decision on the sandbox")?;
        let status = node.containerd.world.command("sh").arg("-c").arg(format!(
            "grep Seccomp: /proc/$(ctr -n k8s.io task ls | grep {} | awk '{{print $2}}')/status",
            pod.id
        )).output();
        let status = status.map_err(|error| error.to_string())?.stdout;
        equal(&String::from_utf8_lossy(&status).trim(), &"Seccomp:\t2")?;
        equal(
            &ours.get("profile").and_then(|name| name.as_str()),
            &Some("RuntimeDefault"),
        )
        .or_else(|error| {
            if handler == "shim-asked" {
                Ok(())
            } else {
                Err(error)
            }
        })?;
    }
    Ok(())
}

pub(crate) fn each_its_own(node: &Node) -> Came {
    let path = localhost(node).replace("localhost/", "");
    let pod = node.pod("own", "shim-asked")?;
    equal(&may(&pod, asking("init", Unconfined, ""))?, &FREE)?;
    equal(&may(&pod, asking("main", RuntimeDefault, ""))?, &DEFAULT)?;
    equal(&may(&pod, asking("ephemeral", Localhost, &path))?, &GUARDED)
}

pub(crate) fn annotations(node: &Node) -> Came {
    const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/other";
    let annotated = |handler: &str| {
        let mut config = node.config(&format!("annotated-{handler}"), "default");
        let pairs = [
            (POD, "localhost/mkdir.json"),
            (CONTAINER, "runtime/default"),
        ];
        config.annotations = pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        node.cri.pod(handler, config)
    };
    // Not honoured: what the fields say.
    let pod = annotated("shim-asked")?;
    equal(&may(&pod, asking("main", Unconfined, ""))?, &FREE)?;
    // Honoured: the pod's for a container without its own.
    let pod = annotated("shim-old")?;
    equal(&may(&pod, asking("main", Unconfined, ""))?, &GUARDED)?;
    equal(&may(&pod, asking("other", Unconfined, ""))?, &DEFAULT)?;
    // Honoured, but a handler whose pod_annotations do not name them hands none on.
    let pod = annotated("shim-deaf")?;
    equal(&may(&pod, asking("main", Unconfined, ""))?, &FREE)
}

pub(crate) fn by_name(node: &Node) -> Came {
    let pod = |name, namespace| node.cri.pod("shim-asked", node.config(name, namespace));
    let (web, db) = (pod("web-1", "team-b")?, pod("db-1", "team-b")?);
    let elsewhere = pod("web-2", "team-c")?;
    equal(&may(&web, asking("guarded", Unconfined, ""))?, &GUARDED)?;
    equal(&may(&web, asking("another", Unconfined, ""))?, &FREE)?;
    equal(&may(&db, asking("guarded", Unconfined, ""))?, &FREE)?;
    equal(&may(&elsewhere, asking("guarded", Unconfined, ""))?, &FREE)
}

pub(crate) fn privileged_by_rule(node: &Node) -> Came {
    let pod = free_pod(node, "ruled", "shim-ruled")?;
    equal(&may(&pod, privileged("privileged"))?, &GUARDED)
}

pub(crate) fn floor(node: &Node) -> Came {
    let pod = free_pod(node, "floor", "shim-floor")?;
    equal(&may(&pod, privileged("privileged"))?, &GUARDED)?;
    equal(&may(&pod, asking("unconfined", Unconfined, ""))?, &GUARDED)
}

pub(crate) fn refusal(node: &Node) -> Came {
    let pod = node.pod("refused", "shim-missing")?;
    let container = pod.create(container_named("one", SLEEP))?;
    // The kubelet makes its event of this answer, and kubectl shows the status' message.
    let answer = pod.start(&container).err().ok_or("it started")?;
    let status = pod.status(&container)?;
    for text in [&answer, &status.message] {
        let ours = text.contains("OCI runtime create failed: seccomp-shim: ")
            && text.contains("missing.json");
        ours.then_some(()).ok_or_else(|| text.clone())?;
    }
    equal(&status.reason, &"StartError".to_owned())
}

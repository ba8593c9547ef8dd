//! Kubernetes' manifests: which pods they make, and what each container of them is to be.

use super::kubelet::Field;
use super::yaml::{Node, Wrong, documents};

/// A pod that a manifest makes.
#[derive(Debug, Default)]
pub(super) struct Pod {
    /// What makes it, as `Deployment web`.
    pub(super) owner: String,
    /// The line on which that begins.
    pub(super) line: usize,
    /// Its name; made up, but of the right form, where a controller will name it.
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) annotations: Vec<(String, String)>,
    pub(super) seccomp: Option<Field>,
    pub(super) host_network: bool,
    pub(super) host_pid: bool,
    pub(super) host_ipc: bool,
    /// `hostUsers: false`.
    pub(super) user_namespace: bool,
    pub(super) runtime_class: Option<String>,
    pub(super) containers: Vec<Container>,
}

/// One container of a pod.
#[derive(Debug, Default)]
pub(super) struct Container {
    /// `container`, `init container`, `ephemeral container`.
    pub(super) kind: &'static str,
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) seccomp: Option<Field>,
    pub(super) privileged: bool,
    pub(super) no_new_privileges: bool,
    pub(super) unmasked: bool,
    pub(super) add: Vec<String>,
    pub(super) drop: Vec<String>,
}

/// What a manifest holds.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) pods: Vec<Pod>,
    /// Documents that make no pods, as `line 12: ConfigMap settings`.
    pub(super) skipped: Vec<String>,
}

/// Reads all documents of a manifest.
///
/// # Errors
/// What is no YAML, or no such object, with its line.
pub(super) fn read(text: &str) -> Result<Manifest, Wrong> {
    let mut manifest = Manifest::default();
    for document in &documents(text)? {
        let node = Node::top(document);
        if !node.is_null() {
            object(&node, None, &mut manifest)?;
        }
    }
    Ok(manifest)
}

fn object(node: &Node<'_>, kind: Option<&str>, manifest: &mut Manifest) -> Result<(), Wrong> {
    let said = node.get("kind")?.map(|kind| kind.text()).transpose()?;
    let Some(kind) = said.as_deref().or(kind) else {
        return Err(format!(
            "line {}: no kind: this is no Kubernetes object",
            node.line()
        ));
    };
    if let Some(of) = kind.strip_suffix("List") {
        let Some(items) = node.get("items")? else {
            return Ok(());
        };
        let of = (!of.is_empty()).then_some(of);
        return items
            .items()?
            .iter()
            .try_for_each(|item| object(item, of, manifest));
    }
    let name = node.at(&["metadata", "name"])?;
    let name = name.map(|name| name.text()).transpose()?;
    let owner = format!("{kind} {}", name.as_deref().unwrap_or("without a name"));
    let Some((template, suffix)) = template(kind) else {
        manifest
            .skipped
            .push(format!("line {}: {owner}", node.line()));
        return Ok(());
    };
    let Some(pod) = node.at(template)? else {
        let path = template.join(".");
        return Err(format!("line {}: {owner} has no {path}", node.line()));
    };
    let name = match name {
        Some(name) => format!("{name}{suffix}"),
        None => {
            let prefix = node.at(&["metadata", "generateName"])?;
            let prefix = prefix.map(|prefix| prefix.text()).transpose()?;
            format!("{}00000", prefix.unwrap_or_default())
        }
    };
    let namespace = node.at(&["metadata", "namespace"])?;
    let mut made = read_pod(&pod)?;
    made.owner = owner;
    made.line = node.line();
    made.name = name;
    made.namespace = namespace.map(|namespace| namespace.text()).transpose()?;
    manifest.pods.push(made);
    Ok(())
}

/// Where a kind has its pod, and what its controller adds to the name.
fn template(kind: &str) -> Option<(&'static [&'static str], &'static str)> {
    Some(match kind {
        "Pod" => (&[], ""),
        "Deployment" => (&["spec", "template"], "-0000000000-00000"),
        "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            (&["spec", "template"], "-00000")
        }
        "StatefulSet" => (&["spec", "template"], "-0"),
        "CronJob" => (
            &["spec", "jobTemplate", "spec", "template"],
            "-00000000-00000",
        ),
        "PodTemplate" => (&["template"], "-00000"),
        _ => return None,
    })
}

fn read_pod(node: &Node<'_>) -> Result<Pod, Wrong> {
    let Some(spec) = node.get("spec")? else {
        return Err(format!("line {}: the pod has no spec", node.line()));
    };
    let flag =
        |key| -> Result<Option<bool>, Wrong> { spec.get(key)?.map(|flag| flag.flag()).transpose() };
    let annotations = node.at(&["metadata", "annotations"])?;
    let class = spec.get("runtimeClassName")?;
    let mut pod = Pod {
        annotations: annotations.map_or(Ok(Vec::new()), |node| node.strings())?,
        seccomp: seccomp(&spec)?,
        host_network: flag("hostNetwork")?.unwrap_or(false),
        host_pid: flag("hostPID")?.unwrap_or(false),
        host_ipc: flag("hostIPC")?.unwrap_or(false),
        user_namespace: !flag("hostUsers")?.unwrap_or(true),
        runtime_class: class.map(|class| class.text()).transpose()?,
        ..Pod::default()
    };
    for (key, kind) in [
        ("initContainers", "init container"),
        ("containers", "container"),
        ("ephemeralContainers", "ephemeral container"),
    ] {
        if let Some(list) = spec.get(key)? {
            for node in list.items()? {
                pod.containers.push(read_container(&node, kind)?);
            }
        }
    }
    Ok(pod)
}

fn read_container(node: &Node<'_>, kind: &'static str) -> Result<Container, Wrong> {
    let text = |keys: &[&str]| -> Result<Option<String>, Wrong> {
        node.at(keys)?.map(|node| node.text()).transpose()
    };
    let flag = |keys: &[&str]| -> Result<Option<bool>, Wrong> {
        node.at(keys)?.map(|node| node.flag()).transpose()
    };
    let names = |list: &str| -> Result<Vec<String>, Wrong> {
        let list = node.at(&["securityContext", "capabilities", list])?;
        let items = list.map_or(Ok(Vec::new()), |list| list.items())?;
        items.iter().map(Node::text).collect()
    };
    let Some(name) = text(&["name"])? else {
        return Err(format!("line {}: {} has no name", node.line(), node.path));
    };
    Ok(Container {
        kind,
        line: node.line(),
        name,
        image: text(&["image"])?.unwrap_or_default(),
        seccomp: seccomp(node)?,
        privileged: flag(&["securityContext", "privileged"])?.unwrap_or(false),
        no_new_privileges: flag(&["securityContext", "allowPrivilegeEscalation"])? == Some(false),
        unmasked: text(&["securityContext", "procMount"])?.as_deref() == Some("Unmasked"),
        add: names("add")?,
        drop: names("drop")?,
    })
}

/// The field `securityContext.seccompProfile` of a pod or container.
fn seccomp(node: &Node<'_>) -> Result<Option<Field>, Wrong> {
    let Some(field) = node.at(&["securityContext", "seccompProfile"])? else {
        return Ok(None);
    };
    let text = |key| -> Result<Option<String>, Wrong> {
        field.get(key)?.map(|node| node.text()).transpose()
    };
    Ok(Some(Field {
        kind: text("type")?.unwrap_or_default(),
        localhost: text("localhostProfile")?,
        by: format!("{}, line {}", field.path, field.line()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_pod_and_its_name() {
        let spec = "spec: {containers: [{name: a, image: b}]}";
        for (kind, text, name) in [
            ("Pod", spec.to_owned(), "x"),
            (
                "Deployment",
                format!("spec: {{template: {{{spec}}}}}"),
                "x-0000000000-00000",
            ),
            (
                "StatefulSet",
                format!("spec: {{template: {{{spec}}}}}"),
                "x-0",
            ),
            (
                "DaemonSet",
                format!("spec: {{template: {{{spec}}}}}"),
                "x-00000",
            ),
            (
                "CronJob",
                format!("spec: {{jobTemplate: {{spec: {{template: {{{spec}}}}}}}}}"),
                "x-00000000-00000",
            ),
        ] {
            let text = format!("kind: {kind}\nmetadata: {{name: x}}\n{text}\n");
            let manifest = read(&text).expect(kind);
            assert_eq!(manifest.pods[0].name, name, "{kind}");
            assert_eq!(manifest.pods[0].containers[0].name, "a", "{kind}");
        }
    }

    #[test]
    fn errors_have_their_line() {
        for (text, said) in [
            ("kind: Pod\nspec: 3\n", "line 2: spec is not a mapping"),
            (
                "kind: Pod\nspec:\n  hostPID: \"yes\"\n",
                "line 3: spec.hostPID is not true or false",
            ),
            ("kind: Pod\nspec: {\n", "line 3"),
            ("a: 1\n", "line 1: no kind"),
            (
                "kind: Pod\nspec:\n  containers:\n  - image: x\n",
                "line 4: spec.containers[0] has no name",
            ),
            ("kind: Pod\nkind: Pod\n", "line 2"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }
}

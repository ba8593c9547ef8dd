//! What a policy may ask about a container, as its config.json says it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxNamespace, LinuxNamespaceType};
use strict_json::{Fault, FaultKind, Kind, Member, Value};

use crate::struct_fields;

/// The facts of one container.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    /// `annotations`, in the order of the file.
    pub annotations: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// `process.capabilities.bounding`, as written; nothing if the object is absent.
    pub bounding: BTreeSet<String>,
    /// `process.noNewPrivileges`.
    pub no_new_privileges: bool,
    /// Whether `linux.maskedPaths` hides anything.
    pub masks_paths: bool,
    /// Whether `linux.resources.devices` allows every device to be read, written and made.
    pub all_devices: bool,
    /// `linux.cgroupsPath`.
    pub cgroups_path: Option<Cow<'a, str>>,
    /// `linux.namespaces`; absent where it cannot be read by the spec's types.
    pub namespaces: Option<Vec<LinuxNamespace>>,
}

impl Facts<'_> {
    /// The value of the annotation `key`.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let found = self.annotations.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_ref())
    }

    /// Whether the container has no namespace of its own of this kind, so that it shares the
    /// host's. Unknown where the namespaces cannot be read, or where it joins one by its path: that
    /// may be the host's or a pod's.
    #[must_use]
    pub fn shares_host(&self, kind: LinuxNamespaceType) -> Option<bool> {
        let namespaces = self.namespaces.as_ref()?;
        match namespaces.iter().find(|namespace| namespace.typ() == kind) {
            None => Some(true),
            Some(namespace) if is_new(namespace) => Some(false),
            Some(_) => None,
        }
    }
}

impl<'a> Facts<'a> {
    /// Reads the facts from the members of the top-level object, but for those of `linux`.
    pub(crate) fn read(top: &[Member<'a>]) -> Result<Self, Fault> {
        let mut facts = Self::default();
        if let Some(annotations) = object(top, "annotations")? {
            for entry in annotations.entries()? {
                let value = entry.value;
                let text = value
                    .as_str()
                    .ok_or_else(|| value.wrong_kind("an annotation", "a string"))?;
                facts.annotations.push((entry.key, text));
            }
        }
        if let Some(process) = object(top, "process")? {
            facts.read_process(process)?;
        }
        Ok(facts)
    }

    fn read_process(&mut self, process: Value<'a>) -> Result<(), Fault> {
        let fields = process.fields(struct_fields::PROCESS)?;
        if let Some(value) = present(&fields, "noNewPrivileges") {
            self.no_new_privileges = value
                .as_bool()
                .ok_or_else(|| value.wrong_kind("process.noNewPrivileges", "a boolean"))?;
        }
        let Some(capabilities) = object(&fields, "capabilities")? else {
            return Ok(());
        };
        let sets = capabilities.fields(struct_fields::CAPABILITIES)?;
        if let Some(bounding) = array(&sets, "bounding")? {
            for value in bounding.elements() {
                let name = value
                    .as_str()
                    .ok_or_else(|| value.wrong_kind("a capability", "a string"))?;
                self.bounding.insert(name.into_owned());
            }
        }
        Ok(())
    }

    /// Adds those from the members of `linux`.
    pub(crate) fn read_linux(&mut self, fields: &[Member<'a>]) -> Result<(), Fault> {
        if let Some(paths) = array(fields, "maskedPaths")? {
            self.masks_paths = paths.elements().next().is_some();
        }
        if let Some(value) = present(fields, "cgroupsPath") {
            let path = value.as_str();
            let path = path.ok_or_else(|| value.wrong_kind("linux.cgroupsPath", "a string"))?;
            self.cgroups_path = Some(path);
        }
        self.namespaces = match array(fields, "namespaces")? {
            None => Some(Vec::new()),
            Some(namespaces) => {
                for namespace in namespaces.elements() {
                    namespace.fields(struct_fields::NAMESPACE)?;
                }
                serde_json::from_str(namespaces.raw()).ok()
            }
        };
        if let Some(resources) = object(fields, "resources")? {
            let fields = resources.fields(struct_fields::RESOURCES)?;
            if let Some(devices) = array(&fields, "devices")? {
                for device in devices.elements() {
                    device.fields(struct_fields::DEVICE)?;
                }
                self.all_devices = serde_json::from_str::<Vec<LinuxDeviceCgroup>>(devices.raw())
                    .is_ok_and(|rules| allows_everything(&rules));
            }
        }
        Ok(())
    }
}

/// Whether the rules, of which the last that fits wins, leave every device allowed: the last rule
/// for all devices allows everything, and none after it takes anything back.
fn allows_everything(rules: &[LinuxDeviceCgroup]) -> bool {
    let is_for_all = |rule: &LinuxDeviceCgroup| {
        rule.typ()
            .is_none_or(|kind| kind == oci_spec::runtime::LinuxDeviceType::A)
            && rule.major().is_none_or(|major| major < 0)
            && rule.minor().is_none_or(|minor| minor < 0)
    };
    let Some(last) = rules.iter().rposition(is_for_all) else {
        return false;
    };
    let mut from_there = rules.iter().skip(last);
    let all = from_there.next().is_some_and(|rule| {
        let access = rule.access().as_deref().unwrap_or("rwm");
        rule.allow() && ["r", "w", "m"].iter().all(|letter| access.contains(letter))
    });
    all && from_there.all(LinuxDeviceCgroup::allow)
}

/// Whether the container gets a new namespace: runtimes take an empty path for none.
fn is_new(namespace: &LinuxNamespace) -> bool {
    let path = namespace.path().as_deref();
    path.is_none_or(|path| path.as_os_str().is_empty())
}

/// The value of `name` among `members`, unless it is absent or null.
pub(crate) fn present<'a>(members: &[Member<'a>], name: &str) -> Option<Value<'a>> {
    let found = members.iter().find(|member| member.key == name);
    found
        .map(|member| member.value)
        .filter(|value| !value.is_null())
}

/// The object under `name`; none if absent or null; a fault if it is anything else.
pub(crate) fn object<'a>(
    members: &[Member<'a>],
    name: &'static str,
) -> Result<Option<Value<'a>>, Fault> {
    of_kind(members, name, Kind::Object)
}

fn array<'a>(members: &[Member<'a>], name: &'static str) -> Result<Option<Value<'a>>, Fault> {
    of_kind(members, name, Kind::Array)
}

fn of_kind<'a>(
    members: &[Member<'a>],
    name: &'static str,
    kind: Kind,
) -> Result<Option<Value<'a>>, Fault> {
    match present(members, name) {
        Some(value) if value.kind() != kind => Err(Fault {
            offset: value.range().start,
            kind: FaultKind::WrongKind {
                what: name,
                wanted: kind.name(),
                found: value.kind().name(),
            },
        }),
        other => Ok(other),
    }
}

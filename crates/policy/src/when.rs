//! A rule's `when`: all that it names must hold.

use std::path::Path;

use bundle::Facts;
use oci_spec::runtime::LinuxNamespaceType;

use crate::document::{Globs, WhenDocument};
use crate::{Identity, Request, glob};

/// What a rule is held against.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) request: &'a Request,
    pub(crate) handler: &'a str,
    pub(crate) privileged: bool,
}

/// Whether a `when` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    /// This field stands against it.
    Fails(&'static str),
    /// It asks for a field that the engine does not tell, and nothing else stands against it.
    Untold(&'static str),
}

impl WhenDocument {
    /// Holds the condition against a container. A field that is not told never matches.
    pub(crate) fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let identity = subject.identity;
        let engine = Some(identity.engine.name());
        let texts: [(&'static str, Option<&Globs>, Option<&str>); 7] = [
            (
                "engine",
                self.engine.as_ref().map(toml::Spanned::get_ref),
                engine,
            ),
            ("handler", self.handler.as_ref(), Some(subject.handler)),
            (
                "namespace",
                self.namespace.as_ref(),
                identity.namespace.as_deref(),
            ),
            ("pod", self.pod.as_ref(), identity.pod.as_deref()),
            (
                "container",
                self.container.as_ref(),
                identity.container.as_deref(),
            ),
            ("image", self.image.as_ref(), identity.image.as_deref()),
            (
                "requested",
                self.requested.as_ref().map(toml::Spanned::get_ref),
                Some(subject.request.type_name),
            ),
        ];
        let mut untold = None;
        for (field, globs, told) in texts {
            match (globs, told) {
                (None, _) => {}
                (Some(globs), Some(told)) if any(globs, told) => {}
                (Some(_), Some(_)) => return Verdict::Fails(field),
                (Some(_), None) => untold = Some(field),
            }
        }
        for (key, globs) in &self.annotation {
            match subject.facts.annotation(key) {
                Some(told) if any(globs, told) => {}
                Some(_) => return Verdict::Fails("annotation"),
                None => untold = Some("annotation"),
            }
        }
        if self
            .privileged
            .is_some_and(|wanted| wanted != subject.privileged)
        {
            return Verdict::Fails("privileged");
        }
        let hosts = [
            (
                "host_network",
                self.host_network,
                LinuxNamespaceType::Network,
            ),
            ("host_pid", self.host_pid, LinuxNamespaceType::Pid),
            ("host_ipc", self.host_ipc, LinuxNamespaceType::Ipc),
        ];
        for (field, wanted, kind) in hosts {
            let Some(wanted) = wanted else { continue };
            match shares_host(subject.facts, kind) {
                Some(found) if found == wanted => {}
                Some(_) => return Verdict::Fails(field),
                None => untold = Some(field),
            }
        }
        if let Some(wanted) = self.user_namespace {
            match &subject.facts.namespaces {
                None => untold = Some("user_namespace"),
                Some(all) => {
                    let has = all.iter().any(|one| one.typ() == LinuxNamespaceType::User);
                    if has != wanted {
                        return Verdict::Fails("user_namespace");
                    }
                }
            }
        }
        untold.map_or(Verdict::Holds, Verdict::Untold)
    }
}

fn any(globs: &Globs, text: &str) -> bool {
    globs
        .as_slice()
        .iter()
        .any(|pattern| glob::matches(pattern, text))
}

/// Whether the container shares the namespace that we are in. A pod's container joins its sandbox's
/// by path, so the two are compared (namespaces(7): same device and inode).
pub(crate) fn shares_host(facts: &Facts<'_>, kind: LinuxNamespaceType) -> Option<bool> {
    if let Some(known) = facts.shares_host(kind) {
        return Some(known);
    }
    let joined = facts
        .namespaces
        .as_ref()?
        .iter()
        .find(|namespace| namespace.typ() == kind)?;
    let own = match kind {
        LinuxNamespaceType::Network => "/proc/self/ns/net",
        LinuxNamespaceType::Pid => "/proc/self/ns/pid",
        LinuxNamespaceType::Ipc => "/proc/self/ns/ipc",
        _ => return None,
    };
    let theirs = rustix::fs::stat(joined.path().as_deref()?).ok()?;
    let ours = rustix::fs::stat(Path::new(own)).ok()?;
    Some((theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino))
}

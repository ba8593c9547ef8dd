//! What the container asked for.

use std::fmt;

use bundle::{Config, Facts};

use crate::profile_name::{ProfileName, Wanted};
use crate::{Engine, Identity, PolicyError};

/// Kubernetes' annotation for one container, before its name (kubernetes 1.26
/// staging/src/k8s.io/api/core/v1/annotation_key_constants.go).
const CONTAINER_KEY: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Kubernetes' annotation for all containers of a pod.
const POD_KEY: &str = "seccomp.security.alpha.kubernetes.io/pod";

/// CRI-O's own note of what was asked.
const CRI_O_KEY: &str = "io.kubernetes.cri-o.SeccompProfilePath";

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// One of Kubernetes' types, by an annotation.
    Wanted(Wanted),
    /// The profile that stands in `linux.seccomp`.
    Spec,
    /// Nothing stands there: Unconfined.
    Nothing,
}

/// What was asked, where, and under which type a rule's `requested` knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub asked: Asked,
    /// Where: a key of an annotation, or `linux.seccomp`.
    pub by: String,
    /// RuntimeDefault, Localhost, Unconfined, or spec where the engine does not tell.
    pub type_name: &'static str,
}

/// The words that a rule's `requested` takes.
pub(crate) const TYPES: &[&str] = &["RuntimeDefault", "Localhost", "Unconfined", "spec"];

impl Request {
    /// Reads the request; annotations count only where the policy honours them, and never for a
    /// sandbox.
    ///
    /// # Errors
    /// An honoured annotation with a value that Kubernetes would refuse.
    pub(crate) fn read(
        config: &Config<'_>,
        identity: &Identity,
        honour_annotations: bool,
    ) -> Result<Self, PolicyError> {
        if honour_annotations
            && !identity.sandbox
            && let Some((key, value)) = annotation(config.facts(), identity)
        {
            let wanted = from_annotation(&value)
                .map_err(|why| PolicyError::request(format!("annotation {key}: {why}")))?;
            let type_name = wanted.type_name();
            return Ok(Self {
                asked: Asked::Wanted(wanted),
                by: key,
                type_name,
            });
        }
        let asked = if config.seccomp().is_some() {
            Asked::Spec
        } else {
            Asked::Nothing
        };
        let type_name = match (&asked, identity.engine) {
            (Asked::Nothing, _) => "Unconfined",
            (_, Engine::CriO) => match config.facts().annotation(CRI_O_KEY) {
                Some("RuntimeDefault" | "runtime/default") => "RuntimeDefault",
                Some("Unconfined" | "unconfined" | "") | None => "spec",
                Some(_) => "Localhost",
            },
            _ => "spec",
        };
        Ok(Self {
            asked,
            by: "linux.seccomp".to_owned(),
            type_name,
        })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Asked::Wanted(wanted) => write!(f, "{wanted}, by annotation {}", self.by),
            Asked::Spec if self.type_name == "spec" => write!(f, "the profile in linux.seccomp"),
            Asked::Spec => write!(f, "the profile in linux.seccomp ({})", self.type_name),
            Asked::Nothing => write!(f, "Unconfined: there is no linux.seccomp"),
        }
    }
}

/// The annotation that counts for this container: its own, else its pod's.
fn annotation(facts: &Facts<'_>, identity: &Identity) -> Option<(String, String)> {
    let own = identity
        .container
        .as_ref()
        .map(|name| format!("{CONTAINER_KEY}{name}"));
    [own, Some(POD_KEY.to_owned())]
        .into_iter()
        .flatten()
        .find_map(|key| {
            let value = facts.annotation(&key)?.to_owned();
            Some((key, value))
        })
}

/// The type that an annotation's value means.
fn from_annotation(value: &str) -> Result<Wanted, String> {
    match value {
        "runtime/default" | "docker/default" => Ok(Wanted::RuntimeDefault),
        "unconfined" => Ok(Wanted::Unconfined),
        other => match other.strip_prefix("localhost/") {
            Some(name) => ProfileName::parse(name)
                .map(Wanted::Localhost)
                .map_err(|why| format!("profile name {name:?} cannot be used: {why}")),
            None => Err(format!(
                "{other:?} is no seccomp profile; write runtime/default, localhost/<path> or unconfined"
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotation_values_are_kubernetes_own() {
        assert_eq!(
            from_annotation("runtime/default"),
            Ok(Wanted::RuntimeDefault)
        );
        assert_eq!(
            from_annotation("docker/default"),
            Ok(Wanted::RuntimeDefault)
        );
        assert_eq!(from_annotation("unconfined"), Ok(Wanted::Unconfined));
        assert!(matches!(
            from_annotation("localhost/a/b.json"),
            Ok(Wanted::Localhost(_))
        ));
        for bad in [
            "",
            "Unconfined",
            "localhost/",
            "localhost/../x",
            "localhost//x",
            "runtime",
        ] {
            assert!(from_annotation(bad).is_err(), "{bad:?}");
        }
    }
}

//! The words for a profile: Kubernetes' types, and the names of Localhost files.

use std::fmt;
use std::path::Path;

/// A `localhostProfile`: relative and descending, as Kubernetes checks it (kubernetes
/// pkg/apis/core/validation, `validateLocalDescendingPath`), and not empty (CVE-2023-2431).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileName(String);

impl ProfileName {
    /// Takes a name if it cannot lead out of its root.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        if name.is_empty() {
            return Err("it is empty; name a file below a profile root");
        }
        if name.starts_with('/') {
            return Err("it must be relative to a profile root; leave out the leading /");
        }
        if name.split('/').any(|part| part == "..") {
            return Err("it must not climb out of its root; leave out the ..");
        }
        if name.contains('\0') {
            return Err("it holds a NUL character; remove it");
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as a path below a root.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a policy or a container may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The node's default.
    RuntimeDefault,
    /// A file below a profile root.
    Localhost(ProfileName),
    /// No filter.
    Unconfined,
}

impl Wanted {
    /// Kubernetes' word for the type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::RuntimeDefault => "RuntimeDefault",
            Self::Localhost(_) => "Localhost",
            Self::Unconfined => "Unconfined",
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost(name) => write!(f, "Localhost {}", name.as_str()),
            other => f.write_str(other.type_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_descend_as_kubernetes_wants_it() {
        for good in [
            "a.json",
            "..foo",
            "a..b",
            "./a",
            "a//b",
            "team/web.json",
            "a/",
            ".",
        ] {
            assert!(ProfileName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "/etc/shadow", "../x", "a/../b", "a/..", "..", "a\0b"] {
            assert!(ProfileName::parse(bad).is_err(), "{bad:?}");
        }
    }
}

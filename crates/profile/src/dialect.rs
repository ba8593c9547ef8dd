//! The three formats that go by the name of "seccomp profile", and how to tell them apart.

use std::fmt;

use strict_json::Value;

/// Which engine's rules a profile file is read by.
///
/// The formats share most of their keys, and a reader ignores the keys of the others: the same
/// bytes mean three things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `linux.seccomp` of the OCI runtime spec: what containerd takes a Kubernetes `Localhost`
    /// file for.
    Oci,
    /// Docker's (moby/profiles seccomp/seccomp.go).
    Docker,
    /// Podman's and CRI-O's (containers/common pkg/seccomp/types.go).
    Podman,
}

impl Dialect {
    /// The dialect that the keys of `root` belong to: Podman's if there is a `defaultErrno` or
    /// `errno`, Docker's if there is a key that OCI does not have, else OCI, where all agree.
    pub(crate) fn of(root: &Value<'_>) -> Self {
        let mut dialect = Self::Oci;
        for member in root.members() {
            match member.key.as_ref() {
                "defaultErrno" => return Self::Podman,
                "archMap" => dialect = Self::Docker,
                "syscalls" => {
                    for key in member.value.elements().flat_map(|rule| rule.members()) {
                        match key.key.as_ref() {
                            "errno" => return Self::Podman,
                            "name" | "includes" | "excludes" => dialect = Self::Docker,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        dialect
    }

    /// Whether this dialect's readers know `key`, one of those that not all have.
    pub(crate) fn knows(self, key: &str) -> bool {
        match key {
            "defaultErrno" | "errno" => self == Self::Podman,
            "minKernel" => self == Self::Docker,
            "archMap" | "name" | "includes" | "excludes" | "comment" => self != Self::Oci,
            _ => true,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oci => "OCI",
            Self::Docker => "Docker",
            Self::Podman => "Podman",
        })
    }
}

#[cfg(test)]
mod tests {
    use strict_json::{MAX_DEPTH, Text};

    use super::*;

    fn of(text: &str) -> Dialect {
        let text = Text::check(text.as_bytes(), MAX_DEPTH).expect("JSON");
        Dialect::of(&text.root())
    }

    #[test]
    fn the_keys_tell_the_dialect() {
        assert_eq!(of(r#"{"syscalls":[{"names":["a"]}]}"#), Dialect::Oci);
        assert_eq!(of(r#"{"syscalls":[{"name":"a"}]}"#), Dialect::Docker);
        assert_eq!(of(r#"{"syscalls":[{"includes":{}}]}"#), Dialect::Docker);
        assert_eq!(of(r#"{"syscalls":[{"excludes":{}}]}"#), Dialect::Docker);
        assert_eq!(of(r#"{"archMap":[]}"#), Dialect::Docker);
        assert_eq!(
            of(r#"{"archMap":[],"defaultErrno":"EPERM"}"#),
            Dialect::Podman
        );
        assert_eq!(
            of(r#"{"syscalls":[{"includes":{},"errno":"1"}]}"#),
            Dialect::Podman
        );
        assert_eq!(of("null"), Dialect::Oci);
    }
}

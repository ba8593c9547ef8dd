//! The three formats that go by the name of "seccomp profile", and how to tell them apart.

use std::borrow::Cow;
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
        // Most files are of one kind throughout: look for the words before walking the tree.
        let may_have = |keys: &[&str]| {
            let raw = root.raw();
            raw.contains('\\') || keys.iter().any(|key| raw.contains(key))
        };
        let podman = may_have(&["\"defaultErrno\"", "\"errno\""]);
        if !podman && !may_have(&["\"archMap\"", "\"name\"", "\"includes\"", "\"excludes\""]) {
            return Self::Oci;
        }
        let mut dialect = Self::Oci;
        for found in keys(root).filter_map(|key| Self::of_key(&key)) {
            dialect = found;
            if found == Self::Podman || !podman {
                break;
            }
        }
        dialect
    }

    /// The dialect that a key of the profile or of a rule belongs to, if not all have it.
    fn of_key(key: &Key<'_>) -> Option<Self> {
        match (key.of_rule, key.name.as_ref()) {
            (false, "defaultErrno") | (true, "errno") => Some(Self::Podman),
            (false, "archMap") | (true, "name" | "includes" | "excludes") => Some(Self::Docker),
            _ => None,
        }
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

struct Key<'a> {
    name: Cow<'a, str>,
    of_rule: bool,
}

/// The keys of the profile and of its rules, in the file's order.
fn keys<'a>(root: &Value<'a>) -> impl Iterator<Item = Key<'a>> {
    root.members().flat_map(|member| {
        let rules = (member.key == "syscalls").then_some(member.value);
        let own = Key {
            name: member.key,
            of_rule: false,
        };
        let rules = rules.into_iter().flat_map(|rules| rules.elements());
        let of_rules = rules.flat_map(|rule| rule.members()).map(|member| Key {
            name: member.key,
            of_rule: true,
        });
        std::iter::once(own).chain(of_rules)
    })
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
        assert_eq!(
            of(r#"{"x":"errno","syscalls":[{"names":["errno","name"]}]}"#),
            Dialect::Oci
        );
        assert_eq!(of(r#"{"syscalls":[{"\u0065rrno":""}]}"#), Dialect::Podman);
        assert_eq!(
            of(r#"{"syscalls":[{"name":"a"}],"defaultErrno":""}"#),
            Dialect::Podman
        );
    }
}

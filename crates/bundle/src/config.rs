//! The text of config.json: checked, read, and rewritten.

use std::ops::Range;

use strict_json::{Fault, FaultKind, MAX_DEPTH, Member, Text, Value, place};

use crate::facts::{Facts, object, present};
use crate::splice::{Edit, apply, insert_first, remove_members};
use crate::{ConfigError, struct_fields};

/// What annotations that steer crun's own seccomp begin with: `run.oci.seccomp_bpf_data` replaces
/// the whole filter, `run.oci.seccomp.receiver` and `.plugins` redirect its notifications,
/// `run.oci.seccomp_fail_unknown_syscall` changes how it is compiled (crun.1, "ANNOTATIONS").
pub const SECCOMP_ANNOTATIONS: &str = "run.oci.seccomp";

/// The annotation by which crun is handed a finished filter, in base64: an array of `struct
/// sock_filter` in the place of what it would compile `linux.seccomp` to.
pub const SECCOMP_FILTER: &str = "run.oci.seccomp_bpf_data";

/// What becomes of `linux.seccomp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// It stays to the byte, whether it is there or not.
    Keep,
    /// It is not there any more: the container runs unconfined.
    Remove,
    /// It is this JSON text.
    Set(&'a str),
}

/// A config.json that every parser reads alike in the parts that matter here.
#[derive(Debug)]
pub struct Config<'a> {
    bytes: &'a [u8],
    root: Value<'a>,
    top: Vec<Member<'a>>,
    linux: Option<Vec<Member<'a>>>,
    facts: Facts<'a>,
    own_filter: bool,
}

impl<'a> Config<'a> {
    /// Checks and reads the text of a config.json.
    ///
    /// # Errors
    /// Not JSON; nested too deep; a key that stands twice, or that Go would take for another, in
    /// the objects that a decision reads; a value of the wrong type there; a `linux.seccomp` that
    /// is neither null nor an object with a `defaultAction`, which runc takes for no filter at all.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ConfigError> {
        Self::read(bytes).map_err(|fault| ConfigError {
            place: place(bytes, fault.offset),
            fault,
        })
    }

    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let root = Text::check(bytes, MAX_DEPTH)?.root();
        if root.kind() != strict_json::Kind::Object {
            return Err(root.wrong_kind("config.json", "an object"));
        }
        let top = root.fields(struct_fields::TOP)?;
        let mut facts = Facts::read(&top)?;
        let linux = match object(&top, "linux")? {
            Some(linux) => Some(linux.fields(struct_fields::LINUX)?),
            None => None,
        };
        if let Some(linux) = &linux {
            facts.read_linux(linux)?;
        }
        let config = Self {
            bytes,
            root,
            top,
            linux,
            facts,
            own_filter: false,
        };
        if let Some(seccomp) = config.seccomp() {
            if seccomp.kind() != strict_json::Kind::Object {
                return Err(seccomp.wrong_kind("linux.seccomp", "an object"));
            }
            let decides = seccomp
                .members()
                .any(|member| member.key == "defaultAction");
            if !decides {
                let kind = FaultKind::WrongKind {
                    what: "linux.seccomp",
                    wanted: "an object with a defaultAction",
                    found: "one without, which some runtimes take for no filter at all",
                };
                return Err(Fault {
                    offset: seccomp.range().start,
                    kind,
                });
            }
        }
        Ok(config)
    }

    /// What the policy may ask about.
    #[must_use]
    pub fn facts(&self) -> &Facts<'a> {
        &self.facts
    }

    /// `linux.seccomp` as it was asked for; none if it is absent or null.
    #[must_use]
    pub fn seccomp(&self) -> Option<Value<'a>> {
        present(self.linux.as_deref()?, "seccomp")
    }

    /// The keys of the annotations by which somebody else would steer crun's seccomp
    /// ([`SECCOMP_ANNOTATIONS`]).
    pub fn seccomp_annotations(&self) -> impl Iterator<Item = &str> {
        let keys = self.facts.annotations.iter().map(|(key, _)| key.as_ref());
        keys.filter(|key| {
            key.starts_with(SECCOMP_ANNOTATIONS) && !(self.own_filter && *key == SECCOMP_FILTER)
        })
    }

    /// From now on the annotation [`SECCOMP_FILTER`] is not somebody else's: it was put there with
    /// the `linux.seccomp` beside it, when this bundle was used before. It is still rewritten.
    pub fn filter_is_own(&mut self) {
        self.own_filter = true;
    }

    /// The text with `linux.seccomp` changed and [`Config::seccomp_annotations`] taken out; none if
    /// that changes nothing. Every byte outside those values stays.
    #[must_use]
    pub fn rewrite(&self, change: Change<'_>) -> Option<Vec<u8>> {
        self.rewrite_with(change, None)
    }

    /// The same, with `filter` as the value of the annotation [`SECCOMP_FILTER`]: base64, or any
    /// text that is the same in JSON.
    #[must_use]
    pub fn rewrite_with(&self, change: Change<'_>, filter: Option<&str>) -> Option<Vec<u8>> {
        let (mut edits, annotations) = self.annotation_edits(filter);
        let (more, linux) = self.seccomp_edits(change);
        edits.extend(more);
        let missing: Vec<String> = annotations.into_iter().chain(linux).collect();
        if !missing.is_empty() {
            edits.push(insert_first(self.root, &missing.join(",")));
        }
        let edits: Vec<Edit> = edits
            .into_iter()
            .filter(|edit| edit.changes(self.bytes))
            .collect();
        if edits.is_empty() {
            None
        } else {
            Some(apply(self.bytes, edits))
        }
    }

    /// The edits, and what is to be added to the top level.
    fn annotation_edits(&self, filter: Option<&str>) -> (Vec<Edit>, Option<String>) {
        let ours = filter.map(|filter| format!(r#""{SECCOMP_FILTER}":"{filter}""#));
        let Some(annotations) = self.top.iter().find(|member| member.key == "annotations") else {
            return (
                Vec::new(),
                ours.map(|ours| format!(r#""annotations":{{{ours}}}"#)),
            );
        };
        let annotations = annotations.value;
        if annotations.is_null() {
            let object = ours.map(|ours| replace(annotations.range(), format!("{{{ours}}}")));
            return (object.into_iter().collect(), None);
        }
        // Where ours stands already it gets its value there.
        let stands = filter.and_then(|filter| {
            let found = annotations
                .members()
                .find(|member| member.key == SECCOMP_FILTER);
            found.map(|member| replace(member.value.range(), format!(r#""{filter}""#)))
        });
        let unwanted = |key: &str| {
            key.starts_with(SECCOMP_ANNOTATIONS) && !(stands.is_some() && key == SECCOMP_FILTER)
        };
        let mut edits = Vec::new();
        if let (Some(ours), None) = (ours, &stands) {
            let others_stay = annotations.members().any(|member| !unwanted(&member.key));
            let at = annotations.range().start.saturating_add(1);
            let comma = if others_stay { "," } else { "" };
            edits.push(replace(at..at, format!("{ours}{comma}")));
        }
        edits.extend(remove_members(annotations, unwanted));
        edits.extend(stands);
        (edits, None)
    }

    /// The edits, and what is to be added to the top level.
    fn seccomp_edits(&self, change: Change<'_>) -> (Vec<Edit>, Option<String>) {
        let member = |members: &[Member<'a>], name: &str| -> Option<Value<'a>> {
            members
                .iter()
                .find(|member| member.key == name)
                .map(|member| member.value)
        };
        let linux = member(&self.top, "linux");
        let seccomp = self
            .linux
            .as_deref()
            .and_then(|linux| member(linux, "seccomp"));
        let edits = match (change, linux, seccomp) {
            (Change::Keep, ..) | (Change::Remove, _, None) => Vec::new(),
            // A null is as good as nothing: leave it.
            (Change::Remove, _, Some(seccomp)) if seccomp.is_null() => Vec::new(),
            (Change::Remove, Some(linux), Some(_)) => remove_members(linux, |key| key == "seccomp"),
            (Change::Remove, None, Some(_)) => Vec::new(),
            (Change::Set(text), _, Some(seccomp)) => vec![replace(seccomp.range(), text.into())],
            (Change::Set(text), Some(linux), None) if linux.is_null() => {
                vec![replace(linux.range(), format!(r#"{{"seccomp":{text}}}"#))]
            }
            (Change::Set(text), Some(linux), None) => {
                vec![insert_first(linux, &format!(r#""seccomp":{text}"#))]
            }
            (Change::Set(text), None, None) => {
                let linux = format!(r#""linux":{{"seccomp":{text}}}"#);
                return (Vec::new(), Some(linux));
            }
        };
        (edits, None)
    }
}

fn replace(range: Range<usize>, with: String) -> Edit {
    Edit { range, with }
}

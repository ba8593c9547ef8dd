//! What a policy says, for showing it to people.

use std::fmt;
use std::path::PathBuf;

use crate::document::{Combine, Globs, ProfileDocument, WhenDocument};
use crate::policy::Place;
use crate::{LogTo, Mode, Policy};

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: usize,
}

/// A `when`: each field given, and the values of which any may match.
pub type Fields = Vec<(String, Vec<String>)>;

/// A value, and whether a rule says it itself or has it from the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T> {
    /// The value that counts.
    pub value: T,
    /// Whether the rule itself says so.
    pub here: bool,
}

/// A policy as it is in effect.
#[derive(Debug)]
pub struct Outline {
    /// The folder; none for the embedded policy.
    pub directory: Option<PathBuf>,
    /// `strict`.
    pub strict: bool,
    /// `runtime.path`.
    pub runtime: Option<PathBuf>,
    /// `request.annotations`.
    pub annotations: bool,
    /// `log.decisions`.
    pub log: LogTo,
    /// The profile roots in the order in which they are searched, and whether links out of them are
    /// trusted.
    pub roots: Vec<(PathBuf, bool)>,
    /// The file that RuntimeDefault means, and where the policy says so.
    pub runtime_default: Option<(String, At)>,
    /// What applies where no rule matches.
    pub defaults: Effect,
    /// Where `[defaults]` names the profile; none where it is the embedded one.
    pub defaults_at: Option<At>,
    /// The rules, in order.
    pub rules: Vec<RuleOutline>,
    /// The floors.
    pub floors: Vec<FloorOutline>,
}

/// What a rule, or the defaults, do.
#[derive(Debug)]
pub struct Effect {
    /// The profile, in the policy's words.
    pub profile: Said<String>,
    /// How it goes together with the request.
    pub combine: Said<Combine>,
    /// What is done with denials.
    pub mode: Said<Mode>,
    /// Whether the compat ABIs are dropped.
    pub native_only: Said<bool>,
}

/// One rule.
#[derive(Debug)]
pub struct RuleOutline {
    /// Its name, or `line N`.
    pub name: String,
    /// Where it stands.
    pub at: At,
    /// Its `when`: each field, and the values of which any may match. Empty: every container.
    pub when: Fields,
    /// What it does.
    pub effect: Effect,
}

/// One floor.
#[derive(Debug)]
pub struct FloorOutline {
    /// Where it stands.
    pub at: At,
    /// The profile, in the policy's words.
    pub profile: String,
    /// Its exceptions: name and `when`.
    pub except: Vec<(String, Fields)>,
}

impl Policy {
    /// What it says, for showing it.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let defaults = &self.defaults;
        let own = self
            .directory
            .as_ref()
            .map(|directory| (directory.path.join("profiles"), false));
        let more = self
            .roots
            .iter()
            .map(|root| (root.path.clone(), root.trust_links));
        Outline {
            directory: self.directory.as_ref().map(|folder| folder.path.clone()),
            strict: self.strict,
            runtime: self.runtime.clone(),
            annotations: self.honour_annotations,
            log: self.log.clone(),
            roots: own.into_iter().chain(more).collect(),
            runtime_default: defaults
                .runtime_default
                .as_ref()
                .map(|(name, place)| (name.as_str().to_owned(), At::of(place))),
            defaults: Effect {
                profile: here(defaults.profile.to_string()),
                combine: here(defaults.combine),
                mode: here(defaults.mode),
                native_only: here(defaults.native_only),
            },
            defaults_at: defaults.place.as_ref().map(At::of),
            rules: self.rules.iter().map(|rule| self.of_rule(rule)).collect(),
            floors: self.floors.iter().map(of_floor).collect(),
        }
    }

    fn of_rule(&self, rule: &crate::policy::Rule) -> RuleOutline {
        let picked = self.by_rule(rule);
        let said = |here| move |value| Said { value, here };
        RuleOutline {
            name: rule.name.clone(),
            at: At::of(&rule.place),
            when: rule.when.fields(),
            effect: Effect {
                profile: said(rule.profile.is_some())(picked.profile.to_string()),
                combine: Said {
                    value: picked.combine,
                    here: rule.combine.is_some() || rule.profile.is_some(),
                },
                mode: Said {
                    value: picked.mode,
                    here: rule.mode.is_some(),
                },
                native_only: Said {
                    value: picked.native_only,
                    here: rule.native_only.is_some(),
                },
            },
        }
    }
}

fn of_floor(floor: &crate::policy::Floor) -> FloorOutline {
    let except = floor.except.iter();
    FloorOutline {
        at: At::of(&floor.place),
        profile: floor.profile.to_string(),
        except: except
            .map(|(name, when)| (name.clone(), when.fields()))
            .collect(),
    }
}

fn here<T>(value: T) -> Said<T> {
    Said { value, here: true }
}

impl At {
    pub(crate) fn of(place: &Place) -> Self {
        Self {
            file: place.file.to_path_buf(),
            line: place.line,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

impl fmt::Display for ProfileDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("Requested"),
            Self::Wanted(wanted) => wanted.fmt(f),
        }
    }
}

impl Combine {
    /// The policy's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Restrict => "restrict",
        }
    }
}

impl WhenDocument {
    /// The fields given, in the order of the documentation, and their values.
    pub(crate) fn fields(&self) -> Fields {
        let mut fields = Fields::new();
        for (field, globs) in self.texts() {
            if let Some(globs) = globs {
                fields.push((field.to_owned(), globs.as_slice().to_vec()));
            }
        }
        for (key, globs) in &self.annotation {
            fields.push((format!("annotation.{key}"), globs.as_slice().to_vec()));
        }
        for (field, flag) in self.flags() {
            if let Some(flag) = flag {
                fields.push((field.to_owned(), vec![flag.to_string()]));
            }
        }
        fields
    }

    /// The fields that take globs.
    pub(crate) fn texts(&self) -> [(&'static str, Option<&Globs>); 7] {
        [
            ("engine", self.engine.as_ref().map(toml::Spanned::get_ref)),
            ("handler", self.handler.as_ref()),
            ("namespace", self.namespace.as_ref()),
            ("pod", self.pod.as_ref()),
            ("container", self.container.as_ref()),
            ("image", self.image.as_ref()),
            (
                "requested",
                self.requested.as_ref().map(toml::Spanned::get_ref),
            ),
        ]
    }

    /// The fields that are true or false.
    pub(crate) fn flags(&self) -> [(&'static str, Option<bool>); 5] {
        [
            ("privileged", self.privileged),
            ("host_network", self.host_network),
            ("host_pid", self.host_pid),
            ("host_ipc", self.host_ipc),
            ("user_namespace", self.user_namespace),
        ]
    }
}

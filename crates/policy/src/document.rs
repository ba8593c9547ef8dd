//! policy.toml and policy.d/*.toml as they are written.
//!
//! Every key is known or an error: a misspelt rule must not be a rule that is not there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::profile_name::{ProfileName, Wanted};

/// policy.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyDocument {
    pub(crate) version: Spanned<i64>,
    #[serde(default)]
    pub(crate) strict: bool,
    #[serde(default)]
    pub(crate) runtime: RuntimeDocument,
    #[serde(default)]
    pub(crate) request: RequestDocument,
    #[serde(default)]
    pub(crate) localhost: LocalhostDocument,
    #[serde(default)]
    pub(crate) log: LogDocument,
    #[serde(default)]
    pub(crate) agent: AgentDocument,
    #[serde(default)]
    pub(crate) defaults: DefaultsDocument,
    pub(crate) floor: Option<Spanned<FloorDocument>>,
    #[serde(default)]
    pub(crate) rule: Vec<Spanned<RuleDocument>>,
}

/// A file of policy.d: rules and a floor, no settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DropInDocument {
    pub(crate) version: Spanned<i64>,
    pub(crate) floor: Option<Spanned<FloorDocument>>,
    #[serde(default)]
    pub(crate) rule: Vec<Spanned<RuleDocument>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeDocument {
    pub(crate) path: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestDocument {
    #[serde(default)]
    pub(crate) annotations: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalhostDocument {
    #[serde(default)]
    pub(crate) roots: Vec<Spanned<RootDocument>>,
}

/// A root: its path, or a table with its path.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a root is a path, or { path = \"…\", trust_links = true }"
)]
pub(crate) enum RootDocument {
    Path(PathBuf),
    Table(RootTable),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RootTable {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) trust_links: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogDocument {
    pub(crate) decisions: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentDocument {
    pub(crate) sockets: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultsDocument {
    pub(crate) profile: Option<Spanned<ProfileDocument>>,
    pub(crate) combine: Option<Combine>,
    pub(crate) mode: Option<Spanned<ModeDocument>>,
    pub(crate) architectures: Option<Architectures>,
    pub(crate) without_agent: Option<Spanned<WithoutAgent>>,
    pub(crate) runtime_default: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FloorDocument {
    pub(crate) profile: Spanned<ProfileDocument>,
    #[serde(default)]
    pub(crate) except: Vec<Spanned<ExceptionDocument>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionDocument {
    pub(crate) name: String,
    pub(crate) when: WhenDocument,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleDocument {
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) when: WhenDocument,
    pub(crate) profile: Option<ProfileDocument>,
    pub(crate) combine: Option<Combine>,
    pub(crate) mode: Option<Spanned<ModeDocument>>,
    pub(crate) architectures: Option<Architectures>,
    pub(crate) without_agent: Option<Spanned<WithoutAgent>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenDocument {
    pub(crate) engine: Option<Spanned<Globs>>,
    pub(crate) handler: Option<Globs>,
    pub(crate) namespace: Option<Globs>,
    pub(crate) pod: Option<Globs>,
    pub(crate) container: Option<Globs>,
    pub(crate) image: Option<Globs>,
    #[serde(default)]
    pub(crate) annotation: BTreeMap<String, Globs>,
    pub(crate) privileged: Option<bool>,
    pub(crate) host_network: Option<bool>,
    pub(crate) host_pid: Option<bool>,
    pub(crate) host_ipc: Option<bool>,
    pub(crate) user_namespace: Option<bool>,
    pub(crate) requested: Option<Spanned<Globs>>,
}

impl WhenDocument {
    /// A field with a list of nothing, which could never match.
    pub(crate) fn empty_list(&self) -> Option<&str> {
        let fields = [
            ("engine", self.engine.as_ref().map(Spanned::get_ref)),
            ("handler", self.handler.as_ref()),
            ("namespace", self.namespace.as_ref()),
            ("pod", self.pod.as_ref()),
            ("container", self.container.as_ref()),
            ("image", self.image.as_ref()),
            ("requested", self.requested.as_ref().map(Spanned::get_ref)),
        ];
        let annotations = self
            .annotation
            .iter()
            .map(|(key, globs)| (key.as_str(), Some(globs)));
        let mut all = fields.into_iter().chain(annotations);
        let empty = all.find(|(_, globs)| globs.is_some_and(|globs| globs.as_slice().is_empty()));
        empty.map(|(field, _)| field)
    }
}

/// One glob, or several of which any may match.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a string or a list of strings")]
pub(crate) enum Globs {
    One(String),
    Any(Vec<String>),
}

impl Globs {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(glob) => std::slice::from_ref(glob),
            Self::Any(globs) => globs,
        }
    }
}

/// How the policy's profile and the container's go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// The policy's profile is what the container gets.
    Replace,
    /// Of the two, the more restrictive action wins for each call.
    Restrict,
}

/// What is done with a profile's denials, with the words of modes to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModeDocument {
    Enforce,
    Audit,
    Observe,
    ObserveLite,
    Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Architectures {
    Native,
}

/// What becomes of a create for which the agent is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutAgent {
    /// The profile is enforced as it is.
    Enforce,
    /// It is refused.
    Refuse,
}

/// A profile as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProfileDocument {
    /// What the container asked for.
    Requested,
    Wanted(Wanted),
}

const TYPES: &[&str] = &["RuntimeDefault", "Localhost", "Unconfined", "Requested"];
const SHAPE: &str = "\"RuntimeDefault\", \"Unconfined\", \"Requested\" or \
                     { type = \"Localhost\", localhostProfile = \"…\" }";

impl ProfileDocument {
    fn from_parts<E: Error>(kind: &str, file: Option<&str>) -> Result<Self, E> {
        let wanted = match (kind, file) {
            ("Localhost", Some(file)) => {
                let name = ProfileName::parse(file).map_err(|why| {
                    E::custom(format_args!(
                        "localhostProfile {file:?} cannot be used: {why}"
                    ))
                })?;
                Wanted::Localhost(name)
            }
            ("Localhost", None) => {
                return Err(E::custom(
                    "type \"Localhost\" needs a localhostProfile beside it",
                ));
            }
            (known, Some(_)) if TYPES.contains(&known) => {
                let words = format_args!(
                    "localhostProfile goes with type \"Localhost\" only, not {known:?}"
                );
                return Err(E::custom(words));
            }
            ("RuntimeDefault", None) => Wanted::RuntimeDefault,
            ("Unconfined", None) => Wanted::Unconfined,
            ("Requested", None) => return Ok(Self::Requested),
            (other, _) => return Err(E::unknown_variant(other, TYPES)),
        };
        Ok(Self::Wanted(wanted))
    }
}

impl<'de> Deserialize<'de> for ProfileDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = ProfileDocument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SHAPE)
            }

            fn visit_str<E: Error>(self, kind: &str) -> Result<Self::Value, E> {
                ProfileDocument::from_parts(kind, None)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut kind, mut file): (Option<String>, Option<String>) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "type" => kind = Some(map.next_value()?),
                        "localhostProfile" => file = Some(map.next_value()?),
                        other => {
                            return Err(A::Error::unknown_field(
                                other,
                                &["type", "localhostProfile"],
                            ));
                        }
                    }
                }
                let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
                ProfileDocument::from_parts(&kind, file.as_deref())
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

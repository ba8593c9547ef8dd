//! policy.toml and policy.d/*.toml as they are written.
//!
//! Every key is known or an error: a misspelt rule must not be a rule that is not there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::mode::Mode;
use crate::profile_name::{ProfileName, Wanted};

/// policy.toml.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyDocument {
    /// The version of the format: 1.
    #[cfg_attr(test, schemars(with = "i64", range(min = 1, max = 1)))]
    pub(crate) version: Spanned<i64>,
    /// Refuse a create in doubt instead of mending it.
    #[serde(default)]
    pub(crate) strict: bool,
    /// The real runtime.
    #[serde(default)]
    pub(crate) runtime: RuntimeDocument,
    /// Where a request is read from.
    #[serde(default)]
    pub(crate) request: RequestDocument,
    /// More profile roots.
    #[serde(default)]
    pub(crate) localhost: LocalhostDocument,
    /// Where decisions are recorded.
    #[serde(default)]
    pub(crate) log: LogDocument,
    /// The notification agent.
    #[serde(default)]
    pub(crate) agent: AgentDocument,
    /// What applies where no rule matches.
    #[serde(default)]
    pub(crate) defaults: DefaultsDocument,
    /// A profile that no container may be weaker than.
    #[cfg_attr(test, schemars(with = "Option<FloorDocument>"))]
    pub(crate) floor: Option<Spanned<FloorDocument>>,
    /// Rules, tried in order; the first that matches decides.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<RuleDocument>"))]
    pub(crate) rule: Vec<Spanned<RuleDocument>>,
}

/// A file of policy.d: rules and a floor, no settings.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct DropInDocument {
    /// The version of the format: 1.
    #[cfg_attr(test, schemars(with = "i64", range(min = 1, max = 1)))]
    pub(crate) version: Spanned<i64>,
    /// A profile that no container may be weaker than.
    #[cfg_attr(test, schemars(with = "Option<FloorDocument>"))]
    pub(crate) floor: Option<Spanned<FloorDocument>>,
    /// Rules, read after those of policy.toml.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<RuleDocument>"))]
    pub(crate) rule: Vec<Spanned<RuleDocument>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeDocument {
    /// The absolute path of runc, crun or youki.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) path: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestDocument {
    /// Honour Kubernetes' old seccomp annotations.
    #[serde(default)]
    pub(crate) annotations: bool,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalhostDocument {
    /// Folders that are searched after profiles/, by absolute path.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<RootDocument>"))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct LogDocument {
    /// auto, journald, off, or the absolute path of a file.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) decisions: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentDocument {
    /// The folder of its sockets.
    #[cfg_attr(test, schemars(with = "Option<PathBuf>"))]
    pub(crate) sockets: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultsDocument {
    /// The profile where no rule matches.
    #[cfg_attr(test, schemars(with = "Option<ProfileDocument>"))]
    pub(crate) profile: Option<Spanned<ProfileDocument>>,
    pub(crate) combine: Option<Combine>,
    pub(crate) mode: Option<Mode>,
    pub(crate) architectures: Option<Architectures>,
    #[cfg_attr(test, schemars(with = "Option<WithoutAgent>"))]
    pub(crate) without_agent: Option<Spanned<WithoutAgent>>,
    /// In mode record, the file below a profile root with what is learned already.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) learned: Option<Spanned<String>>,
    /// The file below a profile root that RuntimeDefault means.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) runtime_default: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct FloorDocument {
    /// The least that a container gets.
    #[cfg_attr(test, schemars(with = "ProfileDocument"))]
    pub(crate) profile: Spanned<ProfileDocument>,
    /// Whom the floor does not hold for.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<ExceptionDocument>"))]
    pub(crate) except: Vec<Spanned<ExceptionDocument>>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionDocument {
    /// For records.
    pub(crate) name: String,
    /// Whom it is for; not by annotation or requested.
    pub(crate) when: WhenDocument,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleDocument {
    /// For people: explain, records, errors.
    pub(crate) name: Option<String>,
    /// Which containers it is for; every one without.
    #[serde(default)]
    pub(crate) when: WhenDocument,
    /// The profile; without it the defaults'.
    pub(crate) profile: Option<ProfileDocument>,
    pub(crate) combine: Option<Combine>,
    pub(crate) mode: Option<Mode>,
    pub(crate) architectures: Option<Architectures>,
    #[cfg_attr(test, schemars(with = "Option<WithoutAgent>"))]
    pub(crate) without_agent: Option<Spanned<WithoutAgent>>,
    /// In mode record, the file below a profile root with what is learned already.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) learned: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenDocument {
    /// docker, containerd, cri-o, podman, buildkit or unknown.
    #[cfg_attr(test, schemars(with = "Option<Globs>"))]
    pub(crate) engine: Option<Spanned<Globs>>,
    /// --shim-handler, else the name that the binary was started by.
    pub(crate) handler: Option<Globs>,
    /// The pod's Kubernetes namespace.
    pub(crate) namespace: Option<Globs>,
    /// The pod's name.
    pub(crate) pod: Option<Globs>,
    /// The container's name in its pod.
    pub(crate) container: Option<Globs>,
    /// The image, as the engine names it: docker.io/library/nginx:1.29.
    pub(crate) image: Option<Globs>,
    /// Annotations that must be there, with globs for their values.
    #[serde(default)]
    pub(crate) annotation: BTreeMap<String, Globs>,
    /// Whether it looks privileged.
    pub(crate) privileged: Option<bool>,
    /// Whether it shares the host's network namespace.
    pub(crate) host_network: Option<bool>,
    /// Whether it shares the host's pid namespace.
    pub(crate) host_pid: Option<bool>,
    /// Whether it shares the host's ipc namespace.
    pub(crate) host_ipc: Option<bool>,
    /// Whether it has or joins a user namespace.
    pub(crate) user_namespace: Option<bool>,
    /// RuntimeDefault, Localhost, Unconfined, or spec where only the profile is told.
    #[cfg_attr(test, schemars(with = "Option<Globs>"))]
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

/// Nothing but rules: a piece of a file of many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesDocument {
    pub(crate) rule: Vec<Spanned<RuleDocument>>,
}

/// One glob, or several of which any may match.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
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

// By hand: what serde derives for untagged enums keeps a copy of the value to try each variant on,
// and rules consist of little else.
impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Globs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: Error>(self, glob: &str) -> Result<Globs, E> {
                Ok(Globs::One(glob.to_owned()))
            }

            fn visit_string<E: Error>(self, glob: String) -> Result<Globs, E> {
                Ok(Globs::One(glob))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Globs, A::Error> {
                let mut globs = Vec::new();
                while let Some(glob) = list.next_element()? {
                    globs.push(glob);
                }
                Ok(Globs::Any(globs))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// How the policy's profile and the container's go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// The policy's profile is what the container gets.
    Replace,
    /// Of the two, the more restrictive action wins for each call.
    Restrict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Architectures {
    Native,
}

/// What becomes of a create for which the agent is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    pub(crate) fn from_parts<E: Error>(kind: &str, file: Option<&str>) -> Result<Self, E> {
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

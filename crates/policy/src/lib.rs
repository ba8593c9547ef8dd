//! The policy directory, and what it decides for one container.
//!
//! [`Directory`] is the folder (`policy.toml`, `policy.d/*.toml`, `profiles/`): opened once, believed
//! only if nobody but root (or the caller) could have written it. [`Policy`] is what it says.
//! [`Policy::decide`] goes, for a [`Container`] on a [`Node`]: request → privileged? → first rule
//! that matches → profile resolved → combined → mode → floor, and returns a [`Decision`] that
//! holds both the result and the reason for every step.
//!
//! Kubernetes' words have Kubernetes' meaning throughout. Whatever cannot be decided with
//! certainty is a [`PolicyError`], and the container is not created.
#![forbid(unsafe_code)]

mod ahead;
mod decide;
mod decision;
mod directory;
mod document;
mod error;
mod folder;
mod glob;
mod identity;
mod lenient;
mod lines;
mod mode;
mod open;
mod outline;
mod passed;
mod pieces;
mod plain_rule;
mod policy;
mod privileged;
mod profile_name;
mod profiles;
mod reach;
mod request;
mod runtime;
#[cfg(test)]
mod schema;
mod survey;
mod transform;
mod trust;
mod when;

pub use decide::{Askers, Container, Node};
pub use decision::{AskAgent, DecidedBy, Decision, Learned, Logging, Outcome, Untold};
pub use default_profile::Newer;
pub use directory::{Directory, ask};
pub use document::{Combine, WithoutAgent};
pub use error::{PolicyError, Problem};
pub use identity::{Engine, Identity};
pub use mode::Mode;
pub use outline::{At, Effect, Fields, FloorOutline, Outline, RuleOutline, Said};
pub use passed::{Passed, Told};
pub use policy::{LogTo, Policy};
pub use profile_name::{ProfileName, Wanted};
pub use reach::{Gravity, Remark};
pub use request::{Asked, Request};
pub use survey::{Found, Named, Survey};
pub use trust::check_trusted;

/// Where the policy is unless the command line says otherwise.
pub const DEFAULT_DIRECTORY: &str = "/etc/seccomp-shim";

/// Where the agent's sockets are unless the policy says otherwise.
pub const AGENT_SOCKETS: &str = "/run/seccomp-shim/agent";

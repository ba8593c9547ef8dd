//! What was decided, and why.

use std::path::PathBuf;

use profile::Seccomp;

use crate::{Combine, Identity, Mode, Request, WithoutAgent};

/// What picked the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecidedBy {
    /// A rule.
    Rule {
        /// Its name, or `line N`.
        name: String,
        /// The file that it stands in.
        file: PathBuf,
        /// The line on which it starts.
        line: usize,
    },
    /// `[defaults]` of the policy directory.
    Defaults,
    /// The embedded policy: there is no policy directory.
    Embedded,
    /// The container is privileged, and no rule that names `privileged = true` matches.
    Privileged,
    /// The container is a pod's sandbox, and no rule matches.
    Sandbox,
}

/// A rule that would have matched if the engine had told more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The rule.
    pub rule: String,
    /// The field of its `when` that is not told.
    pub field: &'static str,
}

/// What the agent is for, in a mode that needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskAgent {
    /// The profile by which it answers. In observe, that is also what is enforced without it.
    pub plain: Seccomp,
    /// The profile for the runtime; it lacks the listener's path and metadata.
    pub asking: Seccomp,
    /// Calls of which the agent does not hear although the mode wants it to.
    pub unasked: Vec<String>,
    /// In record, what is learned already, and is not asked about again.
    pub learned: Option<Learned>,
    /// What becomes of the create if it is not there.
    pub without: WithoutAgent,
    /// The folder of its sockets.
    pub sockets: PathBuf,
}

/// What a profile has learned already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// The calls that it allows without conditions, sorted.
    pub names: Vec<String>,
    /// Its architectures, in the OCI's words.
    pub architectures: Vec<String>,
}

/// What a mode that has the kernel log denials wants of the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// The profile, which asks for that by a flag.
    pub profile: Seccomp,
    /// What becomes of the create if the runtime does not take the flag.
    pub without: WithoutAgent,
}

/// The whole decision for one container.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who the container is.
    pub identity: Identity,
    /// What it asked for.
    pub request: Request,
    /// Whether it is privileged.
    pub privileged: bool,
    /// What picked the profile.
    pub decided_by: DecidedBy,
    /// The profile that was picked, in Kubernetes' words (`Localhost web.json`, or `Requested`).
    pub profile: String,
    /// The file that it came from; none for the embedded default, Unconfined and Requested.
    pub profile_file: Option<PathBuf>,
    /// How it went together with the request.
    pub combine: Combine,
    /// What is done with denials.
    pub mode: Mode,
    /// Whether the compat ABIs were dropped.
    pub native_only: bool,
    /// The floors that applied, each by the file and line that set it.
    pub floors: Vec<String>,
    /// Floors that did not apply, with the exception that named the container.
    pub exceptions: Vec<String>,
    /// Where a combination could not be exact and was made stricter.
    pub rounded: Vec<String>,
    /// Rules that asked for what the engine does not tell.
    pub untold: Vec<Untold>,
    /// Annotations that would have steered crun's seccomp and are taken out.
    pub stripped: Vec<String>,
    /// What is asked of the agent; none in modes that do without, and where nothing is left to ask.
    pub agent: Option<AskAgent>,
    /// How the kernel is made to log; none in other modes, and where there is no filter.
    pub logging: Option<Logging>,
    /// What the container gets; where the agent is asked, what it gets without it.
    pub outcome: Outcome,
}

/// What becomes of `linux.seccomp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It stays to the byte.
    Kept,
    /// It is taken out; the container is unconfined.
    Removed,
    /// It becomes this JSON.
    Set(String),
}

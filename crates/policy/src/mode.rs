//! The modes of a decision.

use serde::Deserialize;

/// What is done with a profile's denials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are denied.
    Enforce,
    /// They are allowed and logged by the kernel (SCMP_ACT_LOG).
    Audit,
    /// They go to the agent, which logs them and answers as the profile would have.
    Observe,
    /// They are denied, and logged by the kernel (SECCOMP_FILTER_FLAG_LOG).
    ObserveLite,
    /// Every call goes to the agent, which writes it down and lets it go on; what the profile denies
    /// by a rule is denied.
    Record,
}

impl Mode {
    /// The policy's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Observe => "observe",
            Self::ObserveLite => "observe-lite",
            Self::Record => "record",
        }
    }
}

//! What the shim tells the agent of a container, and how.
//!
//! One connection for one container: the shim sends the length of a JSON text (four bytes, least
//! first) and the text, and the agent answers in lines: `ok`, or `error WHY`. Later it may say
//! `pid N`, once it has the container's listener, `started`, once the container's own program runs
//! and no longer the runtime's, and `joined N`, once it has an exec's listener. The shim may send
//! `listener N first` and `listener N later`, each with such a listener (SCM_RIGHTS), if it is there
//! before the runtime.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// The socket that the shim registers at, in the agent's folder.
pub const REGISTER_SOCKET: &str = "register.sock";
/// The socket that the runtime sends the listener to.
pub const NOTIFY_SOCKET: &str = "notify.sock";

/// The socket that tells how containers get on.
pub const CONTROL_SOCKET: &str = "control.sock";

/// The longest registration, in bytes.
pub(crate) const LONGEST: u32 = 8 << 20;

/// What the agent does for the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Logs denials.
    Observe,
    /// Writes down every call.
    Record,
}

/// As which runtime profiles are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// runc.
    Runc,
    /// crun; youki compiles as it does.
    Crun,
}

impl From<Runtime> for filter::Runtime {
    fn from(runtime: Runtime) -> Self {
        match runtime {
            Runtime::Runc => Self::Runc,
            Runtime::Crun => Self::Crun,
        }
    }
}

/// A container as the shim registers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    /// By which the listener is known to be this container's.
    pub token: String,
    /// What for.
    pub mode: Mode,
    /// By which runtime it is made.
    pub runtime: Runtime,
    /// The runtime's own name.
    pub runtime_name: String,
    /// Whether its process has noNewPrivileges; none if that is not told.
    pub no_new_privileges: bool,
    /// The native architecture, by libseccomp's name.
    pub native: String,
    /// The container's id.
    pub id: String,
    /// Its bundle.
    pub bundle: String,
    /// Its engine.
    pub engine: String,
    /// What the engine tells of it.
    pub namespace: Option<String>,
    /// As above.
    pub pod: Option<String>,
    /// As above.
    pub container: Option<String>,
    /// As above.
    pub image: Option<String>,
    /// The profile by which to answer (OCI JSON).
    pub plain: String,
    /// The profile that it gets (OCI JSON, without a listener).
    pub asking: String,
    /// Whether the default of that profile is to ask, whatever stands there.
    pub asks_by_default: bool,
    /// The calls that cannot be asked about.
    pub unasked: Vec<String>,
    /// What is learned already, and not asked about again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
}

/// What earlier recordings have taught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Calls.
    pub names: Vec<String>,
    /// Architectures, in the OCI's words.
    pub architectures: Vec<String>,
}

//! Why a call was refused.

use std::path::PathBuf;

use agent::client::RegisterError;
use bundle::{BundleError, ConfigError};
use policy::PolicyError;
use rustix::io::Errno;

use crate::argv::{Doubt, OwnFault};
use crate::errno_words::words;

/// A call that does not reach the real runtime, and why. The text is one line that names the file,
/// the place in it and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The command line cannot be understood for certain.
    #[error(transparent)]
    Arguments(#[from] Doubt),
    /// One of our own options is misspelt or lacks its value.
    #[error(transparent)]
    Own(#[from] OwnFault),
    /// The program was started with more rights than its caller has.
    #[error(
        "it is set-user-ID, which would let anybody run any program as its owner; chmod u-s it"
    )]
    SetUserId,
    /// No runtime is where one could be.
    #[error(
        "no runtime found: none of runc, crun and youki is in {searched}; install one, or name it with --shim-runtime or runtime.path in the policy"
    )]
    NoRuntime {
        /// The folders searched.
        searched: String,
    },
    /// The runtime named is this program.
    #[error("the runtime {path} is seccomp-shim itself; name the real runc, crun or youki", path = path.display())]
    OwnRuntime {
        /// The path named.
        path: PathBuf,
    },
    /// The runtime named cannot be run.
    #[error("cannot run the runtime {path}: {words}; correct --shim-runtime or runtime.path in the policy", path = path.display(), words = words(*errno))]
    Runtime {
        /// The path named.
        path: PathBuf,
        /// How the kernel refused.
        errno: Errno,
    },
    /// The runtime named is a folder, a fifo, a device.
    #[error("the runtime {path} is not a regular file; name the real runc, crun or youki", path = path.display())]
    NoProgram {
        /// The path named.
        path: PathBuf,
    },
    /// The runtime is named by a path that depends on the working directory.
    #[error(
        "the runtime {path:?} is neither an absolute path nor a name without a slash; give the absolute path of runc, crun or youki"
    )]
    RelativeRuntime {
        /// The path named.
        path: PathBuf,
    },
    /// The runtime named could have been written by others.
    #[error("the runtime {path} could be replaced by others (owner {owner}, mode {mode:04o}); chown it to root and chmod go-w", path = path.display())]
    LooseRuntime {
        /// The path named.
        path: PathBuf,
        /// Its owner's uid.
        owner: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// The links of a runtime handler cannot be followed.
    #[error("cannot use {path}, which the runtime handler names: {words}; set the handler up again with `shim install`", path = path.display(), words = words(*errno))]
    Handler {
        /// The link, or what it leads to.
        path: PathBuf,
        /// How the kernel refused.
        errno: Errno,
    },
    /// The policy cannot be read, or does not decide.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy names another runtime than a moment ago.
    #[error("the policy changed while it was being read; try again")]
    PolicyChanged,
    /// The agent does not have the container.
    #[error(
        "mode {mode:?} needs the agent: {error}; start `shim agent`, name its folder in agent.sockets of the policy, or choose another mode"
    )]
    Agent {
        /// The mode.
        mode: &'static str,
        /// What came of asking it.
        #[source]
        error: RegisterError,
    },
    /// No process can be made that watches the agent.
    #[error("no process can be made to watch the agent, without which mode record could hang")]
    Watch(#[source] std::io::Error),
    /// A runtime that has no flags for filters.
    #[error(
        "mode \"observe-lite\" needs a runtime that takes SECCOMP_FILTER_FLAG_LOG, and {0} does not say that it does; use crun, runc 1.2 or newer, mode \"observe\", or without_agent = \"enforce\""
    )]
    NoLogging(PathBuf),
    /// A runtime that would start the container without its filter.
    #[error(
        "{0} was built without seccomp and would start the container without its profile; install one that was built with it (cargo install youki --features v1,v2,systemd,seccomp)"
    )]
    NoSeccomp(PathBuf),
    /// A runtime that might start the container without its filter.
    #[error(
        "{0} cannot be read, so it is not known whether it was built with seccomp; let whoever starts containers read it (chmod a+r)"
    )]
    UnreadRuntime(PathBuf),
    /// A youki does not say which it is, and the profile has conditions that old ones turn around.
    #[error(
        "{0} does not tell its version to --version, so it is not known how it reads SCMP_CMP_MASKED_EQ, which the profile has and youki up to 0.7.0 gets wrong; set runtime.path to one that tells"
    )]
    UnknownVersion(PathBuf),
    /// The kernel gives no random bits.
    #[error("no random token can be had")]
    Random(#[source] std::io::Error),
    /// The bundle's file cannot be read or replaced.
    #[error("{path}: {error}", path = path.display())]
    Bundle {
        /// The configuration file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        error: BundleError,
    },
    /// The bundle's file says what cannot be decided on.
    #[error("{path}, {error_place}: {error}", path = path.display(), error_place = error.place)]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: ConfigError,
    },
    /// Others could change the bundle, and the policy is strict.
    #[error("{0}; the policy is strict, so a bundle that others can write to is refused")]
    OpenBundle(#[source] PolicyError),
    /// A tool was asked about a bundle that is not there.
    #[error("{path} is missing; name the folder of a bundle with --bundle", path = path.display())]
    NoBundle {
        /// The configuration file.
        path: PathBuf,
    },
    /// The kernel's version cannot be told.
    #[error("cannot tell the kernel's version from {0:?}")]
    Kernel(String),
    /// This machine's architecture is none that profiles know.
    #[error("seccomp profiles do not know this machine's architecture, {0:?}")]
    Arch(String),
}

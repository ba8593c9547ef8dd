//! The default seccomp profile: data with reasons, and nothing else.
//!
//! Every syscall of Linux stands in a [`Group`] with a name, a reason and a [`Verdict`]: allowed,
//! allowed with a capability, allowed for some arguments, or denied, and then with which errno.
//! [`groups`] lists them all for people to read; [`resolve`] picks what holds for one container and
//! node and gives it as a [`Seccomp`] of a handful of rules.
//!
//! The profile is never looser than Docker's and containerd's defaults for the same container. A
//! syscall that no group names, such as one of a later kernel, gets the default action: ENOSYS, as
//! if the kernel did not have it.
//!
//! What it does not do: read files, know an engine, or follow a node's libseccomp. A name that the
//! node's libseccomp lacks is skipped there and then falls to the default action too.
//!
//! ```
//! use profile::{Action, Arch, Kernel, Target};
//!
//! let target = Target {
//!     capabilities: ["CAP_CHOWN".to_owned()].into(),
//!     arch: Arch::ScmpArchX86_64,
//!     kernel: Kernel { major: 6, minor: 18 },
//! };
//! let seccomp = default_profile::resolve(&target);
//! let mount = seccomp.rules.iter().find(|rule| rule.names.iter().any(|name| name == "mount"));
//! assert_eq!(mount.map(|rule| rule.action), Some(Action::ScmpActErrno));
//! ```
#![forbid(unsafe_code)]

mod data;
mod errno;
mod group;
mod resolve;

pub use data::groups;
pub use errno::Errno;
pub use group::{Answer, Arches, Case, Group, Outcome, Verdict};
pub use resolve::{DEFAULT_ERRNO, Newer, resolve, resolve_for};

#[cfg(doc)]
use profile::Seccomp;

//! Seccomp profiles: read every format people have, resolve one for a container, reason about it,
//! write it as OCI `linux.seccomp`.
//!
//! A file comes in as bytes, in one of three dialects; [`Source::read`] finds out which and what is
//! wrong with it. [`Source::resolve`] gives, for a [`Target`] (capabilities, architecture, kernel),
//! the [`Seccomp`] that the dialect's own engine would have made of it. [`restrict`] takes two of
//! those and gives one that is never looser than both stacked; [`merge`] takes some and gives one
//! that allows what any allows; [`diff`] tells two apart. [`Seccomp::to_json`] writes the
//! result in the one form that Go, C and Rust read alike.
//!
//! [`Source::lint`] says what loads and then surprises its author; it is for people who ask, and
//! costs more than reading.
//!
//! What this does not promise: that libseccomp compiles the result, or compiles it rightly. And
//! unknown syscall names pass, because runtimes skip them.
//!
//! Files are opened elsewhere: everything here works on bytes and values.
//!
//! ```
//! use profile::{Dialect, Kernel, Source, Target, native_from_name};
//!
//! let file = br#"{
//!     "defaultAction": "SCMP_ACT_ALLOW",
//!     "syscalls": [{
//!         "names": ["mount"], "action": "SCMP_ACT_ERRNO",
//!         "excludes": {"caps": ["CAP_SYS_ADMIN"]}
//!     }]
//! }"#;
//! let source = Source::read(file)?;
//! assert_eq!(source.dialect(), Dialect::Docker);
//! let target = Target {
//!     capabilities: ["CAP_CHOWN".to_owned()].into(),
//!     arch: native_from_name("amd64").ok_or("no such architecture")?,
//!     kernel: Kernel { major: 6, minor: 18 },
//! };
//! assert_eq!(
//!     source.resolve(&target)?.to_json(),
//!     r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]}"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod anchor;
mod arch;
mod ask;
mod capability_names;
mod conflict;
mod dialect;
mod diff;
mod engine_arch;
mod errno;
mod from_oci;
mod int_arguments;
mod lint;
pub mod meaning;
mod merge;
mod parsed;
mod problem;
mod read_filter;
mod read_profile;
mod read_rule;
mod reader;
mod resolve;
mod restrict;
mod seccomp;
mod source;
mod syscall_names;
mod target;
mod to_json;
mod warning;
mod words;

pub use arch::{compat, native_from_name};
pub use ask::{Asker, Asking, ask};
pub use capability_names::{CAPABILITIES, DOCKER_CAPABILITIES, is_capability, near_capability};
pub use dialect::Dialect;
pub use diff::{Bits, CallChange, Change, Changed, Diff, When, diff};
pub use errno::errno_name;
pub use merge::{MergeError, Merged, merge};
pub use oci_spec::runtime::{
    Arch, LinuxSeccompAction as Action, LinuxSeccompFilterFlag as Flag,
    LinuxSeccompOperator as Operator,
};
pub use problem::{Problem, ProblemKind, Problems};
pub use restrict::{
    Joint, Note, RestrictError, Restricted, Rounding, restrict, restrict_unless_said,
};
pub use seccomp::{Condition, Rule, Seccomp};
pub use source::Source;
pub use syscall_names::is_syscall;
pub use target::{Kernel, Target};
pub use warning::{Names, Warning, WarningKind};

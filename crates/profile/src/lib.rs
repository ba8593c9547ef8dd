//! Seccomp profiles: read every format people have, resolve one for a container, reason about it,
//! write it as OCI `linux.seccomp`.
//!
//! A file comes in as bytes, in one of three dialects; [`Source::read`] finds out which and what is
//! wrong with it. [`Source::resolve`] gives, for a [`Target`] (capabilities, architecture, kernel),
//! the [`Seccomp`] that the dialect's own engine would have made of it. [`restrict`] takes two of
//! those and gives one that is never looser than both stacked. [`Seccomp::to_json`] writes the
//! result in the one form that Go, C and Rust read alike.
//!
//! Files are opened elsewhere: everything here works on bytes and values.
#![forbid(unsafe_code)]

mod arch;
pub mod meaning;
mod restrict;
mod seccomp;
mod target;

pub use arch::{compat, native_from_name};
pub use oci_spec::runtime::{
    Arch, LinuxSeccompAction as Action, LinuxSeccompFilterFlag as Flag,
    LinuxSeccompOperator as Operator,
};
pub use restrict::{Note, RestrictError, Restricted, Rounding, restrict};
pub use seccomp::{Condition, Rule, Seccomp};
pub use target::{Kernel, Target};

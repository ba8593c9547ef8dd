//! An OCI bundle's config.json: read what a decision needs, replace one value, leave every other
//! byte as it was (runtime-spec bundle.md, config.md).
//!
//! [`Bundle`] is the file in its folder: opened once, read once, replaced whole or not at all.
//! [`Config`] is its text: the facts that a policy asks about, and [`Config::rewrite`], which gives
//! the new text. What parsers in Go, C and Rust would read differently in the parts that matter
//! here is refused: the runtime must see exactly what was decided on.
//!
//! Not promised: that nobody else changes the file between the replacement and the runtime's own
//! reading. Only a folder that others cannot write to gives that; see [`Bundle::folder`].
#![forbid(unsafe_code)]

mod attributes;
mod config;
mod error;
mod facts;
mod file;
mod replace;
mod splice;
mod struct_fields;

pub use attributes::copy as copy_attributes;
pub use config::{Change, Config, SECCOMP_ANNOTATIONS, SECCOMP_FILTER};
pub use error::{BundleError, ConfigError};
pub use facts::Facts;
pub use file::{Bundle, MAX_SIZE};

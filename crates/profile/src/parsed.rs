//! A profile as read, before it is resolved: what all dialects can hold.

use std::borrow::Cow;

use crate::{Action, Arch, Condition, Flag, Kernel};

/// A whole profile.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub(crate) default_action: Action,
    pub(crate) default_errno: Option<u32>,
    pub(crate) architectures: Vec<Arch>,
    pub(crate) arch_map: Vec<ArchEntry>,
    pub(crate) flags: Option<Vec<Flag>>,
    pub(crate) listener_path: Option<String>,
    pub(crate) listener_metadata: Option<String>,
    pub(crate) rules: Vec<ParsedRule>,
}

/// An entry of `archMap`.
#[derive(Debug, Clone)]
pub(crate) struct ArchEntry {
    pub(crate) architecture: Arch,
    pub(crate) others: Vec<Arch>,
}

/// A rule with its filters.
#[derive(Debug, Clone)]
pub(crate) struct ParsedRule {
    /// Where it stands, in bytes.
    pub(crate) offset: usize,
    pub(crate) names: Vec<Cow<'static, str>>,
    /// A `name` beside `names`: refused by Podman where the rule applies.
    pub(crate) name_too: Option<usize>,
    pub(crate) action: Action,
    pub(crate) errno: Option<u32>,
    /// An `errno` that is none: refused by Podman where the rule applies.
    pub(crate) bad_errno: Option<(usize, String)>,
    pub(crate) args: Vec<Condition>,
    pub(crate) includes: Filter,
    pub(crate) excludes: Filter,
}

/// When a rule applies (`includes`) or does not (`excludes`). What is empty asks nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) caps: Vec<String>,
    pub(crate) arches: Vec<String>,
    pub(crate) min_kernel: Option<Kernel>,
}

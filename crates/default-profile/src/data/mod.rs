//! The data: a file for each family of syscalls.

use crate::Group;

mod administration;
mod architectures;
mod credentials;
mod descriptors;
mod events;
mod files;
mod ipc;
mod memory;
mod namespaces;
mod network;
mod obsolete;
mod processes;
mod signals;
mod tags;
mod time;
mod tracing;

/// Every group, family by family.
///
/// On any one architecture a syscall stands in one group alone.
pub fn groups() -> impl Iterator<Item = &'static Group> {
    FAMILIES.iter().copied().flatten()
}

const FAMILIES: &[&[Group]] = &[
    files::GROUPS,
    tags::GROUPS,
    descriptors::GROUPS,
    events::GROUPS,
    memory::GROUPS,
    processes::GROUPS,
    credentials::GROUPS,
    signals::GROUPS,
    time::GROUPS,
    network::GROUPS,
    ipc::GROUPS,
    namespaces::GROUPS,
    tracing::GROUPS,
    administration::GROUPS,
    architectures::GROUPS,
    obsolete::GROUPS,
];

/// A list of names without the quotation marks.
macro_rules! names {
    ($($name:tt)*) => {
        &[$(stringify!($name)),*]
    };
}
use names;

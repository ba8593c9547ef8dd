//! What the agent gives up before it hears of any container.
#![forbid(unsafe_code)]

use std::io;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

/// Gives up every capability, and any way back to one; to be called while there is one thread, since
/// each has its own. Answering calls takes none, nor does reading what /proc says to everybody.
///
/// # Errors
/// The kernel does not have it so.
pub(crate) fn give_up() -> io::Result<()> {
    set_no_new_privs(true)?;
    // Where it may not be done there is nothing in there to come by: a set-uid program gives us
    // nothing from here on.
    if capabilities(None)?
        .effective
        .contains(CapabilitySet::SETPCAP)
    {
        for one in CapabilitySet::all() {
            // Newer kernels have more than older ones.
            let _ = remove_capability_from_bounding_set(one);
        }
    }
    set_capabilities(
        None,
        CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        },
    )?;
    // Nobody reads our memory, nor takes our listeners by pidfd_getfd(2), but with CAP_SYS_PTRACE.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

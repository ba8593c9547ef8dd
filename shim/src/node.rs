//! The node that we run on, as profiles see it.

use policy::{Newer, Node};
use profile::{Arch, Asker, Kernel, native_from_name};

use crate::argv::Flavor;
use crate::refusal::Refusal;

/// This machine's architecture; none where profiles have no name for it.
#[must_use]
pub fn arch() -> Option<Arch> {
    native_from_name(std::env::consts::ARCH)
}

/// This machine's architecture and kernel (uname(2)), with a runtime of this flavor.
///
/// # Errors
/// [`Refusal::Arch`] and [`Refusal::Kernel`] where profiles cannot be resolved for it.
pub fn this(runtime: Flavor) -> Result<Node, Refusal> {
    let uname = rustix::system::uname();
    let name = std::env::consts::ARCH;
    let arch = arch().ok_or_else(|| Refusal::Arch(name.to_owned()))?;
    let release = uname.release().to_string_lossy();
    let kernel = Kernel::from_release(&release)
        .ok_or_else(|| Refusal::Kernel(release.clone().into_owned()))?;
    let newer = match runtime {
        Flavor::Runc => Newer::Runtime,
        Flavor::Crun | Flavor::Youki | Flavor::Unknown => Newer::Profile,
    };
    Ok(Node {
        arch,
        kernel,
        newer,
        asker: asker(runtime),
    })
}

/// Where a runtime takes SCMP_ACT_NOTIFY. runc refuses it on `write` and as the default action;
/// youki too, and hangs on `sendmsg`, by which it passes the fd on. crun (since 1.6) takes it
/// anywhere.
///
/// runc hangs on `rt_sigreturn`, too, if Go's scheduler interrupts its init by a signal before that
/// has passed the fd on: nobody can answer yet. No program can do without that call.
fn asker(runtime: Flavor) -> Option<Asker> {
    let (as_default, never): (bool, &[&str]) = match runtime {
        Flavor::Runc => (false, RUNC_NEVER),
        Flavor::Crun => (true, &[]),
        Flavor::Youki => (false, &["write", "rt_sigreturn", "sendmsg"]),
        Flavor::Unknown => return None,
    };
    Some(Asker { as_default, never })
}

/// `write` runc refuses. The others Go's scheduler makes in its init when it likes, on the very thread
/// that has the filter, and between that and the handing over of the listener nobody can answer
/// (seen with runc 1.1.5 on a busy machine: a futex wake-up, and both sides waited for ever).
const RUNC_NEVER: &[&str] = &["write", "rt_sigreturn", "futex", "nanosleep", "sched_yield"];

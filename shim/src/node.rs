//! The node that we run on, as profiles see it.

use policy::{Askers, Newer, Node};
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
        askers: askers(runtime),
    })
}

/// Where a runtime takes SCMP_ACT_NOTIFY. runc and youki refuse it on `write` and as the default
/// action. crun (since 1.6) takes it anywhere.
///
/// Between their filter and the handing over of its listener nobody can answer an init, but on runc in
/// mode record, where the watcher sees to that. Elsewhere what an init may call then is not asked
/// about.
fn askers(runtime: Flavor) -> Option<Askers> {
    let asker = |as_default, never| Asker { as_default, never };
    let (observe, record) = match runtime {
        Flavor::Runc => (asker(false, RUNC_EARLY), asker(false, &["write"])),
        Flavor::Crun => (asker(true, &[]), asker(true, &[])),
        Flavor::Youki => (asker(false, YOUKI_EARLY), asker(false, YOUKI_EARLY)),
        Flavor::Unknown => return None,
    };
    Some(Askers { observe, record })
}

/// Beside `write`, what Go's scheduler calls in its init when it likes, on the very thread that has
/// the filter (seen with runc 1.1.5 on a busy machine: a futex wake-up, and both sides waited for
/// ever).
const RUNC_EARLY: &[&str] = &["write", "rt_sigreturn", "futex", "nanosleep", "sched_yield"];
/// youki's init passes the listener on by `sendmsg`, and a signal may come.
const YOUKI_EARLY: &[&str] = &["write", "rt_sigreturn", "sendmsg"];

//! The node that we run on, as profiles see it.

use policy::{Newer, Node};
use profile::{Asker, Kernel, native_from_name};

use crate::argv::Flavor;
use crate::refusal::Refusal;

/// This machine's architecture and kernel (uname(2)), with a runtime of this flavor.
///
/// # Errors
/// [`Refusal::Arch`] and [`Refusal::Kernel`] where profiles cannot be resolved for it.
pub fn this(runtime: Flavor) -> Result<Node, Refusal> {
    let uname = rustix::system::uname();
    let name = std::env::consts::ARCH;
    let arch = native_from_name(name).ok_or_else(|| Refusal::Arch(name.to_owned()))?;
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

/// Where a runtime takes SCMP_ACT_NOTIFY. runc has `write` alone refused, and the default action;
/// youki too, and hangs on `sendmsg`, by which it passes the fd on. crun (since 1.6) takes it
/// anywhere.
fn asker(runtime: Flavor) -> Option<Asker> {
    let (as_default, never): (bool, &[&str]) = match runtime {
        Flavor::Runc => (false, &["write"]),
        Flavor::Crun => (true, &[]),
        Flavor::Youki => (false, &["write", "sendmsg"]),
        Flavor::Unknown => return None,
    };
    Some(Asker { as_default, never })
}

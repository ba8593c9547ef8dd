//! Whether a container is privileged, which no engine but Podman says.
//!
//! It is taken for privileged if all of this holds: it asked for no seccomp; the bounding set has
//! CAP_SYS_ADMIN and lacks at most [`MAY_LACK`] of the [`CAPABILITIES`] of Linux 6.18 (old
//! engines do not know the newest, and a daemon cannot give what it lacks); no path is masked; all
//! devices are allowed; and Podman, if it is Podman, does not deny it. A container that merely looks
//! like that gets nothing that it did not ask for: no seccomp is what it asked for.

use bundle::Facts;
use profile::CAPABILITIES;

use crate::Request;
use crate::request::Asked;

/// Docker 20.10 gives 38 of them, containerd 40 on a node whose daemon has 40.
const MAY_LACK: usize = 5;

pub(crate) fn looks_privileged(facts: &Facts<'_>, request: &Request) -> bool {
    let denied = facts.annotation("io.podman.annotations.privileged") == Some("FALSE");
    let lacks = CAPABILITIES
        .iter()
        .filter(|name| !facts.bounding.contains(**name))
        .count();
    request.asked == Asked::Nothing
        && facts.bounding.contains("CAP_SYS_ADMIN")
        && lacks <= MAY_LACK
        && !facts.masks_paths
        && facts.all_devices
        && !denied
}

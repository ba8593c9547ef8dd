//! Whether a container is privileged, which no engine but Podman says.
//!
//! It is taken for privileged if all of this holds: no seccomp was asked for; the bounding set has
//! CAP_SYS_ADMIN and lacks at most [`MAY_LACK`] of the [`KNOWN`] capabilities of Linux 6.18 (old
//! engines do not know the newest, and a daemon cannot give what it lacks); no path is masked; all
//! devices are allowed; and Podman, if it is Podman, does not deny it. A container that merely looks
//! like that gets nothing that it did not ask for: no seccomp is what it asked for.

use bundle::Config;

/// The capabilities of Linux 6.18: CAP_LAST_CAP is 40.
const KNOWN: usize = 41;

/// Docker 20.10 gives 38, containerd 40 on such a kernel.
const MAY_LACK: usize = 5;

pub(crate) fn looks_privileged(config: &Config<'_>) -> bool {
    let facts = config.facts();
    let denied = facts.annotation("io.podman.annotations.privileged") == Some("FALSE");
    config.seccomp().is_none()
        && facts.bounding.contains("CAP_SYS_ADMIN")
        && facts.bounding.len() >= KNOWN.saturating_sub(MAY_LACK)
        && !facts.masks_paths
        && facts.all_devices
        && !denied
}

//! Whether a container is privileged, which no engine but Podman says.
//!
//! It is taken for privileged if all of this holds: it asked for no seccomp; the bounding set has
//! CAP_SYS_ADMIN and lacks at most [`MAY_LACK`] of the [`KNOWN`] capabilities of Linux 6.18 (old
//! engines do not know the newest, and a daemon cannot give what it lacks); no path is masked; all
//! devices are allowed; and Podman, if it is Podman, does not deny it. A container that merely looks
//! like that gets nothing that it did not ask for: no seccomp is what it asked for.

use bundle::Facts;

use crate::Request;
use crate::request::Asked;

/// The capabilities of Linux 6.18 (linux/capability.h).
const KNOWN: [&str; 41] = [
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

/// Docker 20.10 gives 38 of them, containerd 40 on a node whose daemon has 40.
const MAY_LACK: usize = 5;

pub(crate) fn looks_privileged(facts: &Facts<'_>, request: &Request) -> bool {
    let denied = facts.annotation("io.podman.annotations.privileged") == Some("FALSE");
    let lacks = KNOWN
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

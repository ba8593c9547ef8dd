//! What makes a container: namespaces, mounts, root directories, names of machines.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "enter and leave namespaces",
        reason: "A new user namespace gives all capabilities inside it, and with them the kernel \
                 code that a container is kept from. See also clone.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![setns unshare],
    },
    Group {
        name: "mount",
        reason: "Mounts decide what a container sees, and mounting has filesystem code read data \
                 that the caller made.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![
            fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree umount umount2
        ],
    },
    Group {
        name: "open a mount with attributes",
        reason: "New in 6.15, and no engine allows it yet, even with CAP_SYS_ADMIN. Callers that \
                 find it missing have open_tree and mount_setattr.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotImplemented),
        syscalls: names![open_tree_attr],
    },
    Group {
        name: "swap the root mount",
        reason: "The runtime has done it before the filter is in; what needs it again is a runtime \
                 inside the container. Docker and containerd allow it to none.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![pivot_root],
    },
    Group {
        name: "change the root directory",
        reason: "Servers and package managers use it; a process with it can also step out of \
                 another root directory.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_CHROOT"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![chroot],
    },
    Group {
        name: "name the machine",
        reason: "Where a container shares the node's UTS namespace, the name is the node's.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![setdomainname sethostname],
    },
];

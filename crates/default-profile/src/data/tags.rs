//! What is attached to files: extended attributes and inode flags.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "extended attributes",
        reason: "tar, rsync and image builders carry them. The trusted and security namespaces need \
                 capabilities that the kernel checks.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr
            listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr
            setxattrat
        ],
    },
    Group {
        name: "inode flags by path",
        reason: "New in 6.17, and no engine allows them yet. Callers have the older \
                 FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR and take them where these are missing.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotImplemented),
        syscalls: names![file_getattr file_setattr],
    },
];

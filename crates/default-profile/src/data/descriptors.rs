//! Work on descriptors that are already open.

use super::names;
use crate::{Arches, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "read, write and seek",
        reason: "What programs do all day, on descriptors that they were let open.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            _llseek lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv write writev
        ],
    },
    Group {
        name: "copy inside the kernel",
        reason: "cp, web servers and proxies move data without a copy through memory of their own.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![copy_file_range sendfile sendfile64 splice tee vmsplice],
    },
    Group {
        name: "close, copy and lock descriptors",
        reason: "Every program closes and copies its descriptors; locks are between those who can \
                 open the file.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![close close_range dup dup2 dup3 fcntl fcntl64 flock],
    },
    Group {
        name: "ioctl",
        reason: "Terminals, sockets and files need it. What it can do is for the driver of an open \
                 descriptor to check, and which devices can be opened for the device cgroup.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![ioctl],
    },
];

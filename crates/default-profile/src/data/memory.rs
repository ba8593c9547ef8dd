//! A process's memory, and where on the machine it lies.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "map and protect memory",
        reason: "Every program maps memory; these reach the caller's own address space alone.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            brk madvise map_shadow_stack mincore mmap mmap2 mprotect mremap mseal msync munmap
            pkey_alloc pkey_free pkey_mprotect remap_file_pages
        ],
    },
    Group {
        name: "keep memory resident",
        reason: "Keeps secrets out of swap and real-time code out of page faults, as far as \
                 RLIMIT_MEMLOCK lets it.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![mlock mlock2 mlockall munlock munlockall],
    },
    Group {
        name: "memory as a descriptor",
        reason: "Shared buffers without a file, and secret ones that even the kernel has no mapping \
                 of.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![memfd_create memfd_secret],
    },
    Group {
        name: "memory policy",
        reason: "Placement on NUMA nodes is the machine's to share out. Without the capability the \
                 machine looks as if its kernel had no NUMA: callers test for ENOSYS before they \
                 place memory, and older libnuma takes any other errno for a yes.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_NICE"],
            or_since: None,
            otherwise: Errno::NotImplemented,
        },
        syscalls: names![get_mempolicy mbind set_mempolicy set_mempolicy_home_node],
    },
    Group {
        name: "move pages between nodes",
        reason: "Moves the pages of any process that the caller may signal, at the machine's cost. \
                 No engine allows it.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![migrate_pages move_pages],
    },
    Group {
        name: "page faults handed to user space",
        reason: "Holding the kernel up in the middle of a copy wins races in kernel exploits. EPERM \
                 is what the kernel itself returns where vm.unprivileged_userfaultfd is 0.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![userfaultfd],
    },
];

//! Waiting for many things at once, and input and output in the background.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "poll, select and epoll",
        reason: "Every server waits for its descriptors with one of these.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
            epoll_wait epoll_wait_old poll ppoll ppoll_time64 pselect6 pselect6_time64 select
        ],
    },
    Group {
        name: "counters as descriptors",
        reason: "Wake-ups between threads; they touch nothing outside the process.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![eventfd eventfd2],
    },
    Group {
        name: "asynchronous input and output",
        reason: "Databases use the old interface (libaio); it reads and writes descriptors that are \
                 open.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit
        ],
    },
    Group {
        name: "io_uring",
        reason: "A ring opens files and sockets without a syscall that a filter could see, and it \
                 has been a rich source of kernel bugs. EPERM is what the kernel itself returns \
                 where kernel.io_uring_disabled is set; libraries then use threads or epoll.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![io_uring_enter io_uring_register io_uring_setup],
    },
];

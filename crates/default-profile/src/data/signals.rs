//! Signals, to those in the same PID namespace.

use super::names;
use crate::{Arches, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "send signals",
        reason: "Pids are those of the container's own PID namespace, and the kernel checks that \
                 sender and receiver belong to one user.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            kill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo tgkill tkill
        ],
    },
    Group {
        name: "receive signals",
        reason: "Handlers, masks and waits touch the caller alone; the C library sets some up at \
                 start.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn
            rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack signalfd signalfd4
            sigprocmask sigreturn
        ],
    },
];

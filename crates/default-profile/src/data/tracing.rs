//! Looking into processes and into the kernel.

use profile::Kernel;

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "debug processes",
        reason: "Before Linux 4.8 a tracer could change a syscall after the filter had looked at it. \
                 Since then the filter looks again, and the kernel checks that tracer and traced \
                 belong together.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_PTRACE"],
            or_since: Some(Kernel { major: 4, minor: 8 }),
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![process_vm_readv process_vm_writev ptrace],
    },
    Group {
        name: "reach into processes",
        reason: "Takes descriptors out of other processes, advises on their memory, compares their \
                 kernel objects: a debugger's work.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_PTRACE"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![kcmp pidfd_getfd process_madvise],
    },
    Group {
        name: "BPF programs",
        reason: "Programs in the kernel see the whole machine, and their verifier has had many \
                 holes.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN", "CAP_BPF"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![bpf],
    },
    Group {
        name: "performance events",
        reason: "Counters leak what others on the machine do, and the code behind them has had many \
                 holes.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN", "CAP_PERFMON"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![perf_event_open],
    },
    Group {
        name: "profiling cookies",
        reason: "Told OProfile the path behind a cookie, for every process on the machine. Linux 6.7 \
                 removed it.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![lookup_dcookie],
    },
    Group {
        name: "return from a traced function",
        reason: "Not called by programs: the kernel puts it on the stack where the node's operator \
                 traces a function's return. Denied, it would kill the traced process.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![uretprobe],
    },
    Group {
        name: "enter a traced function",
        reason: "New in 6.18 on x86_64, and no engine names it. Called only from code that the \
                 kernel itself puts into a process, and the kernel lets it past every filter.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotImplemented),
        syscalls: names![uprobe],
    },
];

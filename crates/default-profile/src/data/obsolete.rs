//! Calls that programs of today have no use for.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "never made or removed",
        reason: "Numbers that were set aside and never used, and calls that Linux has dropped: the \
                 kernel has no code for them and answers ENOSYS, and so does the filter.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotImplemented),
        syscalls: names![
            _sysctl afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg gtty idle
            lock mpx multiplexer nfsservctl prof profil putpmsg query_module security stty timerfd
            tuxcall ulimit vserver
        ],
    },
    Group {
        name: "first editions",
        reason: "The first forms of calls that have long had better ones, or a file in /proc; C \
                 libraries use those. Code that nobody uses nobody looks at.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![
            nice oldfstat oldlstat oldolduname oldstat olduname readdir sgetmask sigaction signal
            sigpending sigsuspend ssetmask sysfs uselib ustat
        ],
    },
    Group {
        name: "the indirect call",
        reason: "Makes another call by its number, which a filter may then not see; no program needs \
                 the detour.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![syscall],
    },
];

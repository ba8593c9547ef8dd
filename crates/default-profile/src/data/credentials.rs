//! Who a process is, and what it may give up.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "ask for ids and groups",
        reason: "A process may know who it is.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
            getresgid32 getresuid getresuid32 getuid getuid32
        ],
    },
    Group {
        name: "change ids and groups",
        reason: "Servers start as root and become someone else. Becoming more needs CAP_SETUID or \
                 CAP_SETGID, which the kernel checks.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid
            setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid
            setuid32
        ],
    },
    Group {
        name: "capabilities",
        reason: "Capabilities can be dropped, never won; the runtime itself sets them after the \
                 filter is in.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![capget capset],
    },
    Group {
        name: "locking oneself in",
        reason: "Filters and Landlock rules add to what binds a process and never take away. \
                 Browsers, sshd and package builders use them.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp],
    },
    Group {
        name: "LSM attributes",
        reason: "Tells which security modules run and sets the label of the next exec. Docker asks \
                 for CAP_SYS_ADMIN. New in 6.8, so that callers know ENOSYS and read \
                 /proc/self/attr, which says the same.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotImplemented,
        },
        syscalls: names![lsm_get_self_attr lsm_list_modules lsm_set_self_attr],
    },
];

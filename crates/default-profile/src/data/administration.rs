//! The machine itself: none of a container's business, unless it was made for that.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "about the machine",
        reason: "Name, load and memory sizes, readable in /proc too.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![sysinfo uname],
    },
    Group {
        name: "reboot",
        reason: "In the first PID namespace it stops the machine.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_BOOT"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![reboot],
    },
    Group {
        name: "boot another kernel",
        reason: "Replaces the kernel of the machine, and with it every rule. No engine allows it.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![kexec_file_load kexec_load],
    },
    Group {
        name: "kernel modules",
        reason: "Code in the kernel can do anything.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_MODULE"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![delete_module finit_module init_module],
    },
    Group {
        name: "kernel log",
        reason: "The log tells of all containers, and addresses in it help exploits.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYSLOG", "CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![syslog],
    },
    Group {
        name: "process accounting",
        reason: "Writes a record of every process that ends into a file of the caller's choice.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_PACCT"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![acct],
    },
    Group {
        name: "I/O ports",
        reason: "Talks to hardware past the kernel.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_RAWIO"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![ioperm iopl],
    },
    Group {
        name: "hang up the terminal",
        reason: "Takes the terminal away from everyone who has it open.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_TTY_CONFIG"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![vhangup],
    },
    Group {
        name: "swap space",
        reason: "Swap is the machine's, and memory of all containers is written to it. No engine \
                 allows it.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![swapoff swapon],
    },
];

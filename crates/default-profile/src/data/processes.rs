//! Processes and threads: starting them, ending them, scheduling them, naming them.

use profile::{Arch, Operator};

use super::names;
use crate::{Answer, Arches, Case, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "start, end and wait",
        reason: "Every program is started and ends; the pids cgroup bounds how many there are.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            execve execveat exit exit_group fork vfork wait4 waitid waitpid
        ],
    },
    Group {
        name: "clone",
        reason: "Starts threads and processes. With a flag for a new namespace it needs \
                 CAP_SYS_ADMIN, as unshare does. The flags lie in the low 32 bits.",
        on: Arches::AllBut(FLAGS_SECOND),
        verdict: Verdict::ByArgument {
            cases: &clone_cases(0),
            free_with: &["CAP_SYS_ADMIN"],
        },
        syscalls: names![clone],
    },
    Group {
        name: "clone",
        reason: "As elsewhere, but here the flags are the second argument.",
        on: Arches::Only(FLAGS_SECOND),
        verdict: Verdict::ByArgument {
            cases: &clone_cases(1),
            free_with: &["CAP_SYS_ADMIN"],
        },
        syscalls: names![clone],
    },
    Group {
        name: "clone3",
        reason: "Its flags lie in memory, where no filter sees them. ENOSYS makes the C library use \
                 clone; with EPERM it would not start a thread.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotImplemented,
        },
        syscalls: names![clone3],
    },
    Group {
        name: "process ids, groups and sessions",
        reason: "Shells and init programs sort processes; all ids are the container's own.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            getpgid getpgrp getpid getppid getsid gettid pidfd_open process_mrelease setpgid setsid
        ],
    },
    Group {
        name: "threads",
        reason: "What locks and thread-local storage are built on.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list
            get_thread_area membarrier rseq set_robust_list set_thread_area set_tid_address
        ],
    },
    Group {
        name: "scheduling",
        reason: "Being nice needs no right; taking more than one's share needs CAP_SYS_NICE, which \
                 the kernel checks, and cgroups bound it.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            getcpu getpriority ioprio_get ioprio_set sched_get_priority_max sched_get_priority_min
            sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
            sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
            sched_setscheduler sched_yield setpriority
        ],
    },
    Group {
        name: "limits and usage",
        reason: "Raising a hard limit needs CAP_SYS_RESOURCE, which the kernel checks.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![getrlimit getrusage prlimit64 setrlimit times ugetrlimit],
    },
    Group {
        name: "about oneself",
        reason: "Names, death signals, no_new_privs and the like, for the caller alone; and \
                 randomness, which every program may have.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![getrandom prctl],
    },
    Group {
        name: "personality",
        reason: "Allowed are those of Linux itself, with and without the 32-bit and the 2.6 uname, \
                 and the question which one it is. The others bring back old system interfaces or \
                 take address randomisation and non-executable memory away. Debuggers ask for that \
                 and are told EPERM, as ever.",
        on: Arches::All,
        verdict: Verdict::ByArgument {
            cases: PERSONALITIES,
            free_with: &[],
        },
        syscalls: names![personality],
    },
];

/// Where clone takes the stack first and the flags second (CONFIG_CLONE_BACKWARDS2).
const FLAGS_SECOND: &[Arch] = &[Arch::ScmpArchS390, Arch::ScmpArchS390x];

/// Allowed without a namespace's flag. For the errno of all others: one case for the lowest such
/// flag that is set, so that no two cases meet.
const fn clone_cases(index: u32) -> [Case; 8] {
    let cgroup = NEWNS | NEWCGROUP;
    let uts = cgroup | NEWUTS;
    let ipc = uts | NEWIPC;
    let user = ipc | NEWUSER;
    let pid = user | NEWPID;
    let all = pid | NEWNET;
    [
        Case::masked(index, all, 0, Answer::Allow),
        Case::masked(index, NEWNS, NEWNS, NOT_PERMITTED),
        Case::masked(index, cgroup, NEWCGROUP, NOT_PERMITTED),
        Case::masked(index, uts, NEWUTS, NOT_PERMITTED),
        Case::masked(index, ipc, NEWIPC, NOT_PERMITTED),
        Case::masked(index, user, NEWUSER, NOT_PERMITTED),
        Case::masked(index, pid, NEWPID, NOT_PERMITTED),
        Case::masked(index, all, NEWNET, NOT_PERMITTED),
    ]
}

/// The two flags that debuggers and Lisps ask for get EPERM; [`QUESTION`] alone has the top bit.
const PERSONALITIES: &[Case] = &[
    Case::new(0, Operator::ScmpCmpEq, PER_LINUX, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, PER_LINUX32, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, UNAME26, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, PER_LINUX32 | UNAME26, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, QUESTION, Answer::Allow),
    Case::masked(0, TOP | ADDR_NO_RANDOMIZE, ADDR_NO_RANDOMIZE, NOT_PERMITTED),
    Case::masked(
        0,
        TOP | ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC,
        READ_IMPLIES_EXEC,
        NOT_PERMITTED,
    ),
];

const NOT_PERMITTED: Answer = Answer::Deny(Errno::NotPermitted);

// include/uapi/linux/sched.h
const NEWNS: u64 = 0x0002_0000;
const NEWCGROUP: u64 = 0x0200_0000;
const NEWUTS: u64 = 0x0400_0000;
const NEWIPC: u64 = 0x0800_0000;
const NEWUSER: u64 = 0x1000_0000;
const NEWPID: u64 = 0x2000_0000;
const NEWNET: u64 = 0x4000_0000;

// include/uapi/linux/personality.h
const PER_LINUX: u64 = 0;
const PER_LINUX32: u64 = 0x0008;
const UNAME26: u64 = 0x0002_0000;
const ADDR_NO_RANDOMIZE: u64 = 0x0004_0000;
const READ_IMPLIES_EXEC: u64 = 0x0040_0000;
/// Asks for the personality and sets none.
const QUESTION: u64 = 0xffff_ffff;
const TOP: u64 = 0x8000_0000;

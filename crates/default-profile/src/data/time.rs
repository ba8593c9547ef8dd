//! Clocks and timers.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "read clocks and sleep",
        reason: "Every program may know the time and wait for it.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
            clock_nanosleep_time64 gettimeofday nanosleep time
        ],
    },
    Group {
        name: "timers",
        reason: "Timers signal or wake their owner; its limits on signals and descriptors bound them.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime
            timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
            timerfd_gettime64 timerfd_settime timerfd_settime64
        ],
    },
    Group {
        name: "clock discipline",
        reason: "Time daemons and libraries read the clock's state with these; changing it needs \
                 CAP_SYS_TIME, which the kernel checks.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![adjtimex clock_adjtime clock_adjtime64],
    },
    Group {
        name: "set clocks",
        reason: "The machine has one wall clock; a container that sets it sets everyone's.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_TIME"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![clock_settime clock_settime64 settimeofday stime],
    },
];

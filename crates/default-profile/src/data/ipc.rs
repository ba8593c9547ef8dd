//! Between processes of one container.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "pipes",
        reason: "Shells are made of them.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![pipe pipe2],
    },
    Group {
        name: "POSIX message queues",
        reason: "Queues belong to the container's IPC namespace.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
            mq_timedsend_time64 mq_unlink
        ],
    },
    Group {
        name: "System V IPC",
        reason: "Databases share memory with it, inside the container's IPC namespace.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat
            shmctl shmdt shmget
        ],
    },
    Group {
        name: "kernel keyrings",
        reason: "Keyrings belong to a user id and not to a container: two containers that run as \
                 one user would read each other's keys.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![add_key keyctl request_key],
    },
];

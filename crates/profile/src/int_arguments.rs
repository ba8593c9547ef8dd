//! Which arguments of which calls the kernel cuts to 32 bits or fewer: declared `int`,
//! `unsigned int`, `u32`, `pid_t`, `uid_t`, `umode_t` and the like in include/linux/syscalls.h.
//! A filter is handed all 64 bits of the register.
//!
//! Here stand the calls that profiles compare arguments of, and their likes; not `clone`,
//! `unshare`, `mount`, `mmap`, `mprotect` and `ptrace`, whose flags are `long`.

/// Whether the kernel looks at no more than the low 32 bits of that argument.
pub(crate) fn is_int(syscall: &str, index: u32) -> bool {
    let found = INTS.binary_search_by_key(&syscall, |(name, _)| name);
    let indexes = found.ok().and_then(|at| INTS.get(at));
    indexes.is_some_and(|(_, indexes)| indexes.contains(&index))
}

/// Sorted by name.
const INTS: &[(&str, &[u32])] = &[
    ("accept", &[0]),
    ("accept4", &[0, 3]),
    ("access", &[1]),
    ("add_key", &[4]),
    ("arch_prctl", &[0]),
    ("bind", &[0, 2]),
    ("bpf", &[0, 2]),
    ("chmod", &[1]),
    ("chown", &[1, 2]),
    ("close", &[0]),
    ("connect", &[0, 2]),
    ("creat", &[1]),
    ("delete_module", &[1]),
    ("dup", &[0]),
    ("dup2", &[0, 1]),
    ("dup3", &[0, 1, 2]),
    ("epoll_ctl", &[0, 1, 2]),
    ("execveat", &[0, 4]),
    ("faccessat", &[0, 2]),
    ("fallocate", &[0, 1]),
    ("fanotify_init", &[0, 1]),
    ("fchmod", &[0, 1]),
    ("fchmodat", &[0, 2]),
    ("fchown", &[0, 1, 2]),
    ("fchownat", &[0, 2, 3, 4]),
    ("fcntl", &[0, 1]),
    ("fcntl64", &[0, 1]),
    ("finit_module", &[0, 2]),
    ("flock", &[0, 1]),
    ("futex", &[1, 2, 5]),
    ("getpriority", &[0, 1]),
    ("getrandom", &[2]),
    ("getrlimit", &[0]),
    ("getsockopt", &[0, 1, 2]),
    ("inotify_init1", &[0]),
    ("io_uring_enter", &[0, 1, 2, 3]),
    ("io_uring_register", &[0, 1, 3]),
    ("io_uring_setup", &[0]),
    ("ioctl", &[0, 1]),
    ("ioprio_set", &[0, 1, 2]),
    ("kcmp", &[0, 1, 2]),
    ("kexec_file_load", &[0, 1]),
    ("keyctl", &[0]),
    ("kill", &[0, 1]),
    ("lchown", &[1, 2]),
    ("linkat", &[0, 2, 4]),
    ("listen", &[0, 1]),
    ("lseek", &[0, 2]),
    ("madvise", &[2]),
    ("memfd_create", &[1]),
    ("mkdir", &[1]),
    ("mkdirat", &[0, 2]),
    ("mknod", &[1, 2]),
    ("mknodat", &[0, 2, 3]),
    ("mlock2", &[2]),
    ("mlockall", &[0]),
    ("mq_open", &[1, 2]),
    ("msgctl", &[0, 1]),
    ("msgget", &[0, 1]),
    ("open", &[1, 2]),
    ("open_by_handle_at", &[0, 2]),
    ("openat", &[0, 2, 3]),
    ("perf_event_open", &[1, 2, 3]),
    ("personality", &[0]),
    ("pidfd_getfd", &[0, 1, 2]),
    ("pidfd_open", &[0, 1]),
    ("pidfd_send_signal", &[0, 1, 3]),
    ("pipe2", &[1]),
    ("prctl", &[0]),
    ("prlimit64", &[0, 1]),
    ("process_vm_readv", &[0]),
    ("process_vm_writev", &[0]),
    ("quotactl", &[0]),
    ("read", &[0]),
    ("reboot", &[0, 1, 2]),
    ("recvfrom", &[0, 3]),
    ("recvmsg", &[0, 2]),
    ("renameat2", &[0, 2, 4]),
    ("request_key", &[3]),
    ("rt_sigqueueinfo", &[0, 1]),
    ("rt_tgsigqueueinfo", &[0, 1, 2]),
    ("sched_setscheduler", &[0, 1]),
    ("seccomp", &[0, 1]),
    ("semctl", &[0, 1, 2]),
    ("semget", &[0, 1, 2]),
    ("sendmsg", &[0, 2]),
    ("sendto", &[0, 3, 5]),
    ("set_mempolicy", &[0]),
    ("setfsgid", &[0]),
    ("setfsuid", &[0]),
    ("setgid", &[0]),
    ("setgroups", &[0]),
    ("setns", &[0, 1]),
    ("setpgid", &[0, 1]),
    ("setpriority", &[0, 1, 2]),
    ("setregid", &[0, 1]),
    ("setresgid", &[0, 1, 2]),
    ("setresuid", &[0, 1, 2]),
    ("setreuid", &[0, 1]),
    ("setrlimit", &[0]),
    ("setsockopt", &[0, 1, 2, 4]),
    ("setuid", &[0]),
    ("shmat", &[0, 2]),
    ("shmctl", &[0, 1]),
    ("shmget", &[0, 2]),
    ("shutdown", &[0, 1]),
    ("signalfd4", &[0, 3]),
    ("socket", &[0, 1, 2]),
    ("socketcall", &[0]),
    ("socketpair", &[0, 1, 2]),
    ("swapon", &[1]),
    ("syslog", &[0, 2]),
    ("tgkill", &[0, 1, 2]),
    ("timerfd_create", &[0, 1]),
    ("tkill", &[0, 1]),
    ("umask", &[0]),
    ("umount2", &[1]),
    ("unlinkat", &[0, 2]),
    ("userfaultfd", &[0]),
    ("wait4", &[0, 2]),
    ("waitid", &[0, 1, 3]),
    ("write", &[0]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_syscall;

    #[test]
    fn the_table_is_sorted_and_names_calls() {
        assert!(INTS.is_sorted_by_key(|(name, _)| name));
        for (name, indexes) in INTS {
            assert!(is_syscall(name), "{name}");
            assert!(indexes.iter().all(|index| *index < 6), "{name}");
        }
    }

    #[test]
    fn a_family_is_an_int_and_the_flags_of_clone_are_not() {
        assert!(is_int("socket", 0));
        assert!(is_int("personality", 0));
        assert!(!is_int("clone", 0));
        assert!(!is_int("unshare", 0));
        assert!(!is_int("prctl", 1));
        assert!(!is_int("ioctl", 2));
    }
}

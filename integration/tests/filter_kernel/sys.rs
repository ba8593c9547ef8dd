//! The unsafe part: a child with a filter makes one call.

use std::io;

use filter::Instruction;

/// What a process saw of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The call returned without an error.
    Success,
    /// It returned this errno.
    Errno(i32),
    /// It ended the process by this signal.
    Killed(i32),
}

/// Forks a child that loads `program`, if one is given, makes the call, and reports how it ended by
/// its exit status, for which the filter must allow exit_group(2).
pub(crate) fn call_under(program: Option<&[Instruction]>, nr: u32, args: [u64; 6]) -> Seen {
    let code: Option<Vec<libc::sock_filter>> = program.map(|program| {
        program
            .iter()
            .map(|one| libc::sock_filter {
                code: one.code,
                jt: one.jt,
                jf: one.jf,
                k: one.k,
            })
            .collect()
    });
    let loaded = code.as_ref().map(|code| libc::sock_fprog {
        len: code.len().try_into().unwrap(),
        filter: code.as_ptr().cast_mut(),
    });
    // SAFETY: between fork and _exit the child makes only system calls, all of them
    // async-signal-safe, and neither allocates nor takes a lock; everything it needs was made above.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: `loaded` points at `code`, which lives on; the calls that the tests make touch no
        // memory, for their pointers are null or their fds are -1; `_exit` does not return.
        unsafe {
            if let Some(loaded) = &loaded {
                let nnp = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1_u64, 0_u64, 0_u64, 0_u64);
                let mode = libc::SECCOMP_SET_MODE_FILTER;
                if nnp != 0 || libc::syscall(libc::SYS_seccomp, mode, 0, loaded) != 0 {
                    libc::_exit(NOT_LOADED);
                }
            }
            let [a, b, c, d, e, f] = args;
            let result = libc::syscall(i64::from(nr), a, b, c, d, e, f);
            libc::_exit(if result == -1 {
                *libc::__errno_location()
            } else {
                0
            });
        }
    }
    let mut status = 0;
    // SAFETY: `pid` is our own child and `status` a place for an int.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "waitpid: {}", io::Error::last_os_error());
    if libc::WIFSIGNALED(status) {
        return Seen::Killed(libc::WTERMSIG(status));
    }
    match libc::WEXITSTATUS(status) {
        NOT_LOADED => panic!("the kernel does not take the filter"),
        0 => Seen::Success,
        errno => Seen::Errno(errno),
    }
}

/// An exit status that is no errno.
const NOT_LOADED: i32 = 255;

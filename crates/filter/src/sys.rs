//! The one place with unsafe code: work in forked children, waited for ([`in_child`]) or not
//! ([`detached`]), and questions to the kernel's seccomp.

use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, set_parent_process_death_signal,
    setrlimit, waitpid,
};

use crate::guard::{GuardError, Limits};

/// What work comes to.
type Answer = Result<Vec<u8>, Vec<u8>>;

/// Does `work` in a child under `limits` and gives its answer, good or bad, as bytes.
///
/// # Errors
/// Other threads in this process, a limit reached, a child that cannot be made or says nothing.
pub(crate) fn in_child(
    limits: Limits,
    work: impl FnOnce() -> Answer,
) -> Result<Answer, GuardError> {
    let threads = threads().map_err(GuardError::Child)?;
    if threads != 1 {
        return Err(GuardError::Threads(threads));
    }
    let (mut reader, writer) = io::pipe().map_err(GuardError::Child)?;
    // SAFETY: `fork` has no precondition for its caller. What the child may do afterwards is
    // limited to what is async-signal-safe only where the process has other threads (fork(2),
    // signal-safety(7)); it has none, as was counted above, and a thread comes only from this one.
    // WHY: there is no safe wrapper, for that very reason.
    let pid = unsafe { libc::fork() };
    match pid {
        0 => {
            drop(reader);
            let status = child(limits, writer, work);
            // SAFETY: `_exit` has no precondition; nothing of this process's may run again in the
            // child, neither destructors nor exit handlers, and it does not return.
            // WHY: `std::process::exit` would run the exit handlers.
            unsafe { libc::_exit(status) }
        }
        pid if pid > 0 => {
            drop(writer);
            let mut bytes = Vec::new();
            // Wait in any case: a child that is not waited for stays as a zombie.
            let read = reader.read_to_end(&mut bytes).map_err(GuardError::Child);
            let answer = wait(pid, limits)?;
            read?;
            match answer {
                GOOD => Ok(Ok(bytes)),
                BAD => Ok(Err(bytes)),
                _ => Err(GuardError::Silent),
            }
        }
        _ => Err(GuardError::Child(io::Error::last_os_error())),
    }
}

/// Starts `work` in a process of its own, which nobody waits for, and comes back at once.
///
/// That process is nobody's child that could be told of it (it is forked twice), in a session of its
/// own, has no fds but `keep` and /dev/null as its stdio, stands behind all others for the
/// processor, and may not use more than `limits`. So a caller that becomes another program leaves
/// nothing behind that the new one, or whoever started it, could see or wait on.
///
/// # Errors
/// Other threads in this process, or a child that cannot be made.
pub fn detached(limits: Limits, keep: &[BorrowedFd<'_>], work: impl FnOnce()) -> io::Result<()> {
    if threads()? != 1 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: as in `in_child`: the process has one thread.
    // WHY: as there.
    let pid = unsafe { libc::fork() };
    match pid {
        0 => {
            let alone = rustix::process::setsid().is_ok();
            // SAFETY: the child has the one thread that forked it.
            // WHY: as above.
            if alone && unsafe { libc::fork() } == 0 {
                // A fault of ours is work that is not done, and nothing that anybody is told.
                std::panic::set_hook(Box::new(|_| ()));
                let worked = catch_unwind(AssertUnwindSafe(|| {
                    if close_all_but(keep)
                        .and_then(|()| stand_back(limits))
                        .is_ok()
                    {
                        work();
                    }
                }));
                // What is wrong with it is nobody's to know.
                drop(worked);
            }
            // SAFETY: as in `in_child`: nothing of this process's may run again in the children.
            // WHY: as there.
            unsafe { libc::_exit(0) }
        }
        pid if pid > 0 => {
            // It ends at once. Where somebody had this process ignore its children there is none to
            // wait for, which is as well.
            let _ = waitpid(Pid::from_raw(pid), WaitOptions::empty());
            Ok(())
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Closes everything else, and puts /dev/null where stdio is.
fn close_all_but(keep: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<u32> = keep
        .iter()
        .filter_map(|fd| fd.as_raw_fd().try_into().ok())
        .collect();
    kept.sort_unstable();
    let mut from = 0_u32;
    for end in kept.into_iter().map(Some).chain([None]) {
        let last = end.map_or(Some(u32::MAX), |end| end.checked_sub(1));
        if let Some(last) = last.filter(|last| *last >= from) {
            // SAFETY: close_range takes any numbers. That other code's fds are closed under it is
            // harmless: none of it runs again in this process, which ends in `_exit`.
            // WHY: there is no safe wrapper, for the latter reason.
            let closed = unsafe { libc::syscall(libc::SYS_close_range, from, last, 0_u32) };
            if closed != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        from = end.map_or(u32::MAX, |end| end.saturating_add(1));
    }
    // The lowest numbers are free, and taken in order.
    for _ in 0..3 {
        let flags = rustix::fs::OFlags::RDWR;
        let null = rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty())?;
        std::mem::forget(null);
    }
    Ok(())
}

/// Lets everybody else go first.
fn stand_back(limits: Limits) -> io::Result<()> {
    bound(limits)?;
    rustix::process::nice(19)?;
    rustix::process::chdir("/")?;
    Ok(())
}

/// Whether the kernel has an action (SECCOMP_GET_ACTION_AVAIL).
pub(crate) fn action_available(action: u32) -> bool {
    let (operation, flags) = (libc::SECCOMP_GET_ACTION_AVAIL, 0_u64);
    // SAFETY: this operation reads the 32 bits that the pointer leads to, which live until after
    // the call, and changes nothing. WHY: there is no safe wrapper.
    unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, &raw const action) == 0 }
}

/// Whether SECCOMP_SET_MODE_FILTER knows the flags.
pub(crate) fn flags_known(flags: u64) -> bool {
    let operation = libc::SECCOMP_SET_MODE_FILTER;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: without a filter to read the call fails, with EINVAL for a flag that is not known
    // and with EFAULT after that, and changes nothing. WHY: there is no safe wrapper.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, nothing) };
    result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// The sizes of a notification, its answer and its data (SECCOMP_GET_NOTIF_SIZES).
pub(crate) fn notification_sizes() -> Option<[u16; 3]> {
    let mut sizes = [0_u16; 3];
    let (operation, flags) = (libc::SECCOMP_GET_NOTIF_SIZES, 0_u64);
    // SAFETY: this operation writes a `struct seccomp_notif_sizes`, which is three 16-bit numbers,
    // to where the pointer leads: an array of just that, which lives until after the call. WHY:
    // there is no safe wrapper.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, &raw mut sizes) };
    (result == 0).then_some(sizes)
}

/// What the child does; its result is the exit status.
fn child(limits: Limits, writer: PipeWriter, work: impl FnOnce() -> Answer) -> i32 {
    // A panic must not unwind into the parent's code.
    catch_unwind(AssertUnwindSafe(|| {
        let mut writer = writer;
        if limit(limits).is_err() {
            return SILENT;
        }
        let (bytes, status) = match work() {
            Ok(bytes) => (bytes, GOOD),
            Err(bytes) => (bytes, BAD),
        };
        writer.write_all(&bytes).map_or(SILENT, |()| status)
    }))
    .unwrap_or(SILENT)
}

fn limit(limits: Limits) -> io::Result<()> {
    // Not to outlive who waits for the answer: this child holds whatever fds its parent has.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    bound(limits)
}

fn bound(limits: Limits) -> io::Result<()> {
    let seconds = limits.cpu_seconds.max(1);
    // SIGXCPU at the soft limit; SIGKILL at the hard one, should the parent have blocked that.
    lower(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    lower(Resource::As, limits.memory_bytes, limits.memory_bytes)?;
    // No core file of a run that was stopped.
    lower(Resource::Core, 0, 0)
}

/// Sets a limit, or what stands already where that is lower: only the privileged may raise it.
fn lower(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let highest = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit {
        current: Some(current.min(highest)),
        maximum: Some(maximum.min(highest)),
    };
    Ok(setrlimit(resource, limit)?)
}

fn wait(pid: libc::pid_t, limits: Limits) -> Result<i32, GuardError> {
    let failed = |errno: rustix::io::Errno| GuardError::Child(errno.into());
    let pid = Pid::from_raw(pid).ok_or(GuardError::Silent)?;
    let status = loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => break status,
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
    };
    match status.terminating_signal() {
        Some(signal) if signal == Signal::XCPU.as_raw() => Err(GuardError::Time {
            cpu_seconds: limits.cpu_seconds.max(1),
        }),
        Some(signal) => Err(GuardError::Killed { signal }),
        None => Ok(status.exit_status().unwrap_or(SILENT)),
    }
}

/// How many threads this process has.
fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// The child's exit statuses.
const GOOD: i32 = 0;
const BAD: i32 = 1;
const SILENT: i32 = 2;

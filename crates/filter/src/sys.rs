//! The one place with unsafe code: work in a forked child, and questions to the kernel's seccomp.

use std::io::{self, PipeWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, setrlimit, waitpid};

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
    let seconds = limits.cpu_seconds.max(1);
    // SIGXCPU at the soft limit; SIGKILL at the hard one, should the parent have blocked that.
    setrlimit(
        Resource::Cpu,
        Rlimit {
            current: Some(seconds),
            maximum: Some(seconds.saturating_add(1)),
        },
    )?;
    let memory = Rlimit {
        current: Some(limits.memory_bytes),
        maximum: Some(limits.memory_bytes),
    };
    setrlimit(Resource::As, memory)?;
    // No core file of a run that was stopped.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(setrlimit(Resource::Core, none)?)
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

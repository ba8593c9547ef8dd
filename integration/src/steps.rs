//! Counting the instructions of a program, one step at a time.
//!
//! Seconds differ from run to run, and by who else is at work; instructions do not. They are counted by
//! ptrace(2): valgrind's callgrind of Debian 12 does not know openat2(2), by which the policy is
//! opened, and virtual machines seldom let the processor's own counters be read.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Instructions that the program executes in user space until it becomes another program. None if it
/// ends before, or if it cannot be traced here. Its environment is empty.
///
/// # Panics
/// If no program can be started at all.
#[must_use]
#[expect(clippy::expect_used, reason = "a test ends here")]
pub fn instructions_to_exec(words: &[OsString]) -> Option<u64> {
    on_one_cpu();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]);
    shell.args(words).env_clear().stdin(Stdio::null());
    let mut child = shell.stdout(Stdio::null()).spawn().expect("a shell");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    let count = steps(pid);
    // It may have ended already; after an exec it is still stopped at its first instruction.
    let _ = child.kill();
    let _ = child.wait();
    count
}

/// Keeps this thread, and what it starts, on one processor: a step wakes each of the two in turn, which
/// takes several times as long across processors.
fn on_one_cpu() {
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else {
        return;
    };
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu) == Ok(true));
    if first.is_some_and(|cpu| one.set(cpu).is_ok()) {
        let _ = sched_setaffinity(this, &one);
    }
}

fn steps(pid: Pid) -> Option<u64> {
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).ok()?;
    let options = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(pid, options).ok()?;
    kill(pid, Signal::SIGCONT).ok()?;
    while !is_exec(waitpid(pid, None).ok()?)? {
        ptrace::cont(pid, None).ok()?;
    }
    let mut count = 0_u64;
    loop {
        ptrace::step(pid, None).ok()?;
        if is_exec(waitpid(pid, None).ok()?)? {
            return Some(count);
        }
        count = count.saturating_add(1);
    }
}

/// Whether the process stopped because it became another program; none if it has ended.
fn is_exec(status: WaitStatus) -> Option<bool> {
    match status {
        WaitStatus::Exited(..) | WaitStatus::Signaled(..) => None,
        WaitStatus::PtraceEvent(_, _, event) => {
            Some(event == ptrace::Event::PTRACE_EVENT_EXEC as i32)
        }
        _ => Some(false),
    }
}

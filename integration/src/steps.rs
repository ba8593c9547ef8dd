//! Counting the instructions of a program, one step at a time.
//!
//! Seconds differ from run to run, and by who else is at work; instructions do not. They are counted by
//! ptrace(2): valgrind's callgrind of Debian 12 does not know openat2(2), by which the policy is
//! opened, and virtual machines seldom let the processor's own counters be read.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::process::{Command, Stdio};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What a program executed in user space until it became another program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// How many instructions.
    pub instructions: u64,
    /// Where, in pieces of [`PIECE`] bytes by their number, in the order in which it came to them.
    pub pieces: Vec<u64>,
}

impl Steps {
    /// How many stretches of 64 KiB it was in. The kernel maps so much of a file at once, where it
    /// is in memory, each time that something is met which is not mapped (`fault_around_bytes`).
    #[must_use]
    pub fn stretches(&self) -> usize {
        let stretch = |piece: &u64| piece.saturating_mul(PIECE) >> 16;
        self.pieces
            .iter()
            .map(stretch)
            .collect::<BTreeSet<_>>()
            .len()
    }
}

/// The bytes of a piece: as code is aligned.
pub const PIECE: u64 = 16;

/// Steps through the program until it becomes another one. None if it ends before, or if it cannot be
/// traced here. Its environment is empty.
///
/// # Panics
/// If no program can be started at all.
#[must_use]
#[expect(clippy::expect_used, reason = "a test ends here")]
pub fn steps_to_exec(words: &[OsString]) -> Option<Steps> {
    on_one_cpu();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]);
    shell.args(words).env_clear().stdin(Stdio::null());
    let mut child = shell.stdout(Stdio::null()).spawn().expect("a shell");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    let steps = steps(pid);
    // It may have ended already; after an exec it is still stopped at its first instruction.
    let _ = child.kill();
    let _ = child.wait();
    steps
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

fn steps(pid: Pid) -> Option<Steps> {
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).ok()?;
    let options = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(pid, options).ok()?;
    kill(pid, Signal::SIGCONT).ok()?;
    while !is_exec(waitpid(pid, None).ok()?)? {
        ptrace::cont(pid, None).ok()?;
    }
    let mut steps = Steps::default();
    let mut known = HashSet::new();
    loop {
        let piece = instruction_pointer(pid)? / PIECE;
        if known.insert(piece) {
            steps.pieces.push(piece);
        }
        ptrace::step(pid, None).ok()?;
        if is_exec(waitpid(pid, None).ok()?)? {
            return Some(steps);
        }
        steps.instructions = steps.instructions.saturating_add(1);
    }
}

/// Where the process stands (`PTRACE_PEEKUSER` of ptrace(2)).
#[cfg(target_arch = "x86_64")]
fn instruction_pointer(pid: Pid) -> Option<u64> {
    let offset = std::mem::offset_of!(libc::user_regs_struct, rip);
    let word = ptrace::read_user(pid, std::ptr::without_provenance_mut(offset)).ok()?;
    u64::try_from(word).ok()
}

/// Not asked elsewhere: what there is to hold it against is for x86_64.
#[cfg(not(target_arch = "x86_64"))]
fn instruction_pointer(_: Pid) -> Option<u64> {
    None
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

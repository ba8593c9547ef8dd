//! Signals that our own work brings about, and that the runtime must not find.
//!
//! Writing beyond RLIMIT_FSIZE brings SIGXFSZ (setrlimit(2)). It would end a create without a word,
//! even where the runtime would have managed with the limit: our decision log may well be longer than
//! it. So it waits while we write, which is an error then. And the end of a child of ours brings
//! SIGCHLD, which stays until exec and after it where whoever started us blocks it. Both are thrown away
//! before the runtime is exec'd, which finds its signals as they came.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, getrlimit};

/// They are held back for as long as this lives, and thrown away with it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    /// What was held back before.
    before: SigSet,
    /// Those that would be ours.
    ours: SigSet,
}

/// Holds them back; none where none can stay.
pub(crate) fn hold() -> Option<Held> {
    let before = SigSet::thread_get_mask().ok()?;
    let mut ours = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGXFSZ] {
        // One that waits already is for the runtime.
        if before.contains(signal) && !waits(signal) {
            ours.add(signal);
        }
    }
    let limited = || getrlimit(Resource::Fsize).current.is_some();
    if !before.contains(Signal::SIGXFSZ) && limited() {
        ours.add(Signal::SIGXFSZ);
    }
    if ours == SigSet::empty() {
        return None;
    }
    ours.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
    Some(Held { before, ours })
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(fd) = fd_for(&self.ours) {
            while let Ok(Some(_)) = fd.read_signal() {}
        }
        // A mask that was in force before can be so again.
        let _ = self.before.thread_set_mask();
    }
}

/// Whether a signal that is blocked has come.
fn waits(signal: Signal) -> bool {
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    fd_for(&SigSet::from(signal)).is_none_or(|fd| {
        let mut asked = [PollFd::new(&fd, PollFlags::IN)];
        poll(&mut asked, Some(&at_once)) != Ok(0)
    })
}

fn fd_for(signals: &SigSet) -> Option<SignalFd> {
    SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok()
}

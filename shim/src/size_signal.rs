//! Writing beyond RLIMIT_FSIZE: an error, not the end of the program.
//!
//! The kernel sends SIGXFSZ with the error (setrlimit(2)), and that would end a create without a word,
//! even where the runtime would have managed with the limit: our decision log may well be longer than
//! it. So the signal waits while we write, and is thrown away before the runtime is exec'd, which
//! finds its signals as they came.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::Resource;

/// The signal is held back for as long as this lives.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    /// What was held back before.
    before: SigSet,
}

/// Holds it back; none where it cannot come, or whoever started us has done so.
pub(crate) fn hold() -> Option<Held> {
    rustix::process::getrlimit(Resource::Fsize).current?;
    let before = only().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
    let ours = !before.contains(Signal::SIGXFSZ);
    ours.then_some(Held { before })
}

impl Drop for Held {
    fn drop(&mut self) {
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        if let Ok(fd) = SignalFd::with_flags(&only(), flags) {
            // Whether it came or not, it is not there any more.
            let _ = fd.read_signal();
        }
        // A mask that was in force before can be so again.
        let _ = self.before.thread_set_mask();
    }
}

fn only() -> SigSet {
    SigSet::from(Signal::SIGXFSZ)
}

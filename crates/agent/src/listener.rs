//! A filter's listener.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::sys::{self, Notification, Reply, Room};

/// The listener of a filter, proven to be one.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: Arc<OwnedFd>,
    room: Room,
    /// Whether a wait in the kernel ends with the last task of the filter.
    wakes: bool,
}

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Received {
    /// A call.
    Call(Notification),
    /// No task is left.
    Over,
}

impl Listener {
    /// Takes an fd for a listener if it is one; any other must not see an ioctl of ours.
    ///
    /// # Errors
    /// It is something else, or the kernel has no notifications that we know.
    pub(crate) fn prove(fd: OwnedFd, room: Room) -> io::Result<Self> {
        let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let found = rustix::fs::readlink(link, Vec::new())?;
        if found.as_bytes() != b"anon_inode:seccomp notify" {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // Faster where the kernel has it, and nothing else.
        let _ = sys::wake_in_step(fd.as_fd());
        Ok(Self {
            fd: Arc::new(fd),
            room,
            wakes: wakes_at_the_end(),
        })
    }

    /// The call that the agent before us may not have answered.
    pub(crate) fn inherited(&self) -> Option<Notification> {
        self.room.last()
    }

    /// Its fd, to be kept elsewhere.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What it is known by, which does not keep it open. One that came `early` will come again.
    pub(crate) fn known_as(&self, pid: u32, early: bool) -> Known {
        Known {
            pid,
            fd: Arc::downgrade(&self.fd),
            early,
        }
    }

    /// Waits for the next call.
    ///
    /// # Errors
    /// What is neither a task gone meanwhile nor an interruption.
    pub(crate) fn receive(&mut self) -> io::Result<Received> {
        loop {
            if !self.wakes && self.wait(None)?.contains(PollFlags::HUP) {
                return Ok(Received::Over);
            }
            match sys::receive(self.fd.as_fd(), &mut self.room) {
                Ok(call) => return Ok(Received::Call(call)),
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    Some(Errno::INTR) => {}
                    // The caller died before we looked, or all are dead; only the latter hangs up.
                    Some(Errno::NOENT) => {
                        let now = Timespec {
                            tv_sec: 0,
                            tv_nsec: 0,
                        };
                        if self.wait(Some(&now))?.contains(PollFlags::HUP) {
                            return Ok(Received::Over);
                        }
                    }
                    _ => return Err(error),
                },
            }
        }
    }

    fn wait(&self, at_most: Option<&Timespec>) -> io::Result<PollFlags> {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        loop {
            match poll(&mut fds, at_most) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(_) => break,
            }
        }
        let [fd] = fds;
        Ok(fd.revents())
    }

    /// Answers a call. Whether its task was still there to hear it.
    ///
    /// # Errors
    /// The kernel did not take the answer although the task is there.
    pub(crate) fn answer(&self, id: u64, reply: Reply) -> io::Result<bool> {
        loop {
            match sys::send(self.fd.as_fd(), id, reply) {
                Ok(()) => return Ok(true),
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    Some(Errno::INTR) => {}
                    // An agent before us has answered; the task is about to hear that (EINPROGRESS),
                    // or has heard it and gone on.
                    Some(Errno::NOENT | Errno::INPROGRESS) => return Ok(false),
                    _ => return Err(error),
                },
            }
        }
    }
}

/// A listener that is attended to, to know it again.
#[derive(Debug)]
pub(crate) struct Known {
    pid: u32,
    fd: Weak<OwnedFd>,
    early: bool,
}

impl Known {
    /// Whether it was taken before the runtime sent it, which it has not done yet.
    pub(crate) fn is_expected(&self) -> bool {
        self.early
    }

    /// Whether it is attended to, or will come.
    pub(crate) fn is_of_use(&self) -> bool {
        self.early || self.fd.strong_count() > 0
    }

    /// Whether `fd`, which is of the process `pid`, is the same.
    pub(crate) fn is(&self, fd: BorrowedFd<'_>, pid: u32) -> bool {
        let by_pid = pid == self.pid && pid != 0;
        match self.fd.upgrade() {
            // Kernels may have no kcmp(2), or not allow it; but a process has one filter with a
            // listener at most.
            Some(known) => sys::is_same(known.as_fd(), fd).unwrap_or(by_pid),
            // Its tasks ended before the runtime's word of it was heard.
            None => self.early && by_pid,
        }
    }

    /// It came again.
    pub(crate) fn came(&mut self) {
        self.early = false;
    }
}

/// Since Linux 6.11 a listener that waits is woken when the filter's last task is gone; before, it
/// waits for ever.
fn wakes_at_the_end() -> bool {
    let uname = rustix::system::uname();
    let kernel = profile::Kernel::from_release(&uname.release().to_string_lossy());
    kernel.is_some_and(|kernel| (kernel.major, kernel.minor) >= (6, 11))
}

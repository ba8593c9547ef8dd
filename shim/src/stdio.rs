//! Standard fds that came closed.
//!
//! A file opened while fd 0, 1 or 2 is free gets that number, and a message meant for stderr would
//! end up in it. So the gaps are filled for as long as we run; close-on-exec gives them back.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Fills closed standard fds with /dev/null until exec.
pub fn plug() {
    let closed = |fd: std::os::fd::BorrowedFd<'_>| {
        rustix::io::fcntl_getfd(fd).is_err_and(|errno| errno == Errno::BADF)
    };
    let gaps = [
        closed(rustix::stdio::stdin()),
        closed(rustix::stdio::stdout()),
        closed(rustix::stdio::stderr()),
    ];
    for _ in gaps.iter().filter(|gap| **gap) {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        if let Ok(fd) = rustix::fs::open("/dev/null", flags, Mode::empty()) {
            // The lowest free number is the gap's; it is ours until exec closes it.
            std::mem::forget(fd);
        }
    }
}

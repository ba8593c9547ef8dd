//! What the kernel logs of filters: its audit records, as any reader gets them
//! (linux/audit.h, AUDIT_NLGRP_READLOG).

use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// A reader of records from now on.
#[derive(Debug)]
pub(crate) struct Audit(std::fs::File);

impl Audit {
    /// Where the kernel has no audit, or this process no right to it, none.
    pub(crate) fn listen() -> io::Result<Self> {
        // SAFETY: socket(2) takes numbers alone and gives a new fd, of which nobody else knows.
        // WHY: the standard library has no netlink sockets.
        let fd = unsafe {
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            match libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_AUDIT) {
                -1 => return Err(io::Error::last_os_error()),
                fd => OwnedFd::from_raw_fd(fd),
            }
        };
        // SAFETY: zero is a valid `sockaddr_nl`; bind(2) reads as many bytes of it as it has.
        // WHY: as above.
        let bound = unsafe {
            let mut address: libc::sockaddr_nl = std::mem::zeroed();
            address.nl_family = libc::AF_NETLINK.try_into().map_err(io::Error::other)?;
            address.nl_groups = READLOG;
            let length = std::mem::size_of_val(&address);
            let length = length.try_into().map_err(io::Error::other)?;
            libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length)
        };
        if bound == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(fd.into()))
    }

    /// Whether a record of a filter comes that has all of `words`.
    pub(crate) fn says(&mut self, words: &[&str]) -> bool {
        let start = Instant::now();
        let mut record = [0; 9000];
        while start.elapsed() < PATIENCE {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(&record[..length]);
                    if words.iter().all(|word| text.contains(word)) {
                        return true;
                    }
                }
                // Nothing yet, or more than the socket holds.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        false
    }
}

/// The group of readers.
const READLOG: u32 = 1;

const PATIENCE: Duration = Duration::from_secs(3);

//! Fds for saying that there are no more.
//!
//! A process that has all the fds that it may have cannot even accept the connection that it would
//! refuse. So one is held for that.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// An fd in reserve.
#[derive(Debug, Default)]
pub(crate) struct Spare(Option<File>);

impl Spare {
    /// Makes sure that there is one, if it can be had.
    pub(crate) fn refill(&mut self) {
        if self.0.is_none() {
            self.0 = File::open("/dev/null").ok();
        }
    }

    /// Gives it up to whoever waits to be accepted. Whether there was one.
    pub(crate) fn spend(&mut self, error: &io::Error) -> bool {
        let full = [Errno::MFILE.raw_os_error(), Errno::NFILE.raw_os_error()];
        let is_full = error
            .raw_os_error()
            .is_some_and(|code| full.contains(&code));
        is_full && self.0.take().is_some()
    }
}

/// Makes sure that a container more can be attended to: its registration is compiled by a child with
/// three pipes, and its listener comes by a connection.
///
/// # Errors
/// In words for the one who registers.
pub(crate) fn enough_for_one_more(some: &impl AsFd) -> Result<(), String> {
    let room: Result<Vec<OwnedFd>, _> = (0..ROOM)
        .map(|_| some.as_fd().try_clone_to_owned())
        .collect();
    room.map(|_| ()).map_err(|_| {
        let most = getrlimit(Resource::Nofile).current;
        let most = most.map_or_else(|| "any number of".to_owned(), |most| most.to_string());
        format!("it has all the fds that it may have, {most}; raise its RLIMIT_NOFILE (LimitNOFILE of its unit)")
    })
}

/// Fds that one container may take at once.
const ROOM: usize = 12;

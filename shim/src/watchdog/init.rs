//! A runtime's init, from its start until it becomes the container's program.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_open, pidfd_send_signal,
};

/// A process that is, or is about to be, a runtime's init.
#[derive(Debug)]
pub(super) struct Init {
    pub(super) pid: Pid,
    process: OwnedFd,
}

impl Init {
    /// The process of that number; none if there is none now.
    pub(super) fn open(pid: Pid) -> Option<Self> {
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        Some(Self { pid, process })
    }

    /// The children of a runtime: its init is among them, and what made it.
    pub(super) fn children(runtime: Pid) -> Vec<Self> {
        let found = children(runtime).into_iter().filter_map(Self::open);
        let found: Vec<_> = found.collect();
        // A number may have gone to somebody else meanwhile, but not to another child as well.
        let still = children(runtime);
        let mut found = found;
        found.retain(|one| still.contains(&one.pid));
        found
    }

    /// Whether it is gone.
    pub(super) fn ended(&self) -> bool {
        ended(&self.process)
    }

    /// Readable once it is gone.
    pub(super) fn process(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }

    /// Ends it, deaf as it may be.
    pub(super) fn kill(&self) {
        // It may have ended by itself.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Whether it is still the runtime's: runc's nsexec.c names it so, and nothing after that but its
    /// exec gives it another name.
    pub(super) fn is_init(&self) -> bool {
        let path = format!("/proc/{}/comm", self.pid.as_raw_nonzero());
        std::fs::read_to_string(path).is_ok_and(|name| name.trim_end().ends_with(INIT))
    }

    /// A copy of its filter's listener, while it has one.
    pub(super) fn listener(&self) -> Option<OwnedFd> {
        if !self.is_init() {
            return None;
        }
        let folder = format!("/proc/{}/fd", self.pid.as_raw_nonzero());
        let mut numbers = open_fds(&folder).into_iter();
        let number = numbers.find(|fd| is_listener(&format!("{folder}/{fd}")))?;
        // By the process, not its number. Another fd may be there by now.
        let fd = pidfd_getfd(&self.process, number, PidfdGetfdFlags::empty()).ok()?;
        is_listener(&format!("/proc/self/fd/{}", fd.as_raw_fd())).then_some(fd)
    }

    /// Hands its listener to the agent.
    pub(super) fn hand_over(
        &self,
        connection: &UnixStream,
        listener: &OwnedFd,
        first: bool,
    ) -> io::Result<()> {
        let line = agent::client::listener_line(self.pid.as_raw_nonzero().get(), first);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = [listener.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        let pieces = [IoSlice::new(line.as_bytes())];
        sendmsg(connection, &pieces, &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

/// How runc calls its init, after its own name.
const INIT: &str = ":[2:INIT]";

/// Whether a process is gone.
pub(super) fn ended(process: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
}

/// The numbers in a folder of /proc that lists fds.
pub(super) fn open_fds(folder: &str) -> Vec<i32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let number = |entry: io::Result<std::fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse().ok()
    };
    entries.filter_map(number).collect()
}

/// Whether that is the listener of a filter.
pub(super) fn is_listener(link: &str) -> bool {
    rustix::fs::readlink(link, Vec::new())
        .is_ok_and(|found| found.as_bytes() == b"anon_inode:seccomp notify")
}

/// The children of a process, of whichever of its threads.
fn children(process: Pid) -> Vec<Pid> {
    let tasks = format!("/proc/{}/task", process.as_raw_nonzero());
    let Ok(tasks) = std::fs::read_dir(tasks) else {
        return Vec::new();
    };
    let lists = tasks.filter_map(|task| {
        let path = task.ok()?.path().join("children");
        std::fs::read_to_string(path).ok()
    });
    let lists: Vec<String> = lists.collect();
    let numbers = lists.iter().flat_map(|list| list.split_ascii_whitespace());
    numbers
        .filter_map(|number| Pid::from_raw(number.parse().ok()?))
        .collect()
}

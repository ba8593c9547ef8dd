//! Execs into a container that is being recorded.
//!
//! The init of an exec loads the filter anew, and can hang as the container's own: but its runtime is
//! nobody whom we started. It has to enter the container's cgroup, and the kernel tells of that
//! (inotify(7) on cgroup.procs), so that nothing is looked for while nobody comes.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agent::client::line;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::Pid;

use super::init::Init;
use super::{PATIENCE, SHORT};
use crate::listener::Seat;

/// Helps the inits of execs until the container is over, or the agent is gone.
pub(super) fn watch(mut seat: Seat, container: &Init) {
    let Some(cgroup) = Cgroup::of(container.pid) else {
        return;
    };
    let mut coming: HashMap<Pid, Coming> = HashMap::new();
    loop {
        let waits = coming.values().any(|one| matches!(one, Coming::Since(..)));
        let Some([line_came, joined, over]) = wait(&seat.connection, &cgroup, container, waits)
        else {
            return;
        };
        if over {
            return;
        }
        if line_came {
            let Ok(line) = line(&mut seat.connection) else {
                // With a new agent the container goes on; without one, not for long.
                if !take_again(&mut seat, container) {
                    return;
                }
                look(&cgroup, container, &mut coming, &seat.connection);
                continue;
            };
            if let Some(("joined", pid)) = line.split_once(' ')
                && let Some(pid) = pid.parse().ok().and_then(Pid::from_raw)
            {
                coming.insert(pid, Coming::Came);
            }
        }
        if joined {
            cgroup.drain();
        }
        if joined || waits {
            look(&cgroup, container, &mut coming, &seat.connection);
        }
    }
}

/// Waits for a new agent. Whether there is one that knows the container.
fn take_again(seat: &mut Seat, container: &Init) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE && !container.ended() {
        match seat.take_again() {
            Ok(()) => return true,
            Err(error) if !error.is_absence() => return false,
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    false
}

/// How long to wait before an agent is looked for again.
const PAUSE: Duration = Duration::from_millis(200);

/// A process that came into the cgroup from outside, or was born there.
#[derive(Debug)]
enum Coming {
    /// It may be an init, or about to make one; and whether its listener was handed over.
    Since(Instant, bool),
    /// It runs the container's code, as far as anybody waits for it.
    Came,
}

fn look(
    cgroup: &Cgroup,
    container: &Init,
    coming: &mut HashMap<Pid, Coming>,
    connection: &UnixStream,
) {
    let there = cgroup.processes();
    coming.retain(|pid, _| there.contains(pid));
    for pid in there.iter().filter(|pid| **pid != container.pid) {
        let (since, handed_over) = match coming.get(pid) {
            Some(Coming::Came) => continue,
            Some(Coming::Since(since, handed_over)) => (*since, *handed_over),
            // Whose parent is in the container was born there.
            None if parent(*pid).is_none_or(|parent| there.contains(&parent)) => {
                coming.insert(*pid, Coming::Came);
                continue;
            }
            None => (Instant::now(), false),
        };
        coming.insert(*pid, Coming::Since(since, handed_over));
        let Some(init) = Init::open(*pid) else {
            continue;
        };
        // The number may have gone to somebody else, but not to another in the container as well.
        if !cgroup.processes().contains(pid) {
            continue;
        }
        if since.elapsed() > PATIENCE {
            // Whatever it was, nobody answers it.
            if init.is_init() {
                init.kill();
            }
            coming.insert(*pid, Coming::Came);
        } else if !handed_over && let Some(listener) = init.listener() {
            // An agent that is gone is noticed where its connection is read.
            let sent = init.hand_over(connection, &listener, false).is_ok();
            coming.insert(*pid, Coming::Since(since, sent));
        }
    }
}

/// Waits for a line of the agent, somebody who joins, and the end of the container. None if that
/// cannot be waited for.
fn wait(
    connection: &UnixStream,
    cgroup: &Cgroup,
    container: &Init,
    waits: bool,
) -> Option<[bool; 3]> {
    let short = Timespec {
        tv_sec: 0,
        tv_nsec: SHORT,
    };
    let process = container.process();
    let mut fds = [
        PollFd::new(connection, PollFlags::IN),
        PollFd::new(&cgroup.events, PollFlags::IN),
        PollFd::new(&process, PollFlags::IN),
    ];
    loop {
        match poll(&mut fds, waits.then_some(&short)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
            Ok(_) => break,
        }
    }
    Some(fds.map(|fd| !fd.revents().is_empty()))
}

/// A container's cgroup, of one hierarchy.
#[derive(Debug)]
struct Cgroup {
    /// Its cgroup.procs.
    list: PathBuf,
    events: OwnedFd,
}

impl Cgroup {
    /// The cgroup of a container's first process; none if it has none of its own.
    fn of(pid: Pid) -> Option<Self> {
        let text = format!("/proc/{}/cgroup", pid.as_raw_nonzero());
        let text = std::fs::read_to_string(text).ok()?;
        let list = text.lines().find_map(|line| {
            let list = list_of(line)?;
            processes(&list).contains(&pid).then_some(list)
        })?;
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let events = inotify::init(flags).ok()?;
        inotify::add_watch(&events, &list, inotify::WatchFlags::MODIFY).ok()?;
        Some(Self { list, events })
    }

    fn processes(&self) -> Vec<Pid> {
        processes(&self.list)
    }

    fn drain(&self) {
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut reader = inotify::Reader::new(&self.events, &mut space);
        while reader.next().is_ok() {}
    }
}

/// Where the list of a line of /proc/PID/cgroup is (cgroups(7)); none for the root of a hierarchy,
/// which is nobody's own.
fn list_of(line: &str) -> Option<PathBuf> {
    let mut parts = line.splitn(3, ':');
    let (number, hierarchy, path) = (parts.next()?, parts.next()?, parts.next()?);
    let path = path.strip_prefix('/').filter(|path| !path.is_empty())?;
    let folder = match (number, hierarchy) {
        ("0", "") => "",
        (_, hierarchy) => hierarchy.strip_prefix("name=").unwrap_or(hierarchy),
    };
    let mounted = Path::new("/sys/fs/cgroup");
    let of = |folder: &str| mounted.join(folder).join(path).join("cgroup.procs");
    // Beside others, the second version is in a folder of its own.
    [of(folder), of("unified")]
        .into_iter()
        .find(|list| rustix::fs::access(list, rustix::fs::Access::READ_OK).is_ok())
}

fn processes(list: &Path) -> Vec<Pid> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let numbers = text.lines().filter_map(|line| line.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// The parent of a process (proc_pid_stat(5)).
fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before it may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let parent = rest.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Pid::from_raw(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_parent() {
        let own = rustix::process::getpid();
        assert_eq!(parent(own), rustix::process::getppid());
    }

    #[test]
    fn the_root_of_a_hierarchy_is_nobodys() {
        for line in ["0::/", "3:memory:/", "1:name=systemd:/", "", "0::"] {
            assert_eq!(list_of(line), None, "{line}");
        }
    }
}

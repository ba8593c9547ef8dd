//! Ends a container whose agent dies while the runtime's own code still asks it.
//!
//! In mode record the runtime's init asks about calls of its own, such as read(2). If the agent is
//! gone then, nobody can answer; the runtimes wait for ever, deaf to SIGTERM, since their init holds
//! a copy of the listener. So a process beside them holds the agent's connection until the
//! container's own program runs, and kills the init if the connection ends before, or if the agent has
//! not got the listener within a minute.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use agent::client::line;
use nix::unistd::{ForkResult, fork, setsid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Starts the watcher: to be called last before exec, in a process with one thread. The runtime is
/// then this process.
///
/// # Errors
/// There can be no watcher.
pub(crate) fn start(connection: UnixStream) -> std::io::Result<()> {
    let own = rustix::process::getpid();
    let runtime = pidfd_open(own, PidfdFlags::empty())?;
    // Forked twice, so that the runtime finds no child of which it knows nothing.
    // SAFETY: the process has one thread (nothing on the runtime path starts any), so that the child
    // may do whatever its parent may. WHY: there is no safe fork.
    #[allow(unsafe_code, reason = "fork")]
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            nix::sys::wait::waitpid(child, None)?;
            return Ok(());
        }
        ForkResult::Child => {}
    }
    // SAFETY: as above.
    #[allow(unsafe_code, reason = "fork")]
    if !matches!(unsafe { fork() }, Ok(ForkResult::Child)) {
        leave();
    }
    // Engines wait for the end of what the runtime's process had open.
    let _ = setsid();
    close_others(&[connection.as_raw_fd(), runtime.as_raw_fd()]);
    watch(connection, &runtime, own);
    leave()
}

#[expect(clippy::exit, reason = "a forked child must not go on as its parent")]
fn leave() -> ! {
    std::process::exit(0)
}

/// Closes every fd but those; the standard ones become /dev/null.
fn close_others(keep: &[i32]) {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null");
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let open: Vec<i32> = open.collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !keep.contains(fd)) {
        let _ = nix::unistd::close(fd);
    }
}

/// Watches until the container's program runs, its init is gone, or the agent is.
fn watch(mut connection: UnixStream, runtime: &OwnedFd, number: Pid) {
    let _ = connection.set_read_timeout(None);
    let mut inits: Vec<OwnedFd> = Vec::new();
    let mut attached = false;
    let start = Instant::now();
    loop {
        // An init that asks before it has handed its listener over waits for ever, too.
        if !attached && start.elapsed() > PATIENCE {
            break;
        }
        if !is_readable(&connection, if attached { LONG } else { SHORT }) {
            // Until the agent names it, the init is among the runtime's children, and outlives it
            // from create to start.
            if !attached && !ended(runtime) {
                inits = children(number).into_iter().filter_map(open).collect();
            } else if inits.iter().all(ended) {
                return;
            }
            continue;
        }
        let Ok(line) = line(&mut connection) else {
            break;
        };
        match line.split_once(' ') {
            None if line == "started" => return,
            Some(("pid", pid)) => {
                let pid = pid.parse().ok().and_then(Pid::from_raw);
                inits = pid.and_then(open).into_iter().collect();
                attached = true;
            }
            _ => {}
        }
    }
    // The agent is gone, or was never asked.
    if !attached && !ended(runtime) {
        inits.extend(children(number).into_iter().filter_map(open));
    }
    for init in &inits {
        let _ = pidfd_send_signal(init, Signal::KILL);
    }
}

/// How long a runtime may take until its init is attached to the agent, hooks included.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the runtime's children are looked for, in nanoseconds.
const SHORT: i64 = 5_000_000;
/// How often it is looked whether the init is still there.
const LONG: i64 = 900_000_000;

fn open(process: Pid) -> Option<OwnedFd> {
    pidfd_open(process, PidfdFlags::empty()).ok()
}

fn is_readable(connection: &UnixStream, nanoseconds: i64) -> bool {
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: nanoseconds,
    };
    let mut fds = [PollFd::new(connection, PollFlags::IN)];
    poll(&mut fds, Some(&wait)).is_ok_and(|count| count > 0)
}

fn ended(process: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
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

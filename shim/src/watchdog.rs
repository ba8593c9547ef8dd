//! Ends a container whose agent dies while the runtime's own code still asks it, and helps an init
//! that asks before its runtime has handed the listener over.
//!
//! In mode record the runtime's init asks about calls of its own, such as read(2). If the agent is
//! gone then, nobody can answer; the runtimes wait for ever, deaf to SIGTERM, since their init holds
//! a copy of the listener. So a process beside them holds the agent's connection until the
//! container's own program runs, and kills the init if the connection ends before, or if the agent has
//! not got the listener within a minute.
//!
//! Go's scheduler makes calls in runc's init when it likes, also between the filter and the handing
//! over of its listener: nobody would answer. So the watcher looks for the listener among the init's
//! fds, and hands it over itself; the agent knows it again when the runtime sends it. It does so for
//! execs, too, for as long as the container runs.

mod init;
mod joins;

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use agent::client::line;
use nix::unistd::{ForkResult, fork, setsid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::argv::Flavor;
use crate::listener::Seat;
use init::{Init, ended, is_listener, open_fds};

/// Starts the watcher: to be called last before exec, in a process with one thread. The runtime is
/// then this process.
///
/// # Errors
/// There can be no watcher.
pub(crate) fn start(mut seat: Seat, flavor: Flavor) -> std::io::Result<()> {
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
    // What it was started in is not to stay for its sake.
    let _ = std::env::set_current_dir("/");
    let open = open_fds("/proc/self/fd");
    let mut links = open.iter().map(|fd| format!("/proc/self/fd/{fd}"));
    // What was open before, an init may have inherited: then the listener that it has need not be its
    // own.
    let takes = flavor == Flavor::Runc && !links.any(|link| is_listener(&link));
    close_others(&open, &[seat.connection.as_raw_fd(), runtime.as_raw_fd()]);
    let started = watch(&mut seat.connection, &runtime, own, takes);
    if let Some(container) = started.filter(|_| takes) {
        drop(runtime);
        joins::watch(seat, &container);
    }
    leave()
}

#[expect(clippy::exit, reason = "a forked child must not go on as its parent")]
fn leave() -> ! {
    std::process::exit(0)
}

/// Closes every fd but those; the standard ones become /dev/null.
fn close_others(open: &[i32], keep: &[i32]) {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null");
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
    for fd in open.iter().filter(|fd| **fd > 2 && !keep.contains(fd)) {
        let _ = nix::unistd::close(*fd);
    }
}

/// Watches until the container's program runs, its init is gone, or the agent is. Gives the
/// container's first process if it came to run.
fn watch(connection: &mut UnixStream, runtime: &OwnedFd, number: Pid, takes: bool) -> Option<Init> {
    let mut inits: Vec<Init> = Vec::new();
    let mut attached = false;
    let mut handed_over = !takes;
    let start = Instant::now();
    loop {
        // An init that asks before anybody has its listener waits for ever, too.
        if !attached && start.elapsed() > PATIENCE {
            break;
        }
        if !is_readable(connection, if attached { LONG } else { SHORT }) {
            // Until the agent names it, the init is among the runtime's children, and outlives it
            // from create to start.
            if !attached && !ended(runtime) {
                inits = Init::children(number);
            } else if inits.iter().all(Init::ended) {
                return None;
            }
            if !attached && !handed_over {
                handed_over = inits.iter().any(|init| hand_over(init, connection));
            }
            continue;
        }
        let Ok(line) = line(connection) else {
            break;
        };
        match line.split_once(' ') {
            None if line == "started" => return inits.pop(),
            Some(("pid", pid)) => {
                let pid = pid.parse().ok().and_then(Pid::from_raw);
                inits = pid.and_then(Init::open).into_iter().collect();
                attached = true;
            }
            _ => {}
        }
    }
    // The agent is gone, or was never asked.
    if !attached && !ended(runtime) {
        inits.extend(Init::children(number));
    }
    inits.iter().for_each(Init::kill);
    None
}

/// Hands an init's listener over, if it has one and the agent is there.
fn hand_over(init: &Init, connection: &UnixStream) -> bool {
    let listener = init.listener();
    // Our copy is closed at once: with it, the init would wait for an agent that is gone.
    listener.is_some_and(|listener| init.hand_over(connection, &listener, true).is_ok())
}

/// How long a runtime may take until its init is attached to the agent, hooks included.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the runtime's children are looked for, in nanoseconds.
const SHORT: i64 = 5_000_000;
/// How often it is looked whether the init is still there.
const LONG: i64 = 900_000_000;

fn is_readable(connection: &UnixStream, nanoseconds: i64) -> bool {
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: nanoseconds,
    };
    let mut fds = [PollFd::new(connection, PollFlags::IN)];
    poll(&mut fds, Some(&wait)).is_ok_and(|count| count > 0)
}

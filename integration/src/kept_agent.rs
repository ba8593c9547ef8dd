//! `shim agent` under a service manager: the test keeps its fds as systemd's file descriptor store
//! does, and hands them to the next agent.

use std::fs;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;
use tempfile::TempDir;

use crate::shim_binary;

/// An agent with a keeper of its fds. It is killed when dropped.
#[derive(Debug)]
pub struct KeptAgent {
    folder: TempDir,
    manager: UnixDatagram,
    stored: Vec<Stored>,
    said: Vec<String>,
    args: Vec<String>,
    child: Option<Child>,
}

/// An fd that is kept.
#[derive(Debug)]
struct Stored {
    name: String,
    fd: OwnedFd,
    /// Whether it is kept until it hangs up (sd_notify(3), FDPOLL).
    watched: bool,
}

impl KeptAgent {
    /// Starts an agent with these arguments more, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the agent");
        let manager = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        manager.set_nonblocking(true).expect("a socket");
        let mut agent = Self {
            folder,
            manager,
            stored: Vec::new(),
            said: Vec::new(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            child: None,
        };
        agent.start_again();
        agent
    }

    /// Starts the next agent, which gets what the last one had kept.
    ///
    /// # Panics
    /// If it does not get ready.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn start_again(&mut self) {
        self.hear();
        self.said.clear();
        // As systemd does: what has hung up is kept no longer.
        self.stored
            .retain(|one| !one.watched || !has_hung_up(&one.fd));
        let names: Vec<_> = self.stored.iter().map(|one| one.name.as_str()).collect();
        let mappings = self.stored.iter().zip(3..).map(|(one, child_fd)| {
            let parent_fd = one.fd.try_clone().expect("an fd more");
            FdMapping {
                parent_fd,
                child_fd,
            }
        });
        // The pid is known to the child alone.
        let mut command = Command::new("sh");
        command
            .args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""])
            .arg(shim_binary())
            .args(["agent", "--socket-dir"])
            .arg(self.sockets())
            .arg("--log")
            .arg(self.log_path())
            .args(&self.args)
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("WATCHDOG_USEC", "600000")
            .env("LISTEN_FDS", names.len().to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .fd_mappings(mappings.collect())
            .expect("fds for the agent")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        self.child = Some(command.spawn().expect("the agent starts"));
        // The mappings hold copies of what is kept, which must not outlive it.
        drop(command);
        self.wait_for("READY=1");
    }

    /// Waits until the agent has told its manager this.
    ///
    /// # Panics
    /// If it does not.
    pub fn wait_for(&mut self, line: &str) {
        let patience = Instant::now() + Duration::from_secs(20);
        while !self.said.iter().any(|said| said == line) {
            assert!(Instant::now() < patience, "no {line} of {:?}", self.said);
            std::thread::sleep(Duration::from_millis(2));
            self.hear();
        }
    }

    /// Ends the agent at once (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the agent as `systemctl stop` does (SIGTERM).
    ///
    /// # Panics
    /// If it does not end well.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.pid().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a signal");
        let mut child = self.child.take().expect("an agent");
        let status = child.wait().expect("its end");
        assert!(status.success(), "{status}");
        self.hear();
    }

    /// The agent's pid.
    ///
    /// # Panics
    /// If there is no agent now.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("an agent").id()
    }

    /// The folder of its sockets.
    #[must_use]
    pub fn sockets(&self) -> PathBuf {
        self.folder.path().join("sockets")
    }

    /// What a policy says for it, with the mode for every container.
    #[must_use]
    pub fn policy(&self, mode: &str) -> String {
        let sockets = self.sockets().display().to_string();
        format!("agent.sockets = {sockets:?}\n[defaults]\nmode = {mode:?}\n")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines.collect()
    }

    /// The lines of the log of one event.
    #[must_use]
    pub fn events(&self, event: &str) -> Vec<Value> {
        let mut lines = self.log();
        lines.retain(|line| line.get("event").is_some_and(|is| is == event));
        lines
    }

    /// Waits until the log has `count` lines of an event, and gives them.
    ///
    /// # Panics
    /// If it never has.
    #[must_use]
    pub fn await_events(&self, event: &str, count: usize) -> Vec<Value> {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let events = self.events(event);
            if events.len() >= count {
                return events;
            }
            assert!(Instant::now() < patience, "{event} of {:?}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The names of what is kept.
    #[must_use]
    pub fn kept(&mut self) -> Vec<String> {
        self.hear();
        self.stored.iter().map(|one| one.name.clone()).collect()
    }

    /// The files of the agent's state.
    #[must_use]
    pub fn state_files(&self) -> Vec<PathBuf> {
        list(&self.sockets().join("state"))
    }

    /// Hears what the agent has told its manager.
    fn hear(&mut self) {
        let mut text = [0; 4096];
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let mut pieces = [IoSliceMut::new(&mut text)];
            let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
            let Ok(received) = recvmsg(&self.manager, &mut pieces, &mut ancillary, flags) else {
                return;
            };
            let mut fds = Vec::new();
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(more) = message {
                    fds.extend(more);
                }
            }
            let text = String::from_utf8_lossy(text.get(..received.bytes).unwrap_or_default());
            self.keep(&text, fds);
        }
    }

    fn keep(&mut self, text: &str, fds: Vec<OwnedFd>) {
        let lines: Vec<_> = text.lines().collect();
        let name = lines.iter().find_map(|line| line.strip_prefix("FDNAME="));
        if let Some(name) = name {
            if lines.contains(&"FDSTORE=1") {
                let watched = !lines.contains(&"FDPOLL=0");
                let named = fds.into_iter().map(|fd| Stored {
                    name: name.to_owned(),
                    fd,
                    watched,
                });
                self.stored.extend(named);
            }
            if lines.contains(&"FDSTOREREMOVE=1") {
                self.stored.retain(|one| one.name != name);
            }
        }
        self.said.extend(lines.into_iter().map(str::to_owned));
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn has_hung_up(fd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let polled = poll(&mut fds, Some(&now)).is_ok();
    let [one] = fds;
    polled && one.revents().contains(PollFlags::HUP)
}

impl Drop for KeptAgent {
    fn drop(&mut self) {
        self.kill();
    }
}

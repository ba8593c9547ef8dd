//! What the next agent inherits, should this one die: fds, which the service manager keeps (systemd's
//! file descriptor store, sd_notify(3)), and a folder of what they stand for.
//!
//! A listener that nobody holds answers ENOSYS for ever, and a call that was received but not
//! answered waits for ever, if somebody holds it. So the fds are kept, and each listener's thread
//! receives into a file of its own.
#![forbid(unsafe_code)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use filter::{Endian, Program};
use rustix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;

use crate::sys::{self, Room};
use crate::wire::Registration;

/// The folder, in that of the sockets.
const STATE: &str = "state";
/// The endings of its files: a registration, its program, and a call.
const WHO: &str = "json";
const PROGRAM: &str = "bpf";
const CALL: &str = "call";

/// Where the legacy is left.
#[derive(Debug)]
pub(crate) struct Legacy {
    folder: PathBuf,
    /// Whether somebody keeps fds for us.
    kept: bool,
}

/// What an agent before us left.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    pub(crate) containers: Vec<(Registration, Program)>,
    pub(crate) listeners: Vec<(ListenerName, OwnedFd)>,
    /// Containers that ended while there was no agent.
    pub(crate) ended: Vec<(Registration, Program)>,
    /// Connections that brought no listener yet.
    pub(crate) connections: Vec<(u64, OwnedFd)>,
    /// All others, which are sockets to listen at.
    pub(crate) sockets: Vec<OwnedFd>,
}

/// By which a listener is known to the next agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenerName {
    pub(crate) token: String,
    /// Of the connection that brought it.
    pub(crate) number: u64,
    pub(crate) pid: u32,
    pub(crate) first: bool,
}

impl ListenerName {
    fn fd_name(&self) -> String {
        let kind = if self.first { "first" } else { "later" };
        let Self {
            token, number, pid, ..
        } = self;
        format!("listener.{token}.{number}.{pid}.{kind}")
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("listener.")?.split('.');
        let mut next = || parts.next();
        Some(Self {
            token: next().filter(|token| is_token(token))?.to_owned(),
            number: next()?.parse().ok()?,
            pid: next()?.parse().ok()?,
            first: match next()? {
                "first" => true,
                "later" => false,
                _ => return None,
            },
        })
    }

    fn file(&self) -> String {
        format!("{}.{}.{CALL}", self.token, self.number)
    }
}

/// Whether it can be a token: 128 bits in hexadecimal.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number that no agent since the machine's start has used.
pub(crate) fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = clock_gettime(ClockId::Boottime);
    let now = u64::try_from(now.tv_sec)
        .unwrap_or_default()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(now.tv_nsec).unwrap_or_default());
    let before = LAST.fetch_max(now, Ordering::Relaxed);
    if before < now {
        return now;
    }
    LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1)
}

impl Legacy {
    /// A legacy below the folder of the agent's sockets.
    ///
    /// # Errors
    /// Its folder cannot be made.
    pub(crate) fn open(sockets: &Path) -> io::Result<Self> {
        let folder = sockets.join(STATE);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        Ok(Self {
            folder,
            kept: std::env::var_os("NOTIFY_SOCKET").is_some(),
        })
    }

    /// Whether fds outlive us.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// What was left, to be asked for once. What stands for nothing that is left is removed.
    pub(crate) fn inherit(&self) -> Inheritance {
        let mut left = Inheritance::default();
        let fds = sd_notify::listen_fds_with_names();
        for (fd, name) in fds.into_iter().flatten() {
            let fd = sys::adopt(fd);
            if let Some(name) = ListenerName::parse(&name) {
                left.listeners.push((name, fd));
            } else if let Some(number) = name.strip_prefix("connection.") {
                match number.parse() {
                    Ok(number) => left.connections.push((number, fd)),
                    Err(_) => drop(fd),
                }
            } else {
                left.sockets.push(fd);
            }
        }
        // A connection is let go only after its listener is kept.
        left.connections.retain(|(number, _)| {
            let came = left
                .listeners
                .iter()
                .any(|(name, _)| name.number == *number);
            if came {
                self.release_connection(*number);
            }
            !came
        });
        self.read(&mut left);
        left
    }

    fn read(&self, left: &mut Inheritance) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        let lives = |token: &str| left.listeners.iter().any(|(name, _)| name.token == token);
        // A file whose connection is still there is of a listener that was about to be kept.
        let coming = |name: &str| {
            let mut numbers = left.connections.iter().map(|(number, _)| number);
            numbers.any(|number| name.ends_with(&format!(".{number}.{CALL}")))
        };
        let called = |token: &str| {
            names
                .iter()
                .any(|name| name.starts_with(token) && name.ends_with(CALL) && !coming(name))
        };
        let tokens = names.iter().filter_map(|name| name.strip_suffix(".json"));
        let mut gone = Vec::new();
        for token in tokens.filter(|token| is_token(token)) {
            // It had a listener, and that went with its tasks, or with an agent whom nobody kept it
            // for.
            if called(token) && !lives(token) {
                left.ended.extend(self.read_one(token));
                gone.push(token);
                continue;
            }
            match self.read_one(token) {
                Ok(one) => left.containers.push(one),
                Err(_) => gone.push(token),
            }
        }
        for token in gone {
            self.forget(token);
        }
        let files: Vec<_> = left.listeners.iter().map(|(name, _)| name.file()).collect();
        for name in &names {
            let stale = name.ends_with(CALL) && !files.contains(name);
            // Written before its registration, and removed after it.
            let alone = name
                .strip_suffix(PROGRAM)
                .is_some_and(|token| !names.contains(&format!("{token}{WHO}")));
            if stale || alone || name.ends_with(".new") {
                let _ = fs::remove_file(self.folder.join(name));
            }
        }
    }

    fn read_one(&self, token: &str) -> io::Result<(Registration, Program)> {
        let text = fs::read(self.path(token, WHO))?;
        let registration: Registration = serde_json::from_slice(&text)?;
        let program = fs::read(self.path(token, PROGRAM))?;
        let program = Program::from_bytes(&program, Endian::host()).map_err(io::Error::other)?;
        if registration.token != token {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok((registration, program))
    }

    fn path(&self, token: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{token}.{ending}"))
    }

    /// Leaves a registration.
    ///
    /// # Errors
    /// It cannot be written; then there is none.
    pub(crate) fn registered(&self, who: &Registration, program: &Program) -> io::Result<()> {
        // The registration last: it is what says that there is one.
        self.write(&who.token, PROGRAM, &program.to_bytes(Endian::host()))?;
        let done = self.write(&who.token, WHO, &serde_json::to_vec(who)?);
        if done.is_err() {
            self.forget(&who.token);
        }
        done
    }

    fn write(&self, token: &str, ending: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(token, ending);
        let beside = path.with_extension(format!("{ending}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        // Not synced: it is for a new agent, not for a new start of the machine.
        fs::rename(&beside, &path)
    }

    /// Takes a registration back.
    pub(crate) fn forget(&self, token: &str) {
        for ending in [WHO, PROGRAM] {
            let _ = fs::remove_file(self.path(token, ending));
        }
    }

    /// Room for a listener's calls: a file, if anybody is to inherit them.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn room(&self, name: &ListenerName) -> io::Result<Room> {
        if !self.kept {
            // Nor is anybody to wait for this one: its listener goes with us.
            self.forget(&name.token);
            return Room::new();
        }
        let file: File = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(name.file()))?;
        Room::in_file(&file)
    }

    /// Has a listener kept, in the place of the connection that brought it.
    pub(crate) fn keep_listener(&self, name: &ListenerName, fd: BorrowedFd<'_>) {
        self.keep(&name.fd_name(), fd, &[]);
        self.release_connection(name.number);
    }

    /// Lets go of a listener whose tasks are gone.
    pub(crate) fn release_listener(&self, name: &ListenerName) {
        self.release(&name.fd_name());
        if self.kept {
            let _ = fs::remove_file(self.folder.join(name.file()));
        }
    }

    /// Has a connection kept until its listener is.
    pub(crate) fn keep_connection(&self, number: u64, stream: &impl AsFd) {
        // One whose sender has hung up may still hold what was sent.
        let unwatched = [NotifyState::Custom("FDPOLL=0")];
        self.keep(&format!("connection.{number}"), stream.as_fd(), &unwatched);
    }

    /// Lets go of a connection that brings nothing any more.
    pub(crate) fn release_connection(&self, number: u64) {
        self.release(&format!("connection.{number}"));
    }

    /// Has a listening socket kept, so that whoever connects meanwhile only waits.
    pub(crate) fn keep_socket(&self, socket: &impl AsFd) {
        self.keep("socket", socket.as_fd(), &[]);
    }

    fn keep(&self, name: &str, fd: BorrowedFd<'_>, more: &[NotifyState<'_>]) {
        if self.kept {
            let mut state = vec![NotifyState::FdStore, NotifyState::FdName(name)];
            state.extend_from_slice(more);
            // A service manager that does not hear leaves us as we are without one.
            let _ = sd_notify::notify_with_fds(&state, &[fd]);
        }
    }

    fn release(&self, name: &str) {
        if self.kept {
            let _ = sd_notify::notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listeners_name_reads_as_it_was_written() {
        let name = ListenerName {
            token: "0123456789abcdef0123456789abcdef".to_owned(),
            number: number(),
            pid: 12,
            first: true,
        };
        assert_eq!(ListenerName::parse(&name.fd_name()), Some(name.clone()));
        // sd_notify(3): at most 255 characters, and no colon.
        assert!(name.fd_name().len() < 256 && !name.fd_name().contains(':'));
        for other in ["listener.x.1.2.first", "connection.1", "listener."] {
            assert_eq!(ListenerName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn half_of_a_registration_is_removed() {
        let folder = std::env::temp_dir().join(format!("legacy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let token = "0123456789abcdef0123456789abcdef";
        fs::write(folder.join(format!("{token}.bpf")), "x").unwrap();
        let legacy = Legacy {
            folder: folder.clone(),
            kept: false,
        };
        legacy.read(&mut Inheritance::default());
        let left = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn numbers_differ() {
        let numbers: std::collections::BTreeSet<_> = (0..1000).map(|_| number()).collect();
        assert_eq!(numbers.len(), 1000);
    }
}

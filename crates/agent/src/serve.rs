//! The agent's control plane.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use filter::Program;
use foldhash::fast::RandomState;
use sd_notify::NotifyState;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::attend::tell_repeats;
use crate::compile::Words;
use crate::container::{Containers, unpoisoned};
use crate::journal::{Journal, LogTo};
use crate::legacy::{self, Legacy};
use crate::metrics::Metrics;
use crate::observe::{AT_A_TIME, KINDS};
use crate::recording::Store;
use crate::scrape::{self, Door, MetricsAt};
use crate::spare::Spare;
use crate::take_over::take_over;
use crate::wire::{CONTROL_SOCKET, NOTIFY_SOCKET, REGISTER_SOCKET, Registration};
use crate::{attach, audit, control, privilege, register};

/// How the agent is to work.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of its sockets.
    pub sockets: PathBuf,
    /// Where it tells what it sees.
    pub log: LogTo,
    /// The folder that recordings are kept in.
    pub recordings: PathBuf,
    /// Where it serves its numbers, if anywhere.
    pub metrics: Option<MetricsAt>,
    /// Whether it reads the kernel's audit records of seccomp, too.
    pub audit: bool,
    /// How often repeats are summed up.
    pub every: Duration,
    /// The process with which it ends, if it is not to go on without it: its parent.
    pub parent: Option<u32>,
    /// A file with the id of the one container that it takes, if it is not to take any.
    pub only: Option<PathBuf>,
    /// The program that compiles ([`crate::compile()`]), and its arguments.
    pub compile: (PathBuf, Vec<String>),
}

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The folder cannot be made or used.
    #[error("the folder {path} cannot be used", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// How that failed.
        #[source]
        source: io::Error,
    },
    /// The folder is not the agent's alone.
    #[error(
        "the folder {path} belongs to user {owner} with mode {mode:04o}, and others could get at the sockets; chown it to the agent's user and chmod 0700",
        path = path.display()
    )]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
    /// Another agent is there.
    #[error("another agent serves {path}", path = path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// The port for the numbers cannot be had.
    #[error("the port {address} cannot be listened at")]
    Port {
        /// The address.
        address: SocketAddr,
        /// How that failed.
        #[source]
        source: io::Error,
    },
    /// The kernel's audit records cannot be read.
    #[error(
        "the audit records cannot be read, which takes CAP_AUDIT_READ in the first user namespace"
    )]
    Audit(#[source] io::Error),
    /// The log cannot be opened.
    #[error("the log cannot be opened")]
    Log(#[source] io::Error),
    /// Something that every process may do failed.
    #[error("the agent cannot start")]
    Start(#[source] io::Error),
}

/// What the agent's tasks share.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) containers: Arc<Containers>,
    pub(crate) journal: Journal,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) legacy: Arc<Legacy>,
    pub(crate) store: Arc<Store>,
    /// As in [`Options`].
    pub(crate) only: Option<PathBuf>,
    words: Words,
    /// Compiled profiles, by digest: most containers of a node have one of few.
    programs: Mutex<HashMap<[u8; 32], Program, RandomState>>,
    compiling: Semaphore,
    peers: Semaphore,
}

impl Agent {
    pub(crate) fn say<'f>(&self, event: &str, fields: impl IntoIterator<Item = (&'f str, Value)>) {
        let fields = fields.into_iter();
        let fields: Map<_, _> = fields.map(|(key, value)| (key.to_owned(), value)).collect();
        self.journal.say(event, fields);
    }

    /// Tells repeats of so many kinds of each container, and saves what was recorded so far.
    fn sum_up(&self, at_most: usize) {
        for container in self.containers.all() {
            tell_repeats(&container, &self.journal, at_most);
            if let Err(error) = container.save(&self.store, false) {
                let mut fields = container.names();
                fields.insert("reason".to_owned(), json!(error.to_string()));
                self.journal.say("unsaved", fields);
            }
        }
    }

    /// The program of a registration's plain profile.
    pub(crate) async fn program(
        &self,
        registration: &Registration,
        compile: fn(&Words, &Registration) -> Result<Program, String>,
    ) -> Result<Program, String> {
        let digest = digest(registration);
        if let Some(program) = unpoisoned(&self.programs).get(&digest) {
            return Ok(program.clone());
        }
        // A few at a time: it is work for a processor.
        let _turn = self.compiling.acquire().await;
        if let Some(program) = unpoisoned(&self.programs).get(&digest) {
            return Ok(program.clone());
        }
        let (words, task) = (self.words.clone(), registration.clone());
        let program = tokio::task::spawn_blocking(move || compile(&words, &task))
            .await
            .map_err(|_| "a bug in the agent".to_owned())??;
        let mut programs = unpoisoned(&self.programs);
        if programs.len() >= PROGRAMS {
            programs.clear();
        }
        programs.insert(digest, program.clone());
        Ok(program)
    }
}

/// How long to wait where there is nothing to do for now.
const BREATH: Duration = Duration::from_millis(50);
/// Compiled profiles that are kept, of up to 32 KiB each.
const PROGRAMS: usize = 256;
/// Connections at once.
const PEERS: usize = 4096;

fn digest(registration: &Registration) -> [u8; 32] {
    let mut hash = Sha256::new();
    let parts = [
        format!(
            "{:?} {}",
            registration.runtime, registration.asks_by_default
        ),
        registration.native.clone(),
        registration.plain.clone(),
        registration.asking.clone(),
    ];
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or_default().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Is the agent, until it is told to end (SIGTERM, SIGINT).
///
/// # Errors
/// It cannot start.
pub fn serve(options: &Options) -> Result<(), ServeError> {
    let audit = options.audit.then(audit::open).transpose();
    let audit = audit.map_err(ServeError::Audit)?;
    privilege::give_up().map_err(ServeError::Start)?;
    let (journal, log) = Journal::open(&options.log).map_err(ServeError::Log)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(ServeError::Start)?;
    let done = runtime.block_on(run(options, journal.clone(), audit));
    journal.end();
    // The log has had its time in `end`.
    drop(log);
    done
}

async fn run(
    options: &Options,
    journal: Journal,
    audit: Option<OwnedFd>,
) -> Result<(), ServeError> {
    let folder = &options.sockets;
    own(folder)?;
    let legacy = Legacy::open(folder).map_err(|source| ServeError::Folder {
        path: folder.clone(),
        source,
    })?;
    let mut inherited = legacy.inherit();
    let mut socket = |name| listen(&folder.join(name), &mut inherited.sockets, &legacy);
    let registrations = socket(REGISTER_SOCKET)?;
    let listeners = socket(NOTIFY_SOCKET)?;
    let control = socket(CONTROL_SOCKET)?;
    let door = match &options.metrics {
        None => None,
        Some(MetricsAt::Unix(path)) => {
            Some(Door::Unix(listen(path, &mut inherited.sockets, &legacy)?))
        }
        Some(MetricsAt::Loopback(address)) => {
            let door = TcpListener::bind(address).await;
            let door = door.map_err(|source| ServeError::Port {
                address: *address,
                source,
            })?;
            Some(Door::Loopback(door))
        }
    };
    let agent = Arc::new(Agent {
        containers: Arc::default(),
        journal,
        metrics: Arc::default(),
        legacy: Arc::new(legacy),
        store: Arc::new(Store::new(options.recordings.clone())),
        only: options.only.clone(),
        words: options.compile.clone(),
        programs: Mutex::default(),
        compiling: Semaphore::new(2),
        peers: Semaphore::new(PEERS),
    });
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate()).map_err(ServeError::Start)?,
        signal(SignalKind::interrupt()).map_err(ServeError::Start)?,
    );
    if let Some(parent) = options.parent {
        end_with(parent).map_err(ServeError::Start)?;
    }
    let mut spare = Spare::default();
    let mut summary = tokio::time::interval(options.every);
    let mut lost = 0;
    agent.say("started", [("sockets", json!(folder.to_string_lossy()))]);
    take_over(&agent, inherited);
    if let Some(socket) = audit {
        let (journal, metrics) = (agent.journal.clone(), Arc::clone(&agent.metrics));
        audit::start(socket, journal, metrics, options.every).map_err(ServeError::Start)?;
    }
    if let Some(door) = door {
        tokio::spawn(scrape::serve(Arc::clone(&agent), door));
    }
    tell_manager(&[NotifyState::Ready]);
    let watchdog = sd_notify::watchdog_enabled();
    let mut alive = tokio::time::interval(watchdog.map_or(options.every, |limit| limit / 3));
    loop {
        spare.refill();
        tokio::select! {
            accepted = registrations.accept() => {
                let accepted = accepted.map(|(stream, _)| stream);
                if let Some(stream) = agent.admit(accepted, &registrations, &mut spare).await {
                    tokio::spawn(with_place(Arc::clone(&agent), stream, Errand::Register));
                }
            }
            _ = alive.tick() => {
                if watchdog.is_some() {
                    tell_manager(&[NotifyState::Watchdog]);
                }
            }
            accepted = listeners.accept() => {
                let accepted = accepted.map(|(stream, _)| stream);
                if let Some(stream) = agent.admit(accepted, &listeners, &mut spare).await {
                    let number = legacy::number();
                    agent.legacy.keep_connection(number, &stream);
                    tokio::spawn(with_place(Arc::clone(&agent), stream, Errand::Listener(number)));
                }
            }
            accepted = control.accept() => {
                let accepted = accepted.map(|(stream, _)| stream);
                if let Some(stream) = agent.admit(accepted, &control, &mut spare).await {
                    tokio::spawn(with_place(Arc::clone(&agent), stream, Errand::Control));
                }
            }
            _ = summary.tick() => {
                agent.sum_up(AT_A_TIME);
                let now = agent.journal.dropped();
                if now > lost {
                    agent.say("lost", [("lines", json!(now.saturating_sub(lost)))]);
                    lost = now;
                }
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tell_manager(&[NotifyState::Stopping]);
    agent.sum_up(KINDS);
    // From here on nobody can register, and what is attached gets ENOSYS once we are gone; but what
    // is kept waits for the next agent.
    if !agent.legacy.is_kept() {
        for name in [REGISTER_SOCKET, NOTIFY_SOCKET, CONTROL_SOCKET] {
            let _ = fs::remove_file(folder.join(name));
        }
    }
    agent.say("stopped", []);
    Ok(())
}

/// Has a SIGTERM come with the parent's end, or now if it has come already.
fn end_with(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now.and_then(|pid| u32::try_from(pid).ok()) != Some(parent) {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::TERM)?;
    }
    Ok(())
}

/// Tells the service manager, if there is one; it need not listen.
fn tell_manager(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}

/// What a connection is for; one that brings a listener has a number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Errand {
    Register,
    Listener(u64),
    Control,
}

/// Runs an errand, if there are not too many already.
pub(crate) async fn with_place(agent: Arc<Agent>, stream: UnixStream, errand: Errand) {
    let Ok(_place) = agent.peers.try_acquire() else {
        if let Errand::Listener(number) = errand {
            agent.legacy.release_connection(number);
        }
        agent.say(
            "turned away",
            [("reason", json!("there are too many connections"))],
        );
        return;
    };
    match errand {
        Errand::Register => register::attend(Arc::clone(&agent), stream).await,
        Errand::Listener(number) => attach::attend(Arc::clone(&agent), stream, number).await,
        Errand::Control => control::attend(Arc::clone(&agent), stream).await,
    }
}

impl Agent {
    /// Lets in root and the agent's own user alone.
    async fn admit(
        &self,
        accepted: Result<UnixStream, io::Error>,
        door: &UnixListener,
        spare: &mut Spare,
    ) -> Option<UnixStream> {
        let accepted = match accepted {
            // Whoever waits is to hear that there are no fds; but there may be nobody any more.
            Err(error) if spare.spend(&error) => match timeout(BREATH, door.accept()).await {
                Ok(accepted) => accepted.map(|(stream, _)| stream),
                Err(_) => return None,
            },
            accepted => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Some will be free soon.
                self.say("turned away", [("reason", json!(error.to_string()))]);
                tokio::time::sleep(BREATH).await;
                return None;
            }
        };
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        if peer.uid.is_root() || peer.uid == rustix::process::geteuid() {
            return Some(stream);
        }
        let words = format!("user {} is neither root nor the agent's", peer.uid.as_raw());
        self.say("turned away", [("reason", json!(words))]);
        None
    }
}

/// Makes the folder if need be, and makes sure that nobody else gets in.
fn own(folder: &Path) -> Result<(), ServeError> {
    let failed = |source| ServeError::Folder {
        path: folder.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let about = fs::symlink_metadata(folder).map_err(failed)?;
    let own = rustix::process::geteuid().as_raw();
    if !about.is_dir() || about.uid() != own || about.mode() & 0o077 != 0 {
        return Err(ServeError::Open {
            path: folder.to_owned(),
            owner: about.uid(),
            mode: about.mode() & 0o7777,
        });
    }
    Ok(())
}

/// Listens at `path`: at the socket that was left or given to us, or at one of our own.
fn listen(
    path: &Path,
    left: &mut Vec<OwnedFd>,
    legacy: &Legacy,
) -> Result<UnixListener, ServeError> {
    let is_it = |fd: &OwnedFd| {
        let name = fd.try_clone().map(std::os::unix::net::UnixListener::from);
        let name = name.and_then(|socket| socket.local_addr());
        name.is_ok_and(|name| name.as_pathname() == Some(path))
    };
    // One whose file was removed hears of nobody.
    let there = fs::symlink_metadata(path).is_ok();
    if let Some(index) = left.iter().position(is_it).filter(|_| there) {
        let socket = std::os::unix::net::UnixListener::from(left.swap_remove(index));
        let socket = socket
            .set_nonblocking(true)
            .and_then(|()| UnixListener::from_std(socket));
        return socket.map_err(ServeError::Start);
    }
    let socket = bind(path)?;
    legacy.keep_socket(&socket);
    Ok(socket)
}

fn bind(path: &Path) -> Result<UnixListener, ServeError> {
    let failed = |source| ServeError::Folder {
        path: path.to_owned(),
        source,
    };
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(ServeError::Taken {
            path: path.to_owned(),
        });
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // The folder lets nobody else in meanwhile.
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

//! The agent's control plane.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use filter::Program;
use foldhash::fast::RandomState;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::attend::tell_repeats;
use crate::compile::Words;
use crate::container::{Containers, unpoisoned};
use crate::journal::{Journal, LogTo};
use crate::recording::Store;
use crate::wire::{NOTIFY_SOCKET, REGISTER_SOCKET, Registration};
use crate::{attach, register};

/// How the agent is to work.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of its sockets.
    pub sockets: PathBuf,
    /// Where it tells what it sees.
    pub log: LogTo,
    /// The folder that recordings are kept in.
    pub recordings: PathBuf,
    /// How often repeats are summed up.
    pub every: Duration,
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
    pub(crate) store: Arc<Store>,
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

    /// Tells repeats, and saves what was recorded so far.
    fn sum_up(&self) {
        for container in self.containers.all() {
            tell_repeats(&container, &self.journal);
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
    let (journal, log) = Journal::open(&options.log).map_err(ServeError::Log)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(ServeError::Start)?;
    let done = runtime.block_on(run(options, journal.clone()));
    journal.end();
    // The log has had its time in `end`.
    drop(log);
    done
}

async fn run(options: &Options, journal: Journal) -> Result<(), ServeError> {
    let folder = &options.sockets;
    own(folder)?;
    let registrations = bind(&folder.join(REGISTER_SOCKET))?;
    let listeners = bind(&folder.join(NOTIFY_SOCKET))?;
    let agent = Arc::new(Agent {
        containers: Arc::default(),
        journal,
        store: Arc::new(Store::new(options.recordings.clone())),
        words: options.compile.clone(),
        programs: Mutex::default(),
        compiling: Semaphore::new(2),
        peers: Semaphore::new(PEERS),
    });
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate()).map_err(ServeError::Start)?,
        signal(SignalKind::interrupt()).map_err(ServeError::Start)?,
    );
    let mut summary = tokio::time::interval(options.every);
    let mut lost = 0;
    agent.say("started", [("sockets", json!(folder.to_string_lossy()))]);
    loop {
        tokio::select! {
            accepted = registrations.accept() => {
                if let Some(stream) = agent.admit(accepted.map(|(stream, _)| stream)).await {
                    tokio::spawn(with_place(Arc::clone(&agent), stream, Socket::Register));
                }
            }
            accepted = listeners.accept() => {
                if let Some(stream) = agent.admit(accepted.map(|(stream, _)| stream)).await {
                    tokio::spawn(with_place(Arc::clone(&agent), stream, Socket::Notify));
                }
            }
            _ = summary.tick() => {
                agent.sum_up();
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
    agent.sum_up();
    // From here on nobody can register; what is attached gets ENOSYS once we are gone.
    for name in [REGISTER_SOCKET, NOTIFY_SOCKET] {
        let _ = fs::remove_file(folder.join(name));
    }
    agent.say("stopped", []);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Socket {
    Register,
    Notify,
}

async fn with_place(agent: Arc<Agent>, stream: UnixStream, socket: Socket) {
    let Ok(_place) = agent.peers.try_acquire() else {
        agent.say(
            "turned away",
            [("reason", json!("there are too many connections"))],
        );
        return;
    };
    match socket {
        Socket::Register => register::attend(Arc::clone(&agent), stream).await,
        Socket::Notify => attach::attend(Arc::clone(&agent), stream).await,
    }
}

impl Agent {
    /// Lets in root and the agent's own user alone.
    async fn admit(&self, accepted: io::Result<UnixStream>) -> Option<UnixStream> {
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Out of fds, say: some will be free soon.
                self.say("turned away", [("reason", json!(error.to_string()))]);
                tokio::time::sleep(Duration::from_millis(50)).await;
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

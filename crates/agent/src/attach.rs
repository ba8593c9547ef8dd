//! The socket that runtimes send listeners to.
#![forbid(unsafe_code)]

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::json;
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::attend::{Desk, Origin};
use crate::container::Container;
use crate::legacy::{ListenerName, number};
use crate::listener::Listener;
use crate::serve::Agent;
use crate::state::{ProcessState, Read, read};

/// The longest state, in bytes: its annotations may be long.
const LONGEST: usize = 1 << 20;

/// Fds that one message may bring; what is more is closed by the kernel.
const FDS: usize = 16;

/// Takes one listener. There is no limit on how long that takes: crun holds a connection from create
/// to start.
///
/// `connection` is its number in our legacy, in which it stays until the listener is there.
pub(crate) async fn attend(agent: Arc<Agent>, stream: UnixStream, connection: u64) {
    let taken = take(&agent, stream, connection).await;
    if !matches!(taken, Ok(true)) {
        agent.legacy.release_connection(connection);
    }
    if let Err(why) = taken {
        agent.say("turned away", [("reason", json!(why))]);
    }
}

/// Whether there was a listener that is new.
async fn take(agent: &Arc<Agent>, stream: UnixStream, connection: u64) -> Result<bool, String> {
    let mut bytes = Vec::new();
    let mut fds = Vec::new();
    let failed = |error| format!("a listener's state cannot be read: {error}");
    let state = loop {
        // The end of a state, which is most often all of it, stays in the socket: should we be killed
        // now, the next agent finds it there.
        let (before, fds_before) = (bytes.len(), fds.len());
        let count = receive(&stream, &mut bytes, &mut fds, RecvFlags::PEEK)
            .await
            .map_err(failed)?;
        if bytes.len() > LONGEST {
            return Err(format!("a listener's state is longer than {LONGEST} bytes"));
        }
        match read(&bytes) {
            Read::Whole(state) => break state,
            // crun opens the connection for a container that is then never started.
            _ if count == 0 && bytes.is_empty() => return Ok(false),
            Read::Other => return Err("what was sent is no container's state".to_owned()),
            Read::More if count == 0 => return Err("a listener's state ended early".to_owned()),
            Read::More => {}
        }
        bytes.truncate(before);
        fds.truncate(fds_before);
        receive(&stream, &mut bytes, &mut fds, RecvFlags::empty())
            .await
            .map_err(failed)?;
    };
    let ProcessState {
        metadata,
        listener,
        pid,
        first,
    } = state;
    if listener >= fds.len() {
        return Err("the state came without its listener".to_owned());
    }
    // All others are closed here.
    let fd = fds.swap_remove(listener);
    drop(fds);
    let Some(container) = agent.containers.find(&metadata) else {
        if agent.containers.is_late(&metadata) {
            return Ok(false);
        }
        return Err("a listener came with a token that nobody registered".to_owned());
    };
    let token = metadata;
    let name = ListenerName {
        token,
        number: connection,
        pid,
        first,
    };
    let origin = Origin::Runtime;
    let new = take_one(agent, container, name, fd, origin)?;
    drop(stream);
    Ok(new)
}

/// Takes a listener that the shim's watcher has before the runtime sends it.
///
/// # Errors
/// In words; then it is closed.
pub(crate) fn take_early(
    agent: &Agent,
    token: &str,
    pid: u32,
    first: bool,
    fd: OwnedFd,
) -> Result<(), String> {
    let container = agent.containers.find(token);
    let container = container.ok_or("an early listener came for a container that is over")?;
    let name = ListenerName {
        token: token.to_owned(),
        number: number(),
        pid,
        first,
    };
    take_one(agent, container, name, fd, Origin::Watcher).map(|_| ())
}

/// Seats a listener, but once, and tells so. Whether it is a new one.
fn take_one(
    agent: &Agent,
    container: Arc<Container>,
    name: ListenerName,
    fd: OwnedFd,
    origin: Origin,
) -> Result<bool, String> {
    let told = match name.first {
        true => format!("pid {}\n", name.pid),
        false => format!("joined {}\n", name.pid),
    };
    let new = !container.has(fd.as_fd(), name.pid);
    if new {
        seat(agent, Arc::clone(&container), name, fd, origin)?;
    }
    container.tell(told);
    Ok(new)
}

/// Gives a listener a thread.
///
/// # Errors
/// In words; then it is closed.
pub(crate) fn seat(
    agent: &Agent,
    container: Arc<Container>,
    name: ListenerName,
    fd: OwnedFd,
    origin: Origin,
) -> Result<(), String> {
    let room = agent.legacy.room(&name);
    let room = room.map_err(|error| format!("there is no room for a listener's calls: {error}"))?;
    let listener = Listener::prove(fd, room)
        .map_err(|error| format!("the fd is no listener of a filter: {error}"))?;
    let desk = Desk {
        container,
        containers: Arc::clone(&agent.containers),
        journal: agent.journal.clone(),
        metrics: Arc::clone(&agent.metrics),
        legacy: Arc::clone(&agent.legacy),
        name,
        origin,
        store: Arc::clone(&agent.store),
    };
    desk.open(listener)
        .map_err(|error| format!("no thread can be started for a listener: {error}"))
}

/// Waits for more bytes and fds; 0 bytes are the end.
pub(crate) async fn receive(
    stream: &UnixStream,
    bytes: &mut Vec<u8>,
    fds: &mut Vec<OwnedFd>,
    how: RecvFlags,
) -> io::Result<usize> {
    let mut piece = [0; 16 << 10];
    let count = stream
        .async_io(Interest::READABLE, || {
            receive_now(stream, &mut piece, fds, how)
        })
        .await?;
    bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
    if fds.len() > FDS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(count)
}

fn receive_now(
    stream: &UnixStream,
    piece: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    how: RecvFlags,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut pieces = [IoSliceMut::new(piece)];
    let received = recvmsg(
        stream,
        &mut pieces,
        &mut ancillary,
        how | RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    )?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            fds.extend(more);
        }
    }
    Ok(received.bytes)
}

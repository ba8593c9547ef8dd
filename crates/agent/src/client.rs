//! The shim's side of a registration: plain blocking calls.
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use crate::wire::{LONGEST, REGISTER_SOCKET, Registration};

/// Why a container could not be registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Nobody listens.
    #[error("the agent is not at {path}")]
    Absent {
        /// The socket.
        path: PathBuf,
        /// How connecting failed.
        #[source]
        source: io::Error,
    },
    /// Somebody else listens.
    #[error("{path} is served by user {uid}, whom this container cannot be left to", path = path.display())]
    Stranger {
        /// The socket.
        path: PathBuf,
        /// Its server's uid.
        uid: u32,
    },
    /// It went away, or took too long.
    #[error("the agent at {path} does not answer")]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How it failed.
        #[source]
        source: io::Error,
    },
    /// It does not want the container.
    #[error("the agent does not take the container: {0}")]
    Refused(String),
}

impl RegisterError {
    /// Whether there is no agent, as against one that has something to say.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::Silent { .. })
    }
}

/// How long the agent may take to read and compile a profile.
const PATIENCE: Duration = Duration::from_secs(15);

/// 128 random bits in hexadecimal.
///
/// # Errors
/// As getrandom(2).
pub fn token() -> io::Result<String> {
    use std::fmt::Write;
    let mut bytes = [0_u8; 16];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled = filled.saturating_add(count),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(bytes
        .iter()
        .fold(String::with_capacity(32), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
}

/// Registers a container with the agent whose sockets are in `folder`. The connection is good for
/// hearing of the container's start, and that the agent is gone.
///
/// # Errors
/// The agent is not there, is somebody else's, or does not want it.
pub fn register(folder: &Path, registration: &Registration) -> Result<UnixStream, RegisterError> {
    let mut tries = 0_u32;
    loop {
        match register_once(folder, registration) {
            // An agent that starts again leaves its socket open meanwhile, but hangs up.
            Err(RegisterError::Silent { source, .. }) if hung_up(&source) && tries < TRIES => {
                tries = tries.saturating_add(1);
            }
            done => return done,
        }
    }
}

fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// How often an agent may hang up before it is taken to be gone.
const TRIES: u32 = 3;

fn register_once(folder: &Path, registration: &Registration) -> Result<UnixStream, RegisterError> {
    let path = folder.join(REGISTER_SOCKET);
    let mut stream = connect(&path).map_err(|source| RegisterError::Absent {
        path: path.clone(),
        source,
    })?;
    let silent = |source| RegisterError::Silent {
        path: path.clone(),
        source,
    };
    let peer =
        rustix::net::sockopt::socket_peercred(&stream).map_err(|errno| silent(errno.into()))?;
    if !peer.uid.is_root() && peer.uid != rustix::process::geteuid() {
        return Err(RegisterError::Stranger {
            path,
            uid: peer.uid.as_raw(),
        });
    }
    let answer = talk(&mut stream, registration).map_err(silent)?;
    match answer.strip_prefix("error ") {
        None if answer == "ok" => {
            // What comes next may take its time.
            stream.set_read_timeout(None).map_err(silent)?;
            Ok(stream)
        }
        Some(why) => Err(RegisterError::Refused(why.to_owned())),
        None => Err(silent(io::ErrorKind::InvalidData.into())),
    }
}

/// Connects, but does not wait for ever where an agent that hangs has thousands waiting already.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let stream = UnixStream::from(socket);
    // For as long connect(2) waits as well (SO_SNDTIMEO in socket(7)).
    stream.set_write_timeout(Some(PATIENCE))?;
    rustix::net::connect(&stream, &SocketAddrUnix::new(path)?)?;
    Ok(stream)
}

fn talk(stream: &mut UnixStream, registration: &Registration) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let text = serde_json::to_vec(registration)?;
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if length > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut message = length.to_le_bytes().to_vec();
    message.extend(text);
    stream.write_all(&message)?;
    line(stream)
}

/// What goes with the listener of a runtime's init that hangs before its runtime has sent it: of the
/// container's first process, or of an exec'd one.
#[must_use]
pub fn listener_line(pid: i32, first: bool) -> String {
    let kind = if first { "first" } else { "later" };
    format!("listener {pid} {kind}\n")
}

/// One line, without its end; byte by byte, since what follows is for another reader.
///
/// # Errors
/// As read(2), and the end of the stream.
pub fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < LONGEST_LINE {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        line.extend(byte);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

const LONGEST_LINE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_128_bits_and_differ() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}

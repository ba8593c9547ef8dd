//! The registration socket: the shim says who is about to be made.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::attach::{receive, take_early};
use crate::compile::have_compiled;
use crate::container::Container;
use crate::legacy::is_token;
use crate::serve::Agent;
use crate::spare::enough_for_one_more;
use crate::wire::{LONGEST, Registration};

/// How long a registration may take to come in.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes one registration, then tells the connection how its container gets on.
pub(crate) async fn attend(agent: Arc<Agent>, mut stream: UnixStream) {
    let (token, lines) = match take(&agent, &mut stream).await {
        Ok(taken) => taken,
        Err(why) => {
            let why = why.replace('\n', " ");
            agent.say("refused", [("reason", json!(why))]);
            // Whoever is gone need not be told.
            let _ = stream.write_all(format!("error {why}\n").as_bytes()).await;
            return;
        }
    };
    if stream.write_all(b"ok\n").await.is_ok() {
        pass_on(&agent, &token, stream, lines).await;
    }
}

/// The token, and what is told of its container.
async fn take(
    agent: &Agent,
    stream: &mut UnixStream,
) -> Result<(String, UnboundedReceiver<String>), String> {
    let read = timeout(PATIENCE, read(stream)).await;
    let registration = read
        .map_err(|_| "the registration takes too long".to_owned())?
        .map_err(|error| format!("the registration cannot be read: {error}"))?;
    let token = &registration.token;
    if !is_token(token) {
        return Err("the token is not 128 bits in hexadecimal".to_owned());
    }
    if let Some(file) = &agent.only {
        // The engine writes it before it has the container made.
        let id = std::fs::read_to_string(file).unwrap_or_default();
        if id.trim() != registration.id {
            return Err(
                "another container is being recorded, and until that is over no other is made this \
                 way; name another runtime"
                    .to_owned(),
            );
        }
    }
    // Who was cut off by a new start of ours says the same again.
    let known = agent.containers.find(token);
    if known
        .as_ref()
        .is_some_and(|known| known.who != registration)
    {
        return Err("the token is taken".to_owned());
    }
    let (watcher, lines) = unbounded_channel();
    if let Some(known) = known.filter(|known| known.was_attached()) {
        known.is_watched_by(watcher);
        return Ok((registration.token, lines));
    }
    enough_for_one_more(stream)?;
    let program = agent.program(&registration, have_compiled).await?;
    let left = agent.legacy.registered(&registration, &program);
    left.map_err(|error| format!("it cannot write the container down: {error}"))?;
    let token = registration.token.clone();
    let container = Container::new(registration, program, watcher);
    match agent.containers.add(Arc::new(container)) {
        Ok(gone) => gone.iter().for_each(|token| agent.legacy.forget(token)),
        Err(why) => {
            agent.legacy.forget(&token);
            return Err(why);
        }
    }
    Ok((token, lines))
}

async fn read(stream: &mut UnixStream) -> io::Result<Registration> {
    let length = stream.read_u32_le().await?;
    if length > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut text = Vec::new();
    let mut stream = stream.take(length.into());
    stream.read_to_end(&mut text).await?;
    Ok(serde_json::from_slice(&text)?)
}

/// Passes lines on until either side is gone, and takes the listeners that come.
async fn pass_on(
    agent: &Agent,
    token: &str,
    mut stream: UnixStream,
    mut lines: UnboundedReceiver<String>,
) {
    let (mut bytes, mut fds) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { return };
                if stream.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
            read = receive(&stream, &mut bytes, &mut fds, RecvFlags::empty()) => {
                if !matches!(read, Ok(count) if count > 0) {
                    return;
                }
                if let Err(why) = take_listeners(agent, token, &mut bytes, &mut fds) {
                    agent.say("turned away", [("reason", json!(why))]);
                    // Who watches ends what hangs.
                    return;
                }
            }
        }
    }
}

/// Takes the listeners whose lines are complete.
fn take_listeners(
    agent: &Agent,
    token: &str,
    bytes: &mut Vec<u8>,
    fds: &mut Vec<OwnedFd>,
) -> Result<(), String> {
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = bytes.drain(..=end).collect();
        let (pid, first) = listener_of(&line).ok_or("a watcher said what is no listener")?;
        if fds.is_empty() {
            return Err("a watcher's listener did not come".to_owned());
        }
        take_early(agent, token, pid, first, fds.remove(0))?;
    }
    if bytes.len() > LONGEST_LINE {
        return Err("a watcher's line does not end".to_owned());
    }
    Ok(())
}

/// What [`crate::client::listener_line`] says.
fn listener_of(line: &[u8]) -> Option<(u32, bool)> {
    let words = std::str::from_utf8(line).ok()?.trim_end();
    let (pid, kind) = words.strip_prefix("listener ")?.split_once(' ')?;
    let first = match kind {
        "first" => true,
        "later" => false,
        _ => return None,
    };
    Some((pid.parse().ok()?, first))
}

const LONGEST_LINE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listeners_line_reads_as_it_was_written() {
        for first in [true, false] {
            let line = crate::client::listener_line(12, first);
            assert_eq!(listener_of(line.as_bytes()), Some((12, first)));
        }
        for other in [
            "listener -1 first\n",
            "listener 1\n",
            "listener 1 both\n",
            "\n",
        ] {
            assert_eq!(listener_of(other.as_bytes()), None, "{other:?}");
        }
    }
}

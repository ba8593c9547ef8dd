//! The registration socket: the shim says who is about to be made.
#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::compile::have_compiled;
use crate::container::Container;
use crate::legacy::is_token;
use crate::serve::Agent;
use crate::wire::{LONGEST, Registration};

/// How long a registration may take to come in.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes one registration, then tells the connection how its container gets on.
pub(crate) async fn attend(agent: Arc<Agent>, mut stream: UnixStream) {
    let lines = match take(&agent, &mut stream).await {
        Ok(lines) => lines,
        Err(why) => {
            let why = why.replace('\n', " ");
            agent.say("refused", [("reason", json!(why))]);
            // Whoever is gone need not be told.
            let _ = stream.write_all(format!("error {why}\n").as_bytes()).await;
            return;
        }
    };
    if stream.write_all(b"ok\n").await.is_ok() {
        pass_on(stream, lines).await;
    }
}

async fn take(agent: &Agent, stream: &mut UnixStream) -> Result<UnboundedReceiver<String>, String> {
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
    if known.is_some_and(|known| known.was_attached() || known.who != registration) {
        return Err("the token is taken".to_owned());
    }
    let program = agent.program(&registration, have_compiled).await?;
    let left = agent.legacy.registered(&registration, &program);
    left.map_err(|error| format!("it cannot write the container down: {error}"))?;
    let (watcher, lines) = unbounded_channel();
    let token = registration.token.clone();
    let container = Container::new(registration, program, watcher);
    match agent.containers.add(Arc::new(container)) {
        Ok(gone) => gone.iter().for_each(|token| agent.legacy.forget(token)),
        Err(why) => {
            agent.legacy.forget(&token);
            return Err(why);
        }
    }
    Ok(lines)
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

/// Passes lines on until either side is gone.
async fn pass_on(mut stream: UnixStream, mut lines: UnboundedReceiver<String>) {
    let mut nothing = [0; 64];
    loop {
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { return };
                if stream.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
            read = stream.read(&mut nothing) => {
                if !matches!(read, Ok(count) if count > 0) {
                    return;
                }
            }
        }
    }
}

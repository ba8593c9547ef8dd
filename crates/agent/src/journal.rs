//! The agent's log: JSON lines, written by a thread of their own behind a queue that drops what it
//! has no room for, so that no container waits for a disk.
#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTo {
    /// Standard output.
    Stdout,
    /// This file, at its end.
    File(PathBuf),
}

/// Lines that may wait to be written.
const ROOM: usize = 4096;

/// What a writer thread is sent.
enum Item {
    Line(String),
    Flush(SyncSender<()>),
    End,
}

/// The way into the log.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    queue: SyncSender<Item>,
    dropped: &'static AtomicU64,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Item")
    }
}

/// How many lines had no room, or could not be written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

impl Journal {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn open(to: &LogTo) -> io::Result<(Self, JoinHandle<()>)> {
        let out: Box<dyn Write + Send> = match to {
            LogTo::Stdout => Box::new(io::stdout()),
            LogTo::File(path) => Box::new(
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(path)?,
            ),
        };
        let (queue, items) = sync_channel(ROOM);
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(out, &items))?;
        Ok((
            Self {
                queue,
                dropped: &DROPPED,
            },
            thread,
        ))
    }

    /// Adds a line, with the time; never waits.
    pub(crate) fn say(&self, event: &str, mut fields: Map<String, Value>) {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        fields.insert("time".to_owned(), json!(time));
        fields.insert("event".to_owned(), json!(event));
        let line = Value::Object(fields).to_string();
        if self.queue.try_send(Item::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were lost until now.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits, for some time, until what was said is written.
    pub(crate) fn settle(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(Item::Flush(done)).is_ok() {
            // A disk that hangs is no reason to hang with it.
            let _ = wait.recv_timeout(Duration::from_secs(2));
        }
    }

    /// Ends the thread after what was said.
    pub(crate) fn end(&self) {
        self.settle();
        let _ = self.queue.try_send(Item::End);
    }
}

fn write(mut out: Box<dyn Write + Send>, items: &Receiver<Item>) {
    loop {
        match items.recv_timeout(Duration::from_secs(3600)) {
            Ok(Item::Line(mut line)) => {
                // Any program in a container has a say in what stands here, but not in its shape:
                // JSON leaves no control character as it is.
                line.push('\n');
                if out
                    .write_all(line.as_bytes())
                    .and_then(|()| out.flush())
                    .is_err()
                {
                    DROPPED.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(Item::Flush(done)) => {
                let _ = done.try_send(());
            }
            Ok(Item::End) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

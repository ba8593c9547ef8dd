//! The containers that the agent knows, by their tokens.
#![forbid(unsafe_code)]

use std::collections::{HashMap, VecDeque};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use filter::Program;
use foldhash::fast::RandomState;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::listener::Known;
use crate::observe::Denials;
use crate::recording::{Store, Tape, key};
use crate::wire::{Mode, Registration};

/// A container as it was registered, and what came of it so far.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) who: Registration,
    /// The plain profile, compiled.
    pub(crate) program: Program,
    /// In which order it was registered.
    number: u64,
    denials: Mutex<Denials>,
    tape: Mutex<Tape>,
    /// Held while the recording is written: a newer one must not be overtaken by an older one.
    saving: Mutex<()>,
    /// The recording's name.
    key: String,
    listeners: Mutex<Listeners>,
    /// To whom it is told how the container gets on.
    watcher: Mutex<UnboundedSender<String>>,
    /// Calls of which the plain profile said what only a filter can do.
    pub(crate) strange: AtomicU64,
}

#[derive(Debug, Default)]
struct Listeners {
    now: usize,
    ever: usize,
    known: Vec<Known>,
    /// Whether the first process' listener was among them and is gone.
    over: bool,
}

impl Container {
    pub(crate) fn new(
        who: Registration,
        program: Program,
        watcher: UnboundedSender<String>,
    ) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let key = key(&who);
        Self {
            key,
            tape: Mutex::default(),
            saving: Mutex::default(),
            who,
            program,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            denials: Mutex::default(),
            listeners: Mutex::default(),
            watcher: Mutex::new(watcher),
            strange: AtomicU64::new(0),
        }
    }

    /// What it was denied.
    pub(crate) fn denials(&self) -> MutexGuard<'_, Denials> {
        unpoisoned(&self.denials)
    }

    /// What it did.
    pub(crate) fn tape(&self) -> MutexGuard<'_, Tape> {
        unpoisoned(&self.tape)
    }

    /// Writes its recording, if there is anything new in it. Gives its name if it was written.
    ///
    /// # Errors
    /// It cannot be written; then it will be tried again.
    pub(crate) fn save(&self, store: &Store, over: bool) -> std::io::Result<Option<&str>> {
        if self.who.mode != Mode::Record {
            return Ok(None);
        }
        let _alone = unpoisoned(&self.saving);
        // Calls are noted while the disk is waited for.
        let recording = self.tape().take(&self.who, over);
        let Some(recording) = recording else {
            return Ok(None);
        };
        store.save(&self.key, &recording).inspect_err(|_| {
            self.tape().unsaved();
        })?;
        Ok(Some(&self.key))
    }

    /// A listener more.
    pub(crate) fn attached(&self, known: Known) {
        let mut listeners = unpoisoned(&self.listeners);
        listeners.known.retain(Known::is_of_use);
        // Of runtimes that were killed, nothing comes any more.
        if listeners.known.len() < MOST {
            listeners.known.push(known);
        }
        listeners.now = listeners.now.saturating_add(1);
        listeners.ever = listeners.ever.saturating_add(1);
    }

    /// A listener less. Whether the container is over.
    pub(crate) fn detached(&self, first: bool) -> bool {
        let mut listeners = unpoisoned(&self.listeners);
        listeners.now = listeners.now.saturating_sub(1);
        listeners.over |= first;
        listeners.over && listeners.now == 0
    }

    /// Whether that listener is attended to, or was: it may come by two ways.
    pub(crate) fn has(&self, listener: BorrowedFd<'_>, pid: u32) -> bool {
        let mut listeners = unpoisoned(&self.listeners);
        let mut known = listeners.known.iter_mut();
        let known = known.find(|one| one.is(listener, pid));
        known.map(Known::came).is_some()
    }

    /// It was inherited without its first process' listener.
    pub(crate) fn outlived(&self) {
        unpoisoned(&self.listeners).over = true;
    }

    pub(crate) fn is_attached(&self) -> bool {
        unpoisoned(&self.listeners).now > 0
    }

    pub(crate) fn was_attached(&self) -> bool {
        unpoisoned(&self.listeners).ever > 0
    }

    /// Tells who waits for the container's start, if anybody does.
    pub(crate) fn tell(&self, line: String) {
        let _ = unpoisoned(&self.watcher).send(line);
    }

    /// From now on it is told to somebody else.
    pub(crate) fn is_watched_by(&self, watcher: UnboundedSender<String>) {
        *unpoisoned(&self.watcher) = watcher;
    }

    /// What names it in the log.
    pub(crate) fn names(&self) -> Map<String, Value> {
        let who = &self.who;
        let mode = match who.mode {
            Mode::Observe => "observe",
            Mode::Record => "record",
        };
        let mut names = Map::new();
        let all = [
            ("id", Some(&who.id)),
            ("engine", Some(&who.engine)),
            ("namespace", who.namespace.as_ref()),
            ("pod", who.pod.as_ref()),
            ("container", who.container.as_ref()),
            ("image", who.image.as_ref()),
        ];
        for (key, value) in all {
            if let Some(value) = value {
                names.insert(key.to_owned(), json!(clean(value)));
            }
        }
        names.insert("mode".to_owned(), json!(mode));
        names
    }
}

/// Text from outside for the log: short, and without what ends lines or turns text around.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars().take(LONGEST) {
        let turns = matches!(
            c,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        );
        if c.is_control() || turns {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Characters of a name that the log keeps.
const LONGEST: usize = 300;

/// All that are registered.
#[derive(Debug, Default)]
pub(crate) struct Containers {
    all: Mutex<HashMap<String, Arc<Container>, RandomState>>,
    /// Tokens of those that were over before the runtime's word of them was heard.
    late: Mutex<VecDeque<String>>,
}

impl Containers {
    /// Adds one; those that never came to be give way where there are too many. Gives the token of
    /// the one that did.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) fn add(&self, container: Arc<Container>) -> Result<Option<String>, String> {
        let mut all = unpoisoned(&self.all);
        let mut gone = None;
        if all.len() >= MOST {
            let waiting = all.iter().filter(|(_, one)| !one.was_attached());
            let oldest = waiting.min_by_key(|(_, one)| one.number);
            let oldest = oldest.map(|(token, _)| token.clone());
            let Some(token) = oldest else {
                return Err(format!("it has {MOST} already"));
            };
            all.remove(&token);
            gone = Some(token);
        }
        all.insert(container.who.token.clone(), container);
        Ok(gone)
    }

    pub(crate) fn find(&self, token: &str) -> Option<Arc<Container>> {
        unpoisoned(&self.all).get(token).cloned()
    }

    pub(crate) fn remove(&self, token: &str) {
        let Some(gone) = unpoisoned(&self.all).remove(token) else {
            return;
        };
        let expected = unpoisoned(&gone.listeners)
            .known
            .iter()
            .any(Known::is_expected);
        if expected {
            let mut late = unpoisoned(&self.late);
            late.push_back(token.to_owned());
            if late.len() > LATE {
                late.pop_front();
            }
        }
    }

    /// Whether the runtime's word of a container with that token was still to come.
    pub(crate) fn is_late(&self, token: &str) -> bool {
        unpoisoned(&self.late).iter().any(|one| one == token)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Container>> {
        unpoisoned(&self.all).values().cloned().collect()
    }
}

/// Containers registered at once, and listeners of one.
const MOST: usize = 8192;
/// Tokens that are remembered.
const LATE: usize = 256;

/// What a lock holds, whoever panicked with it: numbers, which are whole at any time.
pub(crate) fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn container(id: &str) -> Container {
        let who = serde_json::json!({
            "token": "", "mode": "observe", "runtime": "crun", "runtimeName": "crun",
            "noNewPrivileges": false, "native": "", "id": id, "bundle": "", "engine": "",
            "namespace": null, "pod": null, "container": null, "image": null,
            "plain": "", "asking": "", "asksByDefault": false, "unasked": [],
        });
        let program = Program::new(vec![filter::Instruction::new(6, 0)]).unwrap();
        let (watcher, _) = tokio::sync::mpsc::unbounded_channel();
        Container::new(serde_json::from_value(who).unwrap(), program, watcher)
    }

    #[test]
    fn recordings_that_are_written_at_once_are_whole_and_the_last_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let mut container = container("a");
        container.who.mode = Mode::Record;
        let path = folder.path().join(format!("{}.json", container.key));
        let count = || {
            let text = std::fs::read_to_string(&path).unwrap();
            let recording: serde_json::Value = serde_json::from_str(&text).expect(&text);
            let calls = recording["calls"].as_array().unwrap().iter();
            calls
                .map(|call| call["count"].as_u64().unwrap())
                .sum::<u64>()
        };
        const EACH: u64 = 100;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        container.tape().note(0xc000_003e, 0, true, None);
                        container.save(&store, false).unwrap();
                        count();
                    }
                });
            }
        });
        assert_eq!(count(), 4 * EACH);
        // What could not be written is written the next time.
        container.tape().note(0xc000_003e, 0, true, None);
        let nowhere = Store::new(folder.path().join("none\0"));
        container.save(&nowhere, false).unwrap_err();
        assert!(container.save(&store, false).unwrap().is_some());
        assert_eq!(count(), 4 * EACH + 1);
    }

    #[test]
    fn names_cannot_turn_the_log_around() {
        assert_eq!(clean("a\u{1b}[31m\u{202E}\n"), "a\\u{1b}[31m\\u{202e}\\n");
        assert_eq!(clean(&"x".repeat(1000)).len(), LONGEST);
    }
}

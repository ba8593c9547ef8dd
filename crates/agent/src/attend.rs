//! One thread for one listener: it waits in the kernel, answers, then tells.
//!
//! A thread that blocks there hears of a call in two microseconds; an event loop takes ten to twenty
//! times as long on an idle machine. And no container waits for another.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, answer};
use crate::arguments::Plain;
use crate::container::{Container, Containers, clean};
use crate::journal::Journal;
use crate::legacy::{Legacy, ListenerName};
use crate::listener::{Listener, Received};
use crate::metrics::{Metrics, Pace};
use crate::name;
use crate::observe::{Comm, KINDS, Kind};
use crate::recording::Store;
use crate::sys::{Notification, Reply};
use crate::wire::Mode;

/// Much more than a thread here needs; what is not used takes no memory.
const STACK: usize = 256 << 10;

/// Whom a listener came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The runtime.
    Runtime,
    /// The shim's watcher, whose word came before the runtime's.
    Watcher,
    /// An agent before us.
    Inherited,
}

/// What a listener's thread needs.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) container: Arc<Container>,
    pub(crate) containers: Arc<Containers>,
    pub(crate) journal: Journal,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) legacy: Arc<Legacy>,
    /// The listener's, in our legacy.
    pub(crate) name: ListenerName,
    pub(crate) origin: Origin,
    pub(crate) store: Arc<Store>,
}

impl Desk {
    /// Attends to a listener until its last task is gone.
    ///
    /// # Errors
    /// No thread can be started; then the listener is closed.
    pub(crate) fn open(self, listener: Listener) -> io::Result<()> {
        let early = self.origin == Origin::Watcher;
        self.container
            .attached(listener.known_as(self.name.pid, early));
        let mut attached = vec![
            ("pid", json!(self.name.pid)),
            ("unasked", json!(self.container.who.unasked)),
        ];
        if early {
            attached.push(("early", json!(true)));
        }
        let event = match (self.origin, self.name.first) {
            (Origin::Inherited, _) => "resumed",
            (_, true) => "attached",
            (_, false) => "joined",
        };
        self.say(event, attached);
        let containers = Arc::clone(&self.containers);
        let container = Arc::clone(&self.container);
        let (legacy, name) = (Arc::clone(&self.legacy), self.name.clone());
        let started = std::thread::Builder::new()
            .name("listener".to_owned())
            .stack_size(STACK)
            .spawn(move || self.attend(listener));
        if started.is_err() {
            legacy.release_listener(&name);
            if container.detached(name.first) {
                containers.remove(&container.who.token);
                legacy.forget(&container.who.token);
            }
        }
        started.map(|_| ())
    }

    fn attend(self, listener: Listener) {
        let pace = self.metrics.pace();
        let why = until_over(listener, |listener| self.serve(listener, &pace));
        self.metrics.retire(&pace);
        let over = self.container.detached(self.name.first);
        // While it is known: an agent that is asked to end waits for those.
        let saved = over.then(|| self.container.save(&self.store, true));
        if over {
            self.containers.remove(&self.container.who.token);
            // Before what is left of its listener: without that, it would seem still to come.
            self.legacy.forget(&self.container.who.token);
        }
        self.legacy.release_listener(&self.name);
        if let Some(why) = why {
            self.say("failed", [("reason", json!(why))]);
        }
        if let Some(saved) = saved {
            tell_repeats(&self.container, &self.journal, KINDS);
            let (all, kinds) = self.container.denials().totals();
            let strange = self.container.strange.load(Ordering::Relaxed);
            let mut totals = vec![("denials", json!(all)), ("kinds", json!(kinds))];
            if strange > 0 {
                totals.push(("strange", json!(strange)));
            }
            match saved {
                Ok(Some(name)) => totals.push(("recording", json!(name))),
                Ok(None) => {}
                Err(error) => totals.push(("unsaved", json!(error.to_string()))),
            }
            self.say("ended", totals);
        }
    }

    fn serve(&self, listener: &mut Listener, pace: &Pace) -> io::Result<()> {
        let mut calls = Seen::new();
        let inherited = self.origin == Origin::Inherited;
        if !inherited {
            self.legacy.keep_listener(&self.name, listener.fd());
        }
        // The agent before us may have been killed between hearing and answering. If it was after
        // answering, the kernel says that nobody waits.
        let mut next = listener.inherited();
        // Whom an agent had before us runs its own program, but for an unlucky moment.
        let mut own = inherited;
        loop {
            let call = match next.take() {
                Some(call) => call,
                None => match listener.receive()? {
                    Received::Over => return Ok(()),
                    Received::Call(call) => call,
                },
            };
            let start = Instant::now();
            let Answer { reply, strange } = answer(&self.container.program, &call);
            let comm = match reply {
                Reply::Errno(_) => calls.comm(call.pid),
                Reply::Continue => [0; 16],
            };
            let heard = listener.answer(call.id, reply)?;
            pace.answered(reply, heard, start.elapsed());
            if strange {
                self.container.strange.fetch_add(1, Ordering::Relaxed);
            }
            // A task that was interrupted meanwhile asks again.
            if heard {
                self.note(&call, reply, comm, &mut calls, &mut own, pace);
            }
        }
    }

    fn note(
        &self,
        call: &Notification,
        reply: Reply,
        comm: Comm,
        calls: &mut Seen,
        own: &mut bool,
        pace: &Pace,
    ) {
        if let Reply::Errno(errno) = reply {
            let plain = calls.plain(call);
            let kind = Kind {
                arch: call.arch,
                nr: call.nr,
                errno,
                comm,
                args: plain.only(call.args),
            };
            let first = self.container.denials().note(kind, call.pid);
            calls.count(&self.metrics, &self.container, call);
            if !first {
                pace.suppressed();
            } else {
                let mut fields = self.container.names();
                describe(&mut fields, &kind, call.pid);
                self.journal.say("denied", fields);
            }
        }
        if self.container.who.mode == Mode::Record && reply == Reply::Continue {
            let plain = calls.plain(call);
            let args = plain.is_some().then(|| plain.only(call.args));
            self.container.tape().note(call.arch, call.nr, *own, args);
            if !*own && calls.is_exec(call) {
                *own = true;
                if self.name.first {
                    self.container.tell("started\n".to_owned());
                }
            }
        }
    }

    fn say<'f>(&self, event: &str, more: impl IntoIterator<Item = (&'f str, Value)>) {
        let mut fields = self.container.names();
        let more = more.into_iter();
        fields.extend(more.map(|(key, value)| (key.to_owned(), value)));
        self.journal.say(event, fields);
    }
}

/// Has a listener served, and closes it then. Why it did not come to its end, if it did not.
fn until_over(
    mut listener: Listener,
    serve: impl FnOnce(&mut Listener) -> io::Result<()>,
) -> Option<String> {
    // A panic must not take other containers' threads along, nor leave a call unanswered: the
    // listener is closed below, which answers ENOSYS to all that is asked of it.
    let ended = catch_unwind(AssertUnwindSafe(|| serve(&mut listener)));
    drop(listener);
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("a bug in the agent".to_owned()),
    }
}

/// Sums up what a container was denied again since the last time, of so many kinds.
pub(crate) fn tell_repeats(container: &Container, journal: &Journal, at_most: usize) {
    // The lock is not held while lines are made.
    let repeats = container.denials().repeats(at_most);
    for one in repeats {
        let mut fields = container.names();
        if let Some(kind) = one.kind {
            describe(&mut fields, &kind, one.pid);
        }
        fields.insert("count".to_owned(), json!(one.count));
        fields.insert("total".to_owned(), json!(one.total));
        let event = if one.kind.is_some() {
            "repeated"
        } else {
            "suppressed"
        };
        journal.say(event, fields);
    }
}

pub(crate) fn describe(fields: &mut Map<String, Value>, kind: &Kind, pid: u32) {
    let name = name::syscall(kind.arch, kind.nr);
    let end = kind.comm.iter().position(|byte| *byte == 0);
    let comm = kind.comm.get(..end.unwrap_or(kind.comm.len()));
    let comm = String::from_utf8_lossy(comm.unwrap_or_default());
    let errno = u32::from(kind.errno);
    let named = profile::errno_name(errno);
    let more = [
        ("pid", json!(pid)),
        ("comm", json!(clean(&comm))),
        ("args", Plain::of(&name).words(kind.args)),
        ("syscall", json!(name)),
        ("nr", json!(kind.nr)),
        ("arch", json!(name::arch_name(kind.arch, kind.nr))),
        (
            "errno",
            named.map_or_else(|| json!(errno.to_string()), |name| json!(name)),
        ),
    ];
    fields.extend(more.map(|(key, value)| (key.to_owned(), value)));
}

/// What a listener's thread has looked up already.
#[derive(Debug)]
struct Seen {
    comms: HashMap<u32, Comm, RandomState>,
    /// Since when these are taken to stay, and how many were read since.
    since: Instant,
    reads: usize,
    plains: HashMap<(u32, u32), (Plain, bool), RandomState>,
    numbers: HashMap<(u32, u32), Arc<AtomicU64>, RandomState>,
}

impl Seen {
    fn new() -> Self {
        Self {
            comms: HashMap::default(),
            since: Instant::now(),
            reads: 0,
            plains: HashMap::default(),
            numbers: HashMap::default(),
        }
    }

    /// The name of a thread. Read while the thread waits for its answer, so that it is that thread's;
    /// but of many denials at a time not at each: that takes longer than all the rest.
    fn comm(&mut self, thread: u32) -> Comm {
        if self.since.elapsed() >= FRESH {
            self.comms.clear();
            self.since = Instant::now();
            self.reads = 0;
        }
        if self.reads >= READS
            && let Some(comm) = self.comms.get(&thread)
        {
            return *comm;
        }
        self.reads = self.reads.saturating_add(1);
        let comm = read_comm(thread).unwrap_or_default();
        if self.comms.len() >= MOST {
            self.comms.clear();
        }
        self.comms.insert(thread, comm);
        comm
    }

    /// Counts a denial in its series.
    fn count(&mut self, metrics: &Metrics, container: &Container, call: &Notification) {
        if self.numbers.len() >= MOST {
            self.numbers.clear();
        }
        let entry = self.numbers.entry((call.arch, call.nr));
        let number =
            entry.or_insert_with(|| metrics.denials(container, &name::syscall(call.arch, call.nr)));
        number.fetch_add(1, Ordering::Relaxed);
    }

    fn looked_up(&mut self, call: &Notification) -> (Plain, bool) {
        if self.plains.len() >= MOST {
            self.plains.clear();
        }
        let entry = self.plains.entry((call.arch, call.nr));
        *entry.or_insert_with(|| {
            let name = name::syscall(call.arch, call.nr);
            let exec = name == "execve" || name == "execveat";
            (Plain::of(&name), exec)
        })
    }

    fn plain(&mut self, call: &Notification) -> Plain {
        self.looked_up(call).0
    }

    fn is_exec(&mut self, call: &Notification) -> bool {
        self.looked_up(call).1
    }
}

/// How long threads' names are taken to stay in a storm of denials, and how many are read meanwhile
/// before there is one.
const FRESH: Duration = Duration::from_millis(50);
const READS: usize = 32;
/// Entries that a thread remembers.
const MOST: usize = 4096;

fn read_comm(thread: u32) -> io::Result<Comm> {
    let mut comm = [0; 16];
    if thread == 0 {
        return Ok(comm);
    }
    let mut file = std::fs::File::open(format!("/proc/{thread}/comm"))?;
    let length = file.read(&mut comm)?;
    if let Some(end) = length.checked_sub(1).and_then(|last| comm.get_mut(last))
        && *end == b'\n'
    {
        *end = 0;
    }
    Ok(comm)
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::sys::Room;
    use crate::sys::tests::Asker;

    #[test]
    fn a_panic_closes_that_listener_alone() {
        let prove = |asker: &mut Asker| {
            let fd = asker.listener.take().unwrap();
            Listener::prove(fd, Room::new().unwrap()).unwrap()
        };
        let (mut one, mut other) = (Asker::start(), Asker::start());
        let (broken, whole) = (prove(&mut one), prove(&mut other));
        let whole = std::thread::spawn(|| {
            until_over(whole, |listener| {
                while let Received::Call(call) = listener.receive()? {
                    listener.answer(call.id, Reply::Errno(77))?;
                }
                Ok(())
            })
        });
        let broken = std::thread::spawn(|| {
            until_over(broken, |listener| {
                let _ = listener.receive()?;
                panic!("a bug, of which this is to be seen");
            })
        });
        assert_eq!(other.ask(), Errno::from_raw_os_error(77));
        // The call that was received, and those that come after it.
        assert_eq!(one.ask(), Errno::NOSYS);
        assert_eq!(broken.join().unwrap().unwrap(), "a bug in the agent");
        assert_eq!(one.ask(), Errno::NOSYS);
        assert_eq!(other.ask(), Errno::from_raw_os_error(77));
        drop(other);
        assert_eq!(whole.join().unwrap(), None);
    }
}

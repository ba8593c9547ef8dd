//! What a container did, in mode record, and the file that keeps it.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use crate::name;
use crate::wire::{Learned, Registration};

/// Sets of plain arguments that are kept of a call.
const SETS: usize = 16;

/// Calls as they come, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// By the runtime's code in the container, before the container's own program.
    runtime: HashMap<(u32, u32), u64, RandomState>,
    own: HashMap<(u32, u32), Seen, RandomState>,
    all: u64,
    /// Of those, how many are in the file.
    saved: u64,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    args: Vec<[u64; 6]>,
    /// Whether there were more sets of arguments than are kept.
    more: bool,
}

impl Tape {
    /// Notes a call; `args` are the plain ones, none where there are no such.
    pub(crate) fn note(&mut self, arch: u32, nr: u32, own: bool, args: Option<[u64; 6]>) {
        self.all = self.all.saturating_add(1);
        if !own {
            let count = self.runtime.entry((arch, nr)).or_default();
            *count = count.saturating_add(1);
            return;
        }
        let seen = self.own.entry((arch, nr)).or_default();
        seen.count = seen.count.saturating_add(1);
        if let Some(args) = args
            && !seen.more
            && !seen.args.contains(&args)
        {
            if seen.args.len() < SETS {
                seen.args.push(args);
            } else {
                seen.more = true;
                seen.args = Vec::new();
            }
        }
    }

    /// The recording so far, if it has anything that is not in the file.
    pub(crate) fn take(&mut self, who: &Registration, over: bool) -> Option<Recording> {
        if self.all == self.saved && !over {
            return None;
        }
        self.saved = self.all;
        let calls = |map: &HashMap<(u32, u32), u64, RandomState>| {
            let calls = map.iter().map(|((arch, nr), count)| Call {
                count: *count,
                ..Call::new(*arch, *nr)
            });
            sorted(calls.collect())
        };
        let own = self.own.iter().map(|((arch, nr), seen)| Call {
            count: seen.count,
            args: seen.args.clone(),
            more_args: seen.more,
            ..Call::new(*arch, *nr)
        });
        Some(Recording {
            version: 1,
            saved: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            over,
            id: who.id.clone(),
            engine: who.engine.clone(),
            namespace: who.namespace.clone(),
            pod: who.pod.clone(),
            container: who.container.clone(),
            image: who.image.clone(),
            runtime: who.runtime_name.clone(),
            no_new_privileges: who.no_new_privileges,
            native: who.native.clone(),
            unasked: who.unasked.clone(),
            learned: who.learned.clone(),
            by_runtime: calls(&self.runtime),
            calls: sorted(own.collect()),
        })
    }
}

impl Tape {
    /// What was taken last is in no file.
    pub(crate) fn unsaved(&mut self) {
        self.saved = 0;
    }
}

fn sorted(mut calls: Vec<Call>) -> Vec<Call> {
    calls.sort_by(|a, b| (&a.arch, &a.syscall).cmp(&(&b.arch, &b.syscall)));
    calls
}

/// A container's calls as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Of the format: 1.
    pub version: u32,
    /// When it was written.
    pub saved: String,
    /// Whether the container has ended.
    pub over: bool,
    /// The container's id.
    pub id: String,
    /// Its engine, and what that tells of it.
    pub engine: String,
    /// As above.
    pub namespace: Option<String>,
    /// As above.
    pub pod: Option<String>,
    /// As above.
    pub container: Option<String>,
    /// As above.
    pub image: Option<String>,
    /// The runtime: runc, crun, youki.
    pub runtime: String,
    /// Whether its process had noNewPrivileges.
    pub no_new_privileges: bool,
    /// The native architecture.
    pub native: String,
    /// Calls that could not be asked about.
    pub unasked: Vec<String>,
    /// What was learned already, and let be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
    /// What the runtime's own code called in the container before its program.
    pub by_runtime: Vec<Call>,
    /// What the container called.
    pub calls: Vec<Call>,
}

/// A call of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The ABI: x86_64, x86, x32 …
    pub arch: String,
    /// Its name.
    pub syscall: String,
    /// Its number.
    pub nr: u32,
    /// How often it came.
    pub count: u64,
    /// The plain arguments with which it came, others 0; none where that was not written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<[u64; 6]>,
    /// Whether there were too many to keep.
    #[serde(default)]
    pub more_args: bool,
}

impl Call {
    fn new(arch: u32, nr: u32) -> Self {
        Self {
            arch: name::arch_name(arch, nr),
            syscall: name::syscall(arch, nr),
            nr,
            count: 0,
            args: Vec::new(),
            more_args: false,
        }
    }
}

/// The folder of recordings.
#[derive(Debug, Clone)]
pub struct Store(PathBuf);

impl Store {
    /// The store in this folder, which need not be there.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps a recording under `key`, in the place of what was kept under it: written beside and
    /// renamed, for root's eyes alone.
    ///
    /// # Errors
    /// What writing files can come to.
    pub(crate) fn save(&self, key: &str, recording: &Recording) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let beside = self.0.join(format!(".{key}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        let mut text = serde_json::to_vec_pretty(recording)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, self.0.join(format!("{key}.json")))
    }

    /// All recordings with their keys, the oldest first.
    ///
    /// # Errors
    /// The folder cannot be read; one that is not there is empty.
    pub fn all(&self) -> io::Result<Vec<(String, Recording)>> {
        let folder = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut all = BTreeMap::new();
        for entry in folder {
            let path = entry?.path();
            let key = path.file_stem().unwrap_or_default().to_string_lossy();
            if key.starts_with('.') || path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            all.insert(key.clone().into_owned(), read(&path)?);
        }
        Ok(all.into_iter().collect())
    }
}

fn read(path: &Path) -> io::Result<Recording> {
    let text = fs::read(path)?;
    serde_json::from_slice(&text)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

/// A file's name for a recording: the time, so that they sort, and the container's id.
pub(crate) fn key(who: &Registration) -> String {
    // To the millisecond: the newest of one container is found by this.
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let id: String = who.id.chars().filter(|c| plain(*c)).take(80).collect();
    let token: String = who.token.chars().take(8).collect();
    format!(
        "{}-{id}-{token}",
        time.replace([':', '-', '.'], "").to_lowercase()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_kept_while_they_are_few() {
        let mut tape = Tape::default();
        for _ in 0..100 {
            tape.note(0xc000_003e, 56, true, Some([17, 0, 0, 0, 0, 0]));
        }
        let seen = &tape.own[&(0xc000_003e, 56)];
        assert_eq!((seen.count, seen.args.len(), seen.more), (100, 1, false));
        for at in 0..100 {
            tape.note(0xc000_003e, 56, true, Some([at, 0, 0, 0, 0, 0]));
        }
        let seen = &tape.own[&(0xc000_003e, 56)];
        assert!(seen.more && seen.args.is_empty());
    }
}

//! What a `shim record run` sets up for its time: a policy that records, and an agent.
//!
//! The policy is in a folder of root's that handlers can name for good. Between recordings it says
//! nothing, so that a container by that handler gets the default profile; one that is made after a
//! recording was killed finds no agent, and is refused. So is one that is not the command's own.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::command::{Means, Ours};
use super::run::Signals;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

/// The folder of the policy that records.
pub(super) const FOLDER: &str = "/var/lib/seccomp-shim/record";

/// Its policy between recordings.
const IDLE: &str = "# shim record run puts its policy here for its time.\nversion = 1\n";

/// One recording's set-up; taken down when dropped.
#[derive(Debug)]
pub(super) struct Session {
    folder: PathBuf,
    ours: Ours,
    /// The annotation of what is ours, `key=value`.
    annotation: String,
    /// The script that is a runtime, if there is one.
    script: PathBuf,
    live: bool,
    /// Held for as long as the policy is there.
    _lock: File,
}

impl Session {
    /// Makes the folder, which nobody else uses from here on.
    pub(super) fn begin(folder: &Path) -> Result<Self, String> {
        let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
        let fail = |error: io::Error| format!("{}: {error}", folder.display());
        let lock = prepare(&folder).map_err(fail)?;
        let secret = agent::client::token().map_err(|error| error.to_string())?;
        Ok(Self {
            script: folder.join("bin/none"),
            folder,
            ours: Ours::Alone,
            annotation: format!("{ANNOTATION}={secret}"),
            live: true,
            _lock: lock,
        })
    }

    /// Puts the policy in place for what is `ours`, with what `learned` allows as learned, and a
    /// script for the runtime `behind` it.
    pub(super) fn set_up(
        &mut self,
        ours: Ours,
        behind: Option<&Path>,
        learned: Option<&str>,
    ) -> Result<(), String> {
        self.ours = ours;
        if let Some(runtime) = behind {
            self.script = self.write_script(runtime)?;
        }
        self.write(learned)
    }

    /// The folder that handlers name.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the command is to be given.
    pub(super) fn means<'s>(&'s self, id_file: &'s Path, policy: &'s Path) -> Means<'s> {
        Means {
            policy,
            script: &self.script,
            id_file,
            annotation: &self.annotation,
        }
    }

    /// The folder of the policy that records.
    pub(super) fn policy(&self) -> PathBuf {
        match self.ours {
            // No handler names it.
            Ours::Alone => self.folder.join("alone"),
            Ours::Id | Ours::Annotated => self.folder.clone(),
        }
    }

    /// Where the engine writes the container's id.
    pub(super) fn id_file(&self) -> PathBuf {
        self.folder.join("id")
    }

    /// A runtime for engines that keep its path with the container: it is there after the recording,
    /// too, and called as the real one is, by which podman knows what it can do.
    fn write_script(&self, runtime: &Path) -> Result<PathBuf, String> {
        let folder = self.folder.join("bin");
        let fail = |error: io::Error| format!("{}: {error}", folder.display());
        let own = std::env::current_exe().map_err(fail)?;
        let words = [
            own.as_os_str(),
            "--shim-runtime".as_ref(),
            runtime.as_os_str(),
            "--shim-policy".as_ref(),
            self.folder.as_os_str(),
        ];
        let mut text = "#!/bin/sh\nexec".to_owned();
        for word in words {
            let word = word.to_str().ok_or("a path here is not UTF-8")?;
            text.push_str(&format!(" '{}'", word.replace('\'', "'\\''")));
        }
        text.push_str(" \"$@\"\n");
        make(&folder).map_err(fail)?;
        let script = folder.join(runtime.file_name().unwrap_or_default());
        put_with(&script, &text, 0o700).map_err(fail)?;
        Ok(script)
    }

    fn sockets(&self) -> PathBuf {
        self.folder.join("agent")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("agent.jsonl")
    }

    fn write(&self, learned: Option<&str>) -> Result<(), String> {
        let fail = |error: io::Error| format!("{}: {error}", self.folder.display());
        let node = Path::new(policy::DEFAULT_DIRECTORY);
        let policy = self.policy();
        make(&policy).map_err(fail)?;
        let drop_ins = policy.join("policy.d");
        for (name, text) in floors(&node.join("policy.d"))? {
            make(&drop_ins).map_err(fail)?;
            put(&drop_ins.join(name), &text).map_err(fail)?;
        }
        if let Some(text) = learned {
            let profiles = policy.join("profiles");
            make(&profiles).map_err(fail)?;
            put(&profiles.join(LEARNED), text).map_err(fail)?;
        }
        let text = self.recording(node, learned.is_some())?;
        put(&policy.join("policy.toml"), &text).map_err(fail)
    }

    /// The node's policy.toml without its rules, and with everything recorded.
    fn recording(&self, node: &Path, learned: bool) -> Result<String, String> {
        let path = node.join("policy.toml");
        let mut document = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => DocumentMut::new(),
            text => parse(
                &path,
                &text.map_err(|error| format!("{}: {error}", path.display()))?,
            )?,
        };
        document.remove("rule");
        document.insert("version", value(1));
        let sockets = self.sockets().to_string_lossy().into_owned();
        table(&mut document, "agent").insert("sockets", value(sockets));
        let mut recorded = Table::new();
        recorded.insert("profile", value("Unconfined"));
        recorded.insert("mode", value("record"));
        if learned {
            recorded.insert("learned", value(LEARNED));
        }
        let defaults = table(&mut document, "defaults");
        let default = defaults.remove("runtime_default");
        defaults.clear();
        defaults.extend(default.map(|default| ("runtime_default", default)));
        match (self.ours, self.annotation.split_once('=')) {
            (Ours::Annotated, Some((key, secret))) => {
                let mut annotation = InlineTable::new();
                annotation.insert(key, secret.into());
                let mut when = InlineTable::new();
                when.insert("annotation", annotation.into());
                recorded.insert("when", value(when));
                let mut rules = ArrayOfTables::new();
                rules.push(recorded);
                document.insert("rule", Item::ArrayOfTables(rules));
            }
            _ => defaults.extend(recorded),
        }
        let profiles = node.join("profiles");
        if profiles.is_dir() {
            let localhost = table(&mut document, "localhost");
            let mut roots = Array::new();
            roots.push(profiles.to_string_lossy().into_owned());
            if let Some(more) = localhost.get("roots").and_then(Item::as_array) {
                roots.extend(more.iter().cloned());
            }
            localhost.insert("roots", value(roots));
        }
        Ok(document.to_string())
    }

    /// Starts the agent, and waits until it is there.
    pub(super) fn agent(&self, recordings: &Path, signals: &Signals) -> Result<Child, String> {
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["agent", "--every", "1", "--socket-dir"])
            .arg(self.sockets())
            .arg("--log")
            .arg(self.log())
            .arg("--recordings")
            .arg(recordings);
        if self.ours == Ours::Id {
            command.arg("--only").arg(self.id_file());
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Ctrl-C is for the recorded command; the agent hears of it last.
            .process_group(0);
        let fail = |error| format!("the agent cannot be started: {error}");
        let mut agent = signals.spawn(&mut command).map_err(fail)?;
        let start = Instant::now();
        while self.events("started").is_empty() {
            let ended = agent.try_wait().map_err(fail)?;
            if ended.is_some() || start.elapsed() > PATIENCE {
                let _ = agent.kill();
                return Err(format!("the agent does not start ({ended:?})"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(agent)
    }

    /// The agent's lines of one event.
    fn events(&self, event: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let of = |line: &Value| line.get("event").is_some_and(|is| is == event);
        lines.filter(of).collect()
    }

    /// The ids of the containers that were attached.
    pub(super) fn containers(&self) -> Vec<String> {
        let lines = self.events("attached");
        let ids = lines.iter().filter_map(|line| line.get("id")?.as_str());
        let mut ids: Vec<String> = ids.map(str::to_owned).collect();
        ids.dedup();
        ids
    }

    /// How many of them have not ended.
    pub(super) fn running(&self) -> usize {
        let (attached, ended) = (self.events("attached"), self.events("ended"));
        attached.len().saturating_sub(ended.len())
    }

    /// Takes the policy back.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.live) {
            // Without its agent the policy refuses what it cannot record, should it stay.
            let _ = put(&self.folder.join("policy.toml"), IDLE);
            clear(&self.folder);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

const LEARNED: &str = "learned.json";
const ANNOTATION: &str = "seccomp-shim.record";
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the folder with its idle policy, and takes its lock.
fn prepare(folder: &Path) -> io::Result<File> {
    make(folder)?;
    let lock = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| io::Error::other("another shim record run is at work; wait for its end"))?;
    put(&folder.join("policy.toml"), IDLE)?;
    clear(folder);
    Ok(lock)
}

/// What an earlier recording has left.
fn clear(folder: &Path) {
    for name in ["policy.d", "profiles", "agent", "alone"] {
        let _ = fs::remove_dir_all(folder.join(name));
    }
    for name in ["agent.jsonl", "id"] {
        let _ = fs::remove_file(folder.join(name));
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    put_with(path, text, 0o600)
}

/// Written beside and renamed.
fn put_with(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(mode);
    options.open(&beside)?.write_all(text.as_bytes())?;
    fs::rename(beside, path)
}

/// The floors in a folder of drop-ins, as files without rules.
fn floors(folder: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(found);
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        let mut document = parse(&path, &text)?;
        document.remove("rule");
        if document.contains_key("floor") {
            found.push((PathBuf::from(entry.file_name()), document.to_string()));
        }
    }
    Ok(found)
}

fn parse(path: &Path, text: &str) -> Result<DocumentMut, String> {
    let parsed = text.parse();
    parsed.map_err(|error| format!("{}: {error}", path.display()))
}

/// A table of the document, which may stand there in another form.
fn table<'d>(document: &'d mut DocumentMut, name: &str) -> &'d mut Table {
    let item = document
        .entry(name)
        .or_insert_with(|| Item::Table(Table::new()));
    let taken = std::mem::take(item);
    *item = Item::Table(taken.into_table().unwrap_or_default());
    match item {
        Item::Table(table) => table,
        _ => unreachable!("it was made one"),
    }
}

//! One call that is about to be refused, and everything that must hold of a refusal.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{Outcome, RealRuntime, copy_program, run, shim_binary};
use serde_json::Value;
use tempfile::TempDir;

/// Words in which engines see something else than a refused container.
const MISREAD: &[&str] = &[
    "no such file or directory",
    "permission denied",
    "operation not permitted",
    "not a directory",
    "executable file not found",
];

/// What is in a folder: each entry with its inode, size, mode and time, and the text of a file.
type Listing = BTreeMap<PathBuf, (u64, u64, u32, i64, Option<Vec<u8>>)>;

/// A `run` through the shim: one that is not refused, as it should be, ends by itself.
pub(crate) struct Attempt {
    bundle: PathBuf,
    log: TempDir,
    command: Command,
    /// What the command line says before the subcommand.
    own: Vec<String>,
    keeps_inode: bool,
}

impl Attempt {
    /// A create by the shim in front of a real runtime.
    pub(crate) fn before(runtime: &RealRuntime, policy: &Path, bundle: &Path) -> Self {
        Self::by(runtime.shimmed(policy), bundle)
    }

    /// A create by a command of the shim that lacks only the runtime's own words.
    pub(crate) fn by(command: Command, bundle: &Path) -> Self {
        let log = tempfile::tempdir().expect("a folder for the log");
        Self {
            bundle: bundle.to_owned(),
            log,
            command,
            own: Vec::new(),
            keeps_inode: true,
        }
    }

    /// With an option of the shim's own.
    pub(crate) fn own(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        let value = value.as_ref().display();
        self.own.push(format!("{name}={value}"));
        self
    }

    /// The bundle may have been rewritten and put back meanwhile: only its text counts.
    pub(crate) fn put_back(mut self) -> Self {
        self.keeps_inode = false;
        self
    }

    /// By a user who is not root.
    pub(crate) fn by_user(mut self, uid: u32) -> Self {
        use std::os::unix::process::CommandExt;
        std::os::unix::fs::chown(self.log.path(), Some(uid), Some(uid)).expect("chown");
        self.command.uid(uid).gid(uid);
        self
    }

    /// Makes the attempt, checks what holds of every refusal, and gives the message.
    pub(crate) fn refused(mut self, case: &str) -> String {
        let before = list(&self.bundle, self.keeps_inode);
        let log = self.log.path().join("log.json");
        self.command.args(&self.own);
        self.command.arg("--log").arg(&log);
        self.command
            .args(["--log-format", "json", "run", "--bundle"]);
        self.command.arg(&self.bundle).arg("refused");
        let outcome = run(&mut self.command);
        let message = check_said(case, &outcome);
        check_log(case, &log, &message);
        assert!(
            before == list(&self.bundle, self.keeps_inode),
            "{case}: the bundle changed"
        );
        message
    }
}

/// A copy of the shim, for callers that are not root: they may not be let into the folder that the
/// binary was built in.
pub(crate) struct ForAll {
    folder: TempDir,
}

impl ForAll {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        chmod(folder.path(), 0o755);
        copy_program(&shim_binary(), &folder.path().join("shim"));
        Self { folder }
    }

    /// Something else in its folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A create by that user, under no policy.
    pub(crate) fn attempt(&self, uid: u32, runtime: &Path, bundle: &Path) -> Attempt {
        Attempt::by(Command::new(self.at("shim")), bundle)
            .own("--shim-runtime", runtime)
            .own("--shim-policy", self.at("no-policy"))
            .by_user(uid)
    }
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn check_said(case: &str, outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(1), "{case}: {outcome:?}");
    assert_eq!(outcome.stdout, "", "{case}: nothing on stdout");
    let message = outcome.stderr.strip_suffix('\n').unwrap_or("");
    assert!(
        !message.is_empty() && !message.contains(|c: char| c.is_control()),
        "{case}: one line: {:?}",
        outcome.stderr
    );
    assert!(message.starts_with("seccomp-shim: "), "{case}: {message}");
    for words in MISREAD {
        assert!(
            !message.to_lowercase().contains(words),
            "{case}: {words}: {message}"
        );
    }
    message.to_owned()
}

fn check_log(case: &str, log: &Path, message: &str) {
    let text = fs::read_to_string(log).unwrap_or_default();
    assert_eq!(text.lines().count(), 1, "{case}: one line in {text:?}");
    let value: Value = serde_json::from_str(&text).expect("one JSON value");
    assert_eq!(value["level"], "error", "{case}");
    assert_eq!(value["msg"], message, "{case}");
    let time = value["time"].as_str().expect("a time");
    assert!(is_rfc3339(time), "{case}: {time}");
}

/// Whether it is like 2006-01-02T15:04:05Z, which containerd insists on.
fn is_rfc3339(time: &str) -> bool {
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00Z"
}

fn list(folder: &Path, inodes: bool) -> Listing {
    let Ok(entries) = fs::read_dir(folder) else {
        return Listing::new();
    };
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let about = fs::symlink_metadata(&path).expect("its metadata");
            let small = about.is_file() && about.len() < 20 << 20;
            let text = small.then(|| fs::read(&path).expect("its text"));
            let (inode, time) = if inodes {
                (about.ino(), about.mtime_nsec())
            } else {
                (0, 0)
            };
            (path, (inode, about.len(), about.mode(), time, text))
        })
        .collect()
}

//! What a program finds when it is exec'd: the recorder writes it, tests compare it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The environment variable that names the file to write the recording to.
pub const RECORD_TO: &str = "RECORD_TO";

/// The environment variable that says how to end: an exit code, or `-` and a signal's number.
pub const RECORD_END: &str = "RECORD_END";

/// Everything that a process inherits, to the byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The process.
    pub pid: u32,
    /// The words of its command line, argv\[0\] first.
    pub argv: Vec<Vec<u8>>,
    /// Its environment as the kernel keeps it.
    pub environ: Vec<u8>,
    /// Its open fds and what they are open on.
    pub fds: BTreeMap<i32, Vec<u8>>,
    /// Its lines of /proc/self/status about the umask, signals and privileges.
    pub status: BTreeMap<String, String>,
    /// Its working directory.
    pub cwd: Vec<u8>,
    /// Its resource limits.
    pub limits: String,
    /// What came on its standard input, where that is no terminal or device.
    pub stdin: Vec<u8>,
}

impl Recording {
    /// What this process has inherited, as far as it has not changed it.
    ///
    /// # Errors
    /// /proc is not as Linux has it.
    pub fn of_this_process() -> std::io::Result<Self> {
        let fds = open_fds()?;
        let piped = fds.get(&0).is_some_and(|on| on.starts_with(b"pipe:"));
        let mut stdin = Vec::new();
        if piped {
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut stdin)?;
        }
        let cmdline = fs::read("/proc/self/cmdline")?;
        let words = cmdline.strip_suffix(b"\0").unwrap_or(&cmdline);
        Ok(Self {
            pid: std::process::id(),
            argv: words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
            environ: fs::read("/proc/self/environ")?,
            fds,
            status: status()?,
            cwd: fs::read_link("/proc/self/cwd")?.into_os_string().into_vec(),
            limits: fs::read_to_string("/proc/self/limits")?,
            stdin,
        })
    }

    /// Reads the recording that a recorder wrote to `path`; none if none was written.
    ///
    /// # Panics
    /// If it is no recording.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn read(path: &Path) -> Option<Self> {
        let text = fs::read(path).ok()?;
        Some(serde_json::from_slice(&text).expect("a recording"))
    }

    /// The words after argv\[0\].
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let words = self.argv.iter().skip(1).cloned();
        words.map(OsString::from_vec).collect()
    }

    /// argv\[0\].
    #[must_use]
    pub fn name(&self) -> PathBuf {
        let name = self.argv.first().cloned().unwrap_or_default();
        PathBuf::from(OsString::from_vec(name))
    }

    /// A line of /proc/self/status.
    #[must_use]
    pub fn status(&self, key: &str) -> &str {
        self.status.get(key).map_or("", String::as_str)
    }
}

fn open_fds() -> std::io::Result<BTreeMap<i32, Vec<u8>>> {
    let mut fds = BTreeMap::new();
    let own = format!("/proc/{}/fd", std::process::id());
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let (Ok(on), Ok(number)) = (
            fs::read_link(entry.path()),
            entry.file_name().to_string_lossy().parse(),
        ) else {
            continue;
        };
        // The fd by which they are listed is our own.
        if on.as_os_str().as_bytes() != own.as_bytes() {
            fds.insert(number, on.into_os_string().into_vec());
        }
    }
    Ok(fds)
}

fn status() -> std::io::Result<BTreeMap<String, String>> {
    const KEPT: &[&str] = &[
        "Umask",
        "Uid",
        "Gid",
        "Groups",
        "SigPnd",
        "ShdPnd",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
    ];
    let text = fs::read_to_string("/proc/self/status")?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines
        .filter(|(key, _)| KEPT.contains(key))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect())
}

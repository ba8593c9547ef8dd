//! One call, made by a process of its own, and what came of it.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Came {
    /// It returned without an error.
    Ok,
    /// It returned an errno.
    Errno(i32),
    /// A filter sent SIGSYS, which can be caught.
    Trapped,
    /// The thread was killed, the process was not.
    ThreadKilled,
    /// The process was killed, by this signal.
    Killed(i32),
}

impl Came {
    /// What the probe means by what it printed; none if it could not do its work.
    #[must_use]
    pub fn said(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "ok" => Self::Ok,
            "trap" => Self::Trapped,
            "killed the thread" => Self::ThreadKilled,
            other => Self::Errno(other.strip_prefix("errno ")?.parse().ok()?),
        })
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Errno(errno) => write!(f, "errno {errno}"),
            Self::Trapped => f.write_str("SIGSYS"),
            Self::ThreadKilled => f.write_str("a killed thread"),
            Self::Killed(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// Compiled filters in files, for the probe to load.
#[derive(Debug)]
pub struct Probe {
    binary: PathBuf,
    folder: tempfile::TempDir,
    filters: Vec<PathBuf>,
}

impl Probe {
    /// A probe under some programs, the last on top, each as an array of `struct sock_filter`.
    /// `binary` is `env!("CARGO_BIN_EXE_probe")`.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn under(binary: &str, programs: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the filters");
        let write = |(at, program): (usize, &Vec<u8>)| {
            let path = folder.path().join(format!("{at}.bpf"));
            std::fs::write(&path, program).expect("a filter is written");
            path
        };
        let filters = programs.iter().enumerate().map(write).collect();
        Self {
            binary: Path::new(binary).to_owned(),
            folder,
            filters,
        }
    }

    /// Makes call `nr` and says what came of it. It must be harmless if it is let through.
    ///
    /// # Panics
    /// If the probe cannot do its work.
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "a test ends here")]
    pub fn call(&self, nr: u32, args: [u64; 6]) -> Came {
        let mut command = Command::new(&self.binary);
        for filter in &self.filters {
            command.arg("--filter").arg(filter);
        }
        command
            .arg(nr.to_string())
            .args(args.map(|arg| arg.to_string()));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        let output = command.output().expect("the probe starts");
        if let Some(signal) = output.status.signal() {
            return Came::Killed(signal);
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Came::said(&text).unwrap_or_else(|| panic!("call {nr:#x} {args:x?}: {output:?}"))
    }
}

//! Real runtimes, behind the shim or alone.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tempfile::TempDir;

use crate::{Outcome, TestBundle, run, shim_binary, skip};

/// A real runtime that works on this machine, with a state folder of its own.
#[derive(Debug)]
pub struct RealRuntime {
    /// Its name: `runc`, `crun`.
    pub name: &'static str,
    path: PathBuf,
    state: TempDir,
}

impl RealRuntime {
    /// The runtimes that the test can use; those that are missing, and all where there is no root,
    /// are said to be skipped.
    #[must_use]
    pub fn all(test: &str) -> Vec<Self> {
        ["runc", "crun"]
            .into_iter()
            .filter_map(|name| Self::find(test, name))
            .collect()
    }

    /// One runtime, if it can be used here. youki is no Debian package: `make youki` builds it, or
    /// `YOUKI` names one.
    #[must_use]
    pub fn find(test: &str, name: &'static str) -> Option<Self> {
        if !crate::needs_root(test) {
            return None;
        }
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
        let mut places = folders.iter().map(|folder| Path::new(folder).join(name));
        let path = match name {
            "youki" => Some(youki()).filter(|path| path.is_file()),
            _ => places.find(|path| path.is_file()),
        };
        let Some(path) = path else {
            skip(test, &format!("{name} is not installed"));
            return None;
        };
        if !Path::new("/bin/busybox").is_file() {
            skip(test, "busybox-static is not installed");
            return None;
        }
        match tempfile::tempdir() {
            Ok(state) => Some(Self { name, path, state }),
            Err(error) => {
                skip(test, &format!("no folder for its state: {error}"));
                None
            }
        }
    }

    /// Where the runtime is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command of the runtime alone.
    #[must_use]
    pub fn bare(&self) -> Command {
        let mut command = self.in_its_world(self.path.as_os_str());
        command.arg("--root").arg(self.state.path());
        command
    }

    /// A command of the shim in front of the runtime, with a policy directory.
    #[must_use]
    pub fn shimmed(&self, policy: &Path) -> Command {
        let mut command = self.in_its_world(shim_binary().as_os_str());
        command
            .arg("--shim-runtime")
            .arg(&self.path)
            .arg("--shim-policy")
            .arg(policy);
        command.arg("--root").arg(self.state.path());
        command
    }

    /// As an engine starts it: without the folders of libraries that cargo tells its tests.
    fn in_its_world(&self, program: &OsStr) -> Command {
        let mut command = self.in_its_mounts(program);
        command.env_remove("LD_LIBRARY_PATH");
        command
    }

    /// crun refuses a cgroup v2 mounted within v1, so it gets a mount namespace without it.
    fn in_its_mounts(&self, program: &OsStr) -> Command {
        if self.name != "crun" || !Path::new("/sys/fs/cgroup/unified").is_dir() {
            return Command::new(program);
        }
        let mut command = Command::new("unshare");
        let script = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(program);
        command
    }

    /// Runs the bundle's container to its end, behind the shim.
    #[must_use]
    pub fn run(&self, policy: &Path, bundle: &TestBundle) -> Outcome {
        let id = bundle.id();
        let outcome = run(self
            .shimmed(policy)
            .args(["run", "--bundle"])
            .arg(bundle.path())
            .arg(&id));
        // A refused or failed run may leave nothing to delete.
        let _ = run(self.bare().args(["delete", "--force", &id]));
        outcome
    }

    /// Creates the bundle's container behind the shim; its stdio goes nowhere.
    ///
    /// # Errors
    /// What the shim and the runtime said, if it was not created.
    pub fn create(&self, policy: &Path, bundle: &TestBundle) -> Result<Container<'_>, Outcome> {
        self.create_saying(policy, bundle, Stdio::null())
    }

    /// Runs the bundle's container to its end in two steps, as engines do it: youki 0.7.0's `run`
    /// waits for ever for a program that ends at once. The code is that of `start`: what the container
    /// ended with, nobody is told.
    ///
    /// # Panics
    /// If it does not end, or there is no file for what it says.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn create_and_start(&self, policy: &Path, bundle: &TestBundle) -> Outcome {
        let said = tempfile::tempfile().expect("a file");
        let for_container = Stdio::from(said.try_clone().expect("an fd more"));
        let container = match self.create_saying(policy, bundle, for_container) {
            Ok(container) => container,
            Err(refused) => return refused,
        };
        let pid = container.pid(policy).and_then(|pid| pid.try_into().ok());
        let pid = pid.and_then(Pid::from_raw).expect("a pid");
        let process = pidfd_open(pid, PidfdFlags::empty()).expect("its process");
        // youki leaves that to engines; runc and crun have done it.
        let _ = run(Command::new("nsenter")
            .arg(format!("--net=/proc/{pid}/ns/net"))
            .args(["/bin/busybox", "ip", "link", "set", "lo", "up"]));
        let started = container.command(policy, &["start"]);
        let mut its_end = [PollFd::new(&process, PollFlags::IN)];
        let ended = !started.ok() || poll(&mut its_end, Some(&PATIENCE)).is_ok_and(|n| n > 0);
        drop(container);
        assert!(ended, "{} does not end: {started:?}", self.name);
        Outcome {
            stdout: read_back(&said),
            ..started
        }
    }

    fn create_saying(
        &self,
        policy: &Path,
        bundle: &TestBundle,
        stdout: Stdio,
    ) -> Result<Container<'_>, Outcome> {
        let id = bundle.id();
        let log = bundle.path().join("log.json");
        let mut command = self.shimmed(policy);
        command
            .arg("--log")
            .arg(&log)
            .args(["--log-format", "json", "create", "--bundle"]);
        command.arg(bundle.path()).arg(&id);
        let stderr = tempfile::tempfile();
        let (Ok(stderr), Ok(for_child)) = (
            stderr.as_ref(),
            stderr
                .as_ref()
                .map_or_else(|_| tempfile::tempfile(), std::fs::File::try_clone),
        ) else {
            return Err(Outcome {
                code: None,
                stdout: String::new(),
                stderr: "no file".to_owned(),
            });
        };
        // The container inherits stdio and lives on: pipes would never end.
        let status = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::from(for_child))
            .status();
        let said = read_back(stderr);
        match status {
            Ok(status) if status.success() => Ok(Container {
                runtime: self,
                id,
                said,
            }),
            Ok(status) => Err(Outcome {
                code: status.code(),
                stdout: String::new(),
                stderr: said,
            }),
            Err(error) => Err(Outcome {
                code: None,
                stdout: String::new(),
                stderr: error.to_string(),
            }),
        }
    }
}

/// How long a container may take to end.
const PATIENCE: Timespec = Timespec {
    tv_sec: 120,
    tv_nsec: 0,
};

/// Where youki is, if it is anywhere.
#[must_use]
pub fn youki() -> PathBuf {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/youki/bin/youki");
    std::env::var_os("YOUKI").map_or_else(|| made.into(), PathBuf::from)
}

fn read_back(mut file: &std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut text = String::new();
    // What cannot be read back was not said.
    let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
    text
}

impl TestBundle {
    /// An id for its container, as unique as its folder.
    #[must_use]
    pub fn id(&self) -> String {
        let name = self
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        format!(
            "shim-{}",
            name.replace(|c: char| !c.is_ascii_alphanumeric(), "")
        )
    }
}

/// A created container, killed and deleted when dropped.
#[derive(Debug)]
pub struct Container<'a> {
    runtime: &'a RealRuntime,
    /// Its id.
    pub id: String,
    /// What create wrote on standard error: nothing, if all is well.
    pub said: String,
}

impl Container<'_> {
    /// Runs a command of the runtime for this container, behind the shim.
    #[must_use]
    pub fn command(&self, policy: &Path, words: &[&str]) -> Outcome {
        let (verb, rest) = words.split_first().unwrap_or((&"state", &[]));
        run(self
            .runtime
            .shimmed(policy)
            .arg(verb)
            .arg(&self.id)
            .args(rest))
    }

    /// The host pid of its first process.
    #[must_use]
    pub fn pid(&self, policy: &Path) -> Option<u32> {
        let state = self.command(policy, &["state"]);
        let state: serde_json::Value = serde_json::from_str(&state.stdout).ok()?;
        u32::try_from(state.get("pid")?.as_u64()?).ok()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // Best effort: the test has said what it had to say.
        let _ = run(self.runtime.bare().args(["delete", "--force", &self.id]));
    }
}

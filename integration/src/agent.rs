//! The agent, run for one test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::{PolicyDir, shim_binary};

/// An agent with sockets, log and recordings of its own; killed when dropped.
#[derive(Debug)]
pub struct TestAgent {
    folder: TempDir,
    child: Child,
}

/// How long something may take that an agent does at once.
const PATIENCE: Duration = Duration::from_secs(20);

impl TestAgent {
    /// Starts an agent that sums up once a second.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the agent");
        let child = Command::new(shim_binary())
            .args(["agent", "--every", "1", "--socket-dir"])
            .arg(folder.path().join("sockets"))
            .arg("--log")
            .arg(folder.path().join("log.jsonl"))
            .arg("--recordings")
            .arg(folder.path().join("recordings"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the agent starts");
        let agent = Self { folder, child };
        let _ = agent.wait_for("started", |_| true);
        agent
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its sockets.
    #[must_use]
    pub fn sockets(&self) -> PathBuf {
        self.folder.path().join("sockets")
    }

    /// The folder of its recordings.
    #[must_use]
    pub fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// A policy that names it, and says `policy` besides.
    #[must_use]
    pub fn policy(&self, policy: &str) -> PolicyDir {
        policy_for(&self.sockets(), policy)
    }

    /// What it has logged.
    ///
    /// # Panics
    /// If a line is no JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn log(&self) -> Vec<Value> {
        let path = self.folder.path().join("log.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // The last line may be half there.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect()
    }

    /// Waits for a line of that event that `fits`.
    ///
    /// # Panics
    /// If it does not come.
    #[must_use]
    pub fn wait_for(&self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let mut log = self.log().into_iter();
            let found =
                log.find(|line| line.get("event").is_some_and(|is| is == event) && fits(line));
            if let Some(line) = found {
                return line;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "no {event:?}: {:#?}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a crash would.
    ///
    /// # Panics
    /// If it cannot be killed.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn kill(&mut self) {
        self.child.kill().expect("the agent is killed");
        self.child.wait().expect("and waited for");
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A policy for an agent with sockets in that folder, whether it runs or not.
#[must_use]
pub fn policy_for(sockets: &Path, policy: &str) -> PolicyDir {
    let sockets = sockets.display().to_string();
    PolicyDir::new(&format!("agent.sockets = {sockets:?}\n{policy}"))
}

//! What `shim record` has of containers.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{RealRuntime, TestAgent, TestBundle, run, shim_binary};

impl TestAgent {
    /// The recording of a container, once that has ended.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn recording(&self, id: &str) -> Value {
        let ended = self.wait_for("ended", |line| line.get("id").is_some_and(|is| is == id));
        let name = ended.get("recording").and_then(Value::as_str);
        let name = format!("{}.json", name.expect("it was recorded"));
        let text = std::fs::read(self.recordings().join(name)).expect("the recording");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// What `shim record` says of this agent's recordings.
    ///
    /// # Panics
    /// If it says that something is wrong.
    #[must_use]
    pub fn record(&self, words: &[&str]) -> String {
        let mut command = Command::new(shim_binary());
        command.args(["record", "--recordings"]);
        let said = run(command.arg(self.recordings()).args(words));
        assert!(said.ok(), "{words:?}: {said:?}");
        said.stdout
    }
}

/// `shim record run` with folders of its own below `folder`, for a bundle.
#[must_use]
pub fn record_run(folder: &Path, runtime: &RealRuntime, bundle: &TestBundle) -> Command {
    let mut command = record_run_of(folder);
    command.arg(runtime.path()).args(["run", "--bundle"]);
    command.arg(bundle.path()).arg(bundle.id());
    command
}

/// As [`record_run`], of a command that is yet to be added.
#[must_use]
pub fn record_run_of(folder: &Path) -> Command {
    let mut command = Command::new(shim_binary());
    command
        .args(["record", "--recordings"])
        .arg(folder.join("recordings"))
        .args(["run", "--folder"])
        .arg(folder.join("policy"))
        .arg("--output")
        .arg(folder.join("out.json"))
        .arg("--");
    command
}

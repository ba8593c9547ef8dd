//! Programs run to their end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;

/// What a program said and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Both outputs, for messages and for looking for words.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Whether it exited with 0.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command with nothing on its standard input.
///
/// # Panics
/// If it cannot be started at all: then the test cannot tell anything.
#[must_use]
#[expect(clippy::panic, reason = "a test ends here")]
pub fn run(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    output.into()
}

/// Runs a command with `input` on its standard input.
///
/// # Panics
/// If it cannot be started at all, as [`run`].
#[must_use]
#[expect(clippy::expect_used, clippy::panic, reason = "a test ends here")]
pub fn run_with_input(command: &mut Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = thread::scope(|scope| {
        // What it says may fill its pipe before all is written; and it may end without having read all.
        scope.spawn(move || {
            let _ = stdin.write_all(input.as_bytes());
        });
        child.wait_with_output().expect("it ends")
    });
    output.into()
}

/// Copies a program, to be run at once. Another process does it: a writable fd of ours would, while
/// another test's child is being started, make the copy busy (ETXTBSY).
///
/// # Panics
/// If it cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    let outcome = run(Command::new("cp").arg(from).arg(to));
    assert!(outcome.ok(), "{outcome:?}");
}

/// The binary under test: `SHIM_BINARY`, else the one that `make build` leaves.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn shim_binary() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/shim");
    let path = std::env::var_os("SHIM_BINARY").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let path = path.canonicalize().unwrap_or(path);
    assert!(
        path.is_file(),
        "{} is not built: run `make build`",
        path.display()
    );
    path
}

/// What `shim explain` says, as JSON, of a bundle under a policy directory.
///
/// # Panics
/// If it does not answer in JSON.
#[must_use]
#[expect(clippy::panic, reason = "a test ends here")]
pub fn explain(policy: &Path, bundle: &Path) -> Value {
    let mut command = Command::new(shim_binary());
    command
        .args(["explain", "--format", "json", "--policy"])
        .arg(policy);
    // cargo's, which no engine sets: shim would not be certain of crun's library.
    command.env_remove("LD_LIBRARY_PATH");
    let outcome = run(command.arg("--bundle").arg(bundle));
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{outcome:?}: {error}"))
}

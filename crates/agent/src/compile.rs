//! Compiling a container's profiles, in a process of its own.
//!
//! libseccomp does not end on some profiles, and a thread cannot be stopped; and the agent has many
//! threads, beside which a fork is not safe. So the agent runs its own program again for this.
#![forbid(unsafe_code)]

use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use filter::{Endian, Limits, Program, prove_asking};
use profile::{Action, Seccomp, native_from_name};
use strict_json::{MAX_DEPTH, Text};

use crate::wire::{Registration, Runtime};

/// The program and its arguments for compiling.
pub(crate) type Words = (PathBuf, Vec<String>);

/// What the compiling process is given: what of a registration it needs.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Task {
    runtime: Runtime,
    native: String,
    plain: String,
    asking: String,
    asks_by_default: bool,
}

/// Compiles what stands on `input` as the agent wrote it: gives the program of the plain profile, as
/// an array of `struct sock_filter`, if the asking one is the same but for notifications.
///
/// # Errors
/// In words for whoever made the policy.
pub fn compile(input: &[u8]) -> Result<Vec<u8>, String> {
    let task: Task = serde_json::from_slice(input).map_err(|error| error.to_string())?;
    let native = native_from_name(&task.native)
        .ok_or_else(|| format!("{:?} is no architecture", task.native))?;
    let plain = read(&task.plain)?;
    let mut asking = read(&task.asking)?;
    if task.asks_by_default {
        asking.default_action = Action::ScmpActNotify;
        asking.default_errno = None;
    }
    let filter = prove_asking(
        &plain,
        &asking,
        native,
        task.runtime.into(),
        Limits::default(),
    )
    .map_err(|error| chain(&error))?;
    Ok(filter.program.to_bytes(Endian::host()))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !words.ends_with(&more) {
            words = format!("{words}: {more}");
        }
        source = cause.source();
    }
    words
}

fn read(json: &str) -> Result<Seccomp, String> {
    let text = Text::check(json.as_bytes(), MAX_DEPTH).map_err(|error| error.to_string())?;
    Seccomp::from_oci(&text.root()).map_err(|problems| problems.to_string())
}

/// Has a registration's profiles compiled. Blocks for as long as that takes.
///
/// # Errors
/// In words for the one who registers.
pub(crate) fn have_compiled(words: &Words, registration: &Registration) -> Result<Program, String> {
    let task = Task {
        runtime: registration.runtime,
        native: registration.native.clone(),
        plain: registration.plain.clone(),
        asking: registration.asking.clone(),
        asks_by_default: registration.asks_by_default,
    };
    let output = run(words, &task).map_err(|error| format!("it cannot be compiled: {error}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(why.trim().chars().take(1000).collect());
    }
    Program::from_bytes(&output.stdout, Endian::host()).map_err(|error| error.to_string())
}

fn run((program, args): &Words, task: &Task) -> io::Result<std::process::Output> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that does not read says on its stderr why.
        let _ = stdin.write_all(&serde_json::to_vec(task)?);
    }
    child.wait_with_output()
}

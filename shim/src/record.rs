//! The decision record: one JSON line for each container, for whoever asks later what was decided.
//!
//! It goes to journald where there is one, else to a file that is kept within bounds. Failing to
//! write it never fails a create, and it never goes to the container's stdio.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use policy::{DecidedBy, Decision, LogTo, Outcome};
use rustix::fs::OFlags;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::argv::{Command, Flavor};
use crate::{journal, listener, state_dir};

/// The file's name below [`state_dir::log`].
pub const FILE: &str = "decisions.jsonl";

/// A file of this many bytes is set aside as `….1`, over the one set aside before.
const SET_ASIDE: u64 = 16 * 1024 * 1024;

/// What there is to record.
#[derive(Debug)]
pub struct Record<'a> {
    /// The container's id.
    pub id: &'a OsStr,
    /// By which call it is made.
    pub command: Command,
    /// The runtime that it is made by.
    pub runtime: Flavor,
    /// The configuration file.
    pub bundle: &'a Path,
    /// When the shim started.
    pub started: Instant,
    /// The decision, with the profile that applies (JSON; none: unconfined).
    pub decision: Option<(&'a Decision, Option<&'a str>)>,
    /// Why the agent is not asked although the mode wants it.
    pub absent: Option<&'a str>,
    /// Why the create was refused, if it was.
    pub refused: Option<&'a str>,
}

impl Record<'_> {
    /// The record as it is written. Microseconds are from the shim's start to now.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = json!({
            "time": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            "id": short(&self.id.to_string_lossy()),
            "command": self.command.to_string(),
            "bundle": self.bundle.to_string_lossy(),
            "microseconds": u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
        let Some(fields) = value.as_object_mut() else {
            return value;
        };
        if let Some((decision, profile)) = self.decision {
            if let Value::Object(more) = decision_json(decision) {
                fields.extend(more);
            }
            if let Some(asked) = &decision.agent {
                let agent = listener::to_json(asked, self.absent);
                fields.insert("agent".to_owned(), agent);
            }
            if decision.logging.is_some() {
                let logged = json!({"logged": self.absent.is_none(), "absent": self.absent});
                fields.insert("kernelLog".to_owned(), logged);
            }
            fields.insert("sha256".to_owned(), json!(profile.map(sha256)));
            if self.command == Command::Restore {
                // CRIU brings back the filters of the checkpoint; and crun (1.21, 1.28) keeps none for exec.
                let effective = match self.runtime {
                    Flavor::Crun => "for nothing: crun gives exec no filter after a restore",
                    _ => "for later exec only",
                };
                fields.insert("effective".to_owned(), json!(effective));
            }
        }
        if let Some(reason) = self.refused {
            fields.insert("result".to_owned(), json!("refused"));
            fields.insert("reason".to_owned(), json!(short(reason)));
        }
        value
    }
}

/// A decision as JSON: the same in the record and in `shim explain`.
#[must_use]
pub fn decision_json(decision: &Decision) -> Value {
    let identity = &decision.identity;
    let rule = match &decision.decided_by {
        DecidedBy::Rule { name, file, line } => {
            json!({"rule": name, "file": file.to_string_lossy(), "line": line})
        }
        DecidedBy::Defaults => json!("defaults"),
        DecidedBy::Embedded => json!("embedded policy"),
        DecidedBy::Privileged => json!("privileged"),
        DecidedBy::Sandbox => json!("sandbox"),
    };
    let mut value = json!({
        "engine": identity.engine.name(),
        "request": short(&decision.request.to_string()),
        "requested": decision.request.type_name,
        "decidedBy": rule,
        "profile": decision.profile,
        "combine": combine_name(decision),
        "mode": decision.mode.name(),
        "result": result_name(decision),
    });
    let optional = [
        ("namespace", json!(identity.namespace)),
        ("pod", json!(identity.pod)),
        ("container", json!(identity.container)),
        ("image", json!(identity.image)),
        ("sandbox", json!(identity.sandbox.then_some(true))),
        ("privileged", json!(decision.privileged.then_some(true))),
        (
            "profileFile",
            json!(
                decision
                    .profile_file
                    .as_ref()
                    .map(|file| file.to_string_lossy())
            ),
        ),
        (
            "architectures",
            json!(decision.native_only.then_some("native")),
        ),
        ("floors", list(&decision.floors)),
        ("floorExceptions", list(&decision.exceptions)),
        ("rounded", list(&decision.rounded)),
        ("strippedAnnotations", list(&decision.stripped)),
    ];
    if let Some(fields) = value.as_object_mut() {
        for (key, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
            fields.insert(key.to_owned(), value);
        }
    }
    value
}

/// Whether the two profiles were combined, in the policy's word.
#[must_use]
pub fn combine_name(decision: &Decision) -> &'static str {
    match decision.combine {
        policy::Combine::Replace => "replace",
        policy::Combine::Restrict => "restrict",
    }
}

/// What became of `linux.seccomp`, in a word.
#[must_use]
pub fn result_name(decision: &Decision) -> &'static str {
    match decision.outcome {
        Outcome::Kept => "kept",
        Outcome::Removed => "removed",
        Outcome::Set(_) => "set",
    }
}

fn list(items: &[String]) -> Value {
    if items.is_empty() {
        return Value::Null;
    }
    json!(
        items
            .iter()
            .take(LONGEST_LIST)
            .map(|item| short(item))
            .collect::<Vec<_>>()
    )
}

/// What a container can make as long as it likes must not make its record too long to be kept.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or(""))),
        None => Cow::Borrowed(text),
    }
}

/// Characters of a text and items of a list that a record keeps.
const LONGEST_TEXT: usize = 500;
const LONGEST_LIST: usize = 20;

/// The SHA-256 of a text in hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    sha256_of(text.as_bytes())
}

/// The SHA-256 of bytes in hexadecimal.
#[must_use]
pub fn sha256_of(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// Writes the record where the policy wants it.
pub fn record(to: &LogTo, record: &Record<'_>) {
    if *to == LogTo::Off {
        return;
    }
    let line = record.to_json().to_string();
    let written = match to {
        LogTo::Off => return,
        LogTo::Journald => journal::send(&line, record.refused.is_some()),
        LogTo::File(path) => append(path, &line).is_ok(),
        LogTo::Auto => {
            journal::send(&line, record.refused.is_some()) || append_usual(&line).is_ok()
        }
    };
    if !written {
        tracing::warn!("the decision could not be recorded");
    }
}

fn append_usual(line: &str) -> std::io::Result<()> {
    let mut result = Err(std::io::ErrorKind::NotFound.into());
    for folder in state_dir::log() {
        result = state_dir::make(&folder).and_then(|()| append(&folder.join(FILE), line));
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Adds a line in one write, so that concurrent creates do not mix theirs.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)?;
    let about = file.metadata()?;
    file.write_all(format!("{line}\n").as_bytes())?;
    // Unless another create has set it aside meanwhile.
    let same = || std::fs::metadata(path).is_ok_and(|now| now.ino() == about.ino());
    if about.is_file() && about.len() > SET_ASIDE && same() {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        std::fs::rename(path, PathBuf::from(aside))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_set_aside() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(FILE);
        append(&path, "one").expect("append");
        append(&path, "two").expect("append");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\ntwo\n");
        let file = OpenOptions::new().write(true).open(&path).expect("open");
        file.set_len(SET_ASIDE + 1).expect("grow");
        append(&path, "three").expect("append");
        assert!(!path.exists());
        append(&path, "four").expect("append");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "four\n");
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("folder");
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::os::unix::fs::symlink(&target, &link).expect("link");
        assert!(append(&link, "x").is_err());
        assert!(!target.exists());
    }

    #[test]
    fn the_fingerprint_is_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(""), empty);
    }
}

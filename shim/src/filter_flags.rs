//! Whether the runtime takes SECCOMP_FILTER_FLAG_LOG in `linux.seccomp.flags`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::argv::Flavor;
use crate::runtime::Runtime;
use crate::state_dir;

const LOG: &str = "SECCOMP_FILTER_FLAG_LOG";

/// crun and youki always take it. runc does since 1.2, and says so to `runc features`; older ones
/// refuse any flag. What it said is kept for as long as its file stays as it is.
#[must_use]
pub(crate) fn takes_log(runtime: &Runtime) -> bool {
    match runtime.flavor() {
        Flavor::Crun | Flavor::Youki => true,
        Flavor::Runc => runc_takes_log(runtime.path()),
        Flavor::Unknown => false,
    }
}

fn runc_takes_log(path: &Path) -> bool {
    let Ok(about) = fs::metadata(path) else {
        return false;
    };
    let facts = format!(
        "{} {} {} {} {} {}",
        path.display(),
        about.dev(),
        about.ino(),
        about.size(),
        about.mtime(),
        about.mtime_nsec()
    );
    let digest = Sha256::digest(facts.as_bytes());
    let name = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    let name: String = name.collect();
    for folder in state_dir::run() {
        if let Ok(kept) = fs::read_to_string(folder.join("features").join(&name)) {
            return kept == LOG;
        }
    }
    let Some(takes) = ask(path) else {
        return false;
    };
    keep(&name, if takes { LOG } else { "none" });
    takes
}

/// None if it could not be asked.
fn ask(path: &Path) -> Option<bool> {
    let asked = Command::new(path)
        .arg("features")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let features = serde_json::from_slice(&asked.ok()?.stdout);
    // Before 1.1 there is no such command.
    let features: Value = features.unwrap_or_default();
    let flags = features.pointer("/linux/seccomp/supportedFlags");
    let mut flags = flags.and_then(Value::as_array).into_iter().flatten();
    Some(flags.any(|flag| flag == LOG))
}

/// Asked again next time where it cannot be kept.
fn keep(name: &str, what: &str) {
    for folder in state_dir::run() {
        let folder = folder.join("features");
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        let kept = state_dir::make(&folder)
            .and_then(|()| fs::write(&beside, what))
            .and_then(|()| fs::rename(&beside, folder.join(name)));
        if kept.is_ok() {
            return;
        }
    }
}

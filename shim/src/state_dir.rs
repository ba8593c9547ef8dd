//! Folders of our own on the node (hier(7), file-hierarchy(7)).

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What lasts until the next boot: /run/seccomp-shim, or the user's own when rootless; none for a
/// user without a run-time folder.
#[must_use]
pub fn run() -> Option<PathBuf> {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return Some(PathBuf::from("/run/seccomp-shim"));
    }
    let user = PathBuf::from(format!("/run/user/{}", uid.as_raw()));
    user.is_dir().then(|| user.join("seccomp-shim"))
}

/// What is kept: /var/log/seccomp-shim, or [`run`] when rootless.
#[must_use]
pub fn log() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/log/seccomp-shim"));
    }
    run()
}

/// Makes the folder, for its owner alone, if it is not there.
///
/// # Errors
/// As mkdir(2), other than for a folder that is there already.
pub fn make(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

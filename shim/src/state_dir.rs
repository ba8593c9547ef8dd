//! Folders of our own on the node (hier(7), file-hierarchy(7)).
//!
//! Each question has two answers, to be tried in turn: the system's, and the user's for a rootless
//! engine. Inside Podman's user namespace we look like root and may not write where root may.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What lasts until the next boot: /run/seccomp-shim, else below the user's run-time folder.
pub fn run() -> impl Iterator<Item = PathBuf> {
    std::iter::once(PathBuf::from("/run/seccomp-shim")).chain(of_the_user())
}

/// What is kept: /var/log/seccomp-shim, else below the user's run-time folder.
pub fn log() -> impl Iterator<Item = PathBuf> {
    std::iter::once(PathBuf::from("/var/log/seccomp-shim")).chain(of_the_user())
}

/// The user's run-time folder as the engine names it (XDG Base Directory Specification).
fn of_the_user() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    folder.is_absolute().then(|| folder.join("seccomp-shim"))
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

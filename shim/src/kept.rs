//! What was found out about a program's file, kept for as long as the file stays as it is.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use crate::state_dir::State;

/// The answer to `question` about the program at `path`: the one kept, or else what `ask` finds out,
/// which is kept then. None where there is no such file, or `ask` finds nothing out.
pub(crate) fn answer(
    path: &Path,
    question: &str,
    ask: impl FnOnce() -> Option<&'static str>,
) -> Option<String> {
    let about = fs::metadata(path).ok()?;
    let facts = format!(
        "{question} {} {} {} {} {} {}",
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
    let mut folders = State::all().filter_map(|state| state.folder(FOLDER).ok());
    if let Some(kept) = folders.find_map(|folder| read(&folder, &name).ok()) {
        return Some(kept);
    }
    let found = ask()?;
    let mut folders = State::made().filter_map(|state| state.make_folder(FOLDER).ok());
    // Asked again next time where it cannot be kept.
    let _ = folders.find_map(|folder| keep(&folder, &name, found).ok());
    Some(found.to_owned())
}

fn read(folder: &OwnedFd, name: &str) -> std::io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut kept = String::new();
    let fd = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    File::from(fd).read_to_string(&mut kept)?;
    Ok(kept)
}

fn keep(folder: &OwnedFd, name: &str, what: &str) -> std::io::Result<()> {
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let beside = format!(".{name}.{}", std::process::id());
    let fd = rustix::fs::openat(folder, &beside, flags, Mode::RUSR | Mode::WUSR)?;
    File::from(fd).write_all(what.as_bytes())?;
    Ok(rustix::fs::renameat(folder, &beside, folder, name)?)
}

/// The folder's name below a state folder.
const FOLDER: &str = "features";

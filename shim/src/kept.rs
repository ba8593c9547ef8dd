//! What was found out about a program's file, kept for as long as the file stays as it is.
//!
//! What is kept is believed only if a digest of the question and the answer stands after it. What a
//! crash, a full disk or another program left there is asked again: an answer by accident could leave
//! a container without its filter.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
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
        "{question} {} {} {} {} {} {} {} {}",
        path.display(),
        about.dev(),
        about.ino(),
        about.size(),
        about.mtime(),
        about.mtime_nsec(),
        about.ctime(),
        about.ctime_nsec()
    );
    let mut folders = State::all().filter_map(|state| state.folder(FOLDER).ok());
    if let Some(kept) = folders.find_map(|folder| read(&folder, &facts)) {
        return Some(kept);
    }
    let found = ask()?;
    let mut folders = State::made().filter_map(|state| state.make_folder(FOLDER).ok());
    // Asked again next time where it cannot be kept.
    let _ = folders.find_map(|folder| keep(&folder, &facts, found).ok());
    Some(found.to_owned())
}

fn read(folder: &OwnedFd, facts: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(folder, digest(&[facts]), flags, Mode::empty()).ok()?;
    let mut kept = String::new();
    File::from(fd)
        .take(LONGEST)
        .read_to_string(&mut kept)
        .ok()?;
    let (answer, seal) = kept.rsplit_once(' ')?;
    (seal == digest(&[facts, answer])).then(|| answer.to_owned())
}

fn keep(folder: &OwnedFd, facts: &str, answer: &str) -> std::io::Result<()> {
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let name = digest(&[facts]);
    let beside = format!(".{name}.{}", std::process::id());
    let fd = rustix::fs::openat(folder, &beside, flags, Mode::RUSR | Mode::WUSR)?;
    let seal = digest(&[facts, answer]);
    let written = File::from(fd)
        .write_all(format!("{answer} {seal}").as_bytes())
        .and_then(|()| Ok(rustix::fs::renameat(folder, &beside, folder, &name)?));
    if written.is_err() {
        // The error that matters is the one that brought us here.
        let _ = rustix::fs::unlinkat(folder, &beside, AtFlags::empty());
    }
    written
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let half = hash.finalize().into_iter().take(16);
    half.map(|byte| format!("{byte:02x}")).collect()
}

/// No answer is longer, in bytes.
const LONGEST: u64 = 1024;

/// The folder's name below a state folder.
const FOLDER: &str = "features";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_was_not_kept_whole_is_asked_again() {
        let above = tempfile::tempdir().expect("a folder");
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let folder = rustix::fs::open(above.path(), flags, Mode::empty()).expect("a folder");
        assert_eq!(read(&folder, "a question"), None);
        keep(&folder, "a question", "right").expect("kept");
        assert_eq!(read(&folder, "a question").as_deref(), Some("right"));
        assert_eq!(read(&folder, "another"), None);

        let file = above.path().join(digest(&["a question"]));
        let good = fs::read(&file).expect("it is there");
        for length in 0..good.len() {
            fs::write(&file, &good[..length]).expect("written");
            assert_eq!(read(&folder, "a question"), None, "{length} bytes");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&file, bad).expect("written");
            assert_eq!(read(&folder, "a question"), None, "byte {at}");
        }
        fs::write(&file, "right").expect("as it was kept once");
        assert_eq!(read(&folder, "a question"), None);
        fs::write(&file, vec![b'x'; 1 << 20]).expect("written");
        assert_eq!(read(&folder, "a question"), None);
        fs::write(&file, &good).expect("written");
        let other = above.path().join(digest(&["another"]));
        fs::copy(&file, &other).expect("copied");
        assert_eq!(read(&folder, "another"), None, "another's answer");
        fs::remove_file(&file).expect("removed");
        symlink(&other, &file).expect("a link");
        assert_eq!(read(&folder, "a question"), None, "a link");
    }
}

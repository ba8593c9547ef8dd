//! Folders of our own on the node (hier(7), file-hierarchy(7)).
//!
//! Each question has two answers, to be tried in turn: the system's, and the user's for a rootless
//! engine. Inside Podman's user namespace we look like root and may not write where root may.
//!
//! What is read back is believed only where nobody else could have put it ([`State`]): the
//! environment names the user's folder, and could name anybody's.

use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// What lasts until the next boot: /run/seccomp-shim, else below the user's run-time folder.
pub fn run() -> impl Iterator<Item = PathBuf> {
    std::iter::once(PathBuf::from("/run/seccomp-shim")).chain(of_the_user())
}

/// What is kept: /var/log/seccomp-shim, else below the user's run-time folder.
pub fn log() -> impl Iterator<Item = PathBuf> {
    std::iter::once(PathBuf::from("/var/log/seccomp-shim")).chain(of_the_user())
}

/// A folder of [`run`], open, and this user's alone to write to.
#[derive(Debug)]
pub struct State {
    folder: OwnedFd,
}

impl State {
    /// Those that are there.
    pub fn all() -> impl Iterator<Item = Self> {
        run().filter_map(|folder| Self::open(&folder).ok())
    }

    /// The same, each made if it is not there.
    pub fn made() -> impl Iterator<Item = Self> {
        run().filter_map(|folder| {
            make(&folder).ok()?;
            Self::open(&folder).ok()
        })
    }

    /// # Errors
    /// It is not there; EPERM where another user owns it, or could write to it.
    fn open(folder: &Path) -> Result<Self, Errno> {
        let folder = rustix::fs::open(folder, FOLDER | OFlags::PATH, Mode::empty())?;
        own(&folder, |mode| mode & 0o022 == 0)?;
        Ok(Self { folder })
    }

    /// Opens the folder `name` in it, which is nobody else's even to read.
    ///
    /// # Errors
    /// As for a state folder.
    pub fn folder(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = FOLDER | OFlags::RDONLY;
        let folder = rustix::fs::openat(&self.folder, name, flags, Mode::empty())?;
        own(&folder, |mode| mode & 0o7777 == 0o700)?;
        Ok(folder)
    }

    /// The same, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made; or as above.
    pub fn make_folder(&self, name: &str) -> Result<OwnedFd, Errno> {
        match rustix::fs::mkdirat(&self.folder, name, Mode::RWXU) {
            // Whatever the umask left of it; what was there already stays as it is.
            Ok(()) => rustix::fs::chmodat(&self.folder, name, Mode::RWXU, AtFlags::empty())?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        self.folder(name)
    }
}

/// A link leads elsewhere, and is not followed.
const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn own(fd: &OwnedFd, well: impl Fn(u32) -> bool) -> Result<(), Errno> {
    let stat = rustix::fs::fstat(fd)?;
    if stat.st_uid == rustix::process::geteuid().as_raw() && well(stat.st_mode) {
        Ok(())
    } else {
        Err(Errno::PERM)
    }
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn what_others_could_have_put_there_is_not_believed() {
        let above = tempfile::tempdir().expect("a folder");
        let path = above.path().join("seccomp-shim");
        assert_eq!(State::open(&path).err(), Some(Errno::NOENT));
        make(&path).expect("state");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
        };
        let state = State::open(&path).expect("state");
        assert_eq!(state.folder("kept").err(), Some(Errno::NOENT));
        for _ in 0..2 {
            state.make_folder("kept").expect("a folder in it");
        }
        let kept = path.join("kept");
        mode(&kept, 0o755);
        assert_eq!(state.folder("kept").err(), Some(Errno::PERM));
        assert_eq!(state.make_folder("kept").err(), Some(Errno::PERM));
        mode(&kept, 0o700);
        for loose in [0o770, 0o702] {
            mode(&path, loose);
            assert_eq!(State::open(&path).err(), Some(Errno::PERM), "{loose:o}");
        }
        mode(&path, 0o755);
        State::open(&path).expect("others may look");

        let link = above.path().join("link");
        symlink(&path, &link).expect("a link");
        assert_eq!(State::open(&link).err(), Some(Errno::NOTDIR));
        symlink(&kept, path.join("elsewhere")).expect("a link");
        for opened in [state.folder("elsewhere"), state.make_folder("elsewhere")] {
            assert_eq!(opened.err(), Some(Errno::NOTDIR));
        }
        if rustix::process::geteuid().is_root() {
            chown(&kept, Some(65_534), None).expect("chown");
            assert_eq!(state.folder("kept").err(), Some(Errno::PERM));
            chown(&path, Some(65_534), None).expect("chown");
            assert_eq!(State::open(&path).err(), Some(Errno::PERM));
        }
    }
}

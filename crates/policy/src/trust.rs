//! Who could change a file: the rule by which a policy is believed.
//!
//! As sudo does for sudoers: the owner is root (or the calling user, who decides over nobody but
//! themselves), and nobody else may write to the file, nor to any folder above it. A sticky folder
//! such as /tmp may be written to by others: they cannot replace what is not theirs.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

use crate::{PolicyError, error::Problem};

/// The write bits of group and others.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// The users whose files are believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trusted {
    caller: u32,
    /// The owner of `/`: root, which inside a user namespace has another number.
    root: u32,
}

impl Trusted {
    pub(crate) fn now() -> Self {
        let root = rustix::fs::stat("/").map_or(0, |stat| stat.st_uid);
        Self {
            caller: rustix::process::geteuid().as_raw(),
            root,
        }
    }

    /// Checks one file or folder.
    pub(crate) fn check(self, path: &Path, stat: &Stat) -> Result<(), PolicyError> {
        if ![0, self.caller, self.root].contains(&stat.st_uid) {
            return Err(PolicyError::new(
                path,
                Problem::Owner { owner: stat.st_uid },
            ));
        }
        let mode = stat.st_mode & 0o7777;
        let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if mode & OTHERS_WRITE != 0 && !(folder && mode & STICKY != 0) {
            return Err(PolicyError::new(path, Problem::Writable { mode }));
        }
        Ok(())
    }

    /// Checks what `fd` is open on, and every folder above it. `stat` is its own; `shown` is how
    /// messages name it.
    ///
    /// # Errors
    /// [`Problem::Owner`], [`Problem::Writable`], or [`Problem::Io`] where /proc or a folder above
    /// cannot be looked at.
    pub(crate) fn check_fd(
        self,
        fd: impl AsFd,
        stat: &Stat,
        shown: &Path,
    ) -> Result<(), PolicyError> {
        self.check(shown, stat)?;
        let real = real_path(&fd, shown)?;
        for folder in real.ancestors().skip(1) {
            let stat = rustix::fs::stat(folder).map_err(|errno| {
                PolicyError::new(
                    folder,
                    Problem::Io {
                        doing: "look at it",
                        errno,
                    },
                )
            })?;
            self.check(folder, &stat)?;
        }
        Ok(())
    }
}

/// Where what `fd` is open on really is (proc(5), /proc/self/fd).
pub(crate) fn real_path(fd: impl AsFd, shown: &Path) -> Result<PathBuf, PolicyError> {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStringExt;
    let link = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
    let path = rustix::fs::readlink(link, Vec::new()).map_err(|errno| {
        PolicyError::new(
            shown,
            Problem::Io {
                doing: "find where it is",
                errno,
            },
        )
    })?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(
        path.into_bytes(),
    )))
}

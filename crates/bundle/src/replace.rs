//! Replacing the file: written beside it, made its like, renamed over it.
//!
//! Whatever interrupts this (a signal, a full disk, the power) leaves the old file or the new one
//! under the name that the runtime reads, each whole. Nothing is flushed to the medium first: after
//! a crash of the machine the engine writes its bundles anew.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use crate::{Bundle, BundleError, attributes};

impl Bundle {
    /// Puts `bytes` in the place of the file's, keeping owner, group, mode and extended attributes
    /// (security labels among them). A link is replaced by a file; other hard links keep the old
    /// content.
    ///
    /// # Errors
    /// [`BundleError::Io`] with what failed, and then the old file stands as it was;
    /// [`BundleError::Changed`] if another file has taken its place since it was opened.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), BundleError> {
        let (name, file) = self.create_beside()?;
        let result = self.fill(file, bytes).and_then(|()| self.take_over(&name));
        if result.is_err() {
            // The error that matters is the one that brought us here.
            let _ = rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty());
        }
        result
    }

    /// A new file beside the old one that only its owner can open.
    fn create_beside(&self) -> Result<(OsString, File), BundleError> {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(format!(
            ".seccomp-shim.{}",
            rustix::process::getpid().as_raw_nonzero()
        ));
        let fd = match rustix::fs::openat(&self.folder, &name, flags, mode) {
            // Left by a process of the same number that was killed.
            Err(Errno::EXIST) => rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty())
                .and_then(|()| rustix::fs::openat(&self.folder, &name, flags, mode)),
            other => other,
        };
        let fd = fd.map_err(BundleError::io("write a new one beside it"))?;
        Ok((name, File::from(fd)))
    }

    fn fill(&self, mut file: File, bytes: &[u8]) -> Result<(), BundleError> {
        file.write_all(bytes).map_err(|error| BundleError::Io {
            doing: "write a new one beside it",
            errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
        })?;
        let (owner, group) = (
            Uid::from_raw(self.stat.st_uid),
            Gid::from_raw(self.stat.st_gid),
        );
        let new = rustix::fs::fstat(&file).map_err(BundleError::io("look at the new one"))?;
        // Only where it differs: in a user namespace not every owner can be named.
        if (new.st_uid, new.st_gid) != (self.stat.st_uid, self.stat.st_gid) {
            rustix::fs::fchown(&file, Some(owner), Some(group))
                .map_err(BundleError::io("give the new one the old one's owner"))?;
        }
        // The mode last: chown takes set-user-ID away, access lists change it, and a file that its
        // owner may not write to takes no attributes from them.
        attributes::copy(&self.file, &file)
            .map_err(BundleError::io("give the new one the old one's labels"))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(self.stat.st_mode & 0o7777))
            .map_err(BundleError::io("give the new one the old one's mode"))
    }

    fn take_over(&self, name: &OsString) -> Result<(), BundleError> {
        let now = rustix::fs::statat(&self.folder, &self.name, AtFlags::empty())
            .map_err(BundleError::io("look at it again"))?;
        let same = now.st_dev == self.stat.st_dev
            && now.st_ino == self.stat.st_ino
            && now.st_size == self.stat.st_size
            && (now.st_mtime, now.st_mtime_nsec) == (self.stat.st_mtime, self.stat.st_mtime_nsec)
            // Nobody can put this one back, and it tells of a change of owner or mode, too.
            && (now.st_ctime, now.st_ctime_nsec) == (self.stat.st_ctime, self.stat.st_ctime_nsec);
        if !same {
            return Err(BundleError::Changed);
        }
        rustix::fs::renameat(&self.folder, name, &self.folder, &self.name)
            .map_err(BundleError::io("put the new one in its place"))
    }
}

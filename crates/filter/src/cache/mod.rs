//! Finished filters, kept for the next container.
//!
//! A folder of files, each named by the digest of everything that its filter depends on ([`Key`]):
//! what changes makes another name, so nothing need ever be thrown out for being old. A file is
//! written beside and renamed, so there is never half of one. Before its content is used, the file
//! must be this user's alone, as the folder must be that is given; the file must say of itself that
//! it belongs to that name, and a digest over all of it must hold; then the kernel's own rules are
//! asked of the program. What fails any of this is not there ([`Cache::get`]).
//!
//! Trusted: this user, and with it whatever it could do anyway. Not trusted: what a crash, a full
//! disk or another program left in the folder.
#![forbid(unsafe_code)]

mod entry;
mod evict;
mod key;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

pub use entry::Entry;
pub use key::{FileId, Key, libseccomp_version};

/// A folder of finished filters.
#[derive(Debug)]
pub struct Cache {
    folder: OwnedFd,
}

impl Cache {
    /// The cache in `folder`, opened for reading, which whoever opened it knows to be this user's
    /// alone.
    #[must_use]
    pub fn new(folder: OwnedFd) -> Self {
        Self { folder }
    }

    /// What is kept under `key`. Whatever is wrong with it, it is not there.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder, key.name(), flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&fd).ok()?;
        let size = usize::try_from(stat.st_size).ok()?;
        let usable = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == rustix::process::geteuid().as_raw()
            && stat.st_mode & 0o7777 == FILE_MODE.as_raw_mode()
            && stat.st_nlink == 1
            && size <= entry::LONGEST;
        if !usable {
            return None;
        }
        let mut bytes = Vec::with_capacity(size.saturating_add(1));
        let longest = u64::try_from(entry::LONGEST).unwrap_or(0).saturating_add(1);
        File::from(fd).take(longest).read_to_end(&mut bytes).ok()?;
        Entry::from_bytes(&bytes, key)
    }

    /// Keeps `entry` under `key`, and throws out the oldest where there are too many.
    ///
    /// # Errors
    /// It cannot be written; what was kept under the name before stays.
    pub fn put(&self, key: &Key, entry: &Entry) -> Result<(), Errno> {
        let beside = format!(
            "{}{}",
            evict::BESIDE,
            rustix::process::getpid().as_raw_nonzero()
        );
        let written = self
            .write(&beside, &entry.to_bytes(key))
            .and_then(|()| rustix::fs::renameat(&self.folder, &beside, &self.folder, key.name()));
        if written.is_err() {
            // The error that matters is the one that brought us here.
            let _ = rustix::fs::unlinkat(&self.folder, &beside, AtFlags::empty());
        }
        written?;
        evict::oldest(&self.folder)
    }

    /// The folder's one filler: none while another process has it. It is given back when this is
    /// dropped, in every process that it was handed to by a fork.
    #[must_use]
    pub fn filler(&self) -> Option<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder, FILLER, flags, FILE_MODE).ok()?;
        rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(fd)
    }

    /// The folder, held open: a process that is to fill it needs this fd.
    #[must_use]
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Errno> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&self.folder, name, flags, FILE_MODE);
        let fd = match open() {
            // Left by a process of the same number that was killed.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()).and_then(|()| open())
            }
            other => other,
        }?;
        // Whatever the umask left of it.
        rustix::fs::fchmod(&fd, FILE_MODE)?;
        File::from(fd)
            .write_all(bytes)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

/// The name of the file that is locked while the folder is filled.
const FILLER: &str = ".filler";
/// Its owner's alone.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

#[cfg(test)]
mod tests;

//! The file in its folder: opened once, read once.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::BundleError;

/// The largest config.json that is read, in bytes. Engines stay below 200 KiB.
pub const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// A bundle's folder with its configuration file, both held open.
#[derive(Debug)]
pub struct Bundle {
    pub(crate) folder: OwnedFd,
    pub(crate) name: OsString,
    pub(crate) file: File,
    pub(crate) stat: Stat,
}

impl Bundle {
    /// Opens the file `name` in `folder`. `None` if either does not exist: the runtime says that in
    /// its own words.
    ///
    /// # Errors
    /// [`BundleError::Io`] if it cannot be opened, [`BundleError::NotRegular`],
    /// [`BundleError::TooLarge`].
    pub fn open(folder: &Path, name: &OsStr) -> Result<Option<Self>, BundleError> {
        let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = match rustix::fs::open(folder, path_only, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            other => other.map_err(BundleError::io("open the bundle's folder"))?,
        };
        // Not blocking, so that a fifo does not hang us before it is refused.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(BundleError::io("open it"))?,
        };
        let stat = rustix::fs::fstat(&file).map_err(BundleError::io("look at it"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(BundleError::NotRegular);
        }
        if u64::try_from(stat.st_size).is_ok_and(|size| size > MAX_SIZE) {
            return Err(BundleError::TooLarge);
        }
        Ok(Some(Self {
            folder,
            name: name.to_owned(),
            file: File::from(file),
            stat,
        }))
    }

    /// The file's bytes, read through the fd that [`Bundle::open`] opened.
    ///
    /// # Errors
    /// [`BundleError::Io`], or [`BundleError::TooLarge`] if it has grown meanwhile.
    pub fn read(&self) -> Result<Vec<u8>, BundleError> {
        let size = usize::try_from(self.stat.st_size).unwrap_or(0);
        let mut bytes = Vec::with_capacity(size.saturating_add(1));
        let mut limited = (&self.file).take(MAX_SIZE.saturating_add(1));
        limited
            .read_to_end(&mut bytes)
            .map_err(|error| BundleError::Io {
                doing: "read it",
                errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
            })?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(BundleError::TooLarge);
        }
        Ok(bytes)
    }

    /// The folder, held open, for asking who could write to it.
    #[must_use]
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The file, held open, for asking who could write to it.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

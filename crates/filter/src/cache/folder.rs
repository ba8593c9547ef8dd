//! The folder, and whose it must be.
#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Opens `filters` below `state`; makes it first, if `make` says so and it is not there.
///
/// # Errors
/// EPERM where another user owns it, or could write to it.
pub(super) fn open(state: &Path, make: bool) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let state = rustix::fs::open(state, flags | OFlags::PATH, Mode::empty())?;
    own(&state, |mode| mode & 0o022 == 0)?;
    let open = || rustix::fs::openat(&state, NAME, flags | OFlags::RDONLY, Mode::empty());
    let folder = match open() {
        Err(Errno::NOENT) if make => {
            match rustix::fs::mkdirat(&state, NAME, Mode::RWXU) {
                // Another create was as quick.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            open()
        }
        other => other,
    }?;
    own(&folder, |mode| mode & 0o7777 == 0o700)?;
    Ok(folder)
}

fn own(fd: &OwnedFd, well: impl Fn(u32) -> bool) -> Result<(), Errno> {
    let stat = rustix::fs::fstat(fd)?;
    if stat.st_uid == rustix::process::geteuid().as_raw() && well(stat.st_mode) {
        Ok(())
    } else {
        Err(Errno::PERM)
    }
}

/// Its name.
const NAME: &str = "filters";

//! Opening files of the policy: below their folder, regular, believed, within a limit.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat};
use rustix::io::Errno;

use crate::PolicyError;
use crate::error::Problem;
use crate::folder::{FILE, Folder};
use crate::policy::Root;
use crate::profile_name::ProfileName;
use crate::trust::{Trusted, check_way, real_path};

/// The largest profile, in bytes. Docker's default profile has 13 KB.
const MAX_PROFILE: u64 = 1024 * 1024;

/// The largest file of rules, in bytes: some 100,000 rules.
pub(crate) const MAX_POLICY: u64 = 16 * 1024 * 1024;

/// Opens the folder `path` for looking things up in it. `None` if there is no such folder.
pub(crate) fn folder(path: &Path) -> Result<Option<Folder>, PolicyError> {
    match Folder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) if !dangles(CWD, path) => Ok(None),
        Err(errno) => Err(PolicyError::io(path, "open the folder", errno)),
    }
}

/// Whether a link stands at `name` in `folder` that leads nowhere: what was meant to be there is
/// missing, which is not the same as nothing being there.
pub(crate) fn dangles(folder: impl AsFd, name: &Path) -> bool {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Opens `name` below `folder`, following links wherever they lead.
pub(crate) fn following(folder: impl AsFd, name: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(folder, name, FILE, Mode::empty())
}

/// Reads what `fd` is open on after checking it; `shown` is how messages name it.
///
/// # Errors
/// [`Problem::NotRegular`], [`Problem::TooLarge`], [`Problem::Io`], and those of
/// [`Trusted::check_fd`].
pub(crate) fn read(
    fd: OwnedFd,
    shown: &Path,
    trusted: &Trusted,
    limit: u64,
) -> Result<Vec<u8>, PolicyError> {
    let stat = regular(&fd, shown)?;
    trusted.check_fd(&fd, &stat, shown)?;
    take(fd, &stat, shown, limit)
}

/// Reads what `fd` is open on: a file that stands in a folder that was checked, all the way up, and
/// was reached from it by no link.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_here(
    fd: OwnedFd,
    shown: &Path,
    trusted: &Trusted,
) -> Result<Vec<u8>, PolicyError> {
    let stat = regular(&fd, shown)?;
    trusted.check(shown, &stat)?;
    take(fd, &stat, shown, MAX_POLICY)
}

/// Reads what `fd` is open on, whoever owns it.
///
/// # Errors
/// [`Problem::NotRegular`], [`Problem::TooLarge`], [`Problem::Io`].
pub(crate) fn read_unchecked(fd: OwnedFd, shown: &Path) -> Result<Vec<u8>, PolicyError> {
    let stat = regular(&fd, shown)?;
    take(fd, &stat, shown, MAX_POLICY)
}

fn regular(fd: &OwnedFd, shown: &Path) -> Result<Stat, PolicyError> {
    let stat =
        rustix::fs::fstat(fd).map_err(|errno| PolicyError::io(shown, "look at it", errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(PolicyError::new(shown, Problem::NotRegular));
    }
    Ok(stat)
}

fn take(fd: OwnedFd, stat: &Stat, shown: &Path, limit: u64) -> Result<Vec<u8>, PolicyError> {
    let size = u64::try_from(stat.st_size).unwrap_or(0).min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    let mut limited = File::from(fd).take(limit.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        PolicyError::io(shown, "read it", errno)
    })?;
    if bytes.len() as u64 > limit {
        return Err(PolicyError::new(shown, Problem::TooLarge { limit }));
    }
    Ok(bytes)
}

/// Reads the profile `name` below `root`; `None` if it is not there.
///
/// # Errors
/// [`Problem::LeavesRoot`] where a link leads out of a root whose links are not trusted, and those
/// of [`read`].
pub(crate) fn profile(
    folder: &Folder,
    root: &Root,
    name: &ProfileName,
    trusted: &Trusted,
) -> Result<Option<Vec<u8>>, PolicyError> {
    let shown = root.path.join(name.as_path());
    let io = |doing| {
        let shown = &shown;
        move |errno| PolicyError::io(shown, doing, errno)
    };
    let mut opened = folder.file(name.as_path());
    if opened.as_ref().err() == Some(&Errno::XDEV) && root.trust_links {
        opened = following(folder, name.as_path());
    }
    let fd = match opened {
        Ok(fd) => fd,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(Errno::XDEV) => {
            let name = name.as_str().to_owned();
            return Err(PolicyError::new(&shown, Problem::LeavesRoot { name }));
        }
        Err(errno) => return Err(io("open it")(errno)),
    };
    // Who could swap the root, a folder on the way, or a link in one of them?
    check_way(
        trusted,
        &real_path(folder, &root.path)?.join(name.as_path()),
    )?;
    read(fd, &shown, trusted, MAX_PROFILE).map(Some)
}

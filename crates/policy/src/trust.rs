//! Who could change a file: the rule by which a policy is believed.
//!
//! As sudo does for sudoers: the owner is root (or the calling user, who decides over nobody but
//! themselves), and nobody else may write to the file, nor to any folder above it. A sticky folder
//! such as /tmp may be written to by others: they cannot replace what is not theirs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::{PolicyError, error::Problem};

/// The write bits of group and others.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// The users whose files are believed.
#[derive(Debug)]
pub(crate) struct Trusted {
    caller: u32,
    /// The owner of `/`: root, which inside a user namespace has another number.
    root: u32,
    /// Folders that passed, each with all above it. A create looks at the same few for every file.
    passed: RefCell<BTreeSet<PathBuf>>,
}

impl Trusted {
    pub(crate) fn now() -> Self {
        let root = rustix::fs::stat("/").map_or(0, |stat| stat.st_uid);
        Self {
            caller: rustix::process::geteuid().as_raw(),
            root,
            passed: RefCell::default(),
        }
    }

    /// Checks one file or folder.
    pub(crate) fn check(&self, path: &Path, stat: &Stat) -> Result<(), PolicyError> {
        let owner = stat.st_uid;
        if owner != 0 && owner != self.caller && !(owner == self.root && is_systems(path)) {
            return Err(PolicyError::new(path, Problem::Owner { owner }));
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
        &self,
        fd: impl AsFd,
        stat: &Stat,
        shown: &Path,
    ) -> Result<(), PolicyError> {
        self.check(shown, stat)?;
        let real = real_path(&fd, shown)?;
        let above = real.ancestors().skip(1);
        let unknown: Vec<&Path> = above.take_while(|folder| !self.knows(folder)).collect();
        for folder in unknown.into_iter().rev() {
            let stat = rustix::fs::stat(folder)
                .map_err(|errno| PolicyError::io(folder, "look at it", errno))?;
            self.check(folder, &stat)?;
            self.passed.borrow_mut().insert(folder.to_owned());
        }
        Ok(())
    }

    /// Whether the folder at `path`, which no link leads to, and all above it have passed.
    fn knows(&self, path: &Path) -> bool {
        self.passed.borrow().contains(path)
    }
}

/// Whether a path is one that only root makes. Inside a user namespace root's files have the number
/// of everybody who is not mapped, so there that number counts in these places only.
fn is_systems(path: &Path) -> bool {
    path == Path::new("/")
        || ["/etc", "/usr", "/var"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

/// Checks every folder and link on the way from the root of the file system to `path`: whoever could
/// change one of them could lead elsewhere.
///
/// # Errors
/// As [`Trusted::check_fd`]; [`Problem::Io`] with ELOOP after [`MOST_LINKS`] links.
pub(crate) fn check_way(trusted: &Trusted, path: &Path) -> Result<(), PolicyError> {
    let mut ahead: Vec<OsString> = parts(path);
    let mut at = PathBuf::from("/");
    let mut links = 0_u32;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        if trusted.knows(&next) {
            at = next;
            continue;
        }
        let stat = rustix::fs::lstat(&next)
            .map_err(|errno| PolicyError::io(&next, "look at it", errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            trusted.check(&next, &stat)?;
            at = next;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                trusted.passed.borrow_mut().insert(at.clone());
            }
            continue;
        }
        links = links.saturating_add(1);
        if links > MOST_LINKS {
            return Err(PolicyError::io(&next, "follow its links", Errno::LOOP));
        }
        // In a sticky folder a link is its owner's to change. The root folder is root's.
        let roots = is_systems(&next) || at == Path::new("/");
        if ![0, trusted.caller].contains(&stat.st_uid) && !roots {
            return Err(PolicyError::new(
                next,
                Problem::Owner { owner: stat.st_uid },
            ));
        }
        let target = rustix::fs::readlink(&next, Vec::new())
            .map_err(|errno| PolicyError::io(&next, "read the link", errno))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        ahead.extend(parts(&target));
    }
    Ok(())
}

/// As many as the kernel follows (path_resolution(7)).
const MOST_LINKS: u32 = 40;

/// The parts of a path, last first, without its root and dots.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut parts: Vec<OsString> = named.collect();
    parts.reverse();
    parts
}

/// Checks that nobody but root (or the caller) can write to what `fd` is open on, nor to any folder
/// above it; `shown` is how the message names it. What a strict policy asks of a bundle.
///
/// # Errors
/// [`Problem::Owner`], [`Problem::Writable`], [`Problem::Io`].
pub fn check_trusted(fd: impl AsFd, shown: &Path) -> Result<(), PolicyError> {
    let stat =
        rustix::fs::fstat(&fd).map_err(|errno| PolicyError::io(shown, "look at it", errno))?;
    Trusted::now().check_fd(fd, &stat, shown)
}

/// Where what `fd` is open on really is (proc(5), /proc/self/fd).
pub(crate) fn real_path(fd: impl AsFd, shown: &Path) -> Result<PathBuf, PolicyError> {
    let link = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
    let path = rustix::fs::readlink(link, Vec::new())
        .map_err(|errno| PolicyError::io(shown, "find where it is", errno))?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(
        path.into_bytes(),
    )))
}

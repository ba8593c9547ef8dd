//! A folder held open, and one generation of what its links lead to.
//!
//! A policy is often swapped whole by the rename of one link. The kubelet does it for a ConfigMap:
//! `policy.toml` is a link to `..data/policy.toml`, `policy.d` to `..data/policy.d`, and `..data` a
//! link to a folder of its own for each generation (kubernetes pkg/volume/util/atomic_writer.go).
//! So a link that leads through another is followed once: what it led to is held open, and whatever
//! else leads through it is looked up there.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// A folder, open for looking things up in it.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    seen: Seen,
    pins: RefCell<Vec<Pin>>,
}

/// A name in the folder through which links lead, and the folder that it led to.
#[derive(Debug, Clone)]
struct Pin {
    name: PathBuf,
    /// The link itself, held so that its inode number is nobody else's.
    link: Rc<OwnedFd>,
    target: Rc<Folder>,
}

/// A folder's state when it was opened.
#[derive(Debug, Clone, Copy)]
struct Seen {
    stat: Stat,
    at: SystemTime,
}

/// The kubelet's name for the link that it swaps.
pub(crate) const GENERATION: &str = "..data";

impl Folder {
    /// Opens the folder `path`, following links.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        rustix::fs::open(path, FOLDER, Mode::empty()).and_then(Self::of)
    }

    fn of(fd: OwnedFd) -> Result<Self, Errno> {
        let seen = Seen {
            stat: rustix::fs::fstat(&fd)?,
            at: SystemTime::now(),
        };
        let pins = RefCell::default();
        Ok(Self { fd, seen, pins })
    }

    /// The stat(2) of it when it was opened.
    pub(crate) fn stat(&self) -> &Stat {
        &self.seen.stat
    }

    /// Opens a file below the folder, never leaving it (openat2(2), RESOLVE_BENEATH).
    ///
    /// Not blocking, so that a fifo does not hang us before it is refused.
    pub(crate) fn file(&self, name: &Path) -> Result<OwnedFd, Errno> {
        self.below(name, FILE)
    }

    /// Opens a file that stands in the folder itself; ELOOP if it is a link.
    pub(crate) fn plain_file(&self, name: &Path) -> Result<OwnedFd, Errno> {
        open(&self.fd, name, FILE, ResolveFlags::NO_SYMLINKS)
    }

    /// Opens a folder below the folder, never leaving it.
    pub(crate) fn folder(&self, name: &Path) -> Result<Self, Errno> {
        self.below(name, FOLDER).and_then(Self::of)
    }

    /// Opens the folder `name` wherever links lead.
    pub(crate) fn folder_following(&self, name: &Path) -> Result<Self, Errno> {
        rustix::fs::openat(&self.fd, name, FOLDER, Mode::empty()).and_then(Self::of)
    }

    /// Holds on to the generation that the kubelet's link leads to, if there is such a link.
    pub(crate) fn generation(&self) -> Result<Option<Rc<Self>>, Errno> {
        match self.pin(Path::new(GENERATION)) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Whether `name` is a link through the kubelet's; ENOENT if it is not there.
    pub(crate) fn leads_through_generation(&self, name: &Path) -> Result<bool, Errno> {
        match link_at(&self.fd, name) {
            Ok(target) => Ok(target.starts_with(GENERATION)),
            // No link (readlink(2)).
            Err(Errno::INVAL) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Whether what was read from here is of one generation: no link that was followed has been
    /// replaced, or what it led to is as it was, down to its list of names.
    pub(crate) fn stands(&self) -> bool {
        self.pins.borrow().iter().all(|pin| {
            same(&self.fd, &pin.name, &pin.link) && pin.target.stands() || pin.target.is_intact()
        })
    }

    /// Whether no name was added here or taken away since it was opened, so that nothing was missed
    /// in it, whether or not it is in use still.
    pub(crate) fn is_intact(&self) -> bool {
        let Seen { stat, at } = self.seen;
        // File systems round times, to 10 ms at worst: what changed just before may change again.
        let modified = u64::try_from(stat.st_mtime).unwrap_or(0);
        let modified = SystemTime::UNIX_EPOCH + Duration::new(modified, nanoseconds(&stat));
        let settled = at.duration_since(modified).is_ok_and(|age| age > ROUNDED);
        settled
            && rustix::fs::fstat(&self.fd).is_ok_and(|now| {
                (now.st_mtime, now.st_mtime_nsec, now.st_nlink)
                    == (stat.st_mtime, stat.st_mtime_nsec, stat.st_nlink)
            })
            && self.pins.borrow().iter().all(|pin| pin.target.is_intact())
    }

    fn below(&self, name: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        match open(&self.fd, name, flags, ResolveFlags::NO_SYMLINKS) {
            Err(Errno::LOOP) => self.through_link(name, flags),
            // Its link is made after the generation comes into use.
            Err(Errno::NOENT) => match self.pinned(Path::new(GENERATION)) {
                Some(generation) => open(&generation.fd, name, flags, ResolveFlags::empty()),
                None => Err(Errno::NOENT),
            },
            other => other,
        }
    }

    /// Opens a name that is a link, or below one, by way of what that link leads through.
    fn through_link(&self, name: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let straight = || open(&self.fd, name, flags, ResolveFlags::empty());
        let mut parts = name.components();
        let first = parts.next().map(|part| Path::new(part.as_os_str()));
        let target = first.and_then(|first| link_at(&self.fd, first).ok());
        let Some((through, rest)) = target.as_deref().and_then(|path| self.split(path)) else {
            return straight();
        };
        let generation = self.pin(&through)?;
        // Joining nothing would leave a slash at the end, which only a folder may have.
        let below: PathBuf = rest.components().chain(parts).collect();
        match open(&generation.fd, &below, flags, ResolveFlags::empty()) {
            // It leads from one generation to elsewhere below us.
            Err(Errno::XDEV) => straight(),
            other => other,
        }
    }

    /// A link's target as the name that it leads through, and the rest: up to the first link in it,
    /// else its first folder.
    fn split(&self, target: &Path) -> Option<(PathBuf, PathBuf)> {
        let mut parts = Vec::new();
        for part in target.components() {
            match part {
                Component::Normal(name) => parts.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        if parts.len() < 2 {
            return None;
        }
        let prefix = |length: usize| parts.iter().take(length).collect::<PathBuf>();
        let link = (1..parts.len()).find(|length| link_at(&self.fd, &prefix(*length)).is_ok());
        let length = link.unwrap_or(1);
        Some((prefix(length), parts.iter().skip(length).collect()))
    }

    fn pinned(&self, name: &Path) -> Option<Rc<Self>> {
        let pins = self.pins.borrow();
        let found = pins.iter().find(|pin| pin.name == name);
        found.map(|pin| Rc::clone(&pin.target))
    }

    fn pin(&self, name: &Path) -> Result<Rc<Self>, Errno> {
        if let Some(found) = self.pinned(name) {
            return Ok(found);
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (link, target) = loop {
            let link = open(&self.fd, name, flags, ResolveFlags::empty())?;
            match open(&self.fd, name, FOLDER, ResolveFlags::empty()) {
                // What it led to was deleted, and it leads elsewhere by now.
                Err(Errno::NOENT) if !same(&self.fd, name, &link) => {}
                Err(Errno::NOENT) => return Err(Errno::STALE),
                target => break (link, target?),
            }
        };
        let target = Rc::new(Self::of(target)?);
        self.pins.borrow_mut().push(Pin {
            name: name.to_owned(),
            link: Rc::new(link),
            target: Rc::clone(&target),
        });
        Ok(target)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether `name` in `folder` is still what `held` is open on.
fn same(folder: impl AsFd, name: &Path, held: &OwnedFd) -> bool {
    let now = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    let (Ok(now), Ok(held)) = (now, rustix::fs::fstat(held)) else {
        return false;
    };
    (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino)
}

/// Whether the folder at `path` is still the one that was opened as `folder`, and was not moved
/// meanwhile.
pub(crate) fn is_still(path: &Path, folder: &Folder) -> bool {
    rustix::fs::statat(CWD, path, AtFlags::empty()).is_ok_and(|now| {
        let stat = folder.stat();
        (now.st_dev, now.st_ino, now.st_ctime, now.st_ctime_nsec)
            == (stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec)
    })
}

fn link_at(folder: impl AsFd, name: &Path) -> Result<PathBuf, Errno> {
    let target = rustix::fs::readlinkat(folder, name, Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(
        target.into_bytes(),
    )))
}

fn open(
    folder: impl AsFd,
    name: &Path,
    flags: OFlags,
    besides: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | besides;
    let mut opened = Err(Errno::AGAIN);
    // The kernel asks to try again when something was renamed somewhere meanwhile.
    for _ in 0..TRIES {
        opened = rustix::fs::openat2(&folder, name, flags, Mode::empty(), resolve);
        if opened.as_ref().err() != Some(&Errno::AGAIN) {
            break;
        }
    }
    opened
}

/// The part of its modification time below a second.
fn nanoseconds(stat: &Stat) -> u32 {
    // Below a billion (stat(2)); its type differs between architectures.
    u32::try_from(stat.st_mtime_nsec).unwrap_or(0)
}

/// How often, until the open fails with EAGAIN (openat2(2), where a rename goes on).
const TRIES: u32 = 128;

/// Twice the coarsest time of a file system that a policy is likely to be on.
const ROUNDED: Duration = Duration::from_millis(20);

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// How files are opened.
pub(crate) const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

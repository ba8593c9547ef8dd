//! The host whose engine is set up: this one, or one mounted at a folder (`--root`).
//!
//! Paths in configurations are as that host sees them, and its links lead where they lead there.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::fault::Fault;

/// A host's file system.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    root: PathBuf,
}

impl Host {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Whether it is the one that we run on.
    pub(crate) fn is_this(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where something of the host's is for us, its links followed; it and folders above it need
    /// not be there.
    pub(crate) fn place(&self, path: &Path) -> Result<PathBuf, Fault> {
        let fail = |error: Errno| Fault::io(path, "look at")(error.into());
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let root = rustix::fs::open(&self.root, flags | OFlags::DIRECTORY, Mode::empty());
        let root = root.map_err(|errno| Fault::io(&self.root, "open")(errno.into()))?;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open =
            |path: &Path, flags| rustix::fs::openat2(&root, path, flags, Mode::empty(), inside);
        let mut missing = Vec::new();
        let mut at = path;
        loop {
            match open(at, flags) {
                Ok(fd) => {
                    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
                    let found = fs::read_link(link).map_err(Fault::io(path, "find"))?;
                    return Ok(missing
                        .iter()
                        .rev()
                        .fold(found, |found, name| found.join(name)));
                }
                Err(Errno::NOENT) if open(at, flags | OFlags::NOFOLLOW).is_ok() => {
                    return Err(Fault::Config {
                        path: at.to_owned(),
                        what: "it is a link that leads nowhere; remove it, or restore what it leads to"
                            .to_owned(),
                    });
                }
                Err(Errno::NOENT) => match (at.file_name(), at.parent()) {
                    (Some(name), Some(parent)) => {
                        missing.push(name.to_owned());
                        at = parent;
                    }
                    _ => return Err(fail(Errno::NOENT)),
                },
                Err(errno) => return Err(fail(errno)),
            }
        }
    }

    /// Where a link of the host's is for us; it is not followed itself.
    pub(crate) fn place_of_link(&self, path: &Path) -> Result<PathBuf, Fault> {
        let folder = self.place(path.parent().unwrap_or(path))?;
        Ok(folder.join(path.file_name().unwrap_or_default()))
    }

    /// What a file of the host's holds; none if it is not there.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<String>, Fault> {
        let place = self.place(path)?;
        let bytes = match fs::read(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Fault::io(path, "read"))?,
        };
        let text = String::from_utf8(bytes).map_err(|_| Fault::Config {
            path: path.to_owned(),
            what: "it is not UTF-8; mend it first".to_owned(),
        })?;
        Ok(Some(text))
    }

    /// The files of a folder that end in `.ending`, in lexical order; none if there is no folder.
    pub(crate) fn list(&self, folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Fault> {
        let entries = match fs::read_dir(self.place(folder)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(Fault::io(folder, "list"))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(Fault::io(folder, "list"))?.file_name();
            let path = folder.join(name);
            if path.extension().is_some_and(|found| found == ending) {
                names.push(path);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Makes the folder that something is to stand in.
pub(super) fn make_folder(of: &Path) -> Result<(), Fault> {
    let folder = of.parent().unwrap_or(of);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(Fault::io(folder, "make"))
}

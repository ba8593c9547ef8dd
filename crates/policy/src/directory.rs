//! The policy directory on disk.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::error::Problem;
use crate::trust::Trusted;
use crate::{Policy, PolicyError, open};

/// A policy directory, held open: whatever is renamed meanwhile, everything comes from this one.
#[derive(Debug)]
pub struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) fd: OwnedFd,
}

/// The one file that must be there.
pub(crate) const POLICY: &str = "policy.toml";

impl Directory {
    /// Opens the directory. `None` if there is none: the embedded policy applies.
    ///
    /// # Errors
    /// It is there and cannot be opened, or is no folder.
    pub fn open(path: &Path) -> Result<Option<Self>, PolicyError> {
        let fd = open::folder(path)?;
        Ok(fd.map(|fd| Self {
            path: path.to_owned(),
            fd,
        }))
    }

    /// Reads the policy: policy.toml, then policy.d/*.toml in lexical order.
    ///
    /// # Errors
    /// Anything unreadable, unbelievable, unknown or missing in it.
    pub fn load(self) -> Result<Policy, PolicyError> {
        let trusted = Trusted::now();
        let file: Arc<Path> = Arc::from(self.path.join(POLICY));
        let text = self.read(Path::new(POLICY), &file, trusted)?.ok_or_else(|| {
            let mend = "write one that says version = 1, or remove the folder to have the embedded policy";
            PolicyError::new(&*file, Problem::Missing { mend })
        })?;
        let mut policy = Policy::from_toml(file, &text)?;
        for name in self.drop_ins()? {
            let below = Path::new("policy.d").join(name);
            let file: Arc<Path> = Arc::from(self.path.join(&below));
            // It was listed a moment ago: a link that leads nowhere, or a file just removed.
            let text = self.read(&below, &file, trusted)?.ok_or_else(|| {
                let mend = "a link to nowhere, perhaps; restore the file or remove the link";
                PolicyError::new(&*file, Problem::Missing { mend })
            })?;
            policy.add_drop_in(file, &text)?;
        }
        policy.directory = Some(self);
        Ok(policy)
    }

    /// The names in policy.d that end in `.toml` and do not begin with a dot, in lexical order.
    fn drop_ins(&self) -> Result<Vec<OsString>, PolicyError> {
        let shown = self.path.join("policy.d");
        let io = |doing| {
            let shown = shown.clone();
            move |errno: Errno| PolicyError::new(shown, Problem::Io { doing, errno })
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = match rustix::fs::openat(&self.fd, "policy.d", flags, Mode::empty()) {
            Err(Errno::NOENT) if !open::dangles(&self.fd, Path::new("policy.d")) => {
                return Ok(Vec::new());
            }
            other => other.map_err(io("open the folder"))?,
        };
        let stat = rustix::fs::fstat(&folder).map_err(io("look at it"))?;
        Trusted::now().check_fd(&folder, &stat, &shown)?;
        let mut names = Vec::new();
        for entry in Dir::new(folder).map_err(io("list it"))? {
            let name = entry
                .map_err(io("list it"))?
                .file_name()
                .to_bytes()
                .to_vec();
            if name.ends_with(b".toml") && !name.starts_with(b".") {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads a file of the directory; `None` if it is not there.
    pub(crate) fn read(
        &self,
        name: &Path,
        shown: &Path,
        trusted: Trusted,
    ) -> Result<Option<String>, PolicyError> {
        let fd = match open::beneath(self.fd.as_fd(), name) {
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => {
                return Err(PolicyError::new(
                    shown,
                    Problem::Io {
                        doing: "open it",
                        errno,
                    },
                ));
            }
            Ok(fd) => fd,
        };
        let bytes = open::read(fd, shown, trusted)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = strict_line(error.as_bytes(), error.utf8_error().valid_up_to());
            PolicyError::at(shown, line, Problem::Toml("not UTF-8".to_owned()))
        })?;
        Ok(Some(text))
    }
}

fn strict_line(bytes: &[u8], offset: usize) -> usize {
    let before = bytes.get(..offset).unwrap_or(bytes);
    before
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}

//! The whole policy directory looked through, for `shim policy check`: every file, and all that is
//! wrong with it, not the first error alone.

mod named;
mod strays;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::directory::POLICY;
use crate::error::Problem;
use crate::lines::Lines;
use crate::outline::At;
use crate::trust::{Trusted, real_path};
use crate::{Directory, Gravity, Policy, PolicyError, Remark, open};

pub use named::{Found, Named};

/// A policy directory looked through.
#[derive(Debug)]
pub struct Survey {
    /// As much of the policy as can be read.
    pub policy: Policy,
    /// What is wrong.
    pub faults: Vec<PolicyError>,
    /// What there is to say besides.
    pub remarks: Vec<Remark>,
    /// The text of each file that was read.
    pub texts: BTreeMap<PathBuf, Vec<u8>>,
    trusted: Option<Rc<Trusted>>,
}

impl Survey {
    /// Looks through the directory at `path`; none if there is none. Owners and modes are looked at
    /// unless `anybody` is to be believed.
    ///
    /// # Errors
    /// The directory itself cannot be opened.
    pub fn of(path: &Path, anybody: bool) -> Result<Option<Self>, PolicyError> {
        let Some(directory) = Directory::open(path)? else {
            return Ok(None);
        };
        let mut survey = Self {
            policy: Policy::embedded(),
            faults: Vec::new(),
            remarks: Vec::new(),
            texts: BTreeMap::new(),
            trusted: (!anybody).then(|| Rc::new(Trusted::now())),
        };
        survey.check_above(&directory);
        survey.read_all(&directory);
        survey.policy.directory = Some(Rc::new(directory));
        survey.remarks.extend(survey.policy.remarks());
        survey.find_strays();
        Ok(Some(survey))
    }

    fn fault(&mut self, error: PolicyError) {
        let same = |known: &PolicyError| {
            (&known.file, known.line, known.problem.to_string())
                == (&error.file, error.line, error.problem.to_string())
        };
        if !self.faults.iter().any(same) {
            self.faults.push(error);
        }
    }

    /// Owners and modes of the directory and of what is above it: each, not the first that is wrong.
    fn check_above(&mut self, directory: &Directory) {
        let Some(trusted) = self.trusted.clone() else {
            return;
        };
        let real = match real_path(&directory.folder, &directory.path) {
            Ok(real) => real,
            Err(error) => return self.fault(error),
        };
        for folder in real.ancestors() {
            let shown = if folder == real {
                &directory.path
            } else {
                folder
            };
            match rustix::fs::stat(folder) {
                Ok(stat) => {
                    if let Err(error) = trusted.check(shown, &stat) {
                        self.fault(error);
                    }
                }
                Err(errno) => self.fault(PolicyError::io(folder, "look at it", errno)),
            }
        }
        if let Err(error) = directory.check_links() {
            self.fault(error);
        }
    }

    /// Owner and mode of one file, and of the folders that it really is in.
    fn check(&mut self, fd: &OwnedFd, shown: &Path) {
        let Some(trusted) = &self.trusted else { return };
        let checked = rustix::fs::fstat(fd)
            .map_err(|errno| PolicyError::io(shown, "look at it", errno))
            .and_then(|stat| trusted.check_fd(fd, &stat, shown));
        if let Err(error) = checked {
            self.fault(error);
        }
    }

    fn read_all(&mut self, directory: &Directory) {
        match self.text(directory, Path::new(POLICY)) {
            Some((file, text)) => {
                let at = Lines::new(file, &text);
                self.policy.take_policy(&at, &mut self.faults);
            }
            None => {
                let file = directory.path.join(POLICY);
                let known = self
                    .faults
                    .iter()
                    .any(|fault| fault.file.as_ref() == Some(&file));
                if !known {
                    let mend = "write one that says version = 1, or remove the folder to have the embedded policy";
                    self.fault(PolicyError::new(file, Problem::Missing { mend }));
                }
            }
        }
        for name in self.drop_ins(directory) {
            let below = Path::new("policy.d").join(&name);
            let path = directory.path.join(&below);
            let before = self.faults.len();
            if let Some((file, text)) = self.text(directory, &below) {
                let at = Lines::new(file, &text);
                self.policy.take_drop_in(&at, &mut self.faults);
            } else if self.faults.len() == before {
                let mend = "a link to nowhere, perhaps; restore the file or remove the link";
                self.fault(PolicyError::new(path, Problem::Missing { mend }));
            }
        }
    }

    /// A file of the directory as text; none if it is not there or cannot be read, which is noted.
    fn text(&mut self, directory: &Directory, name: &Path) -> Option<(Arc<Path>, String)> {
        let file: Arc<Path> = Arc::from(directory.path.join(name));
        let fd = match directory.folder.file(name) {
            Err(Errno::NOENT) => return None,
            Err(errno) => {
                self.fault(PolicyError::io(&file, "open it", errno));
                return None;
            }
            Ok(fd) => fd,
        };
        self.check(&fd, &file);
        let bytes = match open::read_unchecked(fd, &file) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.fault(error);
                return None;
            }
        };
        self.texts.insert(file.to_path_buf(), bytes.clone());
        match String::from_utf8(bytes) {
            Ok(text) => Some((file, text)),
            Err(error) => {
                let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
                let lines = before
                    .unwrap_or_default()
                    .iter()
                    .filter(|byte| **byte == b'\n');
                let line = lines.count().saturating_add(1);
                self.fault(PolicyError::at(
                    &*file,
                    line,
                    Problem::Toml("not UTF-8".to_owned()),
                ));
                None
            }
        }
    }

    /// The names in policy.d that are read, in order; what else is there is noted.
    fn drop_ins(&mut self, directory: &Directory) -> Vec<OsString> {
        let shown = directory.path.join("policy.d");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = match rustix::fs::openat(&directory.folder, "policy.d", flags, Mode::empty()) {
            Err(Errno::NOENT) if !open::dangles(&directory.folder, Path::new("policy.d")) => {
                return Vec::new();
            }
            Err(errno) => {
                self.fault(PolicyError::io(&shown, "open the folder", errno));
                return Vec::new();
            }
            Ok(folder) => folder,
        };
        self.check(&folder, &shown);
        let mut names = match list(&folder) {
            Ok(names) => names,
            Err(errno) => {
                self.fault(PolicyError::io(&shown, "list it", errno));
                return Vec::new();
            }
        };
        names.retain(|name| {
            let bytes = name.as_encoded_bytes();
            let read = bytes.ends_with(b".toml") && !bytes.starts_with(b".");
            // `..data` and its like are how a ConfigMap is swapped.
            if !read && !bytes.starts_with(b"..") {
                let message = "it is not read: only names that end in .toml and do not begin with \
                               a dot are";
                self.remarks.push(about(shown.join(name), message));
            }
            read
        });
        names
    }
}

/// The names in a folder, in lexical order.
fn list(folder: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

fn about(file: PathBuf, message: &str) -> Remark {
    Remark {
        gravity: Gravity::Note,
        at: At { file, line: 0 },
        key: None,
        message: message.to_owned(),
        mend: None,
        also: None,
    }
}

//! The whole policy directory looked through, for `shim policy check`: every file, and all that is
//! wrong with it, not the first error alone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::directory::POLICY;
use crate::document::ProfileDocument;
use crate::error::Problem;
use crate::folder::Folder;
use crate::lines::Lines;
use crate::outline::At;
use crate::policy::{Place, Root};
use crate::profile_name::ProfileName;
use crate::trust::{Trusted, check_way, real_path};
use crate::{Directory, Gravity, Policy, PolicyError, Remark, Wanted, open};

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

/// A Localhost profile that the policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: ProfileName,
    /// Where it is named.
    pub at: At,
    /// What names it, in words.
    pub by: String,
}

/// A file found for a name.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub file: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
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

    /// Every Localhost profile that the policy names, in the order in which it does.
    #[must_use]
    pub fn named(&self) -> Vec<Named> {
        let mut named = Vec::new();
        let mut add = |wanted: &Wanted, place: &Place, by: String| {
            if let Wanted::Localhost(name) = wanted {
                named.push(Named {
                    name: name.clone(),
                    at: At::of(place),
                    by,
                });
            }
        };
        let defaults = &self.policy.defaults;
        if let (ProfileDocument::Wanted(wanted), Some(place)) = (&defaults.profile, &defaults.place)
        {
            add(wanted, place, "[defaults]".to_owned());
        }
        if let Some((name, place)) = &defaults.runtime_default {
            let by = "defaults.runtime_default".to_owned();
            add(&Wanted::Localhost(name.clone()), place, by);
        }
        if let Some((name, place)) = &defaults.learned {
            let by = "defaults.learned".to_owned();
            add(&Wanted::Localhost(name.clone()), place, by);
        }
        for rule in &self.policy.rules {
            if let Some(ProfileDocument::Wanted(wanted)) = &rule.profile {
                add(wanted, &rule.place, format!("rule {:?}", rule.name));
            }
            if let Some((name, place)) = &rule.learned {
                let by = format!("rule {:?}, learned", rule.name);
                add(&Wanted::Localhost(name.clone()), place, by);
            }
        }
        for floor in &self.policy.floors {
            add(&floor.profile, &floor.place, "[floor]".to_owned());
        }
        named
    }

    /// The profile of a name, from the first root that has it. What is wrong on the way is added to
    /// the faults, at `at` if it is about no file in particular.
    pub fn find(&mut self, named: &Named) -> Option<Found> {
        let mut absent = Vec::new();
        for root in self.roots() {
            let folder = match open::folder(&root.path) {
                Ok(Some(folder)) => folder,
                Ok(None) => {
                    absent.push(root.path.display().to_string());
                    continue;
                }
                Err(error) => {
                    self.fault(error);
                    continue;
                }
            };
            match self.open(&folder, &root, &named.name) {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(error) => {
                    self.fault(error);
                    return None;
                }
            }
        }
        let own = self.roots().into_iter().next();
        let away: Vec<String> = absent
            .into_iter()
            .filter(|root| {
                own.as_ref()
                    .is_none_or(|own| own.path.as_os_str() != OsStr::new(root))
            })
            .collect();
        let message = format!(
            "{} names the profile {:?}, which is in none of the profile roots",
            named.by,
            named.name.as_str()
        );
        // In a pipeline the node's own folders are not there to be looked into.
        let (gravity, message, mend) = if away.is_empty() {
            let mend = "put it into profiles/, or correct the name";
            (Gravity::Error, message, mend.to_owned())
        } else {
            let mend = format!(
                "{} is not on this machine: check on a node",
                away.join(", ")
            );
            (Gravity::Warning, format!("{message} here"), mend)
        };
        self.remarks.push(Remark {
            gravity,
            at: named.at.clone(),
            key: Some("profile"),
            message,
            mend: Some(mend),
            also: None,
        });
        None
    }

    fn roots(&self) -> Vec<Root> {
        let directory = self.policy.directory.as_deref();
        let own = directory.map(|directory| &directory.profiles);
        let all = own.into_iter().chain(&self.policy.roots);
        // Each look is a new one here: nothing depends on their being of one generation.
        all.map(|root| Root::new(root.path.clone(), root.trust_links))
            .collect()
    }

    fn open(
        &mut self,
        folder: &Folder,
        root: &Root,
        name: &ProfileName,
    ) -> Result<Option<Found>, PolicyError> {
        let file = root.path.join(name.as_path());
        let mut opened = folder.file(name.as_path());
        if opened.as_ref().err() == Some(&Errno::XDEV) && root.trust_links {
            opened = open::following(folder, name.as_path());
        }
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::XDEV) => {
                let name = name.as_str().to_owned();
                return Err(PolicyError::new(&file, Problem::LeavesRoot { name }));
            }
            Err(errno) => return Err(PolicyError::io(&file, "open it", errno)),
        };
        if let Some(trusted) = &self.trusted {
            let way = real_path(folder, &root.path)?.join(name.as_path());
            if let Err(error) = check_way(trusted, &way) {
                self.fault(error);
            }
            self.check(&fd, &file);
        }
        let bytes = open::read_unchecked(fd, &file)?;
        Ok(Some(Found { file, bytes }))
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
    fn drop_ins(&mut self, directory: &Directory) -> Vec<std::ffi::OsString> {
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

    /// Notes what nothing reads: TOML beside policy.toml, and profiles that nothing names.
    fn find_strays(&mut self) {
        let Some(directory) = &self.policy.directory else {
            return;
        };
        let path = directory.path.clone();
        for name in list_at(&path).unwrap_or_default() {
            if name != POLICY && name.as_encoded_bytes().ends_with(b".toml") {
                let message =
                    "it is not read: settings are in policy.toml, more rules in policy.d/";
                self.remarks.push(about(path.join(name), message));
            }
        }
        let named: Vec<PathBuf> = self
            .named()
            .iter()
            .map(|one| one.name.as_path().components().collect())
            .collect();
        let root = path.join("profiles");
        let mut files = Vec::new();
        collect(&root, Path::new(""), 0, &mut files);
        files.sort();
        for file in files {
            // What containers' annotations name is known only when they come.
            if !named.contains(&file) && !self.policy.honour_annotations {
                self.remarks
                    .push(about(root.join(file), "no rule, default or floor names it"));
            }
        }
    }
}

/// The files below a root, by their names there.
fn collect(root: &Path, below: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    // As deep as a person would go, whatever links do.
    if depth > DEEPEST {
        return;
    }
    let folder = root.join(below);
    for name in list_at(&folder).unwrap_or_default() {
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = below.join(&name);
        let stat = rustix::fs::statat(CWD, root.join(&path), AtFlags::SYMLINK_NOFOLLOW);
        match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Directory) => collect(root, &path, depth.saturating_add(1), files),
            Ok(FileType::RegularFile) => files.push(path),
            _ => {}
        }
    }
}

const DEEPEST: usize = 32;

fn list_at(path: &Path) -> Result<Vec<std::ffi::OsString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    list(&rustix::fs::open(path, flags, Mode::empty())?)
}

/// The names in a folder, in lexical order.
fn list(folder: &OwnedFd) -> Result<Vec<std::ffi::OsString>, Errno> {
    use std::os::unix::ffi::OsStringExt;
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(std::ffi::OsString::from_vec(name));
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

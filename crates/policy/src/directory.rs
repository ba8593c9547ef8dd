//! The policy directory on disk.
//!
//! It may be replaced at any time, by the rename of a folder or of a link. What is read must be the
//! old policy or the new one: so everything is looked up in folders that are held open, and what was
//! read counts only if those are still in use at the end, or were left alone meanwhile. Otherwise
//! it is read again.

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{Dir, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::Problem;
use crate::folder::{Folder, is_still};
use crate::policy::Root;
use crate::trust::{Trusted, check_way, real_path};
use crate::{Policy, PolicyError, open};

/// A policy directory, held open: whatever is renamed meanwhile, everything comes from this one.
#[derive(Debug)]
pub struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) folder: Folder,
    pub(crate) trusted: Trusted,
    /// policy.d, where there is one.
    drop_ins: OnceCell<Folder>,
    /// `profiles/`, the first of the profile roots.
    pub(crate) profiles: Root,
    /// Whether a profile was looked for in `profiles/` and was not there.
    pub(crate) missed: Cell<bool>,
}

/// The one file that must be there.
pub(crate) const POLICY: &str = "policy.toml";

/// Asks `question` of the policy in `directory`, or of the embedded one where there is none. If the
/// directory is replaced meanwhile the question is put again, to the new policy: the answer is never
/// of two. The question must change nothing. The rules' memory is not given back: this is for programs
/// that end soon.
///
/// # Errors
/// Whatever is wrong with the policy, or with what was asked; [`Problem::Restless`] where the
/// directory is replaced for a second without end.
pub fn ask<T, E: From<PolicyError>>(
    directory: Result<Option<Directory>, PolicyError>,
    mut question: impl FnMut(&Policy) -> Result<T, E>,
) -> Result<T, E> {
    let Some(first) = directory? else {
        return question(&Policy::embedded());
    };
    let start = Instant::now();
    let mut directory = Rc::new(first);
    loop {
        let policy = Directory::read_policy(&directory);
        let answer = policy.map_err(E::from).and_then(|mut policy| {
            let answer = question(&policy);
            // Whoever asks becomes another program next: thousands of rules need not be taken apart.
            std::mem::forget(std::mem::take(&mut policy.rules));
            answer
        });
        if directory.stands(answer.is_ok()) {
            return answer;
        }
        if start.elapsed() > PATIENCE {
            return Err(PolicyError::new(&directory.path, Problem::Restless).into());
        }
        directory = match Directory::open_awaited(&directory.path)? {
            Some(next) => Rc::new(next),
            None => return question(&Policy::embedded()),
        };
    }
}

/// For how long a policy is read again.
const PATIENCE: Duration = Duration::from_secs(1);

impl Directory {
    /// Opens the directory. `None` if there is none: the embedded policy applies.
    ///
    /// # Errors
    /// It is there and cannot be opened, or is no folder.
    pub fn open(path: &Path) -> Result<Option<Self>, PolicyError> {
        match Self::open_now(path) {
            Ok(None) if changed_just_now(path) => Self::open_awaited(path),
            Err(error) if is_missing(&error) => Self::open_awaited(path),
            other => other,
        }
    }

    fn open_now(path: &Path) -> Result<Option<Self>, PolicyError> {
        let folder = open::folder(path)?;
        Ok(folder.map(|folder| Self {
            path: path.to_owned(),
            folder,
            trusted: Trusted::now(),
            drop_ins: OnceCell::new(),
            profiles: Root::new(path.join("profiles"), false),
            missed: Cell::new(false),
        }))
    }

    /// Opens a directory that may be missing for a moment only, while one is moved away and another
    /// into its place.
    fn open_awaited(path: &Path) -> Result<Option<Self>, PolicyError> {
        let start = Instant::now();
        loop {
            match Self::open_now(path) {
                Ok(None) if start.elapsed() < GAP => {}
                // A link was followed to a folder that was deleted a moment later.
                Err(error) if is_missing(&error) && start.elapsed() < GAP => {}
                other => return other,
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Reads the policy: policy.toml, then policy.d/*.toml in lexical order.
    ///
    /// # Errors
    /// Anything unreadable, unbelievable, unknown or missing in it.
    pub fn load(self) -> Result<Policy, PolicyError> {
        Self::read_policy(&Rc::new(self))
    }

    fn read_policy(this: &Rc<Self>) -> Result<Policy, PolicyError> {
        let trusted = &this.trusted;
        this.check_links()?;
        let file: Arc<Path> = Arc::from(this.path.join(POLICY));
        let fd = this.folder.file(Path::new(POLICY));
        let text = text_of(fd, &file, |fd| {
            open::read(fd, &file, trusted, open::MAX_POLICY)
        })?
        .ok_or_else(|| {
            let mend =
                "write one that says version = 1, or remove the folder to have the embedded policy";
            PolicyError::new(&*file, Problem::Missing { mend })
        })?;
        let mut policy = Policy::from_toml(file, &text)?;
        if let Some(folder) = this.open_drop_ins()? {
            for name in this.names(folder)? {
                let (file, text) = this.drop_in(folder, &name)?;
                policy.add_drop_in(file, &text)?;
            }
        }
        policy.directory = Some(Rc::clone(this));
        Ok(policy)
    }

    /// Where links lead to the directory, whoever could change one of them could lead to another
    /// policy, which root may own as well: one in an image, say.
    pub(crate) fn check_links(&self) -> Result<(), PolicyError> {
        let Ok(path) = std::path::absolute(&self.path) else {
            return Ok(());
        };
        if real_path(&self.folder, &self.path)? == path {
            return Ok(());
        }
        check_way(&self.trusted, &path)
    }

    /// Whether what was read is of one policy: the directory is in use as it was opened, or nothing
    /// was taken from it or added since.
    ///
    /// `found` tells whether all that was looked for was there. What is not there may have been
    /// taken away from below a folder of profiles, which is not looked at here.
    fn stands(&self, found: bool) -> bool {
        let folders = [self.drop_ins.get(), self.profiles.opened()];
        let below = || folders.into_iter().flatten();
        let in_use = is_still(&self.path, &self.folder)
            && self.folder.stands()
            && below().all(Folder::stands);
        let intact = || {
            found && !self.missed.get() && self.folder.is_intact() && below().all(Folder::is_intact)
        };
        in_use || intact()
    }

    fn open_drop_ins(&self) -> Result<Option<&Folder>, PolicyError> {
        let name = Path::new("policy.d");
        let shown = self.path.join(name);
        let folder = match self.folder.folder(name) {
            Err(Errno::NOENT) if !open::dangles(&self.folder, name) => return Ok(None),
            other => other.map_err(|errno| PolicyError::io(&shown, "open the folder", errno))?,
        };
        self.trusted.check_fd(&folder, folder.stat(), &shown)?;
        Ok(Some(self.drop_ins.get_or_init(|| folder)))
    }

    /// The names in policy.d that end in `.toml` and do not begin with a dot, in lexical order.
    fn names(&self, folder: &Folder) -> Result<Vec<OsString>, PolicyError> {
        let shown = self.path.join("policy.d");
        let io = |errno: Errno| PolicyError::io(&shown, "list it", errno);
        // A ConfigMap of its own: its links are added and removed after the generation changes.
        let generation = folder.generation().map_err(io)?;
        let mut names = match generation {
            None => list_settled(folder).map_err(io)?,
            Some(generation) => {
                let mut names = list_but_links(folder).map_err(io)?;
                names.extend(list(&generation).map_err(io)?);
                names
            }
        };
        names.retain(|name| {
            let name = name.as_encoded_bytes();
            name.ends_with(b".toml") && !name.starts_with(b".")
        });
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Reads a file of policy.d, which `folder` is open on.
    fn drop_in(
        &self,
        folder: &Folder,
        name: &OsString,
    ) -> Result<(Arc<Path>, String), PolicyError> {
        let trusted = &self.trusted;
        let mut shown = self.path.join("policy.d");
        shown.push(name);
        let file: Arc<Path> = Arc::from(shown);
        let text = match folder.plain_file(Path::new(name)) {
            Ok(fd) => text_of(Ok(fd), &file, |fd| open::read_here(fd, &file, trusted)),
            Err(_) => {
                let fd = folder.file(Path::new(name));
                // A link out of policy.d may lead to elsewhere in the directory.
                let fd = match fd {
                    Err(Errno::XDEV) => self.folder.file(&Path::new("policy.d").join(name)),
                    other => other,
                };
                text_of(fd, &file, |fd| {
                    open::read(fd, &file, trusted, open::MAX_POLICY)
                })
            }
        };
        // It was listed a moment ago: a link that leads nowhere, or a file just removed.
        let text = text?.ok_or_else(|| {
            let mend = "a link to nowhere, perhaps; restore the file or remove the link";
            PolicyError::new(&*file, Problem::Missing { mend })
        })?;
        Ok((file, text))
    }
}

/// For how long a directory may be missing while it is replaced.
const GAP: Duration = Duration::from_millis(50);

fn is_missing(error: &PolicyError) -> bool {
    matches!(error.problem, Problem::Io { errno, .. } if errno == Errno::NOENT)
}

/// Whether the folder that `path` is in was changed within the last second: a directory that is
/// missing may then be one that is being replaced.
fn changed_just_now(path: &Path) -> bool {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return false,
    };
    let Ok(stat) = rustix::fs::stat(parent) else {
        return false;
    };
    let modified = u64::try_from(stat.st_mtime).unwrap_or(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.is_ok_and(|now| now.as_secs().abs_diff(modified) <= 1)
}

/// Lists a folder in which names may be renamed meanwhile: a list that was begun before a rename can
/// lack both the old and the new entry of a name (tmpfs). So if anything was changed since the folder
/// was opened, or just before, two lists must agree.
fn list_settled(folder: &Folder) -> Result<Vec<OsString>, Errno> {
    let mut names = list(folder)?;
    if folder.is_intact() {
        return Ok(names);
    }
    for _ in 0..LISTS {
        let before = rustix::fs::fstat(folder)?;
        let mut again = list(folder)?;
        let after = rustix::fs::fstat(folder)?;
        names.sort_unstable();
        again.sort_unstable();
        let time = |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec);
        if again == names && time(&before) == time(&after) {
            return Ok(names);
        }
        names = again;
    }
    Err(Errno::AGAIN)
}

/// The same without the links through the kubelet's. One that is removed before it was looked at,
/// since its file is of an older generation, is in no list that is made after that.
fn list_but_links(folder: &Folder) -> Result<Vec<OsString>, Errno> {
    for _ in 0..LISTS {
        let mut names = Vec::new();
        let mut gone = false;
        for name in list_settled(folder)? {
            match folder.leads_through_generation(Path::new(&name)) {
                Ok(true) => {}
                Ok(false) => names.push(name),
                Err(Errno::NOENT) => gone = true,
                Err(errno) => return Err(errno),
            }
        }
        if !gone {
            return Ok(names);
        }
    }
    Err(Errno::AGAIN)
}

/// How often a folder is listed that others change all the time, until the create is refused.
const LISTS: u32 = 1_000;

fn list(folder: &Folder) -> Result<Vec<OsString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(folder, ".", flags, Mode::empty())?;
    let entries = Dir::new(readable)?.map(|entry| {
        let name = entry?.file_name().to_bytes().to_vec();
        Ok(OsString::from_vec(name))
    });
    entries.collect()
}

/// The text of a file that was opened; `None` if it is not there.
fn text_of<F>(
    opened: Result<F, Errno>,
    shown: &Path,
    read: impl FnOnce(F) -> Result<Vec<u8>, PolicyError>,
) -> Result<Option<String>, PolicyError> {
    let fd = match opened {
        Err(Errno::NOENT) => return Ok(None),
        other => other.map_err(|errno| PolicyError::io(shown, "open it", errno))?,
    };
    let text = String::from_utf8(read(fd)?).map_err(|error| {
        let line = strict_line(error.as_bytes(), error.utf8_error().valid_up_to());
        PolicyError::at(shown, line, Problem::Toml("not UTF-8".to_owned()))
    })?;
    Ok(Some(text))
}

fn strict_line(bytes: &[u8], offset: usize) -> usize {
    let before = bytes.get(..offset).unwrap_or(bytes);
    before
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}

//! The real runtime: found without PATH, never ourselves, and handed everything as it came.

use std::ffi::{CString, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use early_entry::note::{HEAD, carries_note};
use early_entry::places::{FOLDERS, NAMES};
use filter::FileId;
use policy::Directory;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::argv::{Flavor, Own};
use crate::refusal::Refusal;

pub use early_entry::note::{NOTE, Note};

/// A runtime that can be handed a call.
#[derive(Debug)]
pub struct Runtime {
    path: PathBuf,
    flavor: Flavor,
    file: FileId,
}

impl Runtime {
    /// Finds it: `--shim-runtime`, else the policy's `runtime.path`, else the first of runc, crun
    /// and youki in the usual folders. A name without a slash is looked for in those folders too.
    ///
    /// # Errors
    /// None is there; the one named is this program, cannot be run, or could have been written by
    /// others; the policy names one and cannot be believed.
    pub fn find(own: &Own, directory: Option<&Directory>) -> Result<Self, Refusal> {
        let named = match &own.runtime {
            Some(path) => Some(PathBuf::from(path)),
            None => match directory {
                Some(directory) => directory.runtime()?,
                None => None,
            },
        };
        let Some(named) = named else {
            return Self::first();
        };
        if named.is_absolute() {
            return Self::check(named.clone())?.ok_or(Refusal::OwnRuntime { path: named });
        }
        if named.as_os_str().as_bytes().contains(&b'/') {
            return Err(Refusal::RelativeRuntime { path: named });
        }
        let places = FOLDERS.iter().map(|folder| Path::new(folder).join(&named));
        for path in places.filter(|path| is_program(path)) {
            if let Some(runtime) = Self::check(path)? {
                return Ok(runtime);
            }
        }
        Err(Refusal::Runtime {
            path: named,
            errno: Errno::NOENT,
        })
    }

    fn first() -> Result<Self, Refusal> {
        for name in NAMES {
            for path in FOLDERS.iter().map(|folder| Path::new(folder).join(name)) {
                if is_program(&path)
                    && let Some(runtime) = Self::check(path)?
                {
                    return Ok(runtime);
                }
            }
        }
        Err(Refusal::NoRuntime {
            searched: FOLDERS.join(", "),
        })
    }

    /// The runtime at `path`, or none if that is this program.
    fn check(path: PathBuf) -> Result<Option<Self>, Refusal> {
        let fail = |errno| Refusal::Runtime {
            path: path.clone(),
            errno,
        };
        let fd = open(&path).map_err(fail)?;
        let stat = rustix::fs::fstat(&fd).map_err(fail)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Refusal::NoProgram { path });
        }
        if is_ourselves(&fd, &stat) {
            return Ok(None);
        }
        believe(&path, &stat)?;
        let flavor = flavor(&fd, &path);
        let file = FileId::of(&stat);
        Ok(Some(Self { path, flavor, file }))
    }

    /// Whose command line it takes.
    #[must_use]
    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// Its file, as it was when it was found.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Becomes the runtime: same process, its path as argv\[0\] (crun picks its handler by it), `args`
    /// after it, everything else as it came. Comes back only if that fails.
    #[must_use]
    pub fn exec(&self, args: &[OsString]) -> Refusal {
        let fail = |errno: Errno| Refusal::Runtime {
            path: self.path.clone(),
            errno,
        };
        let mut argv = Vec::with_capacity(args.len().saturating_add(1));
        for word in
            std::iter::once(self.path.as_os_str()).chain(args.iter().map(OsString::as_os_str))
        {
            match CString::new(word.as_bytes()) {
                Ok(word) => argv.push(word),
                Err(_) => return fail(Errno::INVAL),
            }
        }
        let Some(path) = argv.first() else {
            return fail(Errno::INVAL);
        };
        match nix::unistd::execv(path, &argv) {
            Ok(never) => match never {},
            Err(errno) => fail(Errno::from_raw_os_error(errno as i32)),
        }
    }
}

/// Whether there is something at `path` that we may execute.
pub(crate) fn is_program(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
        && rustix::fs::stat(path)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

/// Opens the program for reading, or, where it may only be executed, for looking at.
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()),
        other => other,
    }
}

/// Whether it is this very file, through whatever link, or a copy of some version of it.
fn is_ourselves(fd: &OwnedFd, stat: &Stat) -> bool {
    let same = rustix::fs::stat("/proc/self/exe")
        .is_ok_and(|own| (own.st_dev, own.st_ino) == (stat.st_dev, stat.st_ino));
    let mut head = [0_u8; HEAD];
    let length = rustix::io::pread(fd, &mut head, 0).unwrap_or(0);
    let head = head.get(..length).unwrap_or(b"");
    same || carries_note(head)
}

/// A program that others could have written is not run with our rights.
fn believe(path: &Path, stat: &Stat) -> Result<(), Refusal> {
    let caller = rustix::process::geteuid().as_raw();
    let by_group = stat.st_mode & 0o020 != 0 && stat.st_gid != 0;
    let by_others = stat.st_mode & 0o002 != 0;
    let root = rustix::fs::stat("/").map_or(0, |stat| stat.st_uid);
    let owned = [0, caller, root].contains(&stat.st_uid);
    if owned && !by_group && !by_others {
        return Ok(());
    }
    Err(Refusal::LooseRuntime {
        path: path.to_owned(),
        owner: stat.st_uid,
        mode: stat.st_mode & 0o7777,
    })
}

/// Which runtime it is, by the name of the file that it really is, else by the name given.
fn flavor(fd: &OwnedFd, path: &Path) -> Flavor {
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let real = rustix::fs::readlink(link, Vec::new())
        .map(|real| PathBuf::from(OsString::from_vec(real.into_bytes())));
    match real.map_or(Flavor::Unknown, |real| Flavor::of(&real)) {
        Flavor::Unknown => Flavor::of(path),
        known => known,
    }
}

//! Who would compile the filter: crun with the libseccomp that the dynamic linker gives it.
//!
//! Two versions of libseccomp can make different filters of one profile, for the newer knows more
//! system calls. So ours is handed over only where crun's has the same version.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use filter::FileId;
use goblin::elf::Elf;

use crate::runtime::Runtime;

/// crun and its libseccomp, as they are now.
#[derive(Debug)]
pub struct Compiler {
    program: PathBuf,
    program_file: FileId,
    library: PathBuf,
    library_file: FileId,
}

impl Compiler {
    /// Of this runtime; none where it is not certain which library it would get. Nothing but
    /// looking at files: [`Compiler::is_like_ours`] reads them.
    #[must_use]
    pub fn of(runtime: &Runtime) -> Option<Self> {
        if ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT"]
            .iter()
            .any(|variable| std::env::var_os(variable).is_some())
        {
            return None;
        }
        let mut found: Option<(PathBuf, FileId)> = None;
        for folder in FOLDERS {
            let path = Path::new(folder).join(LIBRARY);
            let Ok(stat) = rustix::fs::stat(&path) else {
                continue;
            };
            let file = FileId::of(&stat);
            match &found {
                // Another one: which is taken is the linker's to know.
                Some((_, known)) if *known != file => return None,
                Some(_) => {}
                None => found = Some((path, file)),
            }
        }
        let (library, library_file) = found?;
        Some(Self {
            program: runtime.path().to_owned(),
            program_file: runtime.file(),
            library,
            library_file,
        })
    }

    /// What a filter of its making depends on.
    #[must_use]
    pub fn files(&self) -> [FileId; 2] {
        [self.program_file, self.library_file]
    }

    /// Whether it compiles with a libseccomp of our own's version.
    #[must_use]
    pub fn is_like_ours(&self) -> bool {
        self.version() == Some(filter::libseccomp_version()) && self.takes_it()
    }

    /// The version of its libseccomp, which the file that the link leads to is named by.
    fn version(&self) -> Option<(u32, u32, u32)> {
        let target = rustix::fs::readlink(&self.library, Vec::new()).ok()?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        let numbers = target
            .file_name()?
            .to_str()?
            .strip_prefix("libseccomp.so.")?;
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        let version = (numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// Whether the program asks the linker for that library, and not in folders of its own.
    fn takes_it(&self) -> bool {
        let Ok(bytes) = std::fs::read(&self.program) else {
            return false;
        };
        Elf::parse(&bytes).is_ok_and(|elf| {
            elf.libraries.contains(&LIBRARY) && elf.rpaths.is_empty() && elf.runpaths.is_empty()
        })
    }
}

/// libseccomp's, for all of its versions 2.
const LIBRARY: &str = "libseccomp.so.2";

/// Where dynamic linkers look (ld.so(8)), and where distributions have them look.
const FOLDERS: &[&str] = &[
    // Debian's, by architecture: one machine has one of them, or the same libraries in none.
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/local/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
];

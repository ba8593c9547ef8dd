//! Who would compile the filter: crun with the libseccomp that the dynamic linker gives it.
//!
//! Two versions of libseccomp can make different filters of one profile, for the newer knows more
//! system calls; and distributions add system calls to a version. So ours is handed over only where
//! crun's has the same version, and knows the same of the names that the profile has.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use filter::FileId;
use goblin::elf::Elf;
use profile::Seccomp;

use crate::runtime::Runtime;

/// crun and its libseccomp, as they are now.
#[derive(Debug)]
pub struct Compiler {
    program: PathBuf,
    program_file: FileId,
    library: PathBuf,
    library_file: FileId,
    /// What ldconfig(8) found, also in the folders that /etc/ld.so.conf.d names.
    linkers: Option<FileId>,
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
        // Loaded before all else (ld.so(8)).
        if rustix::fs::stat(PRELOAD).is_ok_and(|stat| stat.st_size > 0) {
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
            linkers: rustix::fs::stat(LINKERS).ok().as_ref().map(FileId::of),
        })
    }

    /// What a filter of its making depends on.
    #[must_use]
    pub fn files(&self) -> Vec<FileId> {
        let both = [self.program_file, self.library_file];
        both.into_iter().chain(self.linkers).collect()
    }

    /// Whether it compiles `profile` with a libseccomp of our own's version that knows the same names.
    #[must_use]
    pub fn is_like_ours(&self, profile: &Seccomp) -> bool {
        self.version() == Some(filter::libseccomp_version())
            && self.takes_it()
            && self.knows_alike(profile)
    }

    /// Whether its libseccomp knows those names of the profile that ours knows, and no others. It
    /// has all names as strings that a NUL ends, one after the other (gperf's pool).
    fn knows_alike(&self, profile: &Seccomp) -> bool {
        let Ok(library) = std::fs::read(&self.library) else {
            return false;
        };
        let strings: HashSet<&[u8]> = library.split(|byte| *byte == 0).collect();
        let mut names = profile.rules.iter().flat_map(|rule| &rule.names);
        names.all(|name| filter::known(name) == strings.contains(name.as_bytes()))
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

    /// Whether the program asks the system's linker for that library, not in folders of its own, and
    /// the linker knows no other.
    fn takes_it(&self) -> bool {
        let Ok(bytes) = std::fs::read(&self.program) else {
            return false;
        };
        let asks = Elf::parse(&bytes).is_ok_and(|elf| {
            // One from elsewhere has folders and a cache of its own.
            let systems = elf
                .interpreter
                .is_some_and(|linker| SYSTEMS.iter().any(|folder| linker.starts_with(folder)));
            systems
                && elf.libraries.contains(&LIBRARY)
                && elf.rpaths.is_empty()
                && elf.runpaths.is_empty()
        });
        let known = match self.linkers {
            Some(_) => std::fs::read(LINKERS).ok().map(|cache| listed(&cache)),
            None => Some(vec![self.library.clone()]),
        };
        let Some(known) = known else {
            return false;
        };
        // A linker whose cache has none looks also below its folders, by what the processor can do.
        let there = known.iter().any(|path| rustix::fs::stat(path).is_ok());
        asks && there && known.iter().all(|path| self.is_it(path, &bytes))
    }

    /// Whether a library of that name is the one, or is none for programs like `program`.
    fn is_it(&self, path: &Path, program: &[u8]) -> bool {
        let Ok(stat) = rustix::fs::stat(path) else {
            // Not there any more; the linker goes on.
            return true;
        };
        let same = FileId::of(&stat) == self.library_file;
        same || std::fs::read(path).is_ok_and(|library| machine(&library) != machine(program))
    }
}

/// The libraries called [`LIBRARY`] that the linker's cache may name. Its paths end with a NUL, and each
/// follows on the one before; one that is another's end is not there a second time, so that every
/// end counts.
fn listed(cache: &[u8]) -> Vec<PathBuf> {
    let word = format!("/{LIBRARY}\0");
    let ends = memchr::memmem::find_iter(cache, word.as_bytes());
    let path = |at: usize| {
        let end = at.checked_add(word.len())?.checked_sub(1)?;
        let start = memchr::memrchr(0, cache.get(..at)?)?.checked_add(1)?;
        cache.get(start..end)
    };
    let slashes = |path| memchr::memchr_iter(b'/', path).filter_map(|at| path.get(at..));
    let paths = ends.filter_map(path).flat_map(slashes);
    paths
        .map(|path| PathBuf::from(OsString::from_vec(path.to_vec())))
        .collect()
}

/// The class and the machine of a program (elf(5)).
fn machine(elf: &[u8]) -> Option<(u8, &[u8])> {
    Some((*elf.get(4)?, elf.get(18..20)?))
}

/// What the linker finds libraries by (ld.so(8)).
const LINKERS: &str = "/etc/ld.so.cache";

/// Libraries that it loads before those that a program asks for.
const PRELOAD: &str = "/etc/ld.so.preload";

/// libseccomp's, for all of its versions 2.
const LIBRARY: &str = "libseccomp.so.2";

/// Where the system's linker is (ld.so(8), the psABIs).
const SYSTEMS: &[&str] = &["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_of_the_name_is_found_in_the_linkers_cache() {
        let cache =
            b"glibc-ld.so.cache1.1\x00\x01\x00libseccomp.so.2\x00/opt/x/libseccomp.so.2\x00\
            libseccomp.so.2\x00/lib/libseccomp.so.2\x00libseccomp.so\x00/lib/libseccomp.so\x00";
        let all = [
            "/opt/x/libseccomp.so.2",
            "/x/libseccomp.so.2",
            "/libseccomp.so.2",
            "/lib/libseccomp.so.2",
            "/libseccomp.so.2",
        ];
        assert_eq!(listed(cache), all.map(PathBuf::from));
        assert!(listed(b"").is_empty());
    }
}

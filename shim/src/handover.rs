//! A finished filter for crun, so that it need not compile one.
//!
//! crun spends a third of a create on having libseccomp compile the profile. It takes a finished
//! program instead, in an annotation. This finds one in the [`filter::Cache`], by everything that it
//! depends on; where there is none yet, crun compiles as ever, and the cache is filled meanwhile by
//! a process that nobody waits for.
//!
//! `linux.seccomp` says the same as the program, and stays: a crun that does not know the
//! annotation still confines, and tools read what they always read. Nothing is handed over
//! where it is not certain that crun would have compiled the very same (see [`Compiler`]), where a
//! program says less than the profile (see [`filter::finish`]), or where anything at all goes wrong.

use std::os::fd::AsFd;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use filter::{Cache, Entry, Key, Limits};
use policy::Policy;
use profile::{Arch, DOCKER_CAPABILITIES, Seccomp};
use sha2::{Digest, Sha256};

use crate::argv::{Command, Flavor};
use crate::compiler::Compiler;
use crate::node;
use crate::refusal::Refusal;
use crate::runtime::Runtime;
use crate::state_dir::State;

/// A call whose runtime can be handed a filter.
#[derive(Debug)]
pub struct Handover {
    compiler: Compiler,
    native: Arch,
}

/// A profile for which there is no filter yet.
#[derive(Debug)]
pub struct Missing {
    handover: Handover,
    key: Key,
    profile: String,
}

impl Handover {
    /// Whether `runtime` can be handed a filter at all.
    #[must_use]
    pub fn to(runtime: &Runtime, command: Command, native: Arch) -> Option<Self> {
        // A restore brings its filters along.
        if runtime.flavor() != Flavor::Crun || command == Command::Restore {
            return None;
        }
        // crun would send a listener's fd there, and load the filter with one.
        if std::env::var_os("RUN_OCI_SECCOMP_RECEIVER").is_some() {
            return None;
        }
        let compiler = Compiler::of(runtime)?;
        Some(Self { compiler, native })
    }

    /// The filter for `profile`, the text of a `linux.seccomp`, in base64.
    ///
    /// # Errors
    /// There is none: with what is needed to make one, or without where none is to be had.
    pub fn filter(self, profile: &str) -> Result<String, Option<Box<Missing>>> {
        let key = self.key(profile);
        let folders = State::all().filter_map(|state| state.folder(FOLDER).ok());
        let mut caches = folders.map(Cache::new);
        match caches.find_map(|cache| cache.get(&key)) {
            Some(Entry::Filter(program)) => Ok(STANDARD.encode(program)),
            Some(Entry::Nothing) => Err(None),
            None => Err(Some(Box::new(Missing {
                key,
                profile: profile.to_owned(),
                handover: self,
            }))),
        }
    }

    fn key(&self, profile: &str) -> Key {
        let uname = rustix::system::uname();
        Key::new(
            &Sha256::digest(profile.as_bytes()).into(),
            self.native,
            filter::Runtime::Crun,
            [uname.release().to_bytes(), uname.version().to_bytes()],
            &self.compiler.files(),
        )
    }

    /// What is to be kept for `profile`.
    fn make(&self, profile: &str) -> Entry {
        let finished = || {
            let profile = read(profile)?;
            if !self.compiler.is_like_ours(&profile) {
                return None;
            }
            filter::finish(&profile, self.native).ok()?
        };
        entry(finished())
    }
}

impl Missing {
    /// Has the cache filled while the runtime goes on, unless that is under way already.
    pub fn fill_meanwhile(self) {
        let Some(cache) = own_cache() else {
            return;
        };
        let Some(filler) = cache.filler() else {
            return;
        };
        let keep = [cache.folder(), filler.as_fd()];
        let work = || {
            // The runtime is to have the processors to itself.
            std::thread::sleep(LATER);
            // What is not kept is looked for again at the next create.
            let _ = cache.put(&self.key, &self.handover.make(&self.profile));
        };
        // Without it this container starts as without us.
        let _ = filter::detached(LIMITS, &keep, work);
    }

    /// Fills the cache now (`shim policy check --warm`), with the compiling in a child. For programs
    /// with one thread.
    ///
    /// # Errors
    /// What is in the way.
    pub fn fill_now(&self) -> Result<Filled, String> {
        let cache = own_cache().ok_or("no folder for filters can be made")?;
        let program = self.finish()?;
        let filled = program
            .as_ref()
            .map_or(Filled::NothingToHandOver, |program| {
                Filled::Instructions(program.instructions().len())
            });
        let put = cache.put(&self.key, &entry(program));
        put.map_err(|errno| errno.to_string())?;
        Ok(filled)
    }

    /// The filter in base64, made now and kept nowhere (`shim explain`), with the compiling in a
    /// child; none where there is nothing to hand over. For programs with one thread.
    #[must_use]
    pub fn make_now(&self) -> Option<String> {
        match entry(self.finish().ok()?) {
            Entry::Filter(program) => Some(STANDARD.encode(program)),
            Entry::Nothing => None,
        }
    }

    fn finish(&self) -> Result<Option<filter::Program>, String> {
        let profile = read(&self.profile).ok_or("the profile cannot be read back")?;
        if !self.handover.compiler.is_like_ours(&profile) {
            return Ok(None);
        }
        let finished = filter::finish_guarded(&profile, self.handover.native, LIMITS);
        finished.map_err(|error| error.to_string())
    }
}

/// Fills the cache with the filters of the profiles that `policy` names, for containers with the
/// capabilities that engines give by default and for those with none; gives what came of each.
///
/// For programs with one thread ([`filter::finish_guarded`]).
///
/// # Errors
/// What is wrong with the node or the policy.
pub fn warm(policy: &Policy, runtime: &Runtime) -> Result<Vec<Result<Filled, String>>, Refusal> {
    let node = node::this(runtime.flavor())?;
    let mut texts = Vec::new();
    for capabilities in [DOCKER_CAPABILITIES.as_slice(), &[]] {
        let capabilities = capabilities.iter().map(|name| (*name).to_owned()).collect();
        for text in policy.texts_ahead(&capabilities, node)? {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    let fill = |text: &String| {
        let handover = Handover::to(runtime, Command::Create, node.arch)
            .ok_or(
            "it is not certain which libseccomp crun would load: there must be one libseccomp.so.2, \
             and LD_LIBRARY_PATH, LD_PRELOAD, LD_AUDIT and RUN_OCI_SECCOMP_RECEIVER must not be set",
        )?;
        match handover.filter(text) {
            Ok(_) => Ok(Filled::Before),
            Err(None) => Ok(Filled::NothingToHandOver),
            Err(Some(missing)) => missing.fill_now(),
        }
    };
    Ok(texts.iter().map(fill).collect())
}

/// What [`Missing::fill_now`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// It was kept already.
    Before,
    /// A filter of that many instructions is kept.
    Instructions(usize),
    /// crun compiles for itself, also from now on.
    NothingToHandOver,
}

fn entry(program: Option<filter::Program>) -> Entry {
    let endian = if cfg!(target_endian = "big") {
        filter::Endian::Big
    } else {
        filter::Endian::Little
    };
    program.map_or(Entry::Nothing, |program| {
        Entry::Filter(program.to_bytes(endian))
    })
}

fn read(profile: &str) -> Option<Seccomp> {
    let text = strict_json::Text::check(profile.as_bytes(), strict_json::MAX_DEPTH).ok()?;
    Seccomp::from_oci(&text.root()).ok()
}

fn own_cache() -> Option<Cache> {
    let folder = State::made().find_map(|state| state.make_folder(FOLDER).ok())?;
    Some(Cache::new(folder))
}

/// The cache's name below a state folder.
const FOLDER: &str = "filters";

/// When a create is over.
const LATER: Duration = Duration::from_millis(150);

/// A large profile takes some 30 ms.
const LIMITS: Limits = Limits {
    cpu_seconds: 2,
    memory_bytes: 1 << 30,
};

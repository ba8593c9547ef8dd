//! Operations, each run with each runtime behind the shim, in one engine.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};

use crate::engine::Cell;
use crate::{Outcome, needs_programs, needs_root, run, skip};

/// What came of an operation: nothing, or what was not as it should be.
pub type Came = Result<(), String>;

/// An operation: its name, and how it is done with the runtime that the engine knows by that name.
pub type Operation<E> = (&'static str, fn(&E, &str) -> Came);

/// A test that is run once: its name, and how.
pub type Once<E> = (&'static str, fn(&E) -> Came);

/// What a runtime cannot do, with the shim or without: its name, the operation, and whether the one here
/// is such a one.
pub type Unable = (&'static str, &'static str, fn(&Wrapped) -> bool);

/// A runtime that can be wrapped.
#[derive(Debug, Clone)]
pub struct Wrapped {
    /// `runc`, `crun`, `youki`.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself.
    pub version: String,
}

impl Wrapped {
    /// Those of the three that are on this machine. youki is no Debian package: `make youki`
    /// builds it, or `YOUKI` names one.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut found = Vec::new();
        for (name, path) in [("runc", "/usr/sbin/runc"), ("crun", "/usr/bin/crun")] {
            found.extend(Self::at(name, PathBuf::from(path)));
        }
        found.extend(Self::at("youki", crate::youki()));
        found
    }

    fn at(name: &'static str, path: PathBuf) -> Option<Self> {
        if !path.is_file() {
            return None;
        }
        let said = run(Command::new(&path).arg("--version")).stdout;
        let version = said.lines().next()?.split_whitespace().last()?.to_owned();
        Some(Self {
            name,
            path,
            version,
        })
    }

    /// Whatever its version.
    #[must_use]
    pub fn ever(&self) -> bool {
        true
    }

    /// Where CRIU is not installed, no runtime makes a checkpoint.
    #[must_use]
    pub fn lacks_criu(&self) -> bool {
        !Path::new("/usr/sbin/criu").is_file()
    }

    /// crun 1.21 does not make the folder for CRIU's work that containerd names.
    #[must_use]
    pub fn makes_no_checkpoint_here(&self) -> bool {
        self.lacks_criu() || self.version == "1.21"
    }

    /// What an engine knows it by behind the shim.
    #[must_use]
    pub fn shimmed(&self) -> String {
        format!("shim-{}", self.name)
    }

    /// What an engine knows it by alone.
    #[must_use]
    pub fn bare(&self) -> String {
        format!("bare-{}", self.name)
    }
}

/// What one test program runs.
#[derive(Debug)]
pub struct Suite<E: 'static> {
    /// The test program's name.
    pub test: &'static str,
    /// Those that are run with each runtime and kept as cells.
    pub operations: &'static [Operation<E>],
    /// Those that a runtime or this machine cannot do.
    pub unable: &'static [Unable],
    /// Those that are run once.
    pub once: &'static [Once<E>],
}

impl<E: Send + Sync + 'static> Suite<E> {
    /// Starts the engine, runs all, and ends the engine. `start` gives it and its version.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "a test's own words")]
    pub fn run(
        &'static self,
        programs: &[&str],
        start: impl FnOnce(&[Wrapped]) -> Result<(E, String), String>,
    ) -> ExitCode {
        let arguments = Arguments::from_args();
        let mut runtimes = Wrapped::all();
        if !runtimes.iter().any(|runtime| runtime.name == "youki") {
            skip(self.test, "no youki (`make youki`, or YOUKI=PATH)");
        }
        // Who counts takes what was skipped from what has passed.
        let skipped = |name: &str| Trial::test(name, || Ok(()));
        let programs = [programs, &["/bin/busybox", "/usr/sbin/runc"]].concat();
        if !needs_root(self.test) || !needs_programs(self.test, &programs) {
            return libtest_mimic::run(&arguments, vec![skipped(self.test)]).exit_code();
        }
        let (engine, version) = if arguments.list {
            (None, String::new())
        } else {
            match start(&runtimes) {
                Ok((engine, version)) => (Some(Arc::new(engine)), version),
                Err(error) => {
                    eprintln!("{}: the engine did not start: {error}", self.test);
                    return ExitCode::FAILURE;
                }
            }
        };
        if let (Some(engine), Some(first)) = (&engine, self.operations.first()) {
            runtimes.retain(|runtime| self.works_alone(engine, &version, runtime, first));
        }
        let mut trials = Vec::new();
        if !runtimes.iter().any(|runtime| runtime.name == "youki") {
            trials.push(skipped("youki"));
        }
        for runtime in &runtimes {
            for operation in self.operations {
                let (engine, version, runtime) = (engine.clone(), version.clone(), runtime.clone());
                let name = format!("{}: {}", runtime.name, operation.0);
                trials.push(Trial::test(name, move || {
                    let engine = engine.ok_or("no engine")?;
                    Ok(self.try_one(&engine, &version, &runtime, operation)?)
                }));
            }
        }
        for (name, test) in self.once {
            let engine = engine.clone();
            trials.push(Trial::test(*name, move || {
                Ok(test(&*engine.ok_or("no engine")?)?)
            }));
        }
        let conclusion = libtest_mimic::run(&arguments, trials);
        drop(engine);
        conclusion.exit_code()
    }

    /// youki is whatever was installed by hand: one that cannot run a container here by itself (its
    /// cgroup v1 is a build option) is kept as that, and counted as skipped.
    fn works_alone(
        &self,
        engine: &E,
        version: &str,
        runtime: &Wrapped,
        first: &Operation<E>,
    ) -> bool {
        if runtime.name != "youki" {
            return true;
        }
        let Err(error) = first.1(engine, &runtime.bare()) else {
            return true;
        };
        skip(
            self.test,
            &format!(
                "{} cannot run a container here: {}",
                runtime.path.display(),
                brief(&error)
            ),
        );
        let came = format!("fails alike without the shim: {}", brief(&error));
        // Best effort: the line above was said.
        let _ = Cell::of(version, runtime, first.0, came).keep();
        false
    }

    fn try_one(
        &self,
        engine: &E,
        version: &str,
        runtime: &Wrapped,
        operation: &Operation<E>,
    ) -> Came {
        let (name, act) = *operation;
        let came = act(engine, &runtime.shimmed());
        let unable = self.unable.iter();
        let unable = unable.filter(|(of, what, _)| (*of, *what) == (runtime.name, name));
        let unable = unable.clone().any(|(_, _, here)| here(runtime));
        let came = match (came, unable) {
            (Ok(()), false) => "works".to_owned(),
            (Ok(()), true) => return Err("works, but is named as impossible here".to_owned()),
            (Err(error), unable) => match act(engine, &runtime.bare()) {
                Ok(()) => return Err(format!("works without the shim; with it: {error}")),
                Err(alone) if unable => format!("fails alike without the shim: {}", brief(&alone)),
                Err(alone) => return Err(format!("{error}\nwithout the shim: {alone}")),
            },
        };
        let cell = Cell::of(version, runtime, name, came);
        cell.keep().map_err(|error| error.to_string())
    }
}

fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

/// That it ended well; gives what it printed, trimmed.
///
/// # Errors
/// It did not.
pub fn succeeds(command: &mut Command) -> Result<String, String> {
    let outcome = run(command);
    if outcome.ok() {
        Ok(outcome.stdout.trim().to_owned())
    } else {
        Err(format!("{:?}: {}", outcome.code, outcome.text()))
    }
}

/// That it ended well and said `word`; gives all that it said.
///
/// # Errors
/// It did not.
pub fn shows(command: &mut Command, word: &str) -> Result<String, String> {
    let outcome = run(command);
    if outcome.ok() {
        says(&outcome, word)
    } else {
        Err(format!("{:?}: {}", outcome.code, outcome.text()))
    }
}

/// That it failed with that exit code.
///
/// # Errors
/// It did not.
pub fn fails(command: &mut Command, code: i32) -> Result<Outcome, String> {
    let outcome = run(command);
    if outcome.code == Some(code) {
        Ok(outcome)
    } else {
        Err(format!(
            "not {code}, but {:?}: {}",
            outcome.code,
            outcome.text()
        ))
    }
}

/// That `word` is among what was said; gives all of it.
///
/// # Errors
/// It is not.
pub fn says(outcome: &Outcome, word: &str) -> Result<String, String> {
    let text = outcome.text();
    has(&text, word).map(|()| text)
}

/// That `word` is in the text.
///
/// # Errors
/// It is not.
pub fn has(text: &str, word: &str) -> Came {
    if text.contains(word) {
        Ok(())
    } else {
        Err(format!("no {word:?} in: {text}"))
    }
}

/// That it is as it should be.
///
/// # Errors
/// It is not.
pub fn equal<A, B>(is: &A, should: &B) -> Came
where
    A: PartialEq<B> + Debug + ?Sized,
    B: Debug + ?Sized,
{
    if is == should {
        Ok(())
    } else {
        Err(format!("{is:?} instead of {should:?}"))
    }
}

/// Runs all at once; what each said, with what was given beside it.
///
/// # Errors
/// A thread panicked.
pub fn at_once<K>(
    commands: impl IntoIterator<Item = (K, Command)>,
) -> Result<Vec<(K, Outcome)>, String> {
    let start = |(kept, mut command)| (kept, thread::spawn(move || run(&mut command)));
    let running: Vec<_> = commands.into_iter().map(start).collect();
    let end = |(kept, one): (K, thread::JoinHandle<Outcome>)| {
        let outcome = one.join().map_err(|_| "a thread panicked")?;
        Ok((kept, outcome))
    };
    running.into_iter().map(end).collect()
}

/// Tries again until it comes true or 20 seconds are over.
///
/// # Errors
/// What the last try said.
pub fn within<T>(mut attempt: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(came) => return Ok(came),
            Err(error) if start.elapsed() > Duration::from_secs(20) => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

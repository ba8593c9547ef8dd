//! Docker's command line, which Podman has too.

use std::process::Command;

use crate::engine::{World, succeeds};
use crate::run;

/// An engine that is asked by Docker's command line.
pub trait CommandLine {
    /// What removes a container at once, but for its id.
    const REMOVE: &[&str];

    /// Where it runs.
    fn world(&self) -> &World;

    /// The client, with these words.
    #[must_use]
    fn cli(&self, words: &[&str]) -> Command;

    /// The client, with these words on a container of that runtime.
    #[must_use]
    fn about(&self, runtime: &str, words: &[&str]) -> Command;

    /// `run` of the image with a runtime: options, then the container's words.
    #[must_use]
    fn run(&self, runtime: &str, options: &[&str], words: &[&str]) -> Command;

    /// What the client prints if all is well.
    ///
    /// # Errors
    /// All is not well.
    fn says(&self, words: &[&str]) -> Result<String, String> {
        succeeds(&mut self.cli(words))
    }
}

/// A container that runs on, gone when dropped.
#[derive(Debug)]
pub struct Sleeping<'a, E: CommandLine> {
    engine: &'a E,
    runtime: String,
    /// Its id.
    pub id: String,
}

impl<'a, E: CommandLine> Sleeping<'a, E> {
    /// One that runs these words.
    ///
    /// # Errors
    /// It does not start.
    pub fn with(
        engine: &'a E,
        runtime: &str,
        options: &[&str],
        words: &[&str],
    ) -> Result<Self, String> {
        let options = [&["-d"], options].concat();
        let id = succeeds(&mut engine.run(runtime, &options, words))?;
        let runtime = runtime.to_owned();
        Ok(Self {
            engine,
            runtime,
            id,
        })
    }

    /// One that sleeps.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(engine: &'a E, runtime: &str) -> Result<Self, String> {
        Self::with(engine, runtime, &[], &["sleep", "1000"])
    }

    /// The client, with these words and then its id.
    #[must_use]
    pub fn does(&self, words: &[&str]) -> Command {
        let mut command = self.engine.about(&self.runtime, words);
        command.arg(&self.id);
        command
    }

    /// `exec` in it: options, then the words.
    #[must_use]
    pub fn exec(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.does(&[&["exec"], options].concat());
        command.args(words);
        command
    }

    /// What `inspect` says of it.
    ///
    /// # Errors
    /// It says nothing.
    pub fn tells(&self, what: &str) -> Result<String, String> {
        succeeds(&mut self.does(&["inspect", "--format", what]))
    }
}

impl<E: CommandLine> Drop for Sleeping<'_, E> {
    fn drop(&mut self) {
        // Best effort: all ends with the world.
        let _ = run(&mut self.does(E::REMOVE));
    }
}

//! A mutation fuzzer of our own: deterministic but for time, with the stable toolchain alone.
//!
//! A worker process mutates seeds and checks what comes of them; its parent ([`supervise`]) watches
//! it, and keeps the input at which it fails, crashes or hangs.

mod argv;
mod calls;
mod config;
mod corpus;
mod current;
mod extremes;
pub(crate) mod memory;
mod mutate;
mod pair;
mod policy;
mod reader;
mod restrict;
mod rng;
mod shape;
pub(crate) mod supervise;
mod words;
pub(crate) mod worker;

use std::fmt;

/// What is fuzzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Argv,
    Config,
    Policy,
    Reader,
    Restrict,
}

impl Target {
    pub(crate) const ALL: [Self; 5] = [
        Self::Argv,
        Self::Config,
        Self::Policy,
        Self::Reader,
        Self::Restrict,
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Argv => "argv",
            Self::Config => "config",
            Self::Policy => "policy",
            Self::Reader => "reader",
            Self::Restrict => "restrict",
        }
    }

    /// The words that mutations put in.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Argv => words::ARGV,
            Self::Policy => words::TOML,
            Self::Config | Self::Reader | Self::Restrict => words::JSON,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one run is to do.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) target: Target,
    /// For how long new inputs are made, in seconds of wall time; 0 is the seeds alone.
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    /// Instead of all that: these files.
    pub(crate) replay: Vec<String>,
    /// Where inputs that showed something new are written.
    pub(crate) keep: Option<String>,
}

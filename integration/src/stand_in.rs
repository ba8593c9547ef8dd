//! A cheap program in the place of the real runtime, which says what it was given.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{PolicyDir, shim_binary};

/// A runtime that prints the bundle's config.json as it finds it, a bundle, and a log file, in a
/// folder of their own.
#[derive(Debug)]
pub struct StandIn {
    folder: TempDir,
}

impl StandIn {
    /// A stand-in with an empty bundle.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the stand-in");
        let stand_in = Self { folder };
        fs::create_dir(stand_in.bundle()).expect("the bundle's folder");
        let config = stand_in.config();
        let script = format!("#!/bin/sh\nexec /bin/cat {}\n", config.display());
        fs::write(stand_in.runtime(), script).expect("the runtime");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(stand_in.runtime(), mode).expect("its mode");
        stand_in
    }

    /// The runtime: it has the name of a known one.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.folder.path().join("runc")
    }

    /// The bundle's folder.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    /// The bundle's config.json.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.bundle().join("config.json")
    }

    /// Where a refusal is logged.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log.json")
    }

    /// The names in the bundle's folder, in order.
    ///
    /// # Panics
    /// If it cannot be listed.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn names(&self) -> Vec<OsString> {
        let entries = fs::read_dir(self.bundle()).expect("the bundle's folder");
        let mut names: Vec<OsString> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    }

    /// `shim create` on the bundle, as the words that a program in front of it may take.
    #[must_use]
    pub fn create_words(&self, policy: &Path) -> Vec<OsString> {
        let mut words = vec![shim_binary().into_os_string()];
        let mut option = |name: &str, value: &Path| words.extend([name.into(), value.into()]);
        option("--shim-runtime", &self.runtime());
        option("--shim-policy", policy);
        option("--log", &self.log());
        words.extend(["--log-format", "json", "create", "--bundle"].map(OsString::from));
        words.extend([self.bundle().into(), "an-id".into()]);
        words
    }

    /// `shim create` on the bundle.
    #[must_use]
    pub fn create(&self, policy: &PolicyDir) -> Command {
        let words = self.create_words(policy.path());
        let mut command = Command::new(words.first().unwrap_or(&OsString::new()));
        command.args(words.iter().skip(1));
        command
    }
}

impl Default for StandIn {
    fn default() -> Self {
        Self::new()
    }
}

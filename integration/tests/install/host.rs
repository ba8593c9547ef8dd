//! A host for shim to be installed on.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use integration::{Outcome, run, shim_binary};
use tempfile::TempDir;

/// A host mounted at a folder, with shim on it.
pub(crate) struct Host(TempDir);

impl Host {
    pub(crate) fn new() -> Self {
        let host = Self(tempfile::tempdir().expect("a folder"));
        host.write("usr/bin/crun", "#!/bin/sh\n");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(host.at("usr/bin/crun"), mode).expect("executable");
        fs::create_dir_all(host.at("usr/local/bin")).expect("a folder");
        // A link is enough to be found to be shim, and costs no copy.
        let binary = host.at("usr/local/bin/shim");
        if fs::hard_link(shim_binary(), &binary).is_err() {
            fs::copy(shim_binary(), &binary).expect("a copy");
        }
        host
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("below the host")).expect("its folder");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).expect("there")
    }

    pub(crate) fn shim(&self, words: &str) -> Outcome {
        let mut command = Command::new(shim_binary());
        command.args(words.split_whitespace());
        run(command.arg("--root").arg(self.0.path()))
    }

    pub(crate) fn good(&self, words: &str) -> String {
        let outcome = self.shim(words);
        assert!(outcome.ok(), "{words}: {outcome:?}");
        outcome.stdout
    }

    /// It succeeds, and says that there was nothing to do.
    pub(crate) fn unchanged(&self, words: &str) {
        let said = self.good(words);
        assert!(said.contains("nothing to change"), "{words}: {said}");
    }

    /// It fails with one line, which is given.
    pub(crate) fn refused(&self, words: &str) -> String {
        let outcome = self.shim(words);
        assert_eq!(outcome.code, Some(1), "{words}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{words}: {outcome:?}");
        outcome.stderr
    }

    /// Every path of the host, with what is there.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, String)> {
        let mut all = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let data = fs::symlink_metadata(&path).expect("data");
                if data.is_dir() {
                    folders.push(path);
                } else if data.is_symlink() {
                    let target = fs::read_link(&path).expect("a link");
                    all.push((path, target.display().to_string()));
                } else if !path.ends_with("usr/local/bin/shim") {
                    let text = fs::read_to_string(&path).expect("text");
                    all.push((path, format!("{:o} {text}", data.mode())));
                }
            }
        }
        all.sort();
        all
    }

    pub(crate) fn backups(&self, of: &str) -> usize {
        let path = self.at(of);
        let stem = format!(
            "{}.seccomp-shim-",
            path.file_name().expect("a name").display()
        );
        let entries = fs::read_dir(path.parent().expect("a folder")).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with(&stem))
            .count()
    }
}

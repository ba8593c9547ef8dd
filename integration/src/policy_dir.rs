//! Policy directories for tests.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A policy directory of its own, gone when dropped. Decisions go to a file in it.
#[derive(Debug)]
pub struct PolicyDir {
    folder: TempDir,
}

impl PolicyDir {
    /// A directory whose policy.toml says `version = 1`, records decisions in the directory, and
    /// says `policy` besides.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the policy");
        let dir = Self { folder };
        let log = dir.path().join("decisions.jsonl");
        let text = format!(
            "version = 1\nlog.decisions = {:?}\n{policy}\n",
            log.display().to_string()
        );
        dir.write("policy.toml", text);
        dir
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below the directory.
    ///
    /// # Panics
    /// If it cannot be written.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        let parent = path.parent().expect("below the directory");
        fs::create_dir_all(parent).expect("its folder");
        fs::write(path, text).expect("the file is written");
    }

    /// The directory with a Localhost profile.
    #[must_use]
    pub fn with_profile(self, name: &str, json: &str) -> Self {
        self.write(&format!("profiles/{name}"), json);
        self
    }

    /// A directory that gives every container this profile.
    #[must_use]
    pub fn of_profile(json: &str) -> Self {
        let profile = "{ type = \"Localhost\", localhostProfile = \"a.json\" }";
        Self::new(&format!("[defaults]\nprofile = {profile}")).with_profile("a.json", json)
    }

    /// The decisions recorded so far.
    ///
    /// # Panics
    /// If a line is no JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn decisions(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.path().join("decisions.jsonl")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect()
    }
}

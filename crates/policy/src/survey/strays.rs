//! What stands in a policy directory, and nothing reads.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::directory::POLICY;
use crate::survey::{Survey, about, list};

impl Survey {
    /// Notes what nothing reads: TOML beside policy.toml, and profiles that nothing names.
    pub(super) fn find_strays(&mut self) {
        let Some(directory) = &self.policy.directory else {
            return;
        };
        let path = directory.path.clone();
        for name in list_at(&path).unwrap_or_default() {
            if name != POLICY && name.as_encoded_bytes().ends_with(b".toml") {
                let message =
                    "it is not read: settings are in policy.toml, more rules in policy.d/";
                self.remarks.push(about(path.join(name), message));
            }
        }
        let named: Vec<PathBuf> = self
            .named()
            .iter()
            .map(|one| one.name.as_path().components().collect())
            .collect();
        let root = path.join("profiles");
        let mut files = Vec::new();
        collect(&root, Path::new(""), 0, &mut files);
        files.sort();
        for file in files {
            // What containers' annotations name is known only when they come.
            if !named.contains(&file) && !self.policy.honour_annotations {
                self.remarks
                    .push(about(root.join(file), "no rule, default or floor names it"));
            }
        }
    }
}

/// The files below a root, by their names there.
fn collect(root: &Path, below: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    // As deep as a person would go, whatever links do.
    if depth > DEEPEST {
        return;
    }
    let folder = root.join(below);
    for name in list_at(&folder).unwrap_or_default() {
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = below.join(&name);
        let stat = rustix::fs::statat(CWD, root.join(&path), AtFlags::SYMLINK_NOFOLLOW);
        match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Directory) => collect(root, &path, depth.saturating_add(1), files),
            Ok(FileType::RegularFile) => files.push(path),
            _ => {}
        }
    }
}

/// In folders.
const DEEPEST: usize = 32;

fn list_at(path: &Path) -> Result<Vec<OsString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    list(&rustix::fs::open(path, flags, Mode::empty())?)
}

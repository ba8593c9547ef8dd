//! Whose a cgroup is: a small file for each container whose calls the kernel logs, left by the shim
//! and read by the agent, since the kernel's records name a process and nothing else.
//!
//! Its name is the last part of the container's cgroup, which the engine chooses. No file outlives its
//! cgroup for long, and the folder is gone with the next boot.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The folder of the files.
pub const FOLDER: &str = "/run/seccomp-shim/containers";

/// Who a container is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// Its id.
    pub id: String,
    /// Its engine.
    pub engine: String,
    /// Its mode, in the policy's word.
    pub mode: String,
    /// What the engine tells of it.
    pub namespace: Option<String>,
    /// As above.
    pub pod: Option<String>,
    /// As above.
    pub container: Option<String>,
    /// As above.
    pub image: Option<String>,
}

/// The last part of the cgroup that a runtime makes for `linux.cgroupsPath`: `…/NAME`, or of
/// `SLICE:PREFIX:NAME` what systemd calls it (runc's and crun's systemd drivers).
#[must_use]
pub fn key<'p>(cgroups_path: Option<&'p str>, id: &'p str) -> Option<Cow<'p, str>> {
    let path = cgroups_path.filter(|path| !path.is_empty()).unwrap_or(id);
    let mut words = path.splitn(3, ':');
    let key = match (words.next(), words.next(), words.next()) {
        (Some(_), Some(_), Some(name)) if name.ends_with(".slice") => Cow::Borrowed(name),
        (Some(_), Some(""), Some(name)) => Cow::Owned(format!("{name}.scope")),
        (Some(_), Some(prefix), Some(name)) => Cow::Owned(format!("{prefix}-{name}.scope")),
        _ => Cow::Borrowed(path.trim_end_matches('/').rsplit('/').next()?),
    };
    is_name(&key).then_some(key)
}

/// Whether it can be the name of a file of ours.
fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && !name.starts_with('.') && !name.contains(['/', '\0'])
}

/// Leaves a sign.
///
/// # Errors
/// It cannot be written.
pub fn leave(folder: &Path, key: &str, sign: &Sign) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    sweep(folder, Path::new("/sys/fs/cgroup"));
    let beside = folder.join(format!(".{}", std::process::id()));
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&beside)?
        .write_all(&serde_json::to_vec(sign)?)?;
    fs::rename(beside, folder.join(key))
}

/// The sign of the container that a cgroup belongs to. The outermost part that has one tells: what is
/// below it the container may have made itself.
#[must_use]
pub(crate) fn find(folder: &Path, cgroup: &str) -> Option<Sign> {
    let about = fs::symlink_metadata(folder).ok()?;
    let own = rustix::process::geteuid().as_raw();
    let believed =
        about.is_dir() && (about.uid() == 0 || about.uid() == own) && about.mode() & 0o022 == 0;
    let mut parts = cgroup.split('/').filter(|part| is_name(part));
    believed.then(|| parts.find_map(|part| read(&folder.join(part))))?
}

fn read(path: &Path) -> Option<Sign> {
    let mut text = Vec::new();
    let mut options = OpenOptions::new();
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    let file = options.read(true).custom_flags(flags.try_into().ok()?);
    file.open(path)
        .ok()?
        .take(LONGEST)
        .read_to_end(&mut text)
        .ok()?;
    serde_json::from_slice(&text).ok()
}

/// Bytes of a sign: an image's name may be long.
const LONGEST: u64 = 64 << 10;

/// Takes away signs whose cgroups are gone, if there are many. A cgroup comes a moment after its sign.
fn sweep(folder: &Path, cgroups: &Path) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let signs: Vec<_> = entries(folder).map(|entry| entry.file_name()).collect();
    if signs.len() < MANY {
        return;
    }
    let Some(there) = names(cgroups) else { return };
    for name in signs.iter().filter(|name| !there.contains(*name)) {
        let path = folder.join(name);
        let age = fs::metadata(&path).and_then(|about| about.modified());
        let age = age.ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > YOUNG) {
            // Another shim may have been faster.
            let _ = fs::remove_file(path);
        }
    }
}

/// The names of all cgroups: of version 2, or of one hierarchy of version 1. None if there are
/// too many to be looked at.
fn names(root: &Path) -> Option<HashSet<OsString>> {
    let first = ["cgroup.procs", "systemd", "pids", "memory"];
    let found = first.iter().find(|name| root.join(name).exists())?;
    let mut folders = vec![match *found {
        "cgroup.procs" => root.to_owned(),
        hierarchy => root.join(hierarchy),
    }];
    let mut names = HashSet::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir::<PathBuf>(folder)
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
                names.insert(entry.file_name());
            }
        }
        if names.len() > CGROUPS {
            return None;
        }
    }
    Some(names)
}

/// Signs that are let be.
const MANY: usize = 512;
const YOUNG: Duration = Duration::from_secs(60);
const CGROUPS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_named_as_runtimes_name_it() {
        for (path, expected) in [
            (None, Some("id")),
            (Some("/docker/abc"), Some("abc")),
            (Some("/docker/abc/"), Some("abc")),
            (Some("system.slice:docker:abc"), Some("docker-abc.scope")),
            (Some("a.slice::abc"), Some("abc.scope")),
            (Some("a.slice:x:b.slice"), Some("b.slice")),
            (Some("/"), None),
            (Some("/a/.."), None),
        ] {
            assert_eq!(key(path, "id").as_deref(), expected, "{path:?}");
        }
    }

    fn sign(id: &str) -> Sign {
        Sign {
            id: id.to_owned(),
            pod: Some("web".to_owned()),
            ..Sign::default()
        }
    }

    #[test]
    fn the_outermost_sign_tells() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("signs");
        assert_eq!(find(&folder, "/a"), None);
        leave(&folder, "one", &sign("one")).unwrap();
        leave(&folder, "other", &sign("other")).unwrap();
        assert_eq!(find(&folder, "/docker/one/init/other"), Some(sign("one")));
        assert_eq!(find(&folder, "/docker/none/../.x"), None);
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert_eq!(find(&folder, "/docker/one"), None, "anybody's word");
    }

    #[test]
    fn signs_of_what_is_gone_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let (signs, cgroups) = (folder.path().join("signs"), folder.path().join("cgroups"));
        fs::create_dir_all(cgroups.join("systemd/docker/there")).unwrap();
        leave(&signs, "there", &sign("there")).unwrap();
        leave(&signs, "young", &sign("young")).unwrap();
        let old = std::time::SystemTime::now() - YOUNG * 2;
        for number in 0..MANY {
            leave(&signs, &number.to_string(), &sign("x")).unwrap();
        }
        for name in fs::read_dir(&signs).unwrap().flatten() {
            if name.file_name() != "young" {
                fs::File::open(name.path())
                    .unwrap()
                    .set_modified(old)
                    .unwrap();
            }
        }
        sweep(&signs, &cgroups);
        let mut left: Vec<_> = fs::read_dir(&signs)
            .unwrap()
            .flatten()
            .map(|one| one.file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["there", "young"]);
    }
}

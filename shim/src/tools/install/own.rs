//! Our own program on the host.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use early_entry::note::{HEAD, carries_note};

use super::Asked;
use super::fault::Fault;
use super::host::Host;
use super::step::Step;
use crate::handler::FOLDER;

/// Where shim is on the host; for one mounted elsewhere, with the step that copies it there.
pub(super) fn binary(asked: &Asked, host: &Host, steps: &mut Vec<Step>) -> Result<PathBuf, Fault> {
    let own = || fs::canonicalize("/proc/self/exe").map_err(Fault::io("/proc/self/exe", "follow"));
    let binary = match &asked.binary {
        Some(path) if !path.is_absolute() => {
            return Err(Fault::Asked(format!(
                "--binary {} is not an absolute path",
                path.display()
            )));
        }
        Some(path) => path.clone(),
        None if host.is_this() => own()?,
        None => PathBuf::from(BINARY),
    };
    let place = host.place(&binary)?;
    if host.is_this() {
        if !is_ours(host, &binary) {
            return Err(Fault::Asked(format!(
                "{} is not seccomp-shim",
                binary.display()
            )));
        }
        return Ok(binary);
    }
    let there = fs::metadata(&place).is_ok();
    let same = there && is_this_program(&place);
    if there && !is_ours(host, &binary) {
        return Err(Fault::Asked(format!(
            "{} on that host is not seccomp-shim; name another place with --binary",
            binary.display()
        )));
    }
    if !same {
        steps.push(Step::Program {
            shown: binary.clone(),
            place,
        });
    }
    Ok(binary)
}

/// Whether a file is this very program, or a copy of it.
fn is_this_program(place: &Path) -> bool {
    let own = Path::new("/proc/self/exe");
    let key = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino(), data.len()));
    match (key(place), key(own)) {
        (Ok(one), Ok(other)) if one == other => true,
        (Ok((.., one)), Ok((.., other))) if one == other => {
            let texts = (fs::read(place), fs::read(own));
            matches!(texts, (Ok(one), Ok(other)) if one == other)
        }
        _ => false,
    }
}

/// What an engine starts for a handler: the program itself if that has the name already, else the
/// link that has.
pub(super) fn what_is_started(handler: &str, binary: &Path) -> PathBuf {
    if binary.file_name() == Some(OsStr::new(handler)) {
        return binary.to_owned();
    }
    Path::new(FOLDER).join(handler)
}

/// Whether a path of the host's leads to some copy of this program, or was a link of ours to one.
pub(super) fn is_ours(host: &Host, path: &Path) -> bool {
    if path.starts_with(FOLDER) {
        return true;
    }
    let Ok(place) = host.place(path) else {
        return false;
    };
    let mut head = vec![0_u8; HEAD];
    let length = fs::File::open(place)
        .and_then(|file| std::os::unix::fs::FileExt::read_at(&file, &mut head, 0));
    let head = length.ok().and_then(|length| head.get(..length));
    head.is_some_and(carries_note)
}

/// Ours, or no longer there to be asked but called as ours is.
pub(super) fn is_or_was_ours(host: &Host, path: &Path) -> bool {
    let gone = host
        .place(path)
        .is_ok_and(|place| fs::symlink_metadata(place).is_err());
    is_ours(host, path) || (gone && path.file_name() == Some(OsStr::new("shim")))
}

/// Where shim goes on a host mounted elsewhere.
const BINARY: &str = "/usr/local/bin/shim";

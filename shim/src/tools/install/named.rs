//! What the command line names on the host: runtimes and policies.

use std::fs;
use std::path::{Path, PathBuf};

use early_entry::places::FOLDERS;

use super::fault::Fault;
use super::host::Host;
use super::own::is_ours;
use crate::handler;
use crate::runtime;

/// The absolute path of a runtime on the host.
pub(super) fn find_runtime(host: &Host, named: &Path) -> Result<PathBuf, Fault> {
    let is_program = |path: &Path| {
        host.place(path)
            .is_ok_and(|place| runtime::is_program(&place))
    };
    let found = if named.is_absolute() {
        Some(named.to_owned()).filter(|path| is_program(path))
    } else {
        let places = FOLDERS.iter().map(|folder| Path::new(folder).join(named));
        let mut found = places.filter(|path| is_program(path));
        found.find(|path| !is_ours(host, path))
    };
    let found = found.ok_or_else(|| {
        Fault::Asked(format!(
            "there is no runtime {}; install it, or give its absolute path",
            named.display()
        ))
    })?;
    if is_ours(host, &found) {
        return Err(Fault::Asked(format!(
            "the runtime {} is seccomp-shim itself; name the real runc, crun or youki",
            found.display()
        )));
    }
    Ok(found)
}

/// The policy of a handler must be there when it is named.
pub(super) fn find_policy(host: &Host, named: &Path) -> Result<PathBuf, Fault> {
    let path = match (named.is_absolute(), host.is_this()) {
        (true, _) => named.to_owned(),
        (false, true) => fs::canonicalize(named).map_err(Fault::io(named, "find"))?,
        (false, false) => {
            return Err(Fault::Asked(format!(
                "--policy {} must be an absolute path on that host",
                named.display()
            )));
        }
    };
    let there = host.place(&path)?.join("policy.toml");
    if !there.is_file() {
        return Err(Fault::Asked(format!(
            "{} has no policy.toml; write one that says version = 1 first",
            path.display()
        )));
    }
    Ok(path)
}

pub(super) fn linked_runtime(host: &Host, handler: &str) -> Option<PathBuf> {
    let place = host
        .place_of_link(&handler::link(handler, "runtime"))
        .ok()?;
    fs::read_link(place).ok()
}

//! Our own things: the program, the policy, the folders.

use std::fs::File;
use std::path::Path;

use policy::{Directory, LogTo, Policy, check_trusted};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::finding::Finding;
use crate::errno_words;
use crate::state_dir;

/// The program itself: root's alone to change, in every folder on the way to it.
pub(super) fn program() -> Finding {
    let own = Path::new("/proc/self/exe");
    let shown = std::fs::read_link(own).unwrap_or_else(|_| own.to_owned());
    let file = match File::open(own) {
        Ok(file) => file,
        Err(error) => {
            return Finding::warning(
                "shim",
                format!("cannot look at {}: {error}", shown.display()),
                "run shim doctor as root",
            );
        }
    };
    match check_trusted(file, &shown) {
        Ok(()) => Finding::ok(
            "shim",
            format!(
                "{} {}, which only its owner can change",
                shown.display(),
                env!("CARGO_PKG_VERSION")
            ),
        ),
        Err(error) => Finding::problem(
            "shim",
            errno_words::chain(&error),
            "or install it in a folder of root's, with make install",
        ),
    }
}

/// A policy's health, and the policy if it is healthy.
pub(super) fn policy(part: &str, folder: &Path) -> (Finding, Option<Policy>) {
    let loaded =
        Directory::open(folder).and_then(|directory| directory.map(Directory::load).transpose());
    match loaded {
        Ok(Some(policy)) => {
            let words = format!("{} can be read and believed", folder.display());
            (Finding::ok(part, words), Some(policy))
        }
        Ok(None) => {
            let words = format!(
                "there is no {}, so the embedded policy applies",
                folder.display()
            );
            (Finding::ok(part, words), Some(Policy::embedded()))
        }
        Err(error) => {
            let words = format!("every create is refused: {}", errno_words::chain(&error));
            (
                Finding::problem(part, words, "mend the policy; changes count at once"),
                None,
            )
        }
    }
}

/// Where decisions are recorded.
pub(super) fn decisions(policy: &Policy) -> Finding {
    let part = "decisions";
    match policy.log() {
        LogTo::Off => Finding::ok(
            part,
            "not recorded: the policy says log.decisions = \"off\"",
        ),
        LogTo::File(path) => folder(part, path.parent().unwrap_or(path), "decisions go there"),
        LogTo::Journald => journal(part).unwrap_or_else(|| {
            Finding::warning(
                part,
                "the policy wants them in journald, and there is none here",
                "set log.decisions to a file",
            )
        }),
        LogTo::Auto => journal(part).unwrap_or_else(|| match state_dir::log().next() {
            Some(path) => folder(part, &path, "decisions go there"),
            None => Finding::warning(
                part,
                "there is nowhere to record them",
                "set log.decisions to a file",
            ),
        }),
    }
}

fn journal(part: &str) -> Option<Finding> {
    let there = Path::new("/run/systemd/journal/socket").exists();
    there.then(|| Finding::ok(part, "go to journald: journalctl -t seccomp-shim"))
}

/// The folder of what lasts until the next boot.
pub(super) fn state() -> Option<Finding> {
    let path = state_dir::run().next()?;
    Some(folder("state", &path, "traces and the like go there"))
}

/// A folder of ours is root's alone to write to.
fn folder(part: &str, path: &Path, what: &str) -> Finding {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            return Finding::ok(
                part,
                format!(
                    "{} is not there yet; it is made when needed",
                    path.display()
                ),
            );
        }
        Err(errno) => {
            let words = format!("{}: {}", path.display(), errno_words::words(errno));
            return Finding::problem(part, words, "remove it; it is made anew when needed");
        }
        Ok(fd) => fd,
    };
    match check_trusted(fd, path) {
        Ok(()) => Finding::ok(
            part,
            format!("{}: {what}; only its owner can write to it", path.display()),
        ),
        Err(error) => Finding::problem(
            part,
            errno_words::chain(&error),
            "others could forge what is in it",
        ),
    }
}

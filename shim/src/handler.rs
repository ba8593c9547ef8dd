//! Settings of one runtime handler, for engines that hand us no options.
//!
//! containerd starts a runtime by its path alone, and dockerd puts a shell in front of one that has
//! options. So what a handler needs to say stands in [`FOLDER`], as links, like /etc/alternatives:
//! `NAME` is what the engine starts, `NAME.runtime` leads to the real runtime, `NAME.policy` to the
//! policy's folder. Reading them is two system calls, and there is no text that could be broken.
//! They are not in the policy's folder because that one, once it exists, must hold a policy.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use policy::check_trusted;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::argv::Own;
use crate::refusal::Refusal;

/// Where the handlers' links are.
pub const FOLDER: &str = "/etc/seccomp-shim-handlers";

/// Whether a name can be a handler's: a DNS label, which is what Kubernetes' RuntimeClass takes, so
/// that no link is mistaken for another's.
#[must_use]
pub fn is_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    !bytes.is_empty()
        && bytes.len() <= LONGEST
        && bytes.iter().all(plain)
        && !bytes.starts_with(b"-")
        && !bytes.ends_with(b"-")
}

/// The longest DNS label (RFC 1123).
const LONGEST: usize = 63;

/// The link that says `what` of the handler `name`.
#[must_use]
pub fn link(name: &str, what: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.{what}"))
}

/// Where the policy of the handler is, if its links name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy(PathBuf);

/// Fills in what the command line leaves open with what the links of the handler `name` say.
///
/// # Errors
/// A link that is there and cannot be read: the runtime or the policy would be a guess.
pub fn fill_in(own: &mut Own, name: &OsStr) -> Result<Option<Policy>, Refusal> {
    if !is_name(name) || (own.runtime.is_some() && own.policy.is_some()) {
        return Ok(None);
    }
    let name = name.to_string_lossy();
    if own.runtime.is_none() {
        own.runtime = read(&link(&name, "runtime"))?;
    }
    if own.policy.is_some() {
        return Ok(None);
    }
    // A relative link leads on from where it stands, as links do.
    let target = read(&link(&name, "policy"))?;
    own.policy = target.map(|target| Path::new(FOLDER).join(target).into());
    Ok(own.policy.clone().map(|path| Policy(path.into())))
}

impl Policy {
    /// Whether what the link says can be believed when a container is made: only root could have
    /// written it, and the folder is there. Without it the embedded policy would apply, which is not
    /// what was set up.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), Refusal> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = Path::new(FOLDER);
        let open = |path: &Path| rustix::fs::open(path, flags, Mode::empty());
        let fd = open(folder).map_err(|errno| broken(folder, errno))?;
        check_trusted(fd, folder)?;
        open(&self.0).map_err(|errno| broken(&self.0, errno))?;
        Ok(())
    }

    /// Why nothing can be decided where the folder was there a moment ago and is not now.
    #[must_use]
    pub fn missing(&self) -> Refusal {
        broken(&self.0, Errno::NOENT)
    }
}

/// Where a link leads; none if there is no link.
fn read(link: &Path) -> Result<Option<OsString>, Refusal> {
    match rustix::fs::readlinkat(CWD, link, Vec::new()) {
        Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(broken(link, errno)),
    }
}

fn broken(path: &Path, errno: Errno) -> Refusal {
    Refusal::Handler {
        path: path.to_owned(),
        errno,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_early_entry_knows_the_folder() {
        assert_eq!(early_entry::places::HANDLERS.to_str(), Ok(FOLDER));
    }

    #[test]
    fn names_are_dns_labels() {
        for name in ["shim", "shim-strict", "a1"] {
            assert!(is_name(OsStr::new(name)), "{name}");
        }
        for name in ["", ".", "..", "a.policy", "a/b", "-a", "a-", "A", "é"] {
            assert!(!is_name(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_links() {
        let told = Own {
            policy: Some("/p".into()),
            runtime: Some("/r".into()),
            handler: None,
        };
        let mut own = told.clone();
        assert_eq!(
            fill_in(&mut own, OsStr::new("no-such-handler")).unwrap(),
            None
        );
        assert_eq!(own, told);
    }
}

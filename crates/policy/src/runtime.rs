//! Which runtime the policy names, also where the policy is broken.
//!
//! `kill` and `delete` must reach the runtime that made the container, whatever has become of the
//! policy since. So this looks for that one key alone, in as much of the text as can be read.

use std::path::PathBuf;

use rustix::io::Errno;

use crate::directory::{Directory, POLICY};
use crate::error::Problem;
use crate::{PolicyError, open};

impl Directory {
    /// `runtime.path` of policy.toml, whatever else is wrong in it; none if it has none, or is no
    /// file that could be read.
    ///
    /// Who owns the file does not matter here: the caller believes only a *program* that nobody
    /// else could have written, and [`Directory::load`] believes only such a policy.
    ///
    /// # Errors
    /// [`Problem::Io`] if policy.toml is there and cannot be opened or read: a guess could send a
    /// `delete` to a runtime that does not know the container.
    pub fn runtime(&self) -> Result<Option<PathBuf>, PolicyError> {
        let shown = self.path.join(POLICY);
        let fd = match open::beneath(&self.fd, POLICY.as_ref()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => {
                return Err(PolicyError::new(
                    &shown,
                    Problem::Io {
                        doing: "open it",
                        errno,
                    },
                ));
            }
            Ok(fd) => fd,
        };
        match open::read_unchecked(fd, &shown) {
            Ok(bytes) => Ok(path_in(&String::from_utf8_lossy(&bytes))),
            Err(error) => match error.problem {
                Problem::NotRegular | Problem::TooLarge { .. } => Ok(None),
                _ => Err(error),
            },
        }
    }
}

/// The absolute path under `runtime.path`, read past errors elsewhere: the parser recovers from most,
/// and lines that it stops at are left out one by one.
fn path_in(text: &str) -> Option<PathBuf> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    for _ in 0..MOST_BAD_LINES {
        let text = lines.concat();
        let (table, errors) = toml::de::DeTable::parse_recoverable(&text);
        if let Some(path) = named(table.get_ref()) {
            return Some(path);
        }
        let offset = errors.first()?.span()?.start;
        let bad = text.get(..offset)?.matches('\n').count();
        *lines.get_mut(bad)? = "\n";
    }
    None
}

/// How many lines are left out before the file is given up.
const MOST_BAD_LINES: usize = 64;

fn named(table: &toml::de::DeTable<'_>) -> Option<PathBuf> {
    let runtime = table.get("runtime")?.get_ref().as_table()?;
    let path = PathBuf::from(runtime.get("path")?.get_ref().as_str()?);
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_found_in_a_broken_policy() {
        let crun = Some(PathBuf::from("/usr/bin/crun"));
        assert_eq!(
            path_in("version = 1\n[runtime]\npath = \"/usr/bin/crun\"\n"),
            crun
        );
        assert_eq!(
            path_in("version = \nfoo\n[runtime]\npath = \"/usr/bin/crun\"\n"),
            crun
        );
        assert_eq!(
            path_in("[runtime]\npath = \"/usr/bin/crun\"\n[[rule]\nx = = 1"),
            crun
        );
        assert_eq!(
            path_in("runtime.path = \"/usr/bin/crun\"\nmode = \"enfrce"),
            crun
        );
        assert_eq!(path_in("[runtime]\npath = \"crun\"\n"), None);
        assert_eq!(path_in("version = 1\n"), None);
    }
}

//! Which runtime the policy names, also where the policy is broken.
//!
//! `kill` and `delete` must reach the runtime that made the container, whatever has become of the
//! policy since. So this looks for that one key alone, in as much of the text as can be read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use early_entry::plain_policy::{Plain, runtime_path};
use rustix::io::Errno;
use toml::de::DeTable;

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
        let fd = match self.folder.file(POLICY.as_ref()) {
            // A generation was followed that has been deleted since.
            Err(Errno::NOENT) if !self.folder.stands() => {
                let next = Self::open(&self.path)?;
                return next.map_or(Ok(None), |next| next.runtime());
            }
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => {
                return Err(PolicyError::io(&shown, "open it", errno));
            }
            Ok(fd) => fd,
        };
        match open::read_unchecked(fd, &shown) {
            Ok(bytes) => Ok(match runtime_path(&bytes) {
                Plain::Absent => None,
                Plain::Path(path) => Some(PathBuf::from(OsStr::from_bytes(path))),
                Plain::Unsure => path_in(&String::from_utf8_lossy(&bytes)),
            }),
            Err(error) => match error.problem {
                Problem::NotRegular | Problem::TooLarge { .. } => Ok(None),
                _ => Err(error),
            },
        }
    }
}

/// The absolute path under `runtime.path`, read past errors elsewhere: the parser recovers from most.
fn path_in(text: &str) -> Option<PathBuf> {
    let (table, errors) = DeTable::parse_recoverable(text);
    match path_of(table.get_ref()) {
        None if !errors.is_empty() => path_by_lines(text),
        found => found,
    }
}

fn path_of(document: &DeTable<'_>) -> Option<PathBuf> {
    let runtime = document.get("runtime")?.get_ref().as_table()?;
    let path = PathBuf::from(runtime.get("path")?.get_ref().as_str()?);
    path.is_absolute().then_some(path)
}

/// The same where an error has swallowed what follows it: each line for itself, below the last
/// header of a table that can be read.
fn path_by_lines(text: &str) -> Option<PathBuf> {
    let mut header = "";
    text.lines().find_map(|line| {
        let line = line.trim();
        if line.starts_with('[') {
            header = if DeTable::parse(line).is_ok() {
                line
            } else {
                ""
            };
            return None;
        }
        let alone = format!("{header}\n{line}");
        path_of(DeTable::parse(&alone).ok()?.get_ref())
    })
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
        for typo in [
            "typo = 1",
            "strict = \"maybe",
            "= =",
            "[[rule]\nx",
            "[rule\n",
            "x = [1,",
            "x = {",
            "[runtime]",
            "runtime.pth = 1",
            "version = 1",
            "profile = \"a",
        ] {
            for text in [
                format!("version = 1\n{typo}\n[runtime]\npath = \"/usr/bin/crun\"\n"),
                format!("version = 1\n[runtime]\npath = '/usr/bin/crun' # ours\n{typo}\n"),
                format!("runtime.path = \"/usr/bin/crun\"\n{typo}\n"),
                format!("{typo}\nruntime = {{ path = \"/usr/bin/crun\" }}\n"),
            ] {
                // Below the header of a table that can be read it is that table's.
                let moved = typo == "[runtime]" && text.starts_with(typo);
                let expected = if moved { None } else { crun.clone() };
                assert_eq!(path_in(&text), expected, "{text:?}");
            }
        }
        assert_eq!(path_in("[rule]\nruntime.path = \"/usr/bin/crun\"\n"), None);
        assert_eq!(path_in("= =\n[[rule]]\nruntime.path = \"/x\"\n"), None);
        assert_eq!(path_in("[runtime]\npath = \"crun\"\n"), None);
        assert_eq!(path_in("version = 1\n"), None);
    }

    #[test]
    fn what_is_seen_without_a_parser_is_what_valid_toml_says() {
        const LINES: &[&str] = &[
            "[runtime]",
            "path = \"/usr/bin/crun\"",
            "path=\"/x\" # the runtime",
            "  path\t=  \"/usr/bin/runc\"\r",
            "path = 'a'",
            "path = \"crun\"",
            "path = \"/a\", b = \"/b\"",
            "# [runtime]",
            "[runtime] # path",
            "[[rule]]",
            "profile = \"runtime/default\"",
            "runtime.path = \"/y\"",
            "runtime = { path = \"/z\" }",
            "\"run\\u0074ime\" = { path = \"/u\" }",
            "x = [",
            "]",
            "s = \"\"\"",
            "\"\"\"",
            "y = '''",
            "'''",
            "[ runtime ]",
            "[\"runtime\"]",
            "other = 1",
        ];
        let (mut absent, mut paths) = (0, 0);
        for number in 0..LINES.len().pow(3) {
            let lines: Vec<&str> = (0..3_u32)
                .filter_map(|place| LINES.get(number / LINES.len().pow(place) % LINES.len()))
                .copied()
                .collect();
            let text = lines.join("\n");
            let seen = runtime_path(text.as_bytes());
            if seen == Plain::Unsure {
                continue;
            }
            let (table, errors) = DeTable::parse_recoverable(&text);
            if !errors.is_empty() {
                continue;
            }
            let seen = match seen {
                Plain::Path(path) => Some(PathBuf::from(OsStr::from_bytes(path))),
                Plain::Absent | Plain::Unsure => None,
            };
            let count = if seen.is_some() {
                &mut paths
            } else {
                &mut absent
            };
            *count += 1;
            assert_eq!(seen, path_of(table.get_ref()), "{text}");
        }
        assert!(absent > 50 && paths > 20, "{absent}, {paths}");
    }
}

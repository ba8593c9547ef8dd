//! Which runtime policy.toml names, where that can be seen without a TOML parser.
//!
//! The ordinary path asks here first, too, so that both name the same runtime whatever the file
//! says. Where it is valid TOML, what is seen here is what it says: without backslashes and strings
//! of many lines, a line is what it looks like.

use crate::bytes::{begins, holds, same, trim};

/// What can be seen of `runtime.path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain<'a> {
    /// The file does not name a runtime.
    Absent,
    /// It names this one, by an absolute path.
    Path(&'a [u8]),
    /// It takes a parser to tell.
    Unsure,
}

/// Looks for a runtime's path in the text of a policy.toml.
///
/// Seen as a path is only this, where the word `runtime` stands nowhere else but in comments:
///
/// ```toml
/// [runtime]
/// path = "/usr/bin/crun"
/// ```
#[inline(always)]
#[must_use]
pub fn runtime_path(text: &[u8]) -> Plain<'_> {
    if holds(text, b"\\") || holds(text, b"'''") || holds(text, b"\"\"\"") {
        return Plain::Unsure;
    }
    let mut found = Plain::Absent;
    let mut below_header = false;
    for line in text.split(|byte| *byte == b'\n') {
        let line = trim(line, |byte| matches!(byte, b' ' | b'\t' | b'\r'));
        if line.is_empty() || begins(line, b"#") {
            continue;
        }
        if below_header {
            below_header = false;
            found = match path_of(line) {
                Some(path) => Plain::Path(path),
                None => return Plain::Unsure,
            };
        } else if holds(line, b"runtime") {
            if !same(line, b"[runtime]") || !matches!(found, Plain::Absent) {
                return Plain::Unsure;
            }
            below_header = true;
        }
    }
    if below_header { Plain::Unsure } else { found }
}

/// The path of a line that says `path = "/…"` and nothing more.
#[inline(always)]
fn path_of(line: &[u8]) -> Option<&[u8]> {
    let blank = |byte| matches!(byte, b' ' | b'\t');
    if !begins(line, b"path") {
        return None;
    }
    let rest = trim(line.get(4..)?, blank);
    if !begins(rest, b"=") {
        return None;
    }
    let [b'"', path @ .., b'"'] = trim(rest.get(1..)?, blank) else {
        return None;
    };
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'"';
    (begins(path, b"/") && path.iter().all(plain)).then_some(path)
}

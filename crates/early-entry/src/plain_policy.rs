//! Which runtime policy.toml names, where that can be seen without a TOML parser.
//!
//! The ordinary path asks here first, too, so that both name the same runtime whatever the file
//! says. Where it is valid TOML, what is seen here is what it says: without backslashes and strings
//! of many lines, a line is what it looks like.

use crate::bytes::{begins, holds, trim};

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
    let mut rest = text;
    while !rest.is_empty() {
        let (line, next) = split_at_first(rest, b'\n');
        rest = next;
        let line = trim(line, blank);
        if is_comment(line) {
            continue;
        }
        if below_header {
            below_header = false;
            found = match path_of(line) {
                Some(path) => Plain::Path(path),
                None => return Plain::Unsure,
            };
        } else if holds(line, b"runtime") {
            below_header = match after(line, b"[runtime]") {
                Some(rest) => matches!(found, Plain::Absent) && is_comment(rest),
                None => false,
            };
            if !below_header {
                return Plain::Unsure;
            }
        }
    }
    if below_header { Plain::Unsure } else { found }
}

/// The path of a line that says `path = "/…"` and nothing more but a comment.
#[inline(always)]
fn path_of(line: &[u8]) -> Option<&[u8]> {
    let rest = trim(after(line, b"path")?, blank);
    let rest = trim(after(rest, b"=")?, blank);
    let rest = after(rest, b"\"")?;
    if !holds(rest, b"\"") {
        return None;
    }
    let (path, rest) = split_at_first(rest, b'"');
    let mut plain = begins(path, b"/") && is_comment(rest);
    for byte in path {
        plain &= matches!(byte, b' '..=b'~');
    }
    plain.then_some(path)
}

/// What stands before and after the first `mark`; all, and nothing, where there is none.
#[inline(always)]
fn split_at_first(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let mut length = 0;
    while let Some(byte) = text.get(length)
        && *byte != mark
    {
        length += 1;
    }
    let (before, rest) = text.split_at_checked(length).unwrap_or((text, b""));
    (before, rest.get(1..).unwrap_or_default())
}

/// What follows `start`, if `text` begins with it.
#[inline(always)]
fn after<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    begins(text, start).then(|| text.get(start.len()..))?
}

/// Whether nothing is here, or nothing but a comment.
#[inline(always)]
fn is_comment(text: &[u8]) -> bool {
    let text = trim(text, blank);
    text.is_empty() || begins(text, b"#")
}

#[inline(always)]
fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

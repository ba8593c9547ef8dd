//! youki up to 0.7.0 takes the two values of SCMP_CMP_MASKED_EQ for each other: it hands `valueTwo` to
//! libseccomp as the mask (libcontainer/src/seccomp/mod.rs, `translate_op`). Docker's "no namespaces" on
//! clone would be "always" under it, so such a youki gets them the other way around.
//!
//! Which youki it is stands in the program, whatever it is called, as the first line of what it says to
//! `--version`. One that is called youki and does not tell is in doubt.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use bundle::Change;
use memchr::memmem;
use serde_json::Value;

use crate::argv::Flavor;
use crate::files::Files;
use crate::kept;
use crate::refusal::Refusal;
use crate::runtime::Runtime;

const SWAPPED: &str = "swapped";
const RIGHT: &str = "right";
/// The newest that was seen to do so.
const LAST: (u64, u64, u64) = (0, 7, 0);
/// What stands before the version.
const YOUKI: &[u8] = b"youki version: ";
const OP: &str = "SCMP_CMP_MASKED_EQ";

/// The profile (OCI JSON) as this runtime is to get it; none if it is right as it is.
///
/// # Errors
/// It has such conditions, and it is not known how the runtime reads them.
pub(crate) fn for_runtime(runtime: &Runtime, profile: &str) -> Result<Option<String>, Refusal> {
    if !is_asked_about(runtime) {
        return Ok(None);
    }
    // Bits outside of the mask do not count: without them it is seen again what was swapped.
    let turned = turn(profile, |(mask, value)| Some((value & mask, mask)));
    Ok(match turned {
        Some(profile) if swaps(runtime)? => Some(profile),
        _ => None,
    })
}

/// The configuration in `bytes` as it was meant, where the conditions in it were swapped for this
/// runtime already, as in a bundle that is used again; none if it is right as it is.
///
/// # Errors
/// As [`for_runtime`], or the configuration cannot be read.
pub(crate) fn meant(
    runtime: &Runtime,
    bytes: &[u8],
    files: &Files,
) -> Result<Option<Vec<u8>>, Refusal> {
    if !is_asked_about(runtime) {
        return Ok(None);
    }
    let config = files.parse(bytes)?;
    let asked = config.seccomp().map_or("", |value| value.raw());
    // The second has the first's bits and others: it is the mask.
    let turned = turn(asked, |(value, mask)| {
        (value & mask == value).then_some((mask, value))
    });
    match turned {
        Some(profile) if swaps(runtime)? => Ok(config.rewrite(Change::Set(&profile))),
        _ => Ok(None),
    }
}

/// runc and crun are not doubted.
fn is_asked_about(runtime: &Runtime) -> bool {
    matches!(runtime.flavor(), Flavor::Youki | Flavor::Unknown)
}

/// Whether the runtime takes the values for each other.
fn swaps(runtime: &Runtime) -> Result<bool, Refusal> {
    let path = runtime.path();
    let how = if runtime.flavor() == Flavor::Youki {
        kept::answer(path, "masks", || {
            how(&fs::read(path).unwrap_or_default()).or_else(|| how(&ask(path)))
        })
    } else {
        kept::answer(path, "masks, whatever it is", || {
            Some(how(&fs::read(path).ok()?).unwrap_or(RIGHT))
        })
    };
    match how.as_deref() {
        Some(how) => Ok(how == SWAPPED),
        None => Err(Refusal::UnknownVersion(path.to_owned())),
    }
}

/// What the program says of itself.
fn ask(path: &Path) -> Vec<u8> {
    let mut command = Command::new(path);
    let asked = command.arg("--version").stdin(Stdio::null()).output();
    asked.map(|output| output.stdout).unwrap_or_default()
}

/// By the version that stands in a text or a program; none if there is none.
fn how(text: &[u8]) -> Option<&'static str> {
    memmem::find_iter(text, YOUKI).find_map(|at| {
        let rest = text.get(at.checked_add(YOUKI.len())?..)?;
        let old = version(rest.get(..LONGEST).unwrap_or(rest))? <= LAST;
        Some(if old { SWAPPED } else { RIGHT })
    })
}

/// As long as a version gets.
const LONGEST: usize = 32;

/// The numbers that `text` begins with, as in `0.7.0`.
fn version(text: &[u8]) -> Option<(u64, u64, u64)> {
    let text = String::from_utf8_lossy(text);
    let mut numbers = text.splitn(3, '.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part.get(..end.unwrap_or(part.len()))?.parse().ok()
    });
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// The profile with other values in its masked conditions, wherever `other` has some for the two that
/// stand there; none if that changes nothing.
fn turn(profile: &str, other: impl Fn((u64, u64)) -> Option<(u64, u64)>) -> Option<String> {
    // Any letter of the word may be written as an escape.
    if !profile.contains(OP) && !profile.contains('\\') {
        return None;
    }
    let mut profile: Value = serde_json::from_str(profile).ok()?;
    let rules = profile.get_mut("syscalls")?.as_array_mut()?;
    let mut changed = false;
    let conditions = rules
        .iter_mut()
        .filter_map(|rule| rule.get_mut("args")?.as_array_mut());
    for condition in conditions.flatten().filter_map(Value::as_object_mut) {
        if condition.get("op").and_then(Value::as_str) != Some(OP) {
            continue;
        }
        let number = |key: &str| condition.get(key).and_then(Value::as_u64).unwrap_or(0);
        let now = (number("value"), number("valueTwo"));
        if let Some((value, two)) = other(now).filter(|new| *new != now) {
            condition.insert("value".to_owned(), value.into());
            condition.insert("valueTwo".to_owned(), two.into());
            changed = true;
        }
    }
    changed.then(|| profile.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_a_program_says_or_is() {
        for (text, expected) in [
            ("youki version: 0.7.0\ncommit: 1", Some(SWAPPED)),
            (
                "\0 an `Err` valueyouki version: 0.6.12/etc/os-release",
                Some(SWAPPED),
            ),
            ("youki version: 0.7.1", Some(RIGHT)),
            ("youki version: 0.10.2-dev", Some(RIGHT)),
            ("youki version: {}\0youki version: 0.5.0", Some(SWAPPED)),
            ("youki version: ", None),
            ("runc version 1.1.5", None),
            ("", None),
        ] {
            assert_eq!(how(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn masks_are_turned_around_and_nothing_else() {
        let condition = |op: &str, value: u64, two: u64| {
            format!(
                r#"{{"syscalls":[{{"args":[{{"op":"SCMP_CMP_{op}","value":{value},"valueTwo":{two}}}]}}]}}"#
            )
        };
        let around = |profile: &str| turn(profile, |(one, other)| Some((other, one)));
        let profile = condition("MASKED_EQ", 0x7E02_0000, 0);
        let turned = around(&profile).unwrap();
        assert_eq!(turned, condition("MASKED_EQ", 0, 0x7E02_0000));
        assert_eq!(around(&turned).as_ref(), Some(&profile));
        let escaped = profile.replace("MASKED", "M\\u0041SKED");
        assert_eq!(around(&escaped), Some(turned));
        assert_eq!(around(&condition("MASKED_EQ", 7, 7)), None, "either way");
        assert_eq!(around(&condition("EQ", 7, 1)), None);
    }
}

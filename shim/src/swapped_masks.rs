//! youki up to 0.7.0 takes the two values of SCMP_CMP_MASKED_EQ for each other: it hands `valueTwo` to
//! libseccomp as the mask (libcontainer/src/seccomp/mod.rs, `translate_op`). Docker's "no namespaces" on
//! clone would be "always" under it, so such a youki gets them the other way around.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::argv::Flavor;
use crate::kept;
use crate::runtime::Runtime;

const SWAPPED: &str = "swapped";
/// The newest that was seen to do so.
const LAST: (u64, u64, u64) = (0, 7, 0);

/// The profile (OCI JSON) as this runtime is to get it; none if it is right as it is.
#[must_use]
pub(crate) fn for_runtime(runtime: &Runtime, profile: &str) -> Option<String> {
    let path = runtime.path();
    if runtime.flavor() != Flavor::Youki || !profile.contains("SCMP_CMP_MASKED_EQ") {
        return None;
    }
    let swaps = kept::answer(path, "masks", || ask(path)).as_deref() == Some(SWAPPED);
    swaps.then(|| swap(profile)).flatten()
}

fn ask(path: &Path) -> Option<&'static str> {
    let mut command = Command::new(path);
    let asked = command.arg("--version").stdin(Stdio::null()).output();
    let said = String::from_utf8_lossy(&asked.ok()?.stdout).into_owned();
    let old = version(said.lines().next()?)? <= LAST;
    Some(if old { SWAPPED } else { "right" })
}

/// The numbers in `youki version: 0.7.0`.
fn version(line: &str) -> Option<(u64, u64, u64)> {
    let last = line.split_whitespace().next_back()?;
    let mut numbers = last.splitn(3, '.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part.get(..end.unwrap_or(part.len()))?.parse().ok()
    });
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// Swaps the values of conditions that make sense as they stand: where the second has bits outside
/// of the mask they are swapped already, in a bundle that was used before.
fn swap(profile: &str) -> Option<String> {
    let mut profile: Value = serde_json::from_str(profile).ok()?;
    let rules = profile.get_mut("syscalls")?.as_array_mut()?;
    let mut changed = false;
    let conditions = rules
        .iter_mut()
        .filter_map(|rule| rule.get_mut("args")?.as_array_mut());
    for condition in conditions.flatten().filter_map(Value::as_object_mut) {
        if condition.get("op").and_then(Value::as_str) != Some("SCMP_CMP_MASKED_EQ") {
            continue;
        }
        let number = |key: &str| condition.get(key).and_then(Value::as_u64);
        let (mask, value) = (number("value")?, number("valueTwo").unwrap_or(0));
        if mask != value && value & !mask == 0 {
            condition.insert("value".to_owned(), value.into());
            condition.insert("valueTwo".to_owned(), mask.into());
            changed = true;
        }
    }
    changed.then(|| profile.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("youki version: 0.7.0"), Some((0, 7, 0)));
        assert_eq!(version("youki version 0.10.2-dev"), Some((0, 10, 2)));
        assert_eq!(version("youki"), None);
        assert!(version("x: 0.6.12") <= Some(LAST) && version("x: 0.7.1") > Some(LAST));
    }

    #[test]
    fn masks_are_swapped_once() {
        let condition = |value: u64, two: u64| {
            format!(
                r#"{{"syscalls":[{{"args":[{{"op":"SCMP_CMP_MASKED_EQ","value":{value},"valueTwo":{two}}}]}}]}}"#
            )
        };
        let swapped = swap(&condition(0x7E02_0000, 0)).unwrap();
        assert_eq!(swapped, condition(0, 0x7E02_0000));
        assert_eq!(swap(&swapped), None);
        assert_eq!(swap(&condition(7, 7)), None, "either way");
        let other = condition(7, 1).replace("MASKED_EQ", "EQ");
        assert_eq!(swap(&other), None);
    }
}

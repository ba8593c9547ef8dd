//! `includes` and `excludes`: when a rule applies.

use strict_json::{Kind, Value};

use crate::capability_names::{is_capability, near_capability};
use crate::engine_arch;
use crate::parsed::Filter;
use crate::problem::shown;
use crate::reader::Reader;
use crate::{Kernel, ProblemKind, WarningKind, native_from_name};

/// The filter that `value` is.
pub(crate) fn filter(reader: &mut Reader, value: &Value<'_>, what: &'static str) -> Filter {
    let mut filter = Filter::default();
    for member in reader.fields(value, what, KEYS) {
        match member.key.as_ref() {
            "caps" => {
                for (at, cap) in reader.strings(&member.value, "caps", "a capability") {
                    capability_matches(reader, at, &cap);
                    filter.caps.push(cap.into_owned());
                }
            }
            "arches" => {
                for (at, arch) in reader.strings(&member.value, "arches", "an architecture") {
                    arch_matches(reader, at, &arch);
                    filter.arches.push(arch.into_owned());
                }
            }
            "minKernel" if reader.obeys("minKernel", &member) => {
                filter.min_kernel = min_kernel(reader, &member.value);
            }
            _ => {}
        }
    }
    filter
}

/// Docker's `minKernel` (moby/profiles seccomp/seccomp.go, `KernelVersion.UnmarshalJSON`): two
/// numbers of a byte each, not both 0; the empty string is 0.0 and met by every kernel.
fn min_kernel(reader: &mut Reader, value: &Value<'_>) -> Option<Kernel> {
    let at = value.range().start;
    if value.is_null() {
        return None;
    }
    let read = value.as_str().and_then(|text| {
        if text.is_empty() {
            return Some(Kernel { major: 0, minor: 0 });
        }
        let (major, minor) = text.split_once('.')?;
        let (major, minor) = (byte(major)?, byte(minor)?);
        (major > 0 || minor > 0).then_some(Kernel { major, minor })
    });
    match read {
        Some(Kernel { major: 0, minor: 0 }) => reader.warning(at, WarningKind::EveryKernel, None),
        Some(_) => {}
        None => {
            let found = shown(value.raw());
            let number = value.kind() == Kind::Number;
            let mend = number.then(|| "write it as a string".to_owned());
            reader.problem(at, ProblemKind::MinKernel { found }, mend);
        }
    }
    read
}

fn byte(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u8>().ok().map(u32::from)
}

/// Capabilities are compared to the letter: `SYS_ADMIN`, `cap_sys_admin` and what Linux does not
/// have match nothing, so that an exclusion by such a name lets the rule in.
fn capability_matches(reader: &mut Reader, at: usize, cap: &str) {
    if is_capability(cap) {
        return;
    }
    let (what, found) = ("capability", shown(cap));
    let near = reader.may_guess().then(|| near_capability(cap)).flatten();
    let mend = near.map(|mend| format!("write {mend:?}"));
    reader.warning(at, WarningKind::NeverMatches { what, found }, mend);
}

fn arch_matches(reader: &mut Reader, at: usize, arch: &str) {
    if engine_arch::filters_know(reader.dialect, arch) {
        return;
    }
    let meant = native_from_name(arch).and_then(|arch| engine_arch::name(reader.dialect, arch));
    let mend = meant.map(|meant| format!("write {meant:?}"));
    let (what, found) = ("architecture", shown(arch));
    reader.warning(at, WarningKind::NeverMatches { what, found }, mend);
}

const KEYS: &[&str] = &["caps", "arches", "minKernel"];

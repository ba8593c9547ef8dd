//! What the running kernel's seccomp can do, asked without installing anything (seccomp(2)).
#![forbid(unsafe_code)]

use crate::sys;

/// Whether the kernel has an action, by its value (`SECCOMP_RET_…`; SECCOMP_GET_ACTION_AVAIL).
#[must_use]
pub fn has_action(action: u32) -> bool {
    sys::action_available(action)
}

/// Whether `SECCOMP_SET_MODE_FILTER` knows all of `flags` (`SECCOMP_FILTER_FLAG_…`). A filter is not
/// given: the kernel looks at the flags first, and finds that nothing is there only then.
#[must_use]
pub fn has_flags(flags: u64) -> bool {
    sys::flags_known(flags)
}

/// The sizes of a notification, its answer and the data in it, as this kernel has them
/// (SECCOMP_GET_NOTIF_SIZES); none where it has no user notification.
#[must_use]
pub fn notification_sizes() -> Option<[u16; 3]> {
    sys::notification_sizes()
}

/// The version of libseccomp in this program, if it says one.
#[must_use]
pub fn libseccomp_version() -> Option<String> {
    let version = libseccomp::ScmpVersion::current().ok()?;
    Some(version.to_string())
}

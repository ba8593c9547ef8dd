//! What a profile has beside its rules: architectures, flags, the listener.

use super::error::RestrictError;
use crate::{Arch, Flag, Seccomp};

/// The architectures whose calls do not kill: those listed and the native one, first if it is not
/// listed.
pub(crate) fn effective(profile: &Seccomp, native: Arch) -> Vec<Arch> {
    let listed = profile.architectures.iter().map(|arch| match arch {
        Arch::ScmpArchNative => native,
        arch => *arch,
    });
    let mut all: Vec<Arch> = Vec::with_capacity(profile.architectures.len().saturating_add(1));
    for arch in listed {
        if !all.contains(&arch) {
            all.push(arch);
        }
    }
    if !all.contains(&native) {
        all.insert(0, native);
    }
    all
}

/// The flags of both: what a profile adds to a filter stays, what it takes away needs both. Absent
/// is SPEC_ALLOW, which is what runtimes make of it.
pub(crate) fn flags(policy: &Seccomp, request: &Seccomp) -> Option<Vec<Flag>> {
    if policy.flags.is_none() && request.flags.is_none() {
        return None;
    }
    let (policy, request) = (in_force(policy), in_force(request));
    let wanted = ORDER.into_iter().filter(|flag| {
        let sides = (policy.contains(flag), request.contains(flag));
        match flag {
            Flag::SeccompFilterFlagSpecAllow => sides.0 && sides.1,
            _ => sides.0 || sides.1,
        }
    });
    Some(wanted.collect())
}

/// The flags of what either profile allows: what any profile adds to a filter or takes away from it
/// stays.
pub(crate) fn any_flags(one: &Seccomp, other: &Seccomp) -> Option<Vec<Flag>> {
    if one.flags.is_none() && other.flags.is_none() {
        return None;
    }
    let (one, other) = (in_force(one), in_force(other));
    let any = ORDER.into_iter();
    Some(
        any.filter(|flag| one.contains(flag) || other.contains(flag))
            .collect(),
    )
}

/// The flags that a profile is loaded with, in one order.
pub(crate) fn in_force(profile: &Seccomp) -> Vec<Flag> {
    let has = |flag: &Flag| match &profile.flags {
        None => *flag == Flag::SeccompFilterFlagSpecAllow,
        Some(flags) => flags.contains(flag),
    };
    ORDER.into_iter().filter(has).collect()
}

/// Whether all but the rules of `request` says what that of `result` does, in words that every
/// runtime takes.
pub(crate) fn is_like(request: &Seccomp, result: &Seccomp, native: Arch) -> bool {
    let (asked, kept) = (effective(request, native), effective(result, native));
    asked.len() == kept.len()
        && asked.iter().all(|arch| kept.contains(arch))
        && in_force(request) == in_force(result)
        && request.listener_path == result.listener_path
        && request.listener_metadata == result.listener_metadata
        && !request.has_idle_errnos()
        && !request.lacks_anchor()
}

/// `listenerPath` and `listenerMetadata` of the profiles that hand calls to a listener.
pub(crate) fn listener(
    policy: Option<&Seccomp>,
    request: Option<&Seccomp>,
) -> Result<(Option<String>, Option<String>), RestrictError> {
    let path = |side: Option<&Seccomp>| side.and_then(|profile| profile.listener_path.clone());
    let metadata = |side: Option<&Seccomp>| side.and_then(|one| one.listener_metadata.clone());
    match (path(policy), path(request)) {
        (Some(policy), Some(request)) if policy != request => {
            Err(RestrictError::TwoListeners { policy, request })
        }
        (policy_path, request_path) => Ok((
            request_path.or(policy_path),
            metadata(request).or_else(|| metadata(policy)),
        )),
    }
}

/// The flags, in the order in which they are written.
const ORDER: [Flag; 4] = [
    Flag::SeccompFilterFlagTsync,
    Flag::SeccompFilterFlagLog,
    Flag::SeccompFilterFlagSpecAllow,
    Flag::SeccompFilterFlagWaitKillableRecv,
];

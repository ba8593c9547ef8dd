//! What a profile has beside its rules: architectures, flags, the listener.

use super::error::RestrictError;
use crate::{Arch, Flag, Seccomp};

/// The architectures whose calls do not kill: those listed and the native one, first if it is not
/// listed.
pub(super) fn effective(profile: &Seccomp, native: Arch) -> Vec<Arch> {
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
pub(super) fn flags(policy: &Seccomp, request: &Seccomp) -> Option<Vec<Flag>> {
    use Flag::*;
    if policy.flags.is_none() && request.flags.is_none() {
        return None;
    }
    let has = |profile: &Seccomp, flag| match &profile.flags {
        None => flag == SeccompFilterFlagSpecAllow,
        Some(flags) => flags.contains(&flag),
    };
    let order = [
        SeccompFilterFlagTsync,
        SeccompFilterFlagLog,
        SeccompFilterFlagSpecAllow,
        SeccompFilterFlagWaitKillableRecv,
    ];
    let wanted = order.into_iter().filter(|flag| {
        let sides = (has(policy, *flag), has(request, *flag));
        match flag {
            SeccompFilterFlagSpecAllow => sides.0 && sides.1,
            _ => sides.0 || sides.1,
        }
    });
    Some(wanted.collect())
}

/// `listenerPath` and `listenerMetadata` of the profiles that hand calls to a listener.
pub(super) fn listener(
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

//! One profile that allows what any of some allows.

mod arches;
mod error;
#[cfg(test)]
mod tests;

pub use error::MergeError;

use crate::meaning::multiplexes;
use crate::restrict::both::Both;
use crate::restrict::effect::Effects;
use crate::restrict::frame;
use crate::restrict::pick::Pick;
use crate::restrict::width::Width;
use crate::{Action, Arch, Note, RestrictError, Seccomp};

/// What [`merge`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The profile: to every call the least strict answer.
    pub profile: Seccomp,
    /// Where it is stricter than that; empty if it is exact.
    pub rounded: Vec<Note>,
}

/// The profile that answers every call as the least strict of `first` and `others` does, on a node
/// of architecture `native`. Of equally strict answers the earlier profile's errno counts, on an
/// architecture that only a later one lists too: one list of rules serves all.
///
/// What OCI's form cannot say is said more strictly and noted. One list of rules serves all
/// architectures; so one that some of the profiles leave out, by which its calls kill, stays only
/// where the others' rules open nothing there.
///
/// A profile is taken to mean what libseccomp makes of it; where its own rules contradict each
/// other, the strictest of them counts. The flag SPEC_ALLOW stays where any profile has it, as it
/// loosens; the other flags stay too, as they take nothing from a call.
///
/// # Errors
/// Two different listeners; a condition on an argument beyond the sixth; a multiplexer that can be
/// kept shut by no rule.
pub fn merge(first: &Seccomp, others: &[Seccomp], native: Arch) -> Result<Merged, MergeError> {
    let mut merged = Merged {
        profile: first.clone(),
        rounded: Vec::new(),
    };
    for other in others {
        let next = pair(&merged.profile, other, native)?;
        merged.profile = next.profile;
        for note in next.rounded {
            if !merged.rounded.contains(&note) {
                merged.rounded.push(note);
            }
        }
    }
    Ok(merged)
}

fn pair(one: &Seccomp, other: &Seccomp, native: Arch) -> Result<Merged, MergeError> {
    let lists = [one, other].map(|profile| frame::effective(profile, native));
    let [mut arches, others] = lists.clone();
    arches.extend(others.into_iter().filter(|arch| !lists[0].contains(arch)));
    let mut left_out = Vec::new();
    loop {
        let mut merged = under(one, other, &arches)?;
        let mut kept = Vec::with_capacity(arches.len());
        for arch in &arches {
            let alone = match lists.each_ref().map(|list| list.contains(arch)) {
                [true, false] => one,
                [false, true] => other,
                _ => {
                    kept.push(*arch);
                    continue;
                }
            };
            match arches::kept(alone, &merged.profile, *arch)? {
                arches::Kept::No => left_out.push(Note::LeftOut { arch: *arch }),
                arches::Kept::Yes { noted } => {
                    kept.push(*arch);
                    merged.rounded.extend(noted);
                }
            }
        }
        if kept.len() == arches.len() {
            merged.rounded.extend(left_out);
            if !(one.architectures.is_empty() && other.architectures.is_empty()) {
                merged.profile.architectures = kept;
            }
            return Ok(merged);
        }
        // With fewer architectures the rules may become looser, so look again.
        arches = kept;
    }
}

/// The merged profile as if both were for all of `arches`.
fn under(one: &Seccomp, other: &Seccomp, arches: &[Arch]) -> Result<Merged, MergeError> {
    let through = arches.iter().copied().find(|arch| multiplexes(*arch));
    let policy = Effects::of(one, through)?;
    let request = Effects::of(other, through)?;
    let default = Pick::Looser.of(policy.default, request.default);
    let both = Both {
        policy,
        request,
        default,
        width: Width::of(arches),
        pick: Pick::Looser,
    };
    let mut rounded = Vec::new();
    let rules = both.rules(through, &mut rounded)?;
    let notify = Action::ScmpActNotify;
    let remains = default.action() == notify || rules.iter().any(|rule| rule.action == notify);
    let notifies = |effects: &Effects<'_>| remains && effects.any(|one| one.action() == notify);
    let (listener_path, listener_metadata) = frame::listener(
        notifies(&both.request).then_some(other),
        notifies(&both.policy).then_some(one),
    )
    .map_err(|error| match error {
        RestrictError::TwoListeners { policy, request } => MergeError::TwoListeners {
            first: request,
            second: policy,
        },
        other => MergeError::Rules(other),
    })?;
    Ok(Merged {
        profile: Seccomp {
            default_action: default.action(),
            default_errno: default.errno(),
            architectures: Vec::new(),
            flags: frame::any_flags(one, other),
            listener_path,
            listener_metadata,
            rules,
        },
        rounded,
    })
}

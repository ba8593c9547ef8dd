//! Whether an architecture that only one of two profiles lists may stay in what they merge to.
//!
//! By the other profile its calls kill the thread, so that there the result must be no looser than
//! the one that lists it; but a result's rules hold on all its architectures.

use crate::diff::regions;
use crate::meaning::multiplexes;
use crate::restrict::combine::Side;
use crate::restrict::effect::{Effect, Effects};
use crate::restrict::multiplexer::MULTIPLEXERS;
use crate::restrict::width::Width;
use crate::{Action, Arch, Note, RestrictError, Seccomp};

/// What becomes of an architecture.
#[derive(Debug)]
pub(super) enum Kept {
    /// It is left out.
    No,
    /// It stays, with what there is to say of that.
    Yes { noted: Vec<Note> },
}

/// Whether `arch`, which `alone` lists, may stay in `merged`.
pub(super) fn kept(alone: &Seccomp, merged: &Seccomp, arch: Arch) -> Result<Kept, RestrictError> {
    let through = Some(arch).filter(|arch| multiplexes(*arch));
    let [ours, all] = [Effects::of(alone, through)?, Effects::of(merged, through)?];
    let mut names: Vec<&str> = ours.names().chain(all.names()).map(AsRef::as_ref).collect();
    names.extend(MULTIPLEXERS.into_iter().filter(|_| through.is_some()));
    names.sort_unstable();
    names.dedup();
    let rest = [&ours, &all].map(|effects| Effect::Always(effects.default));
    let [ours_rest, all_rest] = &rest;
    if all.default.strictness() < ours.default.strictness() {
        return Ok(Kept::No);
    }
    for name in names {
        let before = Side {
            effect: ours.on(name).unwrap_or(ours_rest),
            default: ours.default,
        };
        let after = Side {
            effect: all.on(name).unwrap_or(all_rest),
            default: all.default,
        };
        let Ok(regions) = regions(before, after, Width::of(&[arch])) else {
            return Ok(Kept::No);
        };
        for (from, to, _) in regions {
            if to.strictness() < from.strictness() {
                return Ok(Kept::No);
            }
        }
    }
    let kills = all.any(|outcome| outcome.action() == KILL);
    let noted = kills.then_some(Note::KillsProcess { arch });
    Ok(Kept::Yes {
        noted: noted.into_iter().collect(),
    })
}

const KILL: Action = Action::ScmpActKillProcess;

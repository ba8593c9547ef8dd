//! One profile that does what two do together.
//!
//! The kernel asks every filter that is installed and takes the strictest answer. This computes
//! the one filter that gives the same answers, as a profile, so that it can be put where only one
//! fits. What the OCI's form cannot say is said more strictly and noted.

pub(crate) mod both;
pub(crate) mod cell;
pub(crate) mod combine;
mod cube;
pub(crate) mod effect;
pub(crate) mod error;
pub(crate) mod frame;
pub(crate) mod multiplexer;
mod note;
pub(crate) mod pick;
mod rules;
mod set;
#[cfg(test)]
pub(crate) mod tests;
mod verbatim;
pub(crate) mod width;

pub use error::RestrictError;
pub use note::{Note, Rounding};

use self::both::Both;
use self::effect::Effects;
use self::pick::Pick;
use self::width::Width;
use crate::meaning::multiplexes;
use crate::{Action, Arch, Seccomp};

/// What [`restrict`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restricted {
    /// The profile: to every call the stricter answer of the two.
    pub profile: Seccomp,
    /// Where it is stricter than that, by syscall; empty if it is exact.
    pub rounded: Vec<Note>,
    /// Whether the request itself is such a profile, so that it can stay as it is written.
    pub request_says_it: bool,
}

/// The profile that answers every call as the stricter of `policy` and `request` does, on a node
/// of architecture `native`.
///
/// Strictness is the kernel's: KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, NOTIFY, TRACE, LOG, ALLOW.
/// Where both are equally strict, the request's errno counts. An architecture stays if both have
/// it. A profile is taken to mean what libseccomp makes of it; where its own rules contradict each
/// other, the strictest of them counts.
///
/// The result depends on nothing but the arguments, and restricting it again by the same policy
/// changes nothing.
///
/// # Errors
/// Two different listeners; far more rules than any filter has room for; a condition on an argument beyond the sixth; a multiplexer that can
/// be kept shut by no rule.
pub fn restrict(
    policy: &Seccomp,
    request: &Seccomp,
    native: Arch,
) -> Result<Restricted, RestrictError> {
    let pair = Pair::of(policy, request, native)?;
    let request_says_it = pair.request_says_it();
    let (profile, rounded) = pair.written()?;
    Ok(Restricted {
        profile,
        rounded,
        request_says_it,
    })
}

/// What [`restrict_unless_said`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joint {
    /// The request itself is such a profile, and can stay as it is written.
    Request,
    /// Another profile, and where it is stricter than both.
    Written(Seccomp, Vec<Note>),
}

/// As [`restrict`], but without a result where the request itself is one: that is a third of the work.
///
/// # Errors
/// As [`restrict`].
pub fn restrict_unless_said(
    policy: &Seccomp,
    request: &Seccomp,
    native: Arch,
) -> Result<Joint, RestrictError> {
    let pair = Pair::of(policy, request, native)?;
    if pair.request_says_it() {
        return Ok(Joint::Request);
    }
    let (profile, rounded) = pair.written()?;
    Ok(Joint::Written(profile, rounded))
}

/// Two profiles, read, with what their result has beside its rules.
struct Pair<'a> {
    policy: &'a Seccomp,
    request: &'a Seccomp,
    native: Arch,
    /// Those that both have.
    arches: Vec<Arch>,
    /// One of them that has multiplexers.
    through: Option<Arch>,
    both: Both<'a>,
    /// Where the architectures alone make the result stricter.
    rounded: Vec<Note>,
}

impl<'a> Pair<'a> {
    fn of(policy: &'a Seccomp, request: &'a Seccomp, native: Arch) -> Result<Self, RestrictError> {
        few_enough("policy", policy)?;
        few_enough("request", request)?;
        let policy_arches = frame::effective(policy, native);
        let mut arches = frame::effective(request, native);
        let mut rounded = Vec::new();
        let request_alone: Vec<Arch> = without(&arches, &policy_arches);
        let policy_alone: Vec<Arch> = without(&policy_arches, &arches);
        arches.retain(|arch| policy_arches.contains(arch));

        let width = Width::of(&arches);
        let through = arches.iter().copied().find(|arch| multiplexes(*arch));
        let policy_effects = Effects::of(policy, through)?;
        let request_effects = Effects::of(request, through)?;
        for (profile, alone) in [(policy, policy_alone), (request, request_alone)] {
            if !alone.is_empty() && kills_process(profile) {
                rounded.extend(alone.into_iter().map(|arch| Note::KillsThread { arch }));
            }
        }
        let default = policy_effects.default.stacked(request_effects.default);
        let both = Both {
            policy: policy_effects,
            request: request_effects,
            default,
            width,
            pick: Pick::Stricter,
        };
        Ok(Self {
            policy,
            request,
            native,
            arches,
            through,
            both,
            rounded,
        })
    }

    /// Whether the request alone does what both do, in words that can stay. No is always a right
    /// answer.
    fn request_says_it(&self) -> bool {
        // If it does, what remains of notifications is what it has.
        let notifies = |effects: &Effects<'_>| effects.any(|one| one.action() == NOTIFY);
        let remains = notifies(&self.both.request);
        let listener = frame::listener(
            (remains && notifies(&self.both.policy)).then_some(self.policy),
            remains.then_some(self.request),
        );
        let Ok((listener_path, listener_metadata)) = listener else {
            return false;
        };
        let frame = Seccomp {
            listener_path,
            listener_metadata,
            ..self.frame()
        };
        self.rounded.is_empty()
            && frame::is_like(self.request, &frame, self.native)
            && self.both.request_says_it(self.through)
    }

    /// The result but for its rules and its listener.
    fn frame(&self) -> Seccomp {
        let none_listed =
            self.policy.architectures.is_empty() && self.request.architectures.is_empty();
        let architectures = if none_listed {
            Vec::new()
        } else {
            self.arches.clone()
        };
        Seccomp {
            default_action: self.both.default.action(),
            default_errno: self.both.default.errno(),
            architectures,
            flags: frame::flags(self.policy, self.request),
            listener_path: None,
            listener_metadata: None,
            rules: Vec::new(),
        }
    }

    /// The result, and where it is stricter than both.
    fn written(mut self) -> Result<(Seccomp, Vec<Note>), RestrictError> {
        let mut rounded = std::mem::take(&mut self.rounded);
        let rules = self.both.rules(self.through, &mut rounded)?;
        let default = self.both.default;
        let notifies = |effects: &Effects<'_>| effects.any(|one| one.action() == NOTIFY);
        let remains = default.action() == NOTIFY || rules.iter().any(|rule| rule.action == NOTIFY);
        let (listener_path, listener_metadata) = frame::listener(
            (remains && notifies(&self.both.policy)).then_some(self.policy),
            (remains && notifies(&self.both.request)).then_some(self.request),
        )?;
        let profile = Seccomp {
            listener_path,
            listener_metadata,
            rules,
            ..self.frame()
        };
        Ok((profile, rounded))
    }
}

/// Refuses a profile whose names and conditions make more pairs than memory should be spent on: a
/// rule can name a hundred thousand calls under ten thousand conditions.
fn few_enough(whose: &'static str, profile: &Seccomp) -> Result<(), RestrictError> {
    let conditional = profile.rules.iter().filter(|rule| !rule.args.is_empty());
    let pairs = conditional
        .map(|rule| rule.names.len().saturating_mul(rule.args.len()))
        .fold(0, usize::saturating_add);
    if pairs > MOST_PAIRS {
        return Err(RestrictError::TooMany { whose, pairs });
    }
    Ok(())
}

/// Eight times as many as could be loaded.
const MOST_PAIRS: usize = 32_768;

/// The elements of `all` that are not in `others`.
fn without(all: &[Arch], others: &[Arch]) -> Vec<Arch> {
    let alone = all.iter().filter(|arch| !others.contains(arch));
    alone.copied().collect()
}

/// Whether any rule or the default may kill the process. A rule that is overruled counts: on an
/// architecture with multiplexers it may still count for one.
fn kills_process(profile: &Seccomp) -> bool {
    let mut actions = profile.rules.iter().map(|rule| rule.action);
    let kill = Action::ScmpActKillProcess;
    profile.default_action == kill || actions.any(|action| action == kill)
}

const NOTIFY: Action = Action::ScmpActNotify;

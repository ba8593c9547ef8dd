//! A decision with what it makes of the configuration.

use std::borrow::Cow;
use std::path::Path;

use bundle::{Change, Config};
use policy::{Container, Decision, Mode, Outcome, Policy, PolicyError};

use crate::argv::Flavor;
use crate::files::Files;
use crate::lacks_seccomp::lacks_seccomp;
use crate::listener::Seat;
use crate::refusal::Refusal;
use crate::runtime::Runtime;
use crate::{node, swapped_masks};

/// Finds a finished filter for the text of a profile, in base64; none where the runtime is to
/// compile. With true, one that is not there yet is made at once.
pub type HandOver<'a> = &'a mut dyn FnMut(&str, bool) -> Option<String>;

/// A decision with what it makes of the configuration.
#[derive(Debug)]
pub struct Judged {
    /// What was decided, and why.
    pub decision: Decision,
    /// The new text; none if nothing changes.
    pub rewritten: Option<Vec<u8>>,
    /// The profile that the container runs under, as JSON; none if it is unconfined.
    pub profile: Option<String>,
    /// Whether the container's process has noNewPrivileges.
    pub no_new_privileges: bool,
    /// Why the agent is not asked although the mode wants it; none if it is.
    pub absent: Option<String>,
    /// The container's cgroup as the bundle names it, if at all, where the kernel logs its calls.
    pub group: Option<String>,
    /// The place with the agent, where somebody must watch it until the container's start.
    pub seat: Option<Box<Seat>>,
    /// Whether the runtime gets the values of SCMP_CMP_MASKED_EQ the other way around.
    pub masks_swapped: bool,
}

impl Judged {
    /// Decides for the configuration in `bytes`; changes nothing.
    ///
    /// # Errors
    /// The configuration or the policy is in doubt.
    pub fn of(
        policy: &Policy,
        bytes: &[u8],
        files: &Files,
        handler: &str,
        runtime: Flavor,
        hand_over: HandOver<'_>,
    ) -> Result<Self, Refusal> {
        let mut config = files.parse(bytes)?;
        if is_handed_over(&config, policy.is_strict(), hand_over) {
            config.filter_is_own();
        }
        let folder = files.shown.parent().unwrap_or(&files.shown);
        let container = Container {
            config: &config,
            bundle: folder,
            handler,
        };
        let decision = policy
            .decide(container, node::this(runtime)?)
            .map_err(|error| in_bundle(error, &files.shown))?;
        tracing::debug!(?decision, "decided");
        let change = match &decision.outcome {
            Outcome::Kept => Change::Keep,
            Outcome::Removed => Change::Remove,
            Outcome::Set(json) => Change::Set(json),
        };
        let profile = match &decision.outcome {
            Outcome::Kept => config.seccomp().map(|value| Cow::Borrowed(value.raw())),
            Outcome::Removed => None,
            Outcome::Set(json) => Some(Cow::Borrowed(json.as_str())),
        };
        // A profile that asks the agent, or has flags put in, is made anew for each container.
        let filter = match (&decision.agent, &decision.logging) {
            (None, None) => profile
                .as_deref()
                .and_then(|profile| hand_over(profile, false)),
            _ => None,
        };
        let rewritten = config.rewrite_with(change, filter.as_deref());
        let profile = profile.map(Cow::into_owned);
        let no_new_privileges = config.facts().no_new_privileges;
        let logged = matches!(decision.mode, Mode::Audit | Mode::ObserveLite);
        let group = logged.then(|| config.facts().cgroups_path.clone().unwrap_or_default());
        let group = group.map(Cow::into_owned);
        Ok(Self {
            decision,
            rewritten,
            profile,
            no_new_privileges,
            absent: None,
            group,
            seat: None,
            masks_swapped: false,
        })
    }

    /// Has the container get `profile` (OCI JSON) after all, in the configuration in `bytes`.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn set(&mut self, profile: String, bytes: &[u8], files: &Files) -> Result<(), Refusal> {
        let rewritten = files.parse(bytes)?.rewrite(Change::Set(&profile));
        self.rewritten = rewritten.filter(|new| new != bytes);
        self.decision.outcome = Outcome::Set(profile.clone());
        self.profile = Some(profile);
        Ok(())
    }

    /// Has the container get its profile in the form that this runtime reads as it is meant.
    ///
    /// # Errors
    /// With this runtime the profile would not count, or it is not known how it reads it, or the
    /// configuration in `bytes` cannot be read.
    pub fn fit(&mut self, runtime: &Runtime, bytes: &[u8], files: &Files) -> Result<(), Refusal> {
        let Some(profile) = &self.profile else {
            return Ok(());
        };
        if let Some(refusal) = lacks_seccomp(runtime) {
            return Err(refusal);
        }
        if let Some(profile) = swapped_masks::for_runtime(runtime, profile)? {
            self.set(profile, bytes, files)?;
            self.masks_swapped = true;
        }
        Ok(())
    }
}

/// Whether the configuration has a finished filter that says just what its profile says: as this
/// program leaves a bundle, which may be used again. A `strict` policy refuses any other, so that for
/// it one is made to compare with where none is kept, as after a reboot.
fn is_handed_over(config: &Config<'_>, strict: bool, hand_over: HandOver<'_>) -> bool {
    let (Some(filter), Some(profile)) = (
        config.facts().annotation(bundle::SECCOMP_FILTER),
        config.seccomp(),
    ) else {
        return false;
    };
    hand_over(profile.raw(), strict).as_deref() == Some(filter)
}

/// An error about the container's own words, placed at its configuration file.
fn in_bundle(error: PolicyError, shown: &Path) -> Refusal {
    let bare = error
        .file
        .as_deref()
        .is_none_or(|file| file == Path::new("config.json"));
    let file = if bare {
        Some(shown.to_owned())
    } else {
        error.file.clone()
    };
    Refusal::Policy(PolicyError { file, ..error })
}

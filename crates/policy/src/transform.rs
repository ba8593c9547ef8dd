//! What a rule's `mode` and `architectures` do to a profile.

use profile::{Action, Arch, Rule, Seccomp, compat};

/// Whether the kernel keeps the call from happening under this action.
fn denies(action: Action) -> bool {
    !matches!(action, Action::ScmpActAllow | Action::ScmpActLog)
}

/// The profile with every denial turned into "allow and log" (seccomp(2), SECCOMP_RET_LOG).
///
/// Nothing is left that needs a listener, an errno or a tracer, and the compat ABIs of `native` are
/// let in: the filter would kill their calls, whatever its actions, if they were not listed.
pub(crate) fn audit(profile: Seccomp, native: Arch) -> Seccomp {
    let mut architectures = vec![native];
    architectures.extend_from_slice(compat(native));
    let log = |action, errno| {
        if denies(action) {
            (Action::ScmpActLog, None)
        } else {
            (action, errno)
        }
    };
    let (default_action, default_errno) = log(profile.default_action, profile.default_errno);
    let rules = profile.rules.into_iter().map(|rule| {
        let (action, errno) = log(rule.action, rule.errno);
        Rule {
            action,
            errno,
            ..rule
        }
    });
    Seccomp {
        default_action,
        default_errno,
        rules: rules.collect(),
        architectures,
        listener_path: None,
        listener_metadata: None,
        ..profile
    }
}

/// The profile for the native architecture alone: calls of any other ABI kill.
pub(crate) fn native_only(profile: Seccomp, native: Arch) -> Seccomp {
    Seccomp {
        architectures: vec![native],
        ..profile
    }
}

/// What holds while a container is recorded: the denials that rules of the profile state, and else
/// everything allowed, for the compat ABIs of `native` too.
///
/// What a profile leaves to its default is what recording is to find out, so that this does not hold.
pub(crate) fn record(profile: Option<Seccomp>, native: Arch) -> Seccomp {
    let mut architectures = vec![native];
    architectures.extend_from_slice(compat(native));
    let rules = profile.map_or_else(Vec::new, |profile| profile.rules);
    let mut rules: Vec<Rule> = rules
        .into_iter()
        .filter(|rule| denies(rule.action))
        .collect();
    // Another listener's part is the agent's now.
    rules.retain(|rule| rule.action != Action::ScmpActNotify);
    let mut profile = Seccomp {
        default_action: Action::ScmpActAllow,
        default_errno: None,
        architectures,
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    };
    profile.anchor();
    profile
}

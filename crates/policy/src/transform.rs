//! What a rule's `mode` and `architectures` do to a profile.

use std::borrow::Cow;
use std::collections::BTreeSet;

use profile::{Action, Arch, Flag, Rule, Seccomp, compat};

use crate::decision::Learned;

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

/// The profile whose denials the kernel logs.
pub(crate) fn logged(profile: Seccomp) -> Seccomp {
    // Where no flags are named this one is set, but not where any is (runtime-spec, config-linux.md).
    let before = profile.flags.clone();
    let mut flags = before.unwrap_or_else(|| vec![Flag::SeccompFilterFlagSpecAllow]);
    if !flags.contains(&Flag::SeccompFilterFlagLog) {
        flags.push(Flag::SeccompFilterFlagLog);
    }
    Seccomp {
        flags: Some(flags),
        ..profile
    }
}

/// The calls through which other calls can be made (socketcall(2), ipc(2)).
const MULTIPLEXERS: [&str; 2] = ["socketcall", "ipc"];

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
    let before = profile.map_or_else(Vec::new, |profile| profile.rules);
    let mut rules = Vec::with_capacity(before.len());
    for mut rule in before {
        match rule.action {
            // Another listener's part is the agent's now.
            Action::ScmpActNotify => continue,
            action if denies(action) => {}
            // By these conditions the default's calls can be told from those that are denied.
            _ if !rule.args.is_empty() => {
                rule.action = Action::ScmpActAllow;
                rule.errno = None;
            }
            // Calls that go through these must not get the conditions on those that do not.
            _ => {
                rule.names
                    .retain(|name| MULTIPLEXERS.contains(&name.as_ref()));
                rule.action = Action::ScmpActLog;
                rule.errno = None;
            }
        }
        if !rule.names.is_empty() {
            rules.push(rule);
        }
    }
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

/// Has `asking`, which was made of `plain` to ask about all that it allows, not ask about what
/// `known` allows without conditions.
///
/// What `plain` has rules on stays as it is: there, conditions and multiplexed calls have their
/// places. The calls that begin a program are asked about always, since the agent tells by them
/// where the runtime's part ends.
pub(crate) fn spare(asking: &mut Seccomp, plain: &Seccomp, known: &Seccomp) -> Learned {
    let free = |rule: &&Rule| rule.action == Action::ScmpActAllow && rule.args.is_empty();
    let allowed = known.rules.iter().filter(free);
    let names: BTreeSet<&Cow<'static, str>> = allowed.flat_map(|rule| &rule.names).collect();
    let ruled: BTreeSet<&str> = {
        let rules = plain.rules.iter();
        rules
            .flat_map(|rule| rule.names.iter().map(Cow::as_ref))
            .collect()
    };
    let spared: BTreeSet<Cow<'static, str>> = names
        .iter()
        .filter(|name| !BEGINNINGS.contains(&name.as_ref()) && !ruled.contains(name.as_ref()))
        .map(|name| (*name).clone())
        .collect();
    for rule in &mut asking.rules {
        if rule.action == Action::ScmpActNotify && rule.args.is_empty() {
            rule.names.retain(|name| !spared.contains(name));
        }
    }
    asking.rules.retain(|rule| !rule.names.is_empty());
    if asking.default_action == Action::ScmpActNotify && !spared.is_empty() {
        asking.rules.push(Rule {
            names: spared.into_iter().collect(),
            action: Action::ScmpActAllow,
            errno: None,
            args: Vec::new(),
        });
    }
    asking.anchor();
    Learned {
        names: names.into_iter().map(|name| name.to_string()).collect(),
        architectures: known.architectures.iter().map(Arch::to_string).collect(),
    }
}

const BEGINNINGS: [&str; 2] = ["execve", "execveat"];

//! A rule that keeps libseccomp from leaving an architecture without a filter.
//!
//! libseccomp (2.5.4 and after) has the first of the calls that it sorts load the number that all
//! are compared with; calls without conditions come first. Where that one is a call that the
//! architecture does not have, such as `socketcall` on x86-64 or `open` on aarch64, it is left out,
//! the number is never loaded, and every call of the architecture gets the default
//! (src/gen_bpf.c, `_gen_bpf_arch`).

use std::borrow::Cow;

use crate::meaning::Outcome;
use crate::{Action, Rule, Seccomp};

/// A call that every architecture has a number for and that is nowhere implemented:
/// `sys_ni_syscall` since Linux 3.1.
pub(crate) const ANCHOR: &str = "nfsservctl";

impl Seccomp {
    /// Adds a rule without conditions for a call that no kernel has, if the profile has conditions
    /// and no rule without any for a call that every architecture has. What the profile means for
    /// calls that do something stays.
    pub fn anchor(&mut self) {
        if !self.lacks_anchor() {
            return;
        }
        if let Some(outcome) = at_least(Outcome::of_default(self)) {
            self.rules.push(Rule {
                names: vec![Cow::Borrowed(ANCHOR)],
                action: outcome.action(),
                errno: outcome.errno(),
                args: Vec::new(),
            });
        }
    }

    /// Whether libseccomp could leave an architecture without a filter.
    #[must_use]
    pub fn lacks_anchor(&self) -> bool {
        let default = Outcome::of_default(self);
        let counts = |rule: &&Rule| Outcome::of_rule(rule) != default;
        let counting = || self.rules.iter().filter(counts);
        let conditional = counting().any(|rule| !rule.args.is_empty());
        let anchored = || {
            let mut without = counting().filter(|rule| rule.args.is_empty());
            without.any(|rule| rule.names.iter().any(|name| is_everywhere(name)))
        };
        let named = || {
            let mut names = self.rules.iter().flat_map(|rule| &rule.names);
            names.any(|name| name == ANCHOR)
        };
        conditional && !anchored() && !named()
    }
}

/// Whether every architecture has the call `name`, of those that profiles usually name.
pub(crate) fn is_everywhere(name: &str) -> bool {
    EVERYWHERE.binary_search(&name).is_ok()
}

/// An answer that differs from `default` and is not looser, mild if there is such; none is beyond
/// KILL_PROCESS, where a filter that gives the default alone is no looser either.
pub(crate) fn at_least(default: Outcome) -> Option<Outcome> {
    let new = |errno| Outcome::new(Action::ScmpActErrno, Some(errno));
    let (enosys, eperm) = (new(ENOSYS), new(EPERM));
    let kill = Outcome::new(Action::ScmpActKillProcess, None);
    let mut outcomes = [enosys, eperm, kill].into_iter();
    outcomes.find(|one| *one != default && one.strictness() >= default.strictness())
}

/// Some calls that every architecture has, sorted. Profiles that allow what programs need name
/// some of them, and so do most that deny.
const EVERYWHERE: [&str; 24] = [
    "add_key",
    "bpf",
    "close",
    "execve",
    "exit",
    "exit_group",
    "fchmodat",
    "fchownat",
    "futex",
    "getpid",
    "init_module",
    "keyctl",
    "mkdirat",
    "mount",
    "nfsservctl",
    "openat",
    "perf_event_open",
    "ptrace",
    "read",
    "reboot",
    "setns",
    "unlinkat",
    "unshare",
    "write",
];

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Condition, Operator};

    fn deny_list(unconditional: &'static str) -> Seccomp {
        let rule = |name: &'static str, args| Rule {
            names: vec![name.into()],
            action: Action::ScmpActErrno,
            errno: Some(1),
            args,
        };
        let family = Condition {
            index: 0,
            value: 38,
            value_two: 0,
            op: Operator::ScmpCmpEq,
        };
        Seccomp {
            default_action: Action::ScmpActAllow,
            default_errno: None,
            architectures: Vec::new(),
            flags: None,
            listener_path: None,
            listener_metadata: None,
            rules: vec![rule(unconditional, vec![]), rule("socket", vec![family])],
        }
    }

    #[test]
    fn a_profile_that_could_go_unfiltered_gets_one_rule_and_only_once() {
        let mut profile = deny_list("socketcall");
        profile.anchor();
        assert_eq!(profile.rules.len(), 3);
        assert_eq!(profile.rules[2].names, [ANCHOR]);
        profile.anchor();
        assert_eq!(profile.rules.len(), 3);
        let mut sound = deny_list("mount");
        sound.anchor();
        assert_eq!(sound.rules.len(), 2);
    }
}

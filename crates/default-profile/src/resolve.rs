//! From groups to the profile of one container.

use std::borrow::Cow;

use profile::{Action, Arch, Rule, Seccomp, Target, compat};

use crate::{Answer, Case, Errno, Outcome, groups};

/// What a call that no rule names returns.
pub const DEFAULT_ERRNO: Errno = Errno::NotImplemented;

/// Who answers ENOSYS to a call that is newer than all that a profile names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// The runtime by itself, before the filter: runc
    /// (libcontainer/seccomp/patchbpf/enosys_linux.go).
    Runtime,
    /// Nobody but the profile's default action: crun, youki.
    Profile,
}

/// The default profile for one container and node, for any runtime: [`resolve_for`] with
/// [`Newer::Profile`].
#[must_use]
pub fn resolve(target: &Target) -> Seccomp {
    resolve_for(target, Newer::Profile)
}

/// The default profile for one container and node. The same calls are allowed either way.
///
/// The rules, in order: one with all names that are allowed, one with all that are denied otherwise
/// than by default, and one for each case of the calls that depend on an argument.
///
/// With [`Newer::Profile`] the default is [`DEFAULT_ERRNO`], and what is not permitted is named.
/// With [`Newer::Runtime`] it is the other way round: the default is EPERM, and what is to look
/// missing is named. That takes a hundred rules less, and libseccomp half the time. What a denied
/// *argument* returns is then EPERM as well. `architectures` stays empty where no other ABI is let
/// in.
#[must_use]
pub fn resolve_for(target: &Target, newer: Newer) -> Seccomp {
    let default = match newer {
        Newer::Runtime => Errno::NotPermitted,
        Newer::Profile => DEFAULT_ERRNO,
    };
    let other = match newer {
        Newer::Runtime => DEFAULT_ERRNO,
        Newer::Profile => Errno::NotPermitted,
    };
    let mut allowed = Vec::with_capacity(ROOM_FOR_NAMES);
    let mut denied = Vec::with_capacity(ROOM_FOR_NAMES / 4);
    let mut by_argument = Vec::with_capacity(ROOM_FOR_CASES);
    for group in groups() {
        let names = group.syscalls.iter().copied().map(Cow::Borrowed);
        match group.outcome(target) {
            Some(Outcome::Allow) => allowed.extend(names),
            // A test holds the data to these two errnos.
            Some(Outcome::Deny(errno)) if errno != default => denied.extend(names),
            None | Some(Outcome::Deny(_)) => {}
            Some(Outcome::ByArgument(cases)) => {
                let told = |case: &&Case| newer == Newer::Profile || case.then == Answer::Allow;
                for case in cases.iter().filter(told) {
                    by_argument.push(rule_of(case, names.clone().collect(), target.arch));
                }
            }
        }
    }
    let mut rules = Vec::with_capacity(by_argument.len().saturating_add(2));
    rules.push(Rule {
        names: allowed,
        action: Action::ScmpActAllow,
        errno: None,
        args: Vec::new(),
    });
    rules.push(Rule {
        names: denied,
        action: Action::ScmpActErrno,
        errno: Some(other.number(target.arch)),
        args: Vec::new(),
    });
    rules.append(&mut by_argument);
    Seccomp {
        default_action: Action::ScmpActErrno,
        default_errno: Some(default.number(target.arch)),
        architectures: architectures(target.arch),
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules,
    }
}

fn rule_of(case: &Case, names: Vec<Cow<'static, str>>, arch: Arch) -> Rule {
    let (action, errno) = match case.then {
        Answer::Allow => (Action::ScmpActAllow, None),
        Answer::Deny(errno) => (Action::ScmpActErrno, Some(errno.number(arch))),
    };
    Rule {
        names,
        action,
        errno,
        args: vec![case.when],
    }
}

/// The native ABI and those that containers on it may use beside it.
fn architectures(native: Arch) -> Vec<Arch> {
    let others = match native {
        // containerd lets o32 and n32 in on big-endian MIPS alone, and we are never looser.
        Arch::ScmpArchMipsel64 => &[],
        _ => compat(native),
    };
    if others.is_empty() {
        return Vec::new();
    }
    [&[native], others].concat()
}

/// More than the default has.
const ROOM_FOR_NAMES: usize = 512;
const ROOM_FOR_CASES: usize = 32;

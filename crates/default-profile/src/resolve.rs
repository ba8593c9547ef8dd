//! From groups to the profile of one container.

use std::borrow::Cow;

use profile::{Action, Arch, Rule, Seccomp, Target, compat};

use crate::{Answer, Case, Errno, Outcome, groups};

/// What a call that no rule names returns.
pub const DEFAULT_ERRNO: Errno = Errno::NotImplemented;

/// The default profile for one container and node.
///
/// The rules, in order: one with all names that are allowed, one with all that are not permitted,
/// and one for each case of the calls that depend on an argument. A name that is denied with
/// [`DEFAULT_ERRNO`] needs no rule. `architectures` stays empty where no other ABI is let in.
#[must_use]
pub fn resolve(target: &Target) -> Seccomp {
    let mut allowed = Vec::with_capacity(ROOM_FOR_NAMES);
    let mut denied = Vec::with_capacity(ROOM_FOR_NAMES / 4);
    let mut by_argument = Vec::with_capacity(ROOM_FOR_CASES);
    for group in groups() {
        let names = group.syscalls.iter().copied().map(Cow::Borrowed);
        match group.outcome(target) {
            None | Some(Outcome::Deny(DEFAULT_ERRNO)) => {}
            Some(Outcome::Allow) => allowed.extend(names),
            // EPERM: a test holds the data to these two.
            Some(Outcome::Deny(_)) => denied.extend(names),
            Some(Outcome::ByArgument(cases)) => {
                for case in cases {
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
        errno: Some(Errno::NotPermitted.number(target.arch)),
        args: Vec::new(),
    });
    rules.append(&mut by_argument);
    Seccomp {
        default_action: Action::ScmpActErrno,
        default_errno: Some(DEFAULT_ERRNO.number(target.arch)),
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

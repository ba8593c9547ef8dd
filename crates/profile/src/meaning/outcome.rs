//! What a filter answers, and how strict the kernel holds that to be
//! (seccomp(2), "Filter return values": of several filters' answers the strictest counts).

use std::fmt;

use crate::{Action, Rule, Seccomp};

/// An answer of a filter: an action and, for ERRNO and TRACE, its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    action: Action,
    data: u32,
}

impl Outcome {
    /// An action with its number, as a profile writes them: EPERM where ERRNO or TRACE has none,
    /// of a number the 16 bits that a filter's answer has room for, and none with any other action.
    /// KILL is another name of KILL_THREAD.
    #[must_use]
    pub fn new(action: Action, errno: Option<u32>) -> Self {
        let action = match action {
            Action::ScmpActKill => Action::ScmpActKillThread,
            other => other,
        };
        let data = match action {
            Action::ScmpActErrno | Action::ScmpActTrace => errno.unwrap_or(EPERM) & 0xffff,
            _ => 0,
        };
        Self { action, data }
    }

    /// What a profile answers where no rule does.
    #[must_use]
    pub fn of_default(profile: &Seccomp) -> Self {
        Self::new(profile.default_action, profile.default_errno)
    }

    /// What a rule answers where it holds.
    #[must_use]
    pub fn of_rule(rule: &Rule) -> Self {
        Self::new(rule.action, rule.errno)
    }

    /// The action, never KILL.
    #[must_use]
    pub fn action(self) -> Action {
        self.action
    }

    /// The number to write beside the action: some for ERRNO and TRACE, none for the others, with
    /// which crun refuses one.
    #[must_use]
    pub fn errno(self) -> Option<u32> {
        match self.action {
            Action::ScmpActErrno | Action::ScmpActTrace => Some(self.data),
            _ => None,
        }
    }

    /// The action's place in the kernel's precedence: ALLOW is 0, KILL_PROCESS the highest.
    #[must_use]
    pub fn strictness(self) -> u8 {
        match self.action {
            Action::ScmpActAllow => 0,
            Action::ScmpActLog => 1,
            Action::ScmpActTrace => 2,
            Action::ScmpActNotify => 3,
            Action::ScmpActErrno => 4,
            Action::ScmpActTrap => 5,
            Action::ScmpActKill | Action::ScmpActKillThread => 6,
            Action::ScmpActKillProcess => 7,
        }
    }

    /// The answer of two filters together: the stricter; `later` where they are equally strict,
    /// as in the kernel the filter installed last gives the number.
    #[must_use]
    pub fn stacked(self, later: Self) -> Self {
        if self.strictness() > later.strictness() {
            self
        } else {
            later
        }
    }

    /// The looser of two answers; `self` where they are equally strict.
    #[must_use]
    pub(crate) fn eased(self, other: Self) -> Self {
        if other.strictness() < self.strictness() {
            other
        } else {
            self
        }
    }

    /// Orders outcomes from the loosest to the strictest, then by number.
    pub(crate) fn sort_key(self) -> (u8, u32) {
        (self.strictness(), self.data)
    }
}

impl fmt::Display for Outcome {
    /// ALLOW, LOG, TRACE(n), NOTIFY, ERRNO(n), TRAP, KILL_THREAD or KILL_PROCESS.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.action {
            Action::ScmpActAllow => "ALLOW",
            Action::ScmpActLog => "LOG",
            Action::ScmpActTrace => return f.pad(&format!("TRACE({})", self.data)),
            Action::ScmpActNotify => "NOTIFY",
            Action::ScmpActErrno => return f.pad(&format!("ERRNO({})", self.data)),
            Action::ScmpActTrap => "TRAP",
            Action::ScmpActKill | Action::ScmpActKillThread => "KILL_THREAD",
            Action::ScmpActKillProcess => "KILL_PROCESS",
        };
        f.pad(word)
    }
}

/// The errno of ERRNO and the message of TRACE where a profile gives none
/// (runtime-spec config-linux.md, `errnoRet`).
const EPERM: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_actions_is_the_kernels() {
        use Action::*;
        let order = [
            ScmpActAllow,
            ScmpActLog,
            ScmpActTrace,
            ScmpActNotify,
            ScmpActErrno,
            ScmpActTrap,
            ScmpActKillThread,
            ScmpActKillProcess,
        ];
        for pair in order.windows(2) {
            let [loose, strict] = [pair[0], pair[1]].map(|action| Outcome::new(action, None));
            assert!(loose.strictness() < strict.strictness(), "{pair:?}");
            assert_eq!(loose.stacked(strict), strict);
            assert_eq!(strict.stacked(loose), strict);
        }
    }

    #[test]
    fn the_number_of_the_later_filter_counts_on_a_tie() {
        let enosys = Outcome::new(Action::ScmpActErrno, Some(38));
        let eperm = Outcome::new(Action::ScmpActErrno, None);
        assert_eq!(enosys.stacked(eperm), eperm);
        assert_eq!(eperm.stacked(enosys), enosys);
        assert_eq!(eperm.errno(), Some(1));
        assert_eq!(Outcome::new(Action::ScmpActErrno, Some(65_537)), eperm);
    }

    #[test]
    fn the_looser_answer_is_the_first_on_a_tie() {
        let enosys = Outcome::new(Action::ScmpActErrno, Some(38));
        let eperm = Outcome::new(Action::ScmpActErrno, None);
        let allow = Outcome::new(Action::ScmpActAllow, None);
        assert_eq!(enosys.eased(eperm), enosys);
        assert_eq!(enosys.eased(allow), allow);
        assert_eq!(allow.eased(enosys), allow);
    }

    #[test]
    fn an_outcome_is_said_with_its_number() {
        for (action, errno, said) in [
            (Action::ScmpActAllow, Some(3), "ALLOW"),
            (Action::ScmpActErrno, None, "ERRNO(1)"),
            (Action::ScmpActTrace, Some(7), "TRACE(7)"),
            (Action::ScmpActKill, None, "KILL_THREAD"),
        ] {
            assert_eq!(Outcome::new(action, errno).to_string(), said);
        }
    }

    #[test]
    fn kill_is_kill_thread_and_allow_has_no_number() {
        let kill = Outcome::new(Action::ScmpActKill, Some(3));
        assert_eq!(kill, Outcome::new(Action::ScmpActKillThread, None));
        assert_eq!(Outcome::new(Action::ScmpActAllow, Some(9)).errno(), None);
        assert_eq!(kill.to_string(), "KILL_THREAD");
        assert_eq!(
            Outcome::new(Action::ScmpActTrace, None).to_string(),
            "TRACE(1)"
        );
    }
}

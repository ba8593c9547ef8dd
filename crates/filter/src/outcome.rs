//! What a filter says of a call.
#![forbid(unsafe_code)]

use std::fmt;

use profile::Action;

/// A filter's answer: `SECCOMP_RET_*` of include/uapi/linux/seccomp.h.
///
/// Printed as ALLOW, LOG, TRACE(n), NOTIFY, ERRNO(n), TRAP, KILL_THREAD or KILL_PROCESS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    action: Action,
    data: u16,
}

impl Outcome {
    /// An outcome; KILL is KILL_THREAD, and `data` is kept for ERRNO and TRACE alone.
    #[must_use]
    pub fn new(action: Action, data: u16) -> Self {
        match action {
            Action::ScmpActErrno => Self {
                action,
                data: data.min(MAX_ERRNO),
            },
            Action::ScmpActTrace => Self { action, data },
            Action::ScmpActKill => Self {
                action: Action::ScmpActKillThread,
                data: 0,
            },
            _ => Self { action, data: 0 },
        }
    }

    /// What the kernel does on a filter's return `value`: an unknown action kills the process, and
    /// an errno above 4095 is 4095 (kernel/seccomp.c, `__seccomp_filter`).
    #[must_use]
    pub(crate) fn from_return(value: u32) -> Self {
        let [high, low] = [value >> 16, value & 0xffff].map(|half| u16::try_from(half).ok());
        let action = match high {
            Some(0x8000) => Action::ScmpActKillProcess,
            Some(0x0000) => Action::ScmpActKillThread,
            Some(0x0003) => Action::ScmpActTrap,
            Some(0x0005) => Action::ScmpActErrno,
            Some(0x7fc0) => Action::ScmpActNotify,
            Some(0x7ff0) => Action::ScmpActTrace,
            Some(0x7ffc) => Action::ScmpActLog,
            Some(0x7fff) => Action::ScmpActAllow,
            _ => Action::ScmpActKillProcess,
        };
        Self::new(action, low.unwrap_or_default())
    }

    /// What happens; KILL is always said as KILL_THREAD.
    #[must_use]
    pub fn action(self) -> Action {
        self.action
    }

    /// ERRNO's errno or TRACE's message; 0 for the others.
    #[must_use]
    pub fn data(self) -> u16 {
        self.data
    }

    /// Its place in the order by which the kernel chooses among stacked filters: 0 is
    /// KILL_PROCESS, which beats all; 7 is ALLOW.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self.action {
            Action::ScmpActKillProcess => 0,
            Action::ScmpActKill | Action::ScmpActKillThread => 1,
            Action::ScmpActTrap => 2,
            Action::ScmpActErrno => 3,
            Action::ScmpActNotify => 4,
            Action::ScmpActTrace => 5,
            Action::ScmpActLog => 6,
            Action::ScmpActAllow => 7,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.action {
            Action::ScmpActKillProcess => "KILL_PROCESS",
            Action::ScmpActKill | Action::ScmpActKillThread => "KILL_THREAD",
            Action::ScmpActTrap => "TRAP",
            Action::ScmpActErrno => return write!(f, "ERRNO({})", self.data),
            Action::ScmpActNotify => "NOTIFY",
            Action::ScmpActTrace => return write!(f, "TRACE({})", self.data),
            Action::ScmpActLog => "LOG",
            Action::ScmpActAllow => "ALLOW",
        };
        f.write_str(word)
    }
}

/// `MAX_ERRNO` of include/linux/err.h.
const MAX_ERRNO: u16 = 4095;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_values_are_said_as_the_kernel_takes_them() {
        for (value, said) in [
            (0x7fff_0000, "ALLOW"),
            (0x7fff_0007, "ALLOW"),
            (0x7ffc_0000, "LOG"),
            (0x7ff0_004d, "TRACE(77)"),
            (0x7fc0_0000, "NOTIFY"),
            (0x0005_0001, "ERRNO(1)"),
            (0x0005_ffff, "ERRNO(4095)"),
            (0x0003_0005, "TRAP"),
            (0x0000_0000, "KILL_THREAD"),
            (0x8000_0000, "KILL_PROCESS"),
            (0x1234_0000, "KILL_PROCESS"),
            (0xffff_ffff, "KILL_PROCESS"),
        ] {
            assert_eq!(Outcome::from_return(value).to_string(), said, "{value:#x}");
        }
    }

    #[test]
    fn rank_follows_the_kernels_signed_order_of_values() {
        let mut values = [
            0x7fff_0000_u32,
            0x0003_0000,
            0x7ff0_0000,
            0x8000_0000,
            0x7ffc_0000,
            0,
            0x7fc0_0000,
            0x0005_0000,
        ];
        values.sort_by_key(|value| value.cast_signed());
        let ranks: Vec<u8> = values
            .iter()
            .map(|value| Outcome::from_return(*value).rank())
            .collect();
        assert_eq!(ranks, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}

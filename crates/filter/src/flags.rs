//! The flags with which a runtime loads its filter (seccomp(2), SECCOMP_SET_MODE_FILTER).
#![forbid(unsafe_code)]

use profile::{Action, Flag, Seccomp};

use crate::error::CompileError;
use crate::runtime::Runtime;

/// The flags' bits for `profile`.
///
/// Absent flags are SPEC_ALLOW alone for both runtimes (runc since 1.2).
pub(crate) fn flags(profile: &Seccomp, runtime: Runtime) -> Result<u32, CompileError> {
    let mut bits = 0;
    match &profile.flags {
        None => bits |= SPEC_ALLOW,
        Some(flags) => {
            for flag in flags {
                bits |= bit(*flag, runtime)?;
            }
        }
    }
    let listens = match runtime {
        Runtime::Runc => profile
            .rules
            .iter()
            .any(|rule| rule.action == Action::ScmpActNotify),
        Runtime::Crun => profile.listener_path.is_some(),
    };
    if listens {
        bits |= NEW_LISTENER;
    }
    Ok(bits)
}

fn bit(flag: Flag, runtime: Runtime) -> Result<u32, CompileError> {
    Ok(match (flag, runtime) {
        (Flag::SeccompFilterFlagLog, _) => LOG,
        (Flag::SeccompFilterFlagSpecAllow, _) => SPEC_ALLOW,
        // runc takes it and does nothing: its init loads the filter on one thread.
        (Flag::SeccompFilterFlagTsync, Runtime::Runc) => 0,
        (Flag::SeccompFilterFlagTsync, Runtime::Crun) => TSYNC,
        (Flag::SeccompFilterFlagWaitKillableRecv, Runtime::Crun) => WAIT_KILLABLE_RECV,
        (Flag::SeccompFilterFlagWaitKillableRecv, Runtime::Runc) => {
            return Err(CompileError::Flag { flag });
        }
    })
}

// linux/seccomp.h, SECCOMP_FILTER_FLAG_*.
const TSYNC: u32 = 1;
const LOG: u32 = 2;
const SPEC_ALLOW: u32 = 4;
const NEW_LISTENER: u32 = 8;
const WAIT_KILLABLE_RECV: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_flags_are_spec_allow_and_none_are_none() {
        let mut profile = Seccomp {
            default_action: Action::ScmpActAllow,
            default_errno: None,
            architectures: vec![],
            flags: None,
            listener_path: None,
            listener_metadata: None,
            rules: vec![],
        };
        for runtime in [Runtime::Runc, Runtime::Crun] {
            assert_eq!(flags(&profile, runtime), Ok(4));
        }
        profile.flags = Some(vec![]);
        assert_eq!(flags(&profile, Runtime::Runc), Ok(0));
        profile.flags = Some(vec![
            Flag::SeccompFilterFlagLog,
            Flag::SeccompFilterFlagTsync,
        ]);
        assert_eq!(flags(&profile, Runtime::Runc), Ok(2));
        assert_eq!(flags(&profile, Runtime::Crun), Ok(3));
    }

    #[test]
    fn only_crun_waits_killably_with_this_libseccomp() {
        let flag = Flag::SeccompFilterFlagWaitKillableRecv;
        assert_eq!(bit(flag, Runtime::Runc), Err(CompileError::Flag { flag }));
        assert_eq!(bit(flag, Runtime::Crun), Ok(32));
    }
}

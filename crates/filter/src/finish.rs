//! The filter that a runtime can be handed in the place of one that it would compile.
#![forbid(unsafe_code)]

use profile::{Action, Arch, Seccomp};

use crate::arch::endian;
use crate::compact::compact;
use crate::compile::compile;
use crate::error::CompileError;
use crate::guard::{GuardError, Limits, compile_guarded};
use crate::program::Program;
use crate::runtime::Runtime;
use crate::sys::in_child;

/// The program that crun would make of `profile` on a machine of `native`, in fewer steps where
/// that is [shown to be the same](crate::same). `None` where a program alone would say less than the
/// profile: with a listener, with NOTIFY, with flags.
///
/// libseccomp does not end on some profiles: this is for processes that may be stopped, such as
/// [`detached`](crate::detached) ones.
///
/// # Errors
/// Where crun would not start the container either.
pub fn finish(profile: &Seccomp, native: Arch) -> Result<Option<Program>, CompileError> {
    let notifies = |action| action == Action::ScmpActNotify;
    let more_than_a_program = profile.flags.is_some()
        || profile.listener_path.is_some()
        || profile.listener_metadata.is_some()
        || notifies(profile.default_action)
        || profile.rules.iter().any(|rule| notifies(rule.action));
    if more_than_a_program {
        return Ok(None);
    }
    let program = compile(profile, native, Runtime::Crun)?.program;
    Ok(Some(compact(&program, native).unwrap_or(program)))
}

/// [`finish`] in a child under `limits`.
///
/// For programs with one thread, as [`compile_guarded`](crate::compile_guarded).
///
/// # Errors
/// Those of `finish`, a limit reached, or no child.
pub fn finish_guarded(
    profile: &Seccomp,
    native: Arch,
    limits: Limits,
) -> Result<Option<Program>, GuardError> {
    let endian = endian(native);
    let work = || match finish(profile, native) {
        Ok(program) => Ok(program.map_or_else(Vec::new, |program| program.to_bytes(endian))),
        Err(_) => Err(Vec::new()),
    };
    match in_child(limits, work)? {
        Ok(bytes) if bytes.is_empty() => Ok(None),
        Ok(bytes) => {
            let program = Program::from_bytes(&bytes, endian).map_err(CompileError::from)?;
            Ok(Some(program))
        }
        // Once more, to say why: this fails before libseccomp could take long.
        Err(_) => Ok(Some(
            compile_guarded(profile, native, Runtime::Crun, limits)?.program,
        )),
    }
}

//! Whether a profile with notifications does what the plain one does, or asks.
#![forbid(unsafe_code)]

use profile::{Action, Arch, Seccomp};

use super::arches;
use super::edges::calls;
use super::model::Model;
use crate::call::{Call, X32_BIT};
use crate::filter::Filter;
use crate::guard::{GuardError, Limits, compile_guarded};
use crate::names::{name, nr};
use crate::outcome::Outcome;
use crate::runtime::Runtime;

/// Why [`prove_asking`] proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskingError {
    /// A profile does not compile.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The two answer a call differently.
    #[error(
        "with notifications in it this libseccomp compiles the profile to something else: {name} on {arch} is {asking}, and {plain} without them"
    )]
    Differs {
        /// The syscall, or its number.
        name: String,
        /// The architecture.
        arch: Arch,
        /// What the profile without notifications says.
        plain: Outcome,
        /// What the one with them says.
        asking: Outcome,
    },
}

/// Compiles both profiles as a runtime on a node of `native` would, and tries on both every number
/// that a syscall has, and for those with conditions the arguments at the edges of these. Gives the
/// filter of the plain one.
///
/// A number that no syscall has may get the default's errno in the place of the ENOSYS of runc's stub.
///
/// For programs with one thread, as [`compile_guarded`].
///
/// # Errors
/// A profile that does not compile, or a call that the asking one answers in another way than the
/// plain one, other than by asking.
pub fn prove_asking(
    plain: &Seccomp,
    asking: &Seccomp,
    native: Arch,
    runtime: Runtime,
    limits: Limits,
) -> Result<Filter, AskingError> {
    let listening = Seccomp {
        listener_path: Some("/".to_owned()),
        ..asking.clone()
    };
    let pair = Pair {
        plain: compile_guarded(plain, native, runtime, limits)?,
        asking: compile_guarded(&listening, native, runtime, limits)?,
    };
    for arch in arches(plain, native) {
        let bit = if arch == Arch::ScmpArchX32 {
            X32_BIT
        } else {
            0
        };
        for number in (0..=LAST).map(|number| number | bit) {
            pair.compare(arch, number, [0; 6])?;
        }
        for profile in [plain, &listening] {
            let model = Model::new(profile, runtime);
            for name in model.names(arch) {
                let Some(number) = nr(name, arch) else {
                    continue;
                };
                let (small, _) = model.of(arch, name);
                for args in calls(&small, arch, name) {
                    pair.compare(arch, number, args)?;
                }
            }
        }
    }
    Ok(pair.plain)
}

struct Pair {
    plain: Filter,
    asking: Filter,
}

impl Pair {
    fn compare(&self, arch: Arch, number: u32, args: [u64; 6]) -> Result<(), AskingError> {
        let call = Call::new(arch, number, args);
        let (plain, asking) = (self.plain.run(&call), self.asking.run(&call));
        let asks = asking.action() == Action::ScmpActNotify
            && matches!(
                plain.action(),
                Action::ScmpActErrno | Action::ScmpActAllow | Action::ScmpActLog
            );
        if asks || plain == asking {
            return Ok(());
        }
        let named = name(number, arch);
        let both_err = [plain, asking].map(Outcome::action) == [Action::ScmpActErrno; 2];
        if named.is_none() && both_err {
            return Ok(());
        }
        Err(AskingError::Differs {
            name: named.unwrap_or_else(|| format!("number {number}")),
            arch,
            plain,
            asking,
        })
    }
}

/// Beyond every number that an ABI of Linux has but MIPS', which start at thousands.
const LAST: u32 = 1023;

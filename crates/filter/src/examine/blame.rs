//! Which earlier rule makes libseccomp refuse one.
#![forbid(unsafe_code)]

use profile::{Arch, Rule, Seccomp};

use crate::error::{CompileError, Refusal};
use crate::guard::{GuardError, Limits, compile_guarded};
use crate::runtime::Runtime;

/// Two rules that libseccomp does not take together, counted from 0 in [`Seccomp::rules`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The rule that it refuses.
    pub rule: usize,
    /// The earlier one, with the same condition or one that it begins with, and another action.
    pub earlier: usize,
    /// The syscall that both name.
    pub name: String,
}

impl Blame {
    /// For a conflict, the earlier rule: found by compiling the refused rule with each of those
    /// before it, in children under `limits`. `None` for other errors, and where it takes more
    /// than two rules.
    #[must_use]
    pub fn find(
        error: &GuardError,
        profile: &Seccomp,
        native: Arch,
        runtime: Runtime,
        limits: Limits,
    ) -> Option<Self> {
        let GuardError::Compile(CompileError::Rule {
            rule,
            name,
            source: Refusal::Conflict,
        }) = error
        else {
            return None;
        };
        let refused = profile.rules.get(*rule)?;
        let before = profile
            .rules
            .iter()
            .enumerate()
            .take(rule.saturating_add(1));
        let on_name = before.filter(|(_, earlier)| {
            !earlier.args.is_empty() && earlier.names.iter().any(|found| found == name)
        });
        for (index, earlier) in on_name.take(TRIED) {
            let only = |of: &Rule| Rule {
                names: vec![name.clone().into()],
                ..of.clone()
            };
            let mut pair = Seccomp {
                rules: vec![only(earlier)],
                ..profile.clone()
            };
            if index != *rule {
                pair.rules.push(only(refused));
            }
            let compiled = compile_guarded(&pair, native, runtime, limits);
            let conflict = matches!(
                compiled,
                Err(GuardError::Compile(CompileError::Rule {
                    source: Refusal::Conflict,
                    ..
                }))
            );
            if conflict {
                return Some(Self {
                    rule: *rule,
                    earlier: index,
                    name: name.clone(),
                });
            }
        }
        None
    }
}

/// How many earlier rules are tried.
const TRIED: usize = 64;

//! What compiling says of a profile: whether a runtime's libseccomp takes it, which names it does
//! not know, how long the filter is, and whether the filter does what the rules mean.
//!
//! The last is found by trying: every syscall that the profile names, on every architecture that it
//! lists, with arguments at and beside the values that its conditions mention
//! ([`edges`]), is put to the filter and to [`profile::meaning::judge`], which shares nothing with
//! libseccomp. Where rules overlap and differ, any of their answers is right.
#![forbid(unsafe_code)]

mod asking;
mod blame;
mod edges;
mod model;

use profile::meaning::{self, Judgement};
use profile::{Arch, Seccomp};

use crate::call::Call;
use crate::filter::Filter;
use crate::guard::{GuardError, Limits, compile_guarded};
use crate::names::nr;
use crate::outcome::Outcome;
use crate::runtime::Runtime;

pub use asking::{AskingError, prove_asking};
pub use blame::Blame;
use edges::calls;
use model::Model;

/// What [`examine`] found.
#[derive(Debug)]
pub struct Examination {
    /// What the runtime would load.
    pub filter: Filter,
    /// How many calls were compared with what the rules mean.
    pub calls: usize,
    /// Where the filter does something else: of each syscall on each architecture the first call.
    pub miscompiled: Vec<Miscompiled>,
}

impl Examination {
    /// Names that this libseccomp does not know and that some Linux has: a newer libseccomp would
    /// add them to the filter.
    pub fn newer(&self) -> impl Iterator<Item = &str> {
        let unknown = self.filter.unknown.iter().map(String::as_str);
        unknown.filter(|name| profile::is_syscall(name))
    }

    /// How many instructions the filter has, of the 4096 that the kernel takes.
    #[must_use]
    pub fn instructions(&self) -> usize {
        self.filter.program.instructions().len()
    }
}

/// A call of which the filter says what no rule does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this libseccomp compiles {} to something else: {name}({}) on {arch} is {filter}, and the \
     rules mean {}", which(.rules), arguments(.call.args), any(.meant)
)]
pub struct Miscompiled {
    /// The architecture through which the call is made.
    pub arch: Arch,
    /// The syscall.
    pub name: String,
    /// The call.
    pub call: Call,
    /// What the rules mean: one answer, or several where rules overlap.
    pub meant: Vec<meaning::Outcome>,
    /// What the filter says.
    pub filter: Outcome,
    /// The rules on this syscall that have conditions, counted from 0 in [`Seccomp::rules`].
    pub rules: Vec<usize>,
}

/// Why [`examine`] has nothing to compare.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ExamineError {
    /// What compiling in a child came to.
    #[from]
    pub source: GuardError,
}

/// Compiles `profile` as a runtime on a node of `native` would, in a child under `limits`, and holds
/// the filter against what the rules mean.
///
/// For programs with one thread, as [`compile_guarded`]; others start such a program for it.
///
/// What is tried is bounded: some ten thousand calls for each syscall with conditions on each
/// architecture. Where the edges of three or more arguments together are more than that, the edges
/// are thinned out.
///
/// # Errors
/// Those of [`compile_guarded`]. For a conflict between rules, [`Blame::find`] says with which.
pub fn examine(
    profile: &Seccomp,
    native: Arch,
    runtime: Runtime,
    limits: Limits,
) -> Result<Examination, ExamineError> {
    let filter = compile_guarded(profile, native, runtime, limits)?;
    let mut examination = Examination {
        filter,
        calls: 0,
        miscompiled: Vec::new(),
    };
    let model = Model::new(profile, runtime);
    for arch in arches(profile, native) {
        for name in model.names(arch) {
            examination.compare(&model, native, arch, name);
        }
    }
    Ok(examination)
}

impl Examination {
    fn compare(&mut self, model: &Model<'_>, native: Arch, arch: Arch, name: &str) {
        let Some(nr) = nr(name, arch) else {
            return;
        };
        let (small, rules) = model.of(arch, name);
        for args in calls(&small, arch, name) {
            self.calls = self.calls.saturating_add(1);
            let call = Call::new(arch, nr, args);
            let filter = self.filter.run(&call);
            let judgement = meaning::judge(&small, native, arch, name, args);
            if !among(filter, &judgement) {
                self.miscompiled.push(Miscompiled {
                    arch,
                    name: name.to_owned(),
                    call,
                    meant: judgement.outcomes().to_vec(),
                    filter,
                    rules,
                });
                return;
            }
        }
    }
}

/// The native architecture and those listed, each once.
fn arches(profile: &Seccomp, native: Arch) -> Vec<Arch> {
    let mut arches = vec![native];
    for arch in &profile.architectures {
        if !arches.contains(arch) {
            arches.push(*arch);
        }
    }
    arches
}

fn among(filter: Outcome, judgement: &Judgement) -> bool {
    let mut outcomes = judgement.outcomes().iter();
    outcomes.any(|one| {
        let data = one.errno().and_then(|data| u16::try_from(data).ok());
        Outcome::new(one.action(), data.unwrap_or_default()) == filter
    })
}

fn which(rules: &[usize]) -> String {
    let each: Vec<String> = rules.iter().map(ToString::to_string).collect();
    match each.as_slice() {
        [] => "the profile".to_owned(),
        [one] => format!("rule {one}"),
        _ => format!("rules {}", each.join(", ")),
    }
}

/// The arguments of a call, without zeros at the end.
fn arguments(args: [u64; 6]) -> String {
    let used = args.iter().rposition(|arg| *arg != 0);
    let used = used.map_or(0, |last| last.saturating_add(1));
    let each: Vec<String> = args
        .iter()
        .take(used)
        .map(|arg| format!("{arg:#x}"))
        .collect();
    each.join(", ")
}

fn any(outcomes: &[meaning::Outcome]) -> String {
    let each: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
    each.join(" or ")
}

#[cfg(test)]
mod tests {
    use profile::Action;

    use super::*;

    #[test]
    fn the_message_has_the_call_and_both_answers() {
        let said = Miscompiled {
            arch: Arch::ScmpArchX86_64,
            name: "lseek".to_owned(),
            call: Call::new(Arch::ScmpArchX86_64, 8, [0, 9, 0, 0, 0, 0]),
            meant: vec![meaning::Outcome::new(Action::ScmpActAllow, None)],
            filter: Outcome::new(Action::ScmpActErrno, 1),
            rules: vec![0, 3],
        };
        assert_eq!(
            said.to_string(),
            "this libseccomp compiles rules 0, 3 to something else: lseek(0x0, 0x9) on \
             SCMP_ARCH_X86_64 is ERRNO(1), and the rules mean ALLOW"
        );
    }
}

//! What decides a call: the compiled filter's answer, and the rule behind it.

use filter::{Call, CompileError, Filter, GuardError, Limits, Runtime, compile_guarded};
use profile::meaning::{Judgement, Reason, judge, reason};
use profile::{Action, Arch, Seccomp};
use strict_json::Place;

use super::failure::Failure;
use super::file::Loaded;

/// Compiles a profile as a runtime does, with a limit on time.
pub(super) fn compile(loaded: &Loaded, native: Arch, runtime: Runtime) -> Result<Filter, Failure> {
    compile_guarded(&loaded.seccomp, native, runtime, Limits::default()).map_err(|error| {
        let (rule, why) = why(&error);
        let file = &loaded.file.name;
        let mut text = format!("{file}: {runtime} could not start a container with this{why}");
        let place = rule.and_then(|at| loaded.places.get(at));
        if let Some(at) = place {
            text.push_str(&format!(
                " ({}:{}:{})",
                loaded.file.name, at.line, at.column
            ));
        }
        match error {
            GuardError::Compile(_) | GuardError::Time { .. } => Failure::No(text),
            _ => Failure::Asked(text),
        }
    })
}

/// The rule that an error is about, and its causes in words, each after a colon.
pub(super) fn why(error: &GuardError) -> (Option<usize>, String) {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        text.push_str(&format!(": {one}"));
        cause = one.source();
    }
    (rule(error), text)
}

/// Where a rule stands; the start of the file for what is about no rule in particular.
pub(super) fn place_of(places: &[Place], rule: Option<usize>) -> Place {
    let start = Place { line: 1, column: 1 };
    rule.and_then(|at| places.get(at)).copied().unwrap_or(start)
}

/// The rule that an error is about.
fn rule(error: &GuardError) -> Option<usize> {
    use CompileError::{ArgIndex, EmptyName, NoListener, NotifyWrite, Rule, RuleErrno};
    let GuardError::Compile(error) = error else {
        return None;
    };
    match error {
        RuleErrno { rule, .. }
        | EmptyName { rule }
        | NotifyWrite { rule }
        | NoListener { rule }
        | ArgIndex { rule, .. }
        | Rule { rule, .. } => Some(*rule),
        _ => None,
    }
}

/// Why a call is answered as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// What the model has found, and the filter agrees.
    Model(Reason),
    /// runc's stub for calls newer than all that the profile names.
    Stub,
    /// The model has found this, and the filter says something else: libseccomp has made something
    /// else of the rules, or another library's knows the name.
    Otherwise(Reason, Judgement),
}

/// Finds out what is behind the filter's answer to a call of `name` (empty if it has none).
pub(super) fn because(
    filter: &Filter,
    seccomp: &Seccomp,
    native: Arch,
    runtime: Runtime,
    call: &AskedCall<'_>,
) -> Because {
    let answer = filter.run(&call.call);
    let (arch, name, args) = (call.arch, call.name, call.call.args);
    let model = judge(seccomp, native, arch, name, args);
    let why = reason(seccomp, native, arch, name, args);
    let agree = model
        .outcomes()
        .iter()
        .any(|one| one.to_string() == answer.to_string());
    if agree {
        return Because::Model(why);
    }
    let unknown = filter.unknown.iter().any(|unknown| unknown == name);
    let nothing = why == Reason::Default || unknown;
    let enosys = (answer.action(), answer.data()) == (Action::ScmpActErrno, ENOSYS);
    if runtime == Runtime::Runc && nothing && enosys {
        return Because::Stub;
    }
    Because::Otherwise(why, model)
}

/// A call, and by which name and ABI it was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedCall<'a> {
    pub(super) call: Call,
    pub(super) arch: Arch,
    pub(super) name: &'a str,
}

/// "Function not implemented".
const ENOSYS: u16 = 38;

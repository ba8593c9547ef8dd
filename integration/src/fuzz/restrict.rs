//! Target `restrict`: two profiles and the one that does what both do, held against the model of
//! what profiles mean, and against the programs that libseccomp makes of all three.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use filter::{Endian, Filter, GuardError, Limits, Outcome, Runtime, compile_guarded};
use profile::meaning::{self, Judgement, judge};
use profile::{Arch, Note, Restricted, Seccomp, restrict};

use super::calls::{Asked, calls};
use super::pair::Pair;
use super::rng::Rng;
use super::shape;

/// What a child may use that compiles.
const LIMITS: Limits = Limits {
    cpu_seconds: 1,
    memory_bytes: 1 << 32,
};
/// Longer profiles are judged by the model alone: most of the time would be libseccomp's.
const COMPILED: usize = 600;
/// Those longer than that are only restricted.
const JUDGED: usize = 2_000;

/// Pairs of which all three programs were compared.
static COMPARED: AtomicU64 = AtomicU64::new(0);
/// Those of them where libseccomp makes something looser of the result than its rules say.
static LOOSER: AtomicU64 = AtomicU64::new(0);

fn count(what: &AtomicU64) {
    what.fetch_add(1, Relaxed);
}

/// What was counted, for the closing line.
pub(crate) fn counted() -> String {
    let [compared, looser] = [&COMPARED, &LOOSER].map(|what| what.load(Relaxed));
    format!(", {compared} pairs compiled and compared, {looser} made looser by libseccomp")
}

/// Restricts and compares.
pub(crate) fn check(input: &[u8]) -> Result<Vec<u64>, String> {
    let Some(pair) = Pair::read(input) else {
        return Ok(Vec::new());
    };
    pair_of(&pair, input).map_err(|why| {
        let (a, b) = (pair.policy.to_json(), pair.request.to_json());
        let both = restrict(&pair.policy, &pair.request, pair.native);
        let both = both.map_or(String::new(), |both| both.profile.to_json());
        let mut profiles = format!("{}\n{a}\n{b}\n{both}", pair.native);
        profiles.truncate(LONGEST_SHOWN);
        format!("{why}\n{profiles}")
    })
}

/// How much of two profiles goes with a message.
const LONGEST_SHOWN: usize = 64_000;

fn pair_of(pair: &Pair, input: &[u8]) -> Result<Vec<u64>, String> {
    let mut seen = Vec::new();
    let (a, b) = (&pair.policy, &pair.request);
    let result = match restrict(a, b, pair.native) {
        Ok(result) => result,
        Err(error) => return Ok(vec![shape::message("restrict", &error.to_string())]),
    };
    seen.push(shape::size("rounded", result.rounded.len()));
    seen.push(shape::size("rules", result.profile.rules.len()));
    for note in &result.rounded {
        if let Note::Stricter { rounding, .. } = note {
            seen.push(shape::of(&(pair.native as u32, format!("{rounding:?}"))));
        }
    }
    let again = restrict(a, &result.profile, pair.native);
    let again = again.map_err(|error| format!("not restricted again: {error}"))?;
    if again.profile != result.profile {
        let again = again.profile.to_json();
        return Err(format!("restricted again, it is another profile: {again}"));
    }
    let size = |profile: &Seccomp| {
        let parts = profile.rules.iter();
        let parts = parts.map(|rule| rule.names.len().max(rule.args.len()));
        parts.sum::<usize>()
    };
    // The model is slow on purpose: of the largest it is enough that they are done in time.
    let size = size(a)
        .saturating_add(size(b))
        .max(result.profile.rules.len());
    if size > JUDGED {
        return Ok(seen);
    }
    let mut rng = Rng::new(shape::of(&input));
    let calls = calls(pair, &mut rng);
    for asked in &calls {
        by_model(pair, &result, asked)?;
    }
    // For the other order of bytes libseccomp writes some returns the wrong way round, once a jump is
    // too long for a byte (seen of 2.5.4): on a machine of that order it does not.
    let little = Endian::of_audit_arch(filter::audit_arch(pair.native)) == Endian::Little;
    if little && size < COMPILED {
        let runtime = if rng.one_in(2) {
            Runtime::Runc
        } else {
            Runtime::Crun
        };
        by_filter(pair, &result, runtime, &calls, &mut seen)?;
    }
    Ok(seen)
}

/// An architecture whose calls kill the thread where the two would kill the process, as is noted.
fn noted(result: &Restricted, arch: Arch) -> bool {
    result
        .rounded
        .iter()
        .any(|note| matches!(note, Note::KillsThread { arch: other } if *other == arch))
}

/// By the model, the result is never looser than the stricter of the two, and equal if nothing was
/// rounded and nothing is uncertain.
fn by_model(pair: &Pair, result: &Restricted, asked: &Asked<'_>) -> Result<(), String> {
    let judge = |profile| judge(profile, pair.native, asked.arch, asked.name, asked.args);
    let (a, b, both) = (
        judge(&pair.policy),
        judge(&pair.request),
        judge(&result.profile),
    );
    if noted(result, asked.arch) {
        return Ok(());
    }
    let strictest = |one: &Judgement| one.outcomes().iter().map(|one| one.strictness()).max();
    let needed = strictest(&a).max(strictest(&b));
    let least = both.outcomes().iter().map(|one| one.strictness()).min();
    let said =
        |what: &str| format!("by the model {what}: {both:?} of {a:?} and {b:?} at {asked:?}");
    if least < needed {
        return Err(said("looser"));
    }
    if let (Judgement::Certain(a), Judgement::Certain(b)) = (&a, &b)
        && result.rounded.is_empty()
        && both != Judgement::Certain(a.stacked(*b))
    {
        return Err(said("another answer and no note"));
    }
    Ok(())
}

/// By the programs, too, where libseccomp makes of the two what they mean.
fn by_filter(
    pair: &Pair,
    result: &Restricted,
    runtime: Runtime,
    calls: &[Asked<'_>],
    seen: &mut Vec<u64>,
) -> Result<(), String> {
    let compiled = |profile| compile_guarded(profile, pair.native, runtime, LIMITS);
    let (a, b) = match (compiled(&pair.policy), compiled(&pair.request)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(error), _) | (_, Err(error)) => return skipped("given", &error, seen),
    };
    let both = match compiled(&result.profile) {
        Ok(both) => both,
        // No profile of OCI's form is safe from these; the container is not started.
        Err(error @ (GuardError::Time { .. } | GuardError::Killed { .. })) => {
            return skipped("result", &error, seen);
        }
        Err(error @ GuardError::Compile(filter::CompileError::Program(_))) => {
            return skipped("result", &error, seen);
        }
        Err(error) => {
            return Err(format!(
                "as {runtime}, the result does not compile: {error:?}"
            ));
        }
    };
    seen.push(shape::size("program", both.program.instructions().len()));
    count(&COMPARED);
    for asked in calls {
        if one(pair, result, runtime, [&a, &b, &both], asked, seen)? {
            break;
        }
    }
    Ok(())
}

fn skipped(which: &str, error: &GuardError, seen: &mut Vec<u64>) -> Result<(), String> {
    if matches!(error, GuardError::Threads(_) | GuardError::Child(_)) {
        return Err(format!("no child to compile in: {error:?}"));
    }
    seen.push(shape::message(which, &error.to_string()));
    Ok(())
}

/// One call; whether libseccomp's program of the result is looser there than its rules.
fn one(
    pair: &Pair,
    result: &Restricted,
    runtime: Runtime,
    [a, b, both]: [&Filter; 3],
    asked: &Asked<'_>,
    seen: &mut Vec<u64>,
) -> Result<bool, String> {
    let (said_a, said_b, said) = (
        a.run(&asked.call),
        b.run(&asked.call),
        both.run(&asked.call),
    );
    let judged =
        |profile: &Seccomp| judge(profile, pair.native, asked.arch, asked.name, asked.args);
    let means = |profile: &Seccomp, said: Outcome| {
        // runc's stub answers for what is beyond the last name, so for no name; where it answers
        // although a rule for a call behind a multiplexer would, the rules are not what counts.
        let default = Judgement::Certain(meaning::Outcome::of_default(profile));
        let stub = runtime == Runtime::Runc
            && !names(profile, asked.name)
            && judged(profile) == default
            && said.to_string() == "ERRNO(38)";
        stub || is_among(&judged(profile), said)
    };
    if !means(&pair.policy, said_a) || !means(&pair.request, said_b) {
        seen.push(shape::of(&(
            "libseccomp makes something else of it",
            asked.name,
        )));
        return Ok(false);
    }
    if noted(result, asked.arch) {
        return Ok(false);
    }
    let words = |what: &str| {
        format!(
            "as {runtime} {what}: {said} of {said_a} and {said_b} at {asked:?}; the model has {:?}",
            judged(&result.profile)
        )
    };
    if said.rank() > said_a.rank().min(said_b.rank()) {
        let early = runtime == Runtime::Runc && said.to_string() == "ERRNO(38)";
        // A rule for a call behind a multiplexer gives runc no name for the multiplexer itself, so
        // that its stub may begin before it.
        let behind =
            matches!(asked.name, "socketcall" | "ipc") && !names(&result.profile, asked.name);
        if early && behind {
            seen.push(shape::of(&("a stub before the multiplexer", asked.name)));
            return Ok(false);
        }
        if early
            && [&pair.policy, &pair.request]
                .iter()
                .any(|one| stubless(one, asked.arch))
        {
            seen.push(shape::of(&(
                "a stub where one of the two has none",
                asked.arch as u32,
            )));
            return Ok(false);
        }
        // The rules of the result are right, by the model; the program that libseccomp makes of
        // them is not. That is counted: no rules are safe from it.
        if !means(&result.profile, said) {
            count(&LOOSER);
            return Ok(true);
        }
        return Err(words("looser"));
    }
    Ok(false)
}

fn names(profile: &Seccomp, name: &str) -> bool {
    let mut rules = profile.rules.iter();
    rules.any(|rule| rule.names.iter().any(|named| named == name))
}

/// Whether a filter's answer is one that the model has.
fn is_among(judgement: &Judgement, said: Outcome) -> bool {
    let same = |one: &meaning::Outcome| {
        let data = one.errno().and_then(|errno| u16::try_from(errno).ok());
        Outcome::new(one.action(), data.unwrap_or(0)) == said
    };
    judgement.outcomes().iter().any(same)
}

/// Whether runc puts no stub before the filter of a closed default, as none of its names has a
/// number above 0: then it kills calls beyond the last name where every profile with a name answers
/// ENOSYS.
fn stubless(profile: &Seccomp, arch: Arch) -> bool {
    let mut names = profile.rules.iter().flat_map(|rule| &rule.names);
    !names.any(|name| filter::nr(name, arch).is_some_and(|nr| nr & !filter::X32_BIT > 0))
}

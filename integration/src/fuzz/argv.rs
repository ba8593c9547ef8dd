//! Target `argv`: any words, a word a line, as a runtime's command line.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use shim::argv::{Call, Flavor, scan, take_own};
use shim::tools::is_own_word;

use super::shape;

/// The most that execve(2) takes with the usual limit on the stack, a pointer a word included.
const LARGEST: usize = 2 << 20;

const FLAVORS: [Flavor; 4] = [Flavor::Runc, Flavor::Crun, Flavor::Youki, Flavor::Unknown];

/// Takes our own options out and scans the rest as every runtime would.
pub(crate) fn check(input: &[u8]) -> Result<Vec<u64>, String> {
    let words = input.split(|byte| *byte == b'\n');
    // The words of a process hold no NUL.
    let words: Vec<OsString> = words
        .map(|word| word.iter().copied().filter(|byte| *byte != 0).collect())
        .map(OsString::from_vec)
        .collect();
    if input.len().saturating_add(words.len().saturating_mul(8)) > LARGEST {
        return Ok(Vec::new());
    }
    let mut seen = Vec::new();
    early(&words)?;
    let rest = match take_own(words.clone()) {
        Ok((own, rest)) => {
            if !is_among(&rest, &words) {
                return Err("words were made up or put in another order".to_owned());
            }
            if own == shim::argv::Own::default() && rest != words {
                return Err("words are gone without an option of ours".to_owned());
            }
            rest
        }
        Err(error) => {
            seen.push(shape::message("own", &error.to_string()));
            words
        }
    };
    let calls = FLAVORS.map(|flavor| scan(&rest, flavor));
    for (flavor, call) in FLAVORS.iter().zip(&calls) {
        let place = format!("{flavor:?}");
        seen.push(match call {
            Call::PassThrough => shape::of(&(place, "pass")),
            Call::Refused { reason, .. } => shape::message(&place, &reason.to_string()),
            Call::Ours(request) => shape::of(&(
                place,
                request.command.to_string(),
                request.bundle.is_some(),
                request.config.is_some(),
                request.log.file.is_some(),
            )),
        });
    }
    let [.., unknown] = &calls;
    for (flavor, call) in FLAVORS.iter().zip(&calls) {
        agrees(call, unknown).map_err(|why| format!("{flavor:?}: {why}: {call:?}, {unknown:?}"))?;
    }
    Ok(seen)
}

/// What the early entry hands on, the ordinary path hands on alike.
fn early(words: &[OsString]) -> Result<(), String> {
    let Some(passing) = early_entry::words::passing(words.iter().map(|word| word.as_bytes()))
    else {
        return Ok(());
    };
    let differ = |what: &str| Err(format!("the early entry differs: {what}"));
    let Ok((own, rest)) = take_own(words.to_vec()) else {
        return differ("a fault");
    };
    if Some(rest.as_slice()) != words.get(passing.taken..) {
        return differ("the words that are left");
    }
    let bytes = |word: &Option<OsString>| word.as_deref().map(|word| word.as_bytes().to_vec());
    if bytes(&own.runtime).as_deref() != passing.runtime
        || bytes(&own.policy).as_deref() != passing.policy
    {
        return differ("the runtime or the policy");
    }
    if rest.first().is_some_and(|word| is_own_word(word)) {
        return differ("a tool of ours");
    }
    match FLAVORS.map(|flavor| scan(&rest, flavor)) {
        [
            Call::PassThrough,
            Call::PassThrough,
            Call::PassThrough,
            Call::PassThrough,
        ] => Ok(()),
        calls => differ(&format!("{calls:?}")),
    }
}

/// What is made under a runtime that is known is never passed through, or made of another bundle,
/// where the runtime is not known.
fn agrees(known: &Call, unknown: &Call) -> Result<(), &'static str> {
    match (known, unknown) {
        (Call::Ours(_), Call::PassThrough) => Err("passed through for an unknown runtime"),
        (Call::Ours(one), Call::Ours(other)) => {
            let same = one.command == other.command
                && one.bundle == other.bundle
                && (one.config == other.config || one.config.is_none());
            if same {
                Ok(())
            } else {
                Err("another bundle for an unknown runtime")
            }
        }
        _ => Ok(()),
    }
}

/// Whether `rest` is `words` with some left out.
fn is_among(rest: &[OsString], words: &[OsString]) -> bool {
    let mut words = words.iter();
    rest.iter().all(|word| words.any(|other| other == word))
}

//! Runtimes that were built without seccomp, and would start the container without its filter.
//!
//! runc and crun refuse a profile then. youki logs a warning and goes on
//! (libcontainer/src/process/init/process.rs), and its `features` do not tell. The warning stands in
//! no program that was built with seccomp, so that a program that holds it is one without; one that
//! does not hold it is not doubted. A youki that is called something else is looked into as well, but
//! other programs may have words like youki's: there, only the whole sentence counts.

use std::fs;
use std::path::Path;

use memchr::memmem;

use crate::argv::Flavor;
use crate::kept;
use crate::refusal::Refusal;
use crate::runtime::Runtime;

/// What begins the warning, in every version.
const WARNING: &[u8] = b"seccomp not available";

/// The warning as youki 0.7.0 has it.
const SENTENCE: &[u8] = b"seccomp not available, unable to set seccomp privileges";

const HAS: &str = "seccomp";

/// Why a profile would not count with `runtime`, if it would not. In doubt it would not.
#[must_use]
pub(crate) fn lacks_seccomp(runtime: &Runtime) -> Option<Refusal> {
    let (question, words) = match runtime.flavor() {
        Flavor::Runc | Flavor::Crun => return None,
        Flavor::Youki => ("seccomp", WARNING),
        Flavor::Unknown => ("seccomp, whatever it is", SENTENCE),
    };
    let path = runtime.path();
    match kept::answer(path, question, || look(path, words)).as_deref() {
        Some(HAS) => None,
        Some(_) => Some(Refusal::NoSeccomp(path.to_owned())),
        None => Some(Refusal::UnreadRuntime(path.to_owned())),
    }
}

/// None if it cannot be read.
fn look(path: &Path, words: &[u8]) -> Option<&'static str> {
    let program = fs::read(path).ok()?;
    let without = memmem::find(&program, words).is_some();
    Some(if without { "none" } else { HAS })
}

//! Runtimes that were built without seccomp, and would start the container without its filter.
//!
//! runc and crun refuse a profile then. youki logs a warning and goes on
//! (libcontainer/src/process/init/process.rs), and its `features` do not tell.

use std::fs;
use std::path::Path;

use memchr::memmem;

use crate::argv::Flavor;
use crate::kept;
use crate::runtime::Runtime;

/// The warning, which only a youki without seccomp holds.
const WARNING: &[u8] = b"seccomp not available";

const HAS: &str = "seccomp";

/// Whether a profile would not count. In doubt it would not.
#[must_use]
pub(crate) fn lacks_seccomp(runtime: &Runtime) -> bool {
    let path = runtime.path();
    runtime.flavor() == Flavor::Youki
        && kept::answer(path, "seccomp", || look(path)).as_deref() != Some(HAS)
}

fn look(path: &Path) -> Option<&'static str> {
    let program = fs::read(path).ok()?;
    let without = memmem::find(&program, WARNING).is_some();
    Some(if without { "none" } else { HAS })
}

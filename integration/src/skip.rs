//! Tests that cannot run here say why, and are counted.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Says on standard error that `test` does not run and why, and adds a line to the file that
/// `SHIM_TEST_SKIPS` names, from which the closing count is made.
#[expect(clippy::print_stderr, reason = "a test's own words")]
pub fn skip(test: &str, why: &str) {
    eprintln!("SKIPPED {test}: {why}");
    let Some(path) = std::env::var_os("SHIM_TEST_SKIPS") else {
        return;
    };
    let file = OpenOptions::new().append(true).create(true).open(path);
    if let Ok(mut file) = file {
        // Counting is best effort; the line above was said.
        let _ = writeln!(file, "{test}: {why}");
    }
}

/// The folder of reference data beside the checkout, where there is one (`../shared/data`).
/// `test` is counted as skipped where there is none.
#[must_use]
pub fn shared_data(test: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    if path.is_dir() {
        return Some(path);
    }
    skip(test, "no ../shared/data beside this checkout");
    None
}

/// Whether these programs are on this machine, each by its path or by its name; if one is not, the test
/// is counted as skipped.
#[must_use]
pub fn needs_programs(test: &str, programs: &[&str]) -> bool {
    // A path takes the folder's place.
    let is_there = |program: &str| {
        PROGRAMS
            .iter()
            .any(|folder| Path::new(folder).join(program).is_file())
    };
    let missing = programs.iter().find(|program| !is_there(program));
    if let Some(program) = missing {
        skip(test, &format!("{program} is not installed"));
    }
    missing.is_none()
}

/// Whether the test runs as root; if not, it is counted as skipped.
#[must_use]
pub fn needs_root(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip(test, "needs root");
    }
    root
}

const PROGRAMS: [&str; 4] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];

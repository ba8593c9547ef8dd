//! Tests that cannot run here say why, and are counted.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

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

/// Whether the test runs as root; if not, it is counted as skipped.
#[must_use]
pub fn needs_root(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip(test, "needs root");
    }
    root
}

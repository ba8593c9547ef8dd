//! A runtime that only writes down what it was given, to the file that `RECORD_TO` names, and ends
//! as `RECORD_END` says.
//!
//! `main` is C's, not Rust's: the standard library's own start-up changes SIGPIPE and opens closed
//! standard fds, and this program is here to see them as they came.
#![no_main]

use integration::{RECORD_END, RECORD_TO, Recording};
use nix::sys::signal::{Signal, raise};

// SAFETY: the symbol has the signature that C's start-up expects of `main` (C17 5.1.2.2.1), and
// nothing else in the program defines it. WHY: there is no safe way to have a `main` that the
// standard library does not wrap.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(_argc: i32, _argv: *const *const u8) -> i32 {
    if let (Ok(recording), Some(path)) = (Recording::of_this_process(), std::env::var_os(RECORD_TO))
    {
        // A recording that is not there fails the test that asks for it.
        let _ = serde_json::to_vec(&recording).map(|text| std::fs::write(path, text));
    }
    let end: i32 = std::env::var(RECORD_END)
        .ok()
        .and_then(|end| end.parse().ok())
        .unwrap_or(0);
    if let Ok(signal) = Signal::try_from(end.saturating_neg()) {
        // It ends us, or the exit code below tells that it did not.
        let _ = raise(signal);
    }
    end
}

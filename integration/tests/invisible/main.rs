//! What the shim must not change: calls that are not its own reach the runtime as they came, and
//! its own calls reach it with nothing changed but the bundle.
#![expect(clippy::expect_used, clippy::panic, reason = "a test ends here")]

mod call;
mod creates;
mod early;
mod panics;
mod passes;
mod policies;

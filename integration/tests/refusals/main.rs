//! Every bad input is refused: exit code 1, one line that names the file and what is wrong, the
//! same line in the engine's log, and the bundle as it was.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends here"
)]

mod attempt;
mod bundles;
mod policies;
mod profiles;
mod runtimes;
mod texts;
mod trust;

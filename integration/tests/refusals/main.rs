//! Every bad input is refused: exit code 1, one line that names the file and what is wrong, the
//! same line in the engine's log, and the bundle as it was.

mod attempt;
mod bundles;
mod policies;
mod profiles;
mod runtimes;
mod texts;
mod trust;

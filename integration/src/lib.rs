//! What the integration tests, the demo and the benchmarks share: real runtimes, real bundles, and
//! a loud way to say that a test could not run.
#![forbid(unsafe_code)]

mod skip;

pub use skip::{shared_data, skip};

//! What the integration tests, the demo and the benchmarks share: real runtimes, real bundles, and
//! a loud way to say that a test could not run.
#![forbid(unsafe_code)]

mod agent;
mod bundle;
mod docker_sized;
pub mod engine;
mod kept_agent;
mod mounts;
mod oci_json;
mod policy_dir;
mod probe;
mod program;
mod random;
mod recorded;
mod recording;
mod runtime;
mod skip;
mod stand_in;
mod steps;

pub use agent::{TestAgent, policy_for};
pub use bundle::TestBundle;
pub use docker_sized::{docker_sized, ten_rules};
pub use kept_agent::KeptAgent;
pub use mounts::PrivateMount;
pub use oci_json::plain;
pub use policy_dir::PolicyDir;
pub use probe::{Came, Probe};
pub use program::{Outcome, copy_program, explain, run, run_with_input, shim_binary};
pub use random::Random;
pub use recorded::{record_run, record_run_of};
pub use recording::{RECORD_END, RECORD_TO, Recording};
pub use runtime::{Container, RealRuntime, youki};
pub use skip::{needs_programs, needs_root, shared_data, skip};
pub use stand_in::StandIn;
pub use steps::{PIECE, Steps, steps_to_exec};

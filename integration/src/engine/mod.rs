//! Real engines, each in a world of its own: processes, mounts and cgroups that end with the test.

mod command_line;
mod containerd;
mod cri;
mod dockerd;
mod image;
mod matrix;
pub mod operations;
mod podman;
mod suite;
mod terminal;
mod world;

pub use command_line::{CommandLine, Sleeping};
pub use containerd::Containerd;
pub use cri::{Cri, Pod, container_named, container_with, pod_named};
pub use dockerd::Docker;
pub use image::Image;
/// The messages of Kubernetes' CRI, `runtime.v1`, and their client.
pub use k8s_cri::v1 as cri_v1;
pub use matrix::Cell;
pub use podman::Podman;
pub use suite::{
    Came, Once, Operation, Suite, Unable, Wrapped, at_once, equal, fails, has, says, shows,
    succeeds, within,
};
pub use terminal::{on_a_terminal, told};
pub use world::World;

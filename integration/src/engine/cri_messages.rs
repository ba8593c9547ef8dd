//! The messages of Kubernetes' CRI that the tests send and read: names and field numbers as in
//! k8s.io/cri-api, `runtime.v1`; fields that no test looks at are left out, which protobuf permits.

use std::collections::HashMap;

use prost::Message;

/// A pod's names.
#[derive(Clone, PartialEq, Message)]
pub struct PodSandboxMetadata {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its uid.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// Its namespace.
    #[prost(string, tag = "3")]
    pub namespace: String,
}

/// Which of the node's namespaces are used: 0 the pod's, 1 the container's, 2 the node's.
#[derive(Clone, PartialEq, Message)]
pub struct NamespaceOption {
    /// Network.
    #[prost(int32, tag = "1")]
    pub network: i32,
    /// Processes.
    #[prost(int32, tag = "2")]
    pub pid: i32,
    /// System V IPC.
    #[prost(int32, tag = "3")]
    pub ipc: i32,
}

/// A seccomp profile as the kubelet asks for it.
#[derive(Clone, PartialEq, Message)]
pub struct SecurityProfile {
    /// 0 RuntimeDefault, 1 Unconfined, 2 Localhost.
    #[prost(int32, tag = "1")]
    pub profile_type: i32,
    /// The path of a Localhost profile.
    #[prost(string, tag = "2")]
    pub localhost_ref: String,
}

/// A sandbox's security.
#[derive(Clone, PartialEq, Message)]
pub struct LinuxSandboxSecurityContext {
    /// Namespaces.
    #[prost(message, optional, tag = "1")]
    pub namespace_options: Option<NamespaceOption>,
    /// Whether containers of it may be privileged.
    #[prost(bool, tag = "6")]
    pub privileged: bool,
    /// Its profile.
    #[prost(message, optional, tag = "9")]
    pub seccomp: Option<SecurityProfile>,
}

/// What is Linux's of a sandbox.
#[derive(Clone, PartialEq, Message)]
pub struct LinuxPodSandboxConfig {
    /// Its security.
    #[prost(message, optional, tag = "2")]
    pub security_context: Option<LinuxSandboxSecurityContext>,
}

/// A sandbox to be made.
#[derive(Clone, PartialEq, Message)]
pub struct PodSandboxConfig {
    /// Its names.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<PodSandboxMetadata>,
    /// Where its containers' logs go.
    #[prost(string, tag = "3")]
    pub log_directory: String,
    /// The pod's annotations.
    #[prost(map = "string, string", tag = "7")]
    pub annotations: HashMap<String, String>,
    /// What is Linux's.
    #[prost(message, optional, tag = "8")]
    pub linux: Option<LinuxPodSandboxConfig>,
}

/// RunPodSandbox.
#[derive(Clone, PartialEq, Message)]
pub struct RunPodSandboxRequest {
    /// The sandbox.
    #[prost(message, optional, tag = "1")]
    pub config: Option<PodSandboxConfig>,
    /// The runtime class's handler.
    #[prost(string, tag = "2")]
    pub runtime_handler: String,
}

/// One id: the answer of RunPodSandbox and CreateContainer, and the request of all that take only
/// a sandbox or a container.
#[derive(Clone, PartialEq, Message)]
pub struct Id {
    /// It.
    #[prost(string, tag = "1")]
    pub id: String,
}

/// An empty answer.
#[derive(Clone, PartialEq, Message)]
pub struct Empty {}

/// A container's name.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerMetadata {
    /// It.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// An image's name.
#[derive(Clone, PartialEq, Message)]
pub struct ImageSpec {
    /// It.
    #[prost(string, tag = "1")]
    pub image: String,
}

/// A container's security.
#[derive(Clone, PartialEq, Message)]
pub struct LinuxContainerSecurityContext {
    /// Whether it is privileged.
    #[prost(bool, tag = "2")]
    pub privileged: bool,
    /// Namespaces.
    #[prost(message, optional, tag = "3")]
    pub namespace_options: Option<NamespaceOption>,
    /// Its profile.
    #[prost(message, optional, tag = "15")]
    pub seccomp: Option<SecurityProfile>,
}

/// Limits, for an update.
#[derive(Clone, PartialEq, Message)]
pub struct LinuxContainerResources {
    /// CPU shares.
    #[prost(int64, tag = "3")]
    pub cpu_shares: i64,
}

/// What is Linux's of a container.
#[derive(Clone, PartialEq, Message)]
pub struct LinuxContainerConfig {
    /// Limits.
    #[prost(message, optional, tag = "1")]
    pub resources: Option<LinuxContainerResources>,
    /// Its security.
    #[prost(message, optional, tag = "2")]
    pub security_context: Option<LinuxContainerSecurityContext>,
}

/// A container to be made.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerConfig {
    /// Its name.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ContainerMetadata>,
    /// Its image.
    #[prost(message, optional, tag = "2")]
    pub image: Option<ImageSpec>,
    /// Its words.
    #[prost(string, repeated, tag = "3")]
    pub command: Vec<String>,
    /// Its log, below the sandbox's folder.
    #[prost(string, tag = "11")]
    pub log_path: String,
    /// Whether it has a terminal.
    #[prost(bool, tag = "14")]
    pub tty: bool,
    /// What is Linux's.
    #[prost(message, optional, tag = "15")]
    pub linux: Option<LinuxContainerConfig>,
}

/// CreateContainer.
#[derive(Clone, PartialEq, Message)]
pub struct CreateContainerRequest {
    /// The sandbox's id.
    #[prost(string, tag = "1")]
    pub pod_sandbox_id: String,
    /// The container.
    #[prost(message, optional, tag = "2")]
    pub config: Option<ContainerConfig>,
    /// Its sandbox, once more.
    #[prost(message, optional, tag = "3")]
    pub sandbox_config: Option<PodSandboxConfig>,
}

/// StopContainer.
#[derive(Clone, PartialEq, Message)]
pub struct StopContainerRequest {
    /// Its id.
    #[prost(string, tag = "1")]
    pub container_id: String,
    /// Seconds until it is killed.
    #[prost(int64, tag = "2")]
    pub timeout: i64,
}

/// UpdateContainerResources.
#[derive(Clone, PartialEq, Message)]
pub struct UpdateContainerResourcesRequest {
    /// Its id.
    #[prost(string, tag = "1")]
    pub container_id: String,
    /// Its limits.
    #[prost(message, optional, tag = "2")]
    pub linux: Option<LinuxContainerResources>,
}

/// ExecSync.
#[derive(Clone, PartialEq, Message)]
pub struct ExecSyncRequest {
    /// In which container.
    #[prost(string, tag = "1")]
    pub container_id: String,
    /// The words.
    #[prost(string, repeated, tag = "2")]
    pub cmd: Vec<String>,
    /// Seconds that it may take.
    #[prost(int64, tag = "3")]
    pub timeout: i64,
}

/// Its answer.
#[derive(Clone, PartialEq, Message)]
pub struct ExecSyncResponse {
    /// Standard output.
    #[prost(bytes = "vec", tag = "1")]
    pub stdout: Vec<u8>,
    /// Standard error.
    #[prost(bytes = "vec", tag = "2")]
    pub stderr: Vec<u8>,
    /// The exit code.
    #[prost(int32, tag = "3")]
    pub exit_code: i32,
}

/// How a container is.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatus {
    /// 0 created, 1 running, 2 exited.
    #[prost(int32, tag = "3")]
    pub state: i32,
    /// How it ended.
    #[prost(int32, tag = "7")]
    pub exit_code: i32,
    /// `Completed`, `Error`, `StartError`.
    #[prost(string, tag = "10")]
    pub reason: String,
    /// What kubectl shows.
    #[prost(string, tag = "11")]
    pub message: String,
}

/// ContainerStatus' answer.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatusResponse {
    /// It.
    #[prost(message, optional, tag = "1")]
    pub status: Option<ContainerStatus>,
}

/// ContainerStats' answer, as far as it says whose it is.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatsResponse {
    /// The statistics.
    #[prost(message, optional, tag = "1")]
    pub stats: Option<ContainerStats>,
}

/// Statistics, as far as they say whose they are.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStats {
    /// Whose.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Id>,
}

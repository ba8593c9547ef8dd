//! Kubernetes' Container Runtime Interface, as the kubelet speaks it: gRPC on containerd's socket.

use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    ContainerConfig, ContainerMetadata, ContainerStatus, ContainerStatusRequest,
    CreateContainerRequest, ExecSyncRequest, ImageSpec, LinuxContainerConfig,
    LinuxContainerSecurityContext, LinuxPodSandboxConfig, LinuxSandboxSecurityContext,
    NamespaceMode, NamespaceOption, PodSandboxConfig, PodSandboxMetadata, RemovePodSandboxRequest,
    RunPodSandboxRequest, SecurityProfile, StartContainerRequest, StopPodSandboxRequest,
};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Response, Status};

use crate::engine::Image;

/// A client. Each call is a connection of its own, so it can be used from any thread.
#[derive(Debug)]
pub struct Cri {
    socket: PathBuf,
}

impl Cri {
    /// Speaks to the engine behind a socket.
    #[must_use]
    pub fn on(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Makes one call of `runtime.v1.RuntimeService`.
    ///
    /// # Errors
    /// The status' message, which the kubelet shows in events.
    pub fn call<A>(
        &self,
        method: impl AsyncFnOnce(&mut RuntimeServiceClient<Channel>) -> Result<Response<A>, Status>,
    ) -> Result<A, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let socket = self.socket.clone();
            let connect = tower::service_fn(move |_: Uri| {
                let socket = socket.clone();
                async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
            });
            let endpoint = Endpoint::from_static("http://localhost");
            let channel = endpoint.connect_with_connector(connect).await;
            let channel = channel.map_err(|error| format!("{error:?}"))?;
            let answer = method(&mut RuntimeServiceClient::new(channel)).await;
            answer.map(Response::into_inner).map_err(|status| status.message().to_owned())
        })
    }

    /// Runs a pod's sandbox under a handler, on the node's network.
    ///
    /// # Errors
    /// The status' message.
    pub fn pod(&self, handler: &str, config: PodSandboxConfig) -> Result<Pod<'_>, String> {
        let request = RunPodSandboxRequest {
            config: Some(config.clone()),
            runtime_handler: handler.to_owned(),
        };
        let answer = self.call(async |client| client.run_pod_sandbox(request).await)?;
        Ok(Pod {
            cri: self,
            id: answer.pod_sandbox_id,
            config,
        })
    }

    /// Where the socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// A pod, stopped and removed when dropped.
#[derive(Debug)]
pub struct Pod<'a> {
    cri: &'a Cri,
    /// The sandbox's id.
    pub id: String,
    config: PodSandboxConfig,
}

/// The node's network, which needs no plugins; processes of the container's own, the rest the pod's.
fn namespaces() -> NamespaceOption {
    NamespaceOption {
        network: NamespaceMode::Node.into(),
        pid: NamespaceMode::Container.into(),
        ipc: NamespaceMode::Pod.into(),
        ..NamespaceOption::default()
    }
}

/// A pod with logs in `logs`, asking for RuntimeDefault.
#[must_use]
pub fn pod_named(name: &str, namespace: &str, logs: &Path) -> PodSandboxConfig {
    let security = LinuxSandboxSecurityContext {
        namespace_options: Some(namespaces()),
        seccomp: Some(SecurityProfile::default()),
        ..LinuxSandboxSecurityContext::default()
    };
    PodSandboxConfig {
        metadata: Some(PodSandboxMetadata {
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            namespace: namespace.to_owned(),
            attempt: 0,
        }),
        log_directory: logs.display().to_string(),
        linux: Some(LinuxPodSandboxConfig {
            security_context: Some(security),
            ..LinuxPodSandboxConfig::default()
        }),
        ..PodSandboxConfig::default()
    }
}

/// A container of the image that runs `words`, asking for RuntimeDefault.
#[must_use]
pub fn container_named(name: &str, words: &[&str]) -> ContainerConfig {
    container_with(name, words, |_| ())
}

/// The same with what is changed in its security.
#[must_use]
pub fn container_with(
    name: &str,
    words: &[&str],
    change: impl FnOnce(&mut LinuxContainerSecurityContext),
) -> ContainerConfig {
    let mut security = LinuxContainerSecurityContext {
        namespace_options: Some(namespaces()),
        seccomp: Some(SecurityProfile::default()),
        ..LinuxContainerSecurityContext::default()
    };
    change(&mut security);
    ContainerConfig {
        metadata: Some(ContainerMetadata {
            name: name.to_owned(),
            attempt: 0,
        }),
        image: Some(ImageSpec {
            image: Image::NAME.to_owned(),
            ..ImageSpec::default()
        }),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        log_path: format!("{name}.log"),
        linux: Some(LinuxContainerConfig {
            security_context: Some(security),
            ..LinuxContainerConfig::default()
        }),
        ..ContainerConfig::default()
    }
}

impl Pod<'_> {
    /// Creates a container in it and gives its id.
    ///
    /// # Errors
    /// The status' message.
    pub fn create(&self, config: ContainerConfig) -> Result<String, String> {
        let request = CreateContainerRequest {
            pod_sandbox_id: self.id.clone(),
            config: Some(config),
            sandbox_config: Some(self.config.clone()),
        };
        let answer = self
            .cri
            .call(async |client| client.create_container(request).await)?;
        Ok(answer.container_id)
    }

    /// Starts a container.
    ///
    /// # Errors
    /// The status' message.
    pub fn start(&self, container: &str) -> Result<(), String> {
        let container_id = container.to_owned();
        let request = StartContainerRequest { container_id };
        self.cri
            .call(async |client| client.start_container(request).await)
            .map(drop)
    }

    /// Creates and starts a container.
    ///
    /// # Errors
    /// The status' message.
    pub fn run(&self, config: ContainerConfig) -> Result<String, String> {
        let id = self.create(config)?;
        self.start(&id).map(|()| id)
    }

    /// Runs words in a container: the exit code and both outputs.
    ///
    /// # Errors
    /// The status' message.
    pub fn exec(&self, container: &str, words: &[&str]) -> Result<(i32, String), String> {
        let request = ExecSyncRequest {
            container_id: container.to_owned(),
            cmd: words.iter().map(|word| (*word).to_owned()).collect(),
            timeout: 20,
        };
        let answer = self
            .cri
            .call(async |client| client.exec_sync(request).await)?;
        let both = [answer.stdout, answer.stderr].concat();
        Ok((
            answer.exit_code,
            String::from_utf8_lossy(&both).into_owned(),
        ))
    }

    /// How a container is.
    ///
    /// # Errors
    /// The status' message.
    pub fn status(&self, container: &str) -> Result<ContainerStatus, String> {
        let request = ContainerStatusRequest {
            container_id: container.to_owned(),
            verbose: false,
        };
        let answer = self
            .cri
            .call(async |client| client.container_status(request).await)?;
        answer.status.ok_or_else(|| "no status".to_owned())
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        // Best effort: the world ends with the test.
        let pod_sandbox_id = self.id.clone();
        let stop = StopPodSandboxRequest { pod_sandbox_id };
        let _ = self
            .cri
            .call(async |client| client.stop_pod_sandbox(stop).await);
        let pod_sandbox_id = self.id.clone();
        let remove = RemovePodSandboxRequest { pod_sandbox_id };
        let _ = self
            .cri
            .call(async |client| client.remove_pod_sandbox(remove).await);
    }
}

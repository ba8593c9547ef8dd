//! Kubernetes' Container Runtime Interface, as the kubelet speaks it: gRPC on containerd's socket.

use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Endpoint, Uri};

use crate::engine::Image;
use crate::engine::cri_messages::*;

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
    pub fn call<Q, A>(&self, method: &'static str, request: Q) -> Result<A, String>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
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
            let mut grpc = Grpc::new(channel.map_err(|error| format!("{error:?}"))?);
            grpc.ready().await.map_err(|error| error.to_string())?;
            let path = format!("/runtime.v1.RuntimeService/{method}");
            let path = PathAndQuery::try_from(path).map_err(|error| error.to_string())?;
            let codec = tonic_prost::ProstCodec::<Q, A>::default();
            let answer = grpc.unary(tonic::Request::new(request), path, codec).await;
            answer.map(tonic::Response::into_inner).map_err(|status| status.message().to_owned())
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
        let answer: Id = self.call("RunPodSandbox", request)?;
        Ok(Pod {
            cri: self,
            id: answer.id,
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

impl PodSandboxConfig {
    /// A pod with the node's network, which needs no plugins, and logs in `logs`.
    #[must_use]
    pub fn named(name: &str, namespace: &str, logs: &Path) -> Self {
        let security = LinuxSandboxSecurityContext {
            namespace_options: Some(NamespaceOption {
                network: 2,
                pid: 1,
                ipc: 0,
            }),
            privileged: false,
            seccomp: Some(SecurityProfile::default()),
        };
        Self {
            metadata: Some(PodSandboxMetadata {
                name: name.to_owned(),
                uid: format!("uid-{name}"),
                namespace: namespace.to_owned(),
            }),
            log_directory: logs.display().to_string(),
            annotations: std::collections::HashMap::new(),
            linux: Some(LinuxPodSandboxConfig {
                security_context: Some(security),
            }),
        }
    }
}

impl ContainerConfig {
    /// A container of the image that runs `words`, asking for RuntimeDefault.
    #[must_use]
    pub fn named(name: &str, words: &[&str]) -> Self {
        let security = LinuxContainerSecurityContext {
            privileged: false,
            namespace_options: Some(NamespaceOption {
                network: 2,
                pid: 1,
                ipc: 0,
            }),
            seccomp: Some(SecurityProfile::default()),
        };
        Self {
            metadata: Some(ContainerMetadata {
                name: name.to_owned(),
            }),
            image: Some(ImageSpec {
                image: Image::NAME.to_owned(),
            }),
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            log_path: format!("{name}.log"),
            tty: false,
            linux: Some(LinuxContainerConfig {
                resources: None,
                security_context: Some(security),
            }),
        }
    }

    /// The same with another security.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut LinuxContainerSecurityContext)) -> Self {
        if let Some(security) = self
            .linux
            .as_mut()
            .and_then(|linux| linux.security_context.as_mut())
        {
            change(security);
        }
        self
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
        Ok(self.cri.call::<_, Id>("CreateContainer", request)?.id)
    }

    /// Starts a container.
    ///
    /// # Errors
    /// The status' message.
    pub fn start(&self, container: &str) -> Result<(), String> {
        let id = container.to_owned();
        self.cri
            .call::<_, Empty>("StartContainer", Id { id })
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
        let answer: ExecSyncResponse = self.cri.call("ExecSync", request)?;
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
        let id = container.to_owned();
        let answer: ContainerStatusResponse = self.cri.call("ContainerStatus", Id { id })?;
        answer.status.ok_or_else(|| "no status".to_owned())
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        // Best effort: the world ends with the test.
        let id = Id {
            id: self.id.clone(),
        };
        let _ = self.cri.call::<_, Empty>("StopPodSandbox", id.clone());
        let _ = self.cri.call::<_, Empty>("RemovePodSandbox", id);
    }
}

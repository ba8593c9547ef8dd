//! Pods through containerd's CRI, as the kubelet makes them, under several handlers of the shim. What
//! holds is asked of the kernel, by calls made within the containers.

use std::process::ExitCode;

use integration::engine::cri_v1::{
    ContainerState, ContainerStatsRequest, LinuxContainerResources, PodSandboxConfig,
    StopContainerRequest, UpdateContainerResourcesRequest, VersionRequest,
};
use integration::engine::{
    Came, Containerd, Cri, Pod, Suite, Wrapped, container_named, equal, pod_named, within,
};

mod profiles;

fn main() -> ExitCode {
    SUITE.run(Containerd::PROGRAMS, |runtimes| {
        let old: &[&str] = &["--shim-policy", "/etc/seccomp-shim/old"];
        let others = [
            ("shim-asked", &[][..]),
            ("shim-embedded", &[][..]),
            ("shim-ruled", &[][..]),
            ("shim-missing", &[][..]),
            ("shim-old", old),
            ("shim-deaf", old),
            (
                "shim-floor",
                &["--shim-policy", "/etc/seccomp-shim/floor"][..],
            ),
        ];
        let containerd = Containerd::start(runtimes, &others, env!("CARGO_BIN_EXE_probe"))?;
        profiles::write(&containerd.world).map_err(|error| error.to_string())?;
        let version = format!("CRI, {}", containerd.version);
        let cri = Cri::on(containerd.socket());
        within(|| cri.call(async |client| client.version(VersionRequest::default()).await))
            .map_err(|error| format!("{error}\n{}", containerd.world.log("containerd")))?;
        Ok((Node { containerd, cri }, version))
    })
}

/// A node, as the kubelet sees it.
struct Node {
    containerd: Containerd,
    cri: Cri,
}

impl Node {
    fn pod(&self, name: &str, handler: &str) -> Result<Pod<'_>, String> {
        self.cri.pod(
            handler,
            self.config(&format!("{name}-{handler}"), "default"),
        )
    }

    fn config(&self, name: &str, namespace: &str) -> PodSandboxConfig {
        pod_named(name, namespace, &self.containerd.world.path().join(name))
    }
}

static SUITE: Suite<Node> = Suite {
    test: "engine_cri",
    operations: &[
        ("pod, container, exec", pod),
        ("two containers, logs", logs),
        ("terminal", terminal),
        ("stop", stop),
        ("update", update),
        ("stats", stats),
        ("exit codes", exit_codes),
    ],
    unable: &[("youki", "exit codes", Wrapped::ever)], // its log is none that containerd reads
    once: &[
        (
            "RuntimeDefault, Localhost, Unconfined and privileged, as asked for",
            profiles::as_asked,
        ),
        (
            "the embedded policy holds the default but for the privileged",
            profiles::embedded,
        ),
        ("a pod's sandbox has the default", profiles::sandbox),
        (
            "one pod's containers each have their own",
            profiles::each_its_own,
        ),
        (
            "old annotations are honoured where the policy says so",
            profiles::annotations,
        ),
        (
            "rules by namespace, pod and container decide",
            profiles::by_name,
        ),
        (
            "a rule that names the privileged holds for them",
            profiles::privileged_by_rule,
        ),
        ("a floor holds for the privileged", profiles::floor),
        (
            "a refused create is the status that kubectl shows",
            profiles::refusal,
        ),
    ],
};

const SLEEP: &[&str] = &["sleep", "1000"];

fn pod(node: &Node, handler: &str) -> Came {
    let pod = node.pod("pod", handler)?;
    let container = pod.run(container_named("one", SLEEP))?;
    equal(
        &pod.exec(&container, &["sh", "-c", "echo out; exit 9"])?,
        &(9, "out\n".to_owned()),
    )?;
    let (_, text) = pod.exec(&container, &["grep", "Seccomp:", "/proc/1/status"])?;
    equal(&text, "Seccomp:\t2\n")
}

fn logs(node: &Node, handler: &str) -> Came {
    let pod = node.pod("logs", handler)?;
    for name in ["one", "two"] {
        pod.run(container_named(
            name,
            &["sh", "-c", "echo out; echo err >&2"],
        ))?;
    }
    let folder = node.containerd.world.path().join(format!("logs-{handler}"));
    for name in ["one", "two"] {
        within(|| {
            let log =
                std::fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
            let whole = log.contains("stdout F out") && log.contains("stderr F err");
            whole.then_some(()).ok_or(log)
        })?;
    }
    Ok(())
}

fn terminal(node: &Node, handler: &str) -> Came {
    let pod = node.pod("tty", handler)?;
    let mut config = container_named("one", &["sh", "-c", "tty; exit 5"]);
    config.tty = true;
    let container = pod.run(config)?;
    let log = node
        .containerd
        .world
        .path()
        .join(format!("tty-{handler}/one.log"));
    within(|| equal(&pod.status(&container)?.exit_code, &5))?;
    within(|| {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("/dev/pts/").then_some(()).ok_or(text)
    })
}

fn stop(node: &Node, handler: &str) -> Came {
    let pod = node.pod("stop", handler)?;
    let script = "trap 'exit 3' TERM; touch /ready; while :; do sleep 0.1; done";
    let container = pod.run(container_named("one", &["sh", "-c", script]))?;
    within(|| equal(&pod.exec(&container, &["ls", "/ready"])?.0, &0))?;
    let request = StopContainerRequest {
        container_id: container.clone(),
        timeout: 10,
    };
    node.cri
        .call(async |client| client.stop_container(request).await)?;
    let status = pod.status(&container)?;
    equal(
        &(status.state(), status.exit_code),
        &(ContainerState::ContainerExited, 3),
    )
}

fn update(node: &Node, handler: &str) -> Came {
    let pod = node.pod("update", handler)?;
    let container = pod.run(container_named("one", SLEEP))?;
    let request = UpdateContainerResourcesRequest {
        container_id: container.clone(),
        linux: Some(LinuxContainerResources {
            cpu_shares: 512,
            ..LinuxContainerResources::default()
        }),
        ..UpdateContainerResourcesRequest::default()
    };
    node.cri
        .call(async |client| client.update_container_resources(request).await)?;
    let path = format!("/sys/fs/cgroup/cpu/k8s.io/{container}/cpu.shares");
    let shares = std::fs::read_to_string(node.containerd.world.outside(&path));
    equal(&shares.unwrap_or_default(), "512\n")
}

fn stats(node: &Node, handler: &str) -> Came {
    let pod = node.pod("stats", handler)?;
    let container = pod.run(container_named("one", SLEEP))?;
    let request = ContainerStatsRequest {
        container_id: container.clone(),
    };
    let answer = node
        .cri
        .call(async |client| client.container_stats(request).await)?;
    let whose = answer.stats.and_then(|stats| stats.attributes);
    equal(&whose.map(|whose| whose.id), &Some(container))
}

fn exit_codes(node: &Node, handler: &str) -> Came {
    let pod = node.pod("exit", handler)?;
    let container = pod.run(container_named("one", &["sh", "-c", "exit 7"]))?;
    within(|| equal(&pod.status(&container)?.exit_code, &7))?;
    let absent = pod.run(container_named("two", &["/nowhere"]));
    match absent {
        Err(error) if error.contains("/nowhere") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

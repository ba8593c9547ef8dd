//! Who a container is, from real bundles of each engine and what that engine lets its users add: no
//! word of a user's poses as the engine's.
//!
//! The policy looked at frees `kube-system` by a rule and by an exception to the floor, whichever
//! field the engine tells it by. Whoever gets there by annotations of their own has found a hole.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{
    PolicyDir, explain, needs_programs, needs_root, run, shared_data, shim_binary, skip,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The keys under which engines say who a container is, each with what an impostor would say.
const CLAIMS: &[(&str, &str)] = &[
    ("io.container.manager", "somebody"),
    ("io.kubernetes.container.name", "cni"),
    ("io.kubernetes.cri-o.ContainerType", "container"),
    ("io.kubernetes.cri-o.ImageName", "cni:1"),
    ("io.kubernetes.cri-o.SeccompProfilePath", "Unconfined"),
    ("io.kubernetes.cri.container-name", "cni"),
    ("io.kubernetes.cri.container-type", "container"),
    ("io.kubernetes.cri.image-name", "cni:1"),
    ("io.kubernetes.cri.sandbox-name", "cni"),
    ("io.kubernetes.cri.sandbox-namespace", "kube-system"),
    ("io.kubernetes.pod.name", "cni"),
    ("io.kubernetes.pod.namespace", "kube-system"),
    ("io.podman.annotations.privileged", "TRUE"),
];

fn policy() -> PolicyDir {
    PolicyDir::new(
        r#"
        [floor]
        profile = { type = "Localhost", localhostProfile = "floor.json" }
        [[floor.except]]
        name = "by namespace"
        when = { namespace = "kube-system" }
        [[floor.except]]
        name = "by image"
        when = { image = "cni:1" }
        [[floor.except]]
        name = "by pod and container"
        when = { pod = "cni", container = "cni" }
        [[rule]]
        name = "free"
        when = { namespace = "kube-system" }
        profile = "Unconfined"
        [[rule]]
        name = "free too"
        when = { image = "cni:1" }
        profile = "Unconfined"
        "#,
    )
    .with_profile(
        "floor.json",
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#,
    )
}

/// A bundle where an engine would put it.
struct Placed {
    folder: TempDir,
    below: PathBuf,
}

impl Placed {
    fn new(below: &str, config: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let placed = Self {
            folder,
            below: PathBuf::from(below),
        };
        std::fs::create_dir_all(placed.path()).expect("the bundle's folder");
        std::fs::write(placed.path().join("config.json"), config.to_string()).expect("config.json");
        placed
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(&self.below)
    }
}

fn bundle(data: &Path, name: &str) -> Value {
    let text = std::fs::read(data.join(format!("bundles/{name}.json"))).expect("a bundle");
    serde_json::from_slice(&text).expect("JSON")
}

/// The bundle with the claims, where `lets` an annotation through; what the engine itself said before
/// stays where it writes `last`.
fn claim(mut config: Value, lets: impl Fn(&str) -> bool, last: bool) -> Value {
    if config["annotations"].is_null() {
        config["annotations"] = json!({});
    }
    let annotations = config["annotations"].as_object_mut().expect("an object");
    for (key, value) in CLAIMS.iter().filter(|(key, _)| lets(key)) {
        if !(last && annotations.contains_key(*key)) {
            annotations.insert((*key).to_owned(), json!(value));
        }
    }
    config
}

/// Whether a decision let the container free.
fn is_free(answer: &Value) -> bool {
    let rule = answer["decidedBy"]["rule"].as_str().unwrap_or_default();
    let excepted = answer["floorExceptions"].as_array();
    rule.starts_with("free") || excepted.is_some_and(|all| !all.is_empty())
}

const TASK: &str = "io.containerd.runtime.v2.task";

#[test]
fn no_annotation_of_a_user_poses_as_the_engine() {
    let Some(data) = shared_data("no_annotation_of_a_user_poses_as_the_engine") else {
        return;
    };
    let everything = |_: &str| true;
    let docker = bundle(&data, "docker-default");
    let podman = bundle(&data, "podman-default");
    let cri = bundle(&data, "containerd-runtimedefault");
    let with_cgroup = |config: &Value, path: &str| {
        let mut config = config.clone();
        config["linux"]["cgroupsPath"] = json!(path);
        config
    };
    // CRI-O writes these after a pod's own, and the kubelet's labels last.
    let mut crio = cri.clone();
    crio["linux"]["cgroupsPath"] = json!("kubepods-besteffort-pod1.slice:crio:0123");
    crio["annotations"] = json!({
        "io.kubernetes.container.name": "app",
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.ImageName": "app:1",
        "io.kubernetes.cri-o.SeccompProfilePath": "RuntimeDefault",
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "team",
    });
    let storage = "overlay-containers/0123/userdata";
    let policy = policy();
    for (what, below, config, engine) in [
        // docker run --annotation, which Docker has since 24 (API 1.43); --cgroup-parent.
        (
            "docker",
            &*format!("{TASK}/moby/0123"),
            claim(docker.clone(), everything, false),
            "docker",
        ),
        (
            "docker under a cgroup of its user's choice",
            &format!("{TASK}/moby/0123"),
            claim(with_cgroup(&docker, "/x/crio/0123"), everything, false),
            "docker",
        ),
        (
            "docker, remapped users",
            &format!("{TASK}/moby-100000.100000/0123"),
            claim(docker.clone(), everything, false),
            "docker",
        ),
        (
            "docker, bundle elsewhere",
            "bundle",
            claim(docker.clone(), everything, false),
            "docker",
        ),
        // podman run --annotation, --cgroup-parent, --cgroups=disabled.
        (
            "podman",
            storage,
            claim(podman.clone(), everything, false),
            "podman",
        ),
        (
            "podman without a cgroup",
            storage,
            claim(with_cgroup(&podman, ""), everything, false),
            "podman",
        ),
        (
            "podman under a parent with colons",
            storage,
            claim(
                with_cgroup(&podman, "/a:crio:b/libpod-0123"),
                everything,
                false,
            ),
            "podman",
        ),
        (
            "podman under a slice that looks like CRI-O's",
            storage,
            claim(
                with_cgroup(&podman, "crio-a:b.slice:libpod:0123"),
                everything,
                false,
            ),
            "podman",
        ),
        // nerdctl and ctr, in a namespace that is not CRI's.
        (
            "another client of containerd",
            &format!("{TASK}/default/0123"),
            claim(cri.clone(), everything, false),
            "containerd",
        ),
        // A pod under a handler with pod_annotations = ["*", "*/*"]: containerd writes its own after.
        (
            "a pod of containerd's",
            &format!("{TASK}/k8s.io/0123"),
            claim(cri.clone(), everything, true),
            "containerd",
        ),
        // CRI-O hands all annotations of a pod on.
        (
            "a pod of CRI-O's",
            storage,
            claim(crio, everything, true),
            "cri-o",
        ),
        // A build's Dockerfile and options reach no annotation; a frontend might one day.
        (
            "buildkit",
            "var/lib/buildkit/runc-native/executor/0123",
            claim(docker, everything, false),
            "buildkit",
        ),
        (
            "buildkit in dockerd",
            "var/lib/docker/buildkit/executor/0123",
            claim(with_cgroup(&podman, ""), everything, false),
            "buildkit",
        ),
    ] {
        let placed = Placed::new(below, &config);
        let answer = explain(policy.path(), &placed.path());
        assert_eq!(answer["engine"], engine, "{what}: {answer}");
        assert!(!is_free(&answer), "{what}: {answer}");
        assert_ne!(answer["result"], "refused", "{what}: {answer}");
    }
}

#[test]
fn the_engines_own_words_are_believed() {
    let Some(data) = shared_data("the_engines_own_words_are_believed") else {
        return;
    };
    let policy = policy();
    let mut cri = bundle(&data, "containerd-runtimedefault");
    cri["annotations"]["io.kubernetes.cri.sandbox-namespace"] = json!("kube-system");
    let placed = Placed::new(&format!("{TASK}/k8s.io/0123"), &cri);
    assert!(is_free(&explain(policy.path(), &placed.path())));
    cri["linux"]["cgroupsPath"] = json!("kubepods.slice:crio:0123");
    cri["annotations"] = json!({"io.kubernetes.pod.namespace": "kube-system"});
    let placed = Placed::new("overlay-containers/0123/userdata", &cri);
    assert!(is_free(&explain(policy.path(), &placed.path())));
}

#[test]
fn a_podman_user_cannot_pose_as_a_pod() {
    let test = "a_podman_user_cannot_pose_as_a_pod";
    if !needs_root(test) || !needs_programs(test, &["podman", "crun"]) {
        return;
    }
    let policy = policy();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("rootfs/bin")).expect("a root");
    std::fs::copy("/bin/busybox", at("rootfs/bin/true")).expect("busybox-static is installed");
    // Podman gives --cgroups=disabled to runtimes that are called crun only. Whether that one can
    // run the container here does not matter: the decision is on record before.
    integration::copy_program(&shim_binary(), &at("crun"));
    for extra in [
        &["--cgroups=disabled"][..],
        &["--cgroup-parent", "/a:crio:b"],
        &["--cgroup-parent", "/crio"],
        &[],
    ] {
        let mut podman = Command::new("podman");
        for (option, name) in [
            ("--root", "root"),
            ("--runroot", "run"),
            ("--tmpdir", "tmp"),
        ] {
            podman.arg(option).arg(at(name));
        }
        podman.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]);
        podman
            .args(["--events-backend", "file", "--runtime"])
            .arg(at("crun"));
        let policy_flag = format!("shim-policy={}", policy.path().display());
        podman.args([
            "--runtime-flag",
            &policy_flag,
            "--runtime-flag",
            "shim-runtime=/usr/bin/crun",
        ]);
        podman.args([
            "run",
            "--rm",
            "--network",
            "none",
            "--ulimit",
            "nofile=1024:1024",
        ]);
        podman.args(["--ulimit", "nproc=1024:1024"]).args(extra);
        for (key, value) in CLAIMS {
            podman.arg("--annotation").arg(format!("{key}={value}"));
        }
        let outcome = run(podman.arg("--rootfs").arg(at("rootfs")).arg("/bin/true"));
        let decisions = policy.decisions();
        let Some(decision) = decisions.last() else {
            return skip(
                test,
                &format!("podman does not run here: {}", outcome.stderr),
            );
        };
        assert_eq!(decision["engine"], "podman", "{extra:?}: {decision}");
        assert!(decision["namespace"].is_null(), "{extra:?}: {decision}");
        assert!(!is_free(decision), "{extra:?}: {decision}");
        println!("{extra:?}: {}", decision["engine"]);
        std::fs::remove_file(policy.path().join("decisions.jsonl")).expect("the record");
    }
}

#[test]
fn docker_takes_annotations_from_its_users_only_since_24() {
    let test = "docker_takes_annotations_from_its_users_only_since_24";
    if !needs_programs(test, &["docker"]) {
        return;
    }
    let help = run(Command::new("docker").args(["run", "--help"]));
    let has = help.stdout.contains("--annotation");
    println!("this docker has --annotation: {has}; what it would pass on is in the table above");
    let version = run(Command::new("docker").arg("--version")).stdout;
    let major = version
        .split_whitespace()
        .nth(2)
        .and_then(|word| word.split('.').next()?.parse().ok());
    assert_eq!(
        has,
        major.is_some_and(|major: u32| major >= 24),
        "{version}"
    );
}

//! Target `policy`: any text as policy.toml (and, after a line of dashes, as a drop-in), and what it
//! decides for some containers.

use std::fs;
use std::path::Path;

use bundle::{Change, Config};
use policy::{Container, Directory, Node, Outcome, Policy};
use profile::{Arch, Kernel};
use tempfile::TempDir;

use super::shape;

/// Between policy.toml, a drop-in, and the config.json of one more container.
const NEXT_FILE: &[u8] = b"\n----\n";

/// A folder for policies and the containers that are decided on.
#[derive(Debug)]
pub(crate) struct Bench {
    folder: TempDir,
    drop_in: bool,
}

impl Bench {
    pub(crate) fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        for name in ["policy.d", "profiles"] {
            fs::create_dir(folder.path().join(name)).map_err(|error| error.to_string())?;
        }
        let profile = br#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]}"#;
        let file = folder.path().join("profiles/web.json");
        fs::write(file, profile).map_err(|error| error.to_string())?;
        let drop_in = false;
        Ok(Self { folder, drop_in })
    }

    /// Loads the policy and decides.
    pub(crate) fn check(&mut self, input: &[u8]) -> Result<Vec<u64>, String> {
        let mut parts = split(input).into_iter();
        let policy = parts.next().unwrap_or(b"");
        let mut seen = Vec::new();
        self.write("policy.toml", policy)?;
        if let Some(text) = parts.next() {
            self.write("policy.d/10.toml", text)?;
            self.drop_in = true;
        } else if self.drop_in {
            let file = self.folder.path().join("policy.d/10.toml");
            fs::remove_file(file).map_err(|error| error.to_string())?;
            self.drop_in = false;
        }
        let directory = Directory::open(self.folder.path()).map_err(|error| error.to_string())?;
        let directory = directory.ok_or("the folder is gone")?;
        let policy = match directory.load() {
            Ok(policy) => policy,
            Err(error) => {
                seen.push(shape::message(
                    "load",
                    &self.without_folder(&error.to_string()),
                ));
                Policy::embedded()
            }
        };
        if let Some(config) = parts.next() {
            self.decide(&policy, config, &mut seen)?;
        }
        for config in CONTAINERS {
            self.decide(&policy, config.as_bytes(), &mut seen)?;
        }
        Ok(seen)
    }

    fn write(&self, name: &str, text: &[u8]) -> Result<(), String> {
        fs::write(self.folder.path().join(name), text).map_err(|error| error.to_string())
    }

    fn without_folder(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "")
    }

    fn decide(&self, policy: &Policy, text: &[u8], seen: &mut Vec<u64>) -> Result<(), String> {
        let Ok(config) = Config::parse(text) else {
            return Ok(());
        };
        let container = Container {
            config: &config,
            bundle: Path::new("/run/containerd/io.containerd.runtime.v2.task/k8s.io/id"),
            handler: "runc",
        };
        let node = Node {
            askers: None,
            arch: Arch::ScmpArchX86_64,
            kernel: Kernel {
                major: 6,
                minor: 18,
            },
            newer: policy::Newer::Profile,
        };
        let decision = match policy.decide(container, node) {
            Ok(decision) => decision,
            Err(error) => {
                seen.push(shape::message(
                    "decide",
                    &self.without_folder(&error.to_string()),
                ));
                return Ok(());
            }
        };
        seen.push(shape::of(&(
            decision.profile.len(),
            decision.mode.name(),
            decision.floors.len(),
            decision.exceptions.len(),
            decision.privileged,
            decision.untold.len(),
            format!("{:?}", decision.combine),
        )));
        let change = match &decision.outcome {
            Outcome::Kept => Change::Keep,
            Outcome::Removed => Change::Remove,
            Outcome::Set(json) => Change::Set(json),
        };
        let Some(new) = config.rewrite(change) else {
            return Ok(());
        };
        let new = Config::parse(&new).map_err(|error| format!("decided, not read: {error}"))?;
        match (&decision.outcome, new.seccomp()) {
            (Outcome::Set(json), Some(value)) if value.raw() == json.as_str() => Ok(()),
            (Outcome::Removed, None) | (Outcome::Kept, _) => Ok(()),
            _ => Err("the config does not say what was decided".to_owned()),
        }
    }
}

fn split(input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while parts.len() < 2
        && let Some(at) = rest
            .windows(NEXT_FILE.len())
            .position(|window| window == NEXT_FILE)
        && let Some((part, after)) = rest.split_at_checked(at)
    {
        parts.push(part);
        rest = after.get(NEXT_FILE.len()..).unwrap_or(b"");
    }
    parts.push(rest);
    parts
}

const CONTAINERS: [&str; 3] = [
    r#"{"ociVersion":"1.0.2","process":{"capabilities":{"bounding":["CAP_CHOWN"]}},"annotations":{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"web","io.kubernetes.cri.sandbox-namespace":"default","io.kubernetes.cri.sandbox-name":"pod","io.kubernetes.cri.image-name":"docker.io/library/nginx:1"},"linux":{"cgroupsPath":"/kubepods/a","namespaces":[{"type":"pid"},{"type":"network","path":"/proc/1/ns/net"}],"maskedPaths":["/proc/kcore"],"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}"#,
    r#"{"ociVersion":"1.0.2","process":{"capabilities":{"bounding":["CAP_SYS_ADMIN","CAP_SYS_MODULE"]}},"annotations":{"run.oci.seccomp_bpf_data":"x","seccomp.security.alpha.kubernetes.io/pod":"localhost/web.json"},"linux":{"namespaces":[],"resources":{"devices":[{"allow":true,"access":"rwm"}]}}}"#,
    "{}",
];

//! Bundles with a busybox in them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fs, process};

use profile::DOCKER_CAPABILITIES;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A bundle in a folder of its own, gone when dropped.
#[derive(Debug)]
pub struct TestBundle {
    folder: TempDir,
}

impl TestBundle {
    /// A bundle whose container runs `args` in a busybox root, with no seccomp.
    ///
    /// # Panics
    /// If the folder cannot be made, or busybox-static is not installed.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the bundle");
        let bin = folder.path().join("rootfs/bin");
        for below in [
            "rootfs/bin",
            "rootfs/proc",
            "rootfs/dev",
            "rootfs/tmp",
            "rootfs/sys",
        ] {
            fs::create_dir_all(folder.path().join(below)).expect("the container's folders");
        }
        fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed");
        for applet in APPLETS {
            symlink("busybox", bin.join(applet)).expect("a link to busybox");
        }
        let bundle = Self { folder };
        bundle.write(&bundle.config(args));
        bundle
    }

    /// The same as containerd's CRI plugin annotates it for a pod's container.
    ///
    /// # Panics
    /// As [`TestBundle::new`].
    #[must_use]
    pub fn of_pod(self, namespace: &str, pod: &str, container: &str, image: &str) -> Self {
        let annotations = json!({
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.sandbox-namespace": namespace,
            "io.kubernetes.cri.sandbox-name": pod,
            "io.kubernetes.cri.container-name": container,
            "io.kubernetes.cri.image-name": image,
        });
        self.edit(|config| {
            let config = config.as_object_mut();
            config.map(|config| config.insert("annotations".to_owned(), annotations));
        });
        self
    }

    /// Has its process do with the privileges that it has, or not. youki takes no `false` in so many
    /// words beside a profile.
    pub fn no_new_privileges(&self, has: bool) {
        self.edit(|config| {
            let process = config.get_mut("process").and_then(Value::as_object_mut);
            if let Some(process) = process {
                process.remove("noNewPrivileges");
                process.extend(has.then(|| ("noNewPrivileges".to_owned(), has.into())));
            }
        });
    }

    /// The config.json of a container that runs `args`.
    #[must_use]
    pub fn config(&self, args: &[&str]) -> Value {
        let name = self
            .path()
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": args,
                "env": ["PATH=/bin"],
                "cwd": "/",
                "capabilities": {
                    "bounding": DOCKER_CAPABILITIES,
                    "effective": DOCKER_CAPABILITIES,
                    "permitted": DOCKER_CAPABILITIES,
                },
            },
            "root": {"path": self.path().join("rootfs")},
            "hostname": "test",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                 "options": ["nosuid", "mode=755", "size=65536k"]},
            ],
            "linux": {
                "cgroupsPath": format!("/seccomp-shim-test/{}-{}", process::id(), name.unwrap_or_default()),
                "resources": {"devices": [{"allow": false, "access": "rwm"}]},
                "namespaces": [
                    {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                    {"type": "network"},
                ],
                "maskedPaths": ["/proc/kcore"],
                "readonlyPaths": ["/proc/sys"],
            },
        })
    }

    /// The bundle's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// config.json.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.path().join("config.json")
    }

    /// Changes config.json as a JSON value.
    ///
    /// # Panics
    /// If it cannot be read or written.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let text = fs::read(self.config_path()).expect("config.json");
        let mut config = serde_json::from_slice(&text).expect("JSON");
        change(&mut config);
        self.write(&config);
    }

    /// Writes config.json.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, config: &Value) {
        self.write_text(config.to_string());
    }

    /// Writes config.json to the byte.
    ///
    /// # Panics
    /// If it cannot be written.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn write_text(&self, text: impl AsRef<[u8]>) {
        fs::write(self.config_path(), text).expect("config.json is written");
    }

    /// config.json as it stands now.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn text(&self) -> Vec<u8> {
        fs::read(self.config_path()).expect("config.json")
    }

    /// `linux.seccomp` as it stands now; null if it is not there.
    ///
    /// # Panics
    /// If config.json is not JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn seccomp(&self) -> Value {
        let config: Value = serde_json::from_slice(&self.text()).expect("JSON");
        config
            .pointer("/linux/seccomp")
            .cloned()
            .unwrap_or_default()
    }
}

/// The applets that tests use.
const APPLETS: &[&str] = &[
    "sh", "sed", "true", "false", "echo", "cat", "grep", "mkdir", "rmdir", "sleep", "unshare",
    "mount", "ls", "chmod", "hostname", "date", "kill", "test", "id",
];

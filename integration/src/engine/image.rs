//! A busybox image made from what is on this machine: no registry, no network.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{copy_program, run};

/// The image's files, in a folder of the caller's.
#[derive(Debug)]
pub struct Image {
    /// Its root as one archive, for `docker import` and `podman import`.
    pub root: PathBuf,
    /// The same as `docker save` writes it, for containerd.
    pub archive: PathBuf,
}

impl Image {
    /// What the image is called.
    pub const NAME: &str = "docker.io/library/bb:latest";

    /// Makes it in `folder`, with busybox, a link for each of its applets, and the probe.
    ///
    /// # Errors
    /// busybox-static is not installed, or a file cannot be written.
    pub fn make(folder: &Path, probe: &str) -> io::Result<Self> {
        let root = folder.join("image");
        for below in ["bin", "etc", "proc", "sys", "dev", "tmp"] {
            fs::create_dir_all(root.join(below))?;
        }
        copy_program(Path::new("/bin/busybox"), &root.join("bin/busybox"));
        copy_program(Path::new(probe), &root.join("bin/probe"));
        let applets = run(Command::new("/bin/busybox").arg("--list")).stdout;
        for applet in applets.lines().filter(|name| *name != "busybox") {
            symlink("busybox", root.join("bin").join(applet))?;
        }
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
        fs::write(root.join("etc/group"), "root:x:0:\n")?;
        let image = Self {
            root: folder.join("root.tar"),
            archive: folder.join("image.tar"),
        };
        tar(&root, &image.root, &["."])?;
        image.write_archive(folder)?;
        Ok(image)
    }

    /// The layout of `docker save`: manifest.json names a configuration and the layers.
    fn write_archive(&self, folder: &Path) -> io::Result<()> {
        let layer = fs::read(&self.root)?;
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["sleep", "1000"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        });
        let manifest = json!([{
            "Config": "config.json",
            "RepoTags": [Self::NAME],
            "Layers": ["root.tar"],
        }]);
        fs::write(folder.join("config.json"), config.to_string())?;
        fs::write(folder.join("manifest.json"), manifest.to_string())?;
        tar(
            folder,
            &self.archive,
            &["manifest.json", "config.json", "root.tar"],
        )
    }
}

fn tar(from: &Path, to: &Path, names: &[&str]) -> io::Result<()> {
    let mut command = Command::new("tar");
    command.arg("-C").arg(from).arg("-cf").arg(to).args(names);
    let outcome = run(&mut command);
    if outcome.ok() {
        Ok(())
    } else {
        Err(io::Error::other(outcome.text()))
    }
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

//! containerd with its CRI plugin.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::engine::podman::script;
use crate::engine::{Image, World, Wrapped, succeeds, within};
use crate::shim_binary;

/// A containerd whose CRI has a handler for each runtime alone and behind the shim.
#[derive(Debug)]
pub struct Containerd {
    /// Where it runs.
    pub world: World,
    /// `containerd 1.6.20`.
    pub version: String,
}

impl Containerd {
    /// The programs that it needs.
    pub const PROGRAMS: &[&str] = &["/usr/bin/containerd", "/usr/bin/ctr"];

    /// Starts one. `others` are handlers besides: a name and the shim's options. Without
    /// options it is a link to the shim, whose name is the handler's; one with `deaf` in its name is
    /// handed no annotations.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(
        runtimes: &[Wrapped],
        others: &[(&str, &[&str])],
        probe: &str,
    ) -> Result<Self, String> {
        let shim = shim_binary().display().to_string();
        let mut files = Vec::new();
        let mut names: Vec<String> = others.iter().map(|(name, _)| (*name).to_owned()).collect();
        for runtime in runtimes {
            let path = runtime.path.display().to_string();
            let options = [
                "--shim-runtime",
                &path,
                "--shim-handler",
                &runtime.shimmed(),
            ];
            files.push((
                format!("runtimes/{}", runtime.shimmed()),
                script(&shim, &options),
            ));
            files.push((format!("runtimes/{}", runtime.bare()), script(&path, &[])));
            names.extend([runtime.shimmed(), runtime.bare()]);
        }
        files.push(("containerd/config.toml".to_owned(), configuration(&names)));
        let world = World::of_engine(&files)?;
        for (name, options) in others {
            let path = format!("/etc/runtimes/{name}");
            if options.is_empty() {
                succeeds(world.command("ln").args(["-s", &shim, &path]))?;
            } else {
                let options = [&["--shim-handler", *name], *options].concat();
                let text = script(&shim, &options);
                let write = "printf %s \"$0\" > \"$1\"; chmod 755 \"$1\"";
                succeeds(world.command("sh").args(["-c", write, &text, &path]))?;
            }
        }
        world
            .daemon("containerd", &mut world.command("containerd"))
            .map_err(|error| error.to_string())?;
        let mut containerd = Self {
            world,
            version: String::new(),
        };
        let version = within(|| containerd.says(&["version"]));
        let version =
            version.map_err(|error| format!("{error}\n{}", containerd.world.log("containerd")))?;
        let version = version
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Version:"))
            .next_back();
        let version = version
            .unwrap_or_default()
            .split(['~', '+'])
            .next()
            .unwrap_or_default();
        containerd.version = format!("containerd {}", version.trim());
        let image =
            Image::make(containerd.world.path(), probe).map_err(|error| error.to_string())?;
        let archive = image.archive.display().to_string();
        for namespace in ["k8s.io", "default"] {
            succeeds(containerd.world.command("ctr").args([
                "--namespace",
                namespace,
                "images",
                "import",
                &archive,
            ]))?;
        }
        Ok(containerd)
    }

    /// `ctr`, with these words.
    #[must_use]
    pub fn ctr(&self, words: &[&str]) -> Command {
        let mut command = self.world.command("ctr");
        command.args(words);
        command
    }

    /// What `ctr` prints if all is well.
    ///
    /// # Errors
    /// All is not well.
    pub fn says(&self, words: &[&str]) -> Result<String, String> {
        succeeds(&mut self.ctr(words))
    }

    /// `ctr run` with a runtime: options, the container's id, its words.
    #[must_use]
    pub fn run(&self, runtime: &str, options: &[&str], id: &str, words: &[&str]) -> Command {
        let binary = format!("/etc/runtimes/{runtime}");
        let mut command = self.ctr(&["run", "--runc-binary", &binary]);
        command.args(options).args([Image::NAME, id]).args(words);
        command
    }

    /// Its socket, for those outside of the world.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.world.outside("/run/containerd/containerd.sock")
    }
}

/// Version 2, which containerd 1.x and 2.x read.
fn configuration(handlers: &[String]) -> String {
    let mut text = format!(
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = {:?}\nrestrict_oom_score_adj = true\n\
         [plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"bare-runc\"\n",
        Image::NAME
    );
    let annotations = "[\"seccomp.security.alpha.kubernetes.io/*\", \"container.seccomp.security.alpha.kubernetes.io/*\"]";
    for name in handlers {
        let annotations = if name.contains("deaf") {
            "[]"
        } else {
            annotations
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.{name}]\n\
             runtime_type = \"io.containerd.runc.v2\"\npod_annotations = {annotations}\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.{name}.options]\n\
             BinaryName = \"/etc/runtimes/{name}\""
        );
    }
    text
}

//! podman, which has no daemon: each command is a process of its own in the same world.

use std::fmt::Write as _;
use std::process::Command;

use crate::engine::{CommandLine, Image, World, Wrapped};
use crate::shim_binary;

/// A podman that knows each runtime alone and behind the shim.
#[derive(Debug)]
pub struct Podman {
    /// Where it runs.
    pub world: World,
    /// `podman 4.3.1`.
    pub version: String,
}

impl Podman {
    /// The programs that it needs.
    pub const PROGRAMS: &[&str] = &["/usr/bin/podman", "/usr/bin/conmon"];

    /// Makes one. `others` are runtimes besides: a name and the shim's options.
    ///
    /// # Errors
    /// It does not work here.
    pub fn start(
        runtimes: &[Wrapped],
        others: &[(&str, &[&str])],
        probe: &str,
    ) -> Result<Self, String> {
        let shim = shim_binary();
        let mut entries: Vec<(String, String)> = Vec::new();
        for runtime in runtimes {
            let path = runtime.path.display().to_string();
            entries.push((
                runtime.shimmed(),
                script(&shim.display().to_string(), &["--shim-runtime", &path]),
            ));
            entries.push((runtime.bare(), script(&path, &[])));
        }
        for (name, options) in others {
            entries.push((
                (*name).to_owned(),
                script(&shim.display().to_string(), options),
            ));
        }
        let names: Vec<&String> = entries.iter().map(|(name, _)| name).collect();
        // Podman sets limits that a machine within a machine may not have, unless told others.
        let mut config = format!(
            "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\nnetns = \"none\"\n\
             cgroupns = \"host\"\n[engine]\nruntime = \"shim-runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
             runtime_supports_json = {names:?}\nruntime_supports_nocgroups = [\"bare-crun\", \"shim-crun\"]\n[engine.runtimes]\n",
        );
        let mut files = Vec::new();
        for (name, text) in &entries {
            // Writing to a String cannot fail.
            let _ = writeln!(config, "{name} = [\"/etc/runtimes/{name}\"]");
            files.push((format!("runtimes/{name}"), text.clone()));
        }
        files.push(("containers/containers.conf".to_owned(), config));
        let world = World::of_engine(&files)?;
        let image = Image::make(world.path(), probe).map_err(|error| error.to_string())?;
        let mut podman = Self {
            world,
            version: String::new(),
        };
        podman.version = podman.says(&["--version"])?.replace(" version", "");
        podman.says(&["load", "--input", &image.archive.display().to_string()])?;
        Ok(podman)
    }
}

impl CommandLine for Podman {
    const REMOVE: &[&str] = &["rm", "--force", "--time", "0"];

    fn world(&self) -> &World {
        &self.world
    }

    fn cli(&self, words: &[&str]) -> Command {
        let mut command = self.world.command("podman");
        command.env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        command.args(words);
        command
    }

    fn about(&self, runtime: &str, words: &[&str]) -> Command {
        self.cli(&[&["--runtime", runtime], words].concat())
    }

    fn run(&self, runtime: &str, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.about(runtime, &["run"]);
        command.args(options).arg(Image::NAME).args(words);
        command
    }
}

/// A runtime under a name of its own, with options, as dockerd makes one of `runtimeArgs`.
pub(crate) fn script(program: &str, options: &[&str]) -> String {
    let options = options.join(" ");
    format!("#!/bin/sh\nexec {program} {options} \"$@\"\n")
}

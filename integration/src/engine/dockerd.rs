//! dockerd and its own containerd.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::engine::{CommandLine, Image, World, Wrapped, succeeds, within};
use crate::{run, shim_binary};

/// A dockerd that knows each runtime alone and behind the shim; it ends when dropped.
#[derive(Debug)]
pub struct Docker {
    /// Where it runs.
    pub world: World,
    /// `docker 20.10.24`.
    pub version: String,
}

/// What `shim install docker` sets up for a handler: the entry, and lines for a shell that make its links.
/// With `runtimeArgs` dockerd would put a shell in front of each call. Options that no link says are
/// given so all the same.
fn installed(name: &str, options: &[&str], links: &mut String) -> Value {
    let shim = shim_binary();
    let mut wanted = vec![(name.to_owned(), shim.display().to_string())];
    for pair in options.chunks(2) {
        match pair {
            ["--shim-runtime", path] => {
                wanted.push((format!("{name}.runtime"), (*path).to_owned()))
            }
            ["--shim-policy", path] => wanted.push((format!("{name}.policy"), (*path).to_owned())),
            _ => return json!({"path": shim, "runtimeArgs": options}),
        }
    }
    for (link, target) in wanted {
        // Writing to a String cannot fail.
        let _ = writeln!(
            links,
            "ln -s '{target}' '/etc/seccomp-shim-handlers/{link}'"
        );
    }
    json!({"path": format!("/etc/seccomp-shim-handlers/{name}")})
}

impl Docker {
    /// The programs that it needs.
    pub const PROGRAMS: &[&str] = &[
        "/usr/sbin/dockerd",
        "/usr/bin/docker",
        "/usr/bin/containerd",
    ];

    /// Starts one. `others` are runtimes besides: a name and the shim's options.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(
        runtimes: &[Wrapped],
        others: &[(&str, &[&str])],
        probe: &str,
    ) -> Result<Self, String> {
        let shim = shim_binary();
        let mut known = Map::new();
        let mut links = String::from("mkdir -p /etc/seccomp-shim-handlers\n");
        let mut add = |name: &str, options: &[&str]| {
            known.insert(name.to_owned(), installed(name, options, &mut links));
        };
        for runtime in runtimes {
            let path = runtime.path.to_string_lossy();
            add(&runtime.shimmed(), &["--shim-runtime", &path]);
        }
        for (name, options) in others {
            add(name, options);
        }
        for runtime in runtimes {
            known.insert(runtime.bare(), json!({"path": runtime.path}));
        }
        let config = json!({
            "runtimes": known,
            "default-runtime": "shim-runc",
            "experimental": true,
            "bridge": "none",
            "iptables": false,
            "ip-forward": false,
        });
        let file = ("docker/daemon.json".to_owned(), config.to_string());
        let world = World::of_engine(&[file])?;
        succeeds(world.command("sh").args(["-ec", &links]))?;
        let builder = world.path().join("bin/runc");
        std::os::unix::fs::symlink(&shim, &builder).map_err(|error| error.to_string())?;
        let mut command = world.command("dockerd");
        let version = run(Command::new("/usr/sbin/dockerd").arg("--version"));
        if version.stdout.contains(" 20.10.") {
            // It knows no DOCKER_BUILDKIT_RUNC_COMMAND: its BuildKit takes the first runc in PATH.
            let folders = std::env::var("PATH").unwrap_or_default();
            let bin = world.path().join("bin").display().to_string();
            command.env("PATH", format!("{bin}:{folders}"));
        }
        command.env("DOCKER_BUILDKIT_RUNC_COMMAND", builder);
        world
            .daemon("dockerd", &mut command)
            .map_err(|error| error.to_string())?;
        let mut docker = Self {
            world,
            version: String::new(),
        };
        let version = within(|| docker.says(&["version", "--format", "{{.Server.Version}}"]));
        let version =
            version.map_err(|error| format!("{error}\n{}", docker.world.log("dockerd")))?;
        let version = version.split('+').next().unwrap_or_default().to_owned();
        docker.version = format!("docker {version}");
        let image = Image::make(docker.world.path(), probe).map_err(|error| error.to_string())?;
        let path = image.archive.display().to_string();
        docker.says(&["load", "--input", &path])?;
        Ok(docker)
    }
}

impl CommandLine for Docker {
    const REMOVE: &[&str] = &["rm", "--force"];

    fn world(&self) -> &World {
        &self.world
    }

    fn cli(&self, words: &[&str]) -> Command {
        let mut command = self.world.command("/usr/bin/docker");
        command.args(words);
        command
    }

    /// dockerd remembers which runtime a container has.
    fn about(&self, _: &str, words: &[&str]) -> Command {
        self.cli(words)
    }

    fn run(&self, runtime: &str, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.cli(&["run", "--network", "none", "--runtime", runtime]);
        command.args(options).arg(Image::NAME).args(words);
        command
    }
}

//! The container and node that a question is about, as options.

use clap::{Args, ValueEnum};
use profile::{Arch, Dialect, Kernel, Target};

use super::arches;
use super::capability::{self, Caps};
use super::failure::Failure;

/// Which file it is, and for which container.
#[derive(Debug, Clone, Args)]
pub(super) struct TargetArgs {
    #[command(flatten)]
    pub(super) container: ContainerArgs,
    /// Whose rules the file is read by; its keys tell by default
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<DialectWord>,
}

/// Which container, on which node.
#[derive(Debug, Clone, Args)]
pub(super) struct ContainerArgs {
    /// A bounding capability of the container, as it stands in config.json: CAP_SYS_ADMIN; also
    /// docker for the fourteen that Docker gives by default, and all. Without any it has none
    #[arg(long = "cap", value_name = "CAP", value_parser = capability::parse)]
    caps: Vec<Caps>,
    /// The node's architecture (for `test`, that of the call), by Go's name, uname's or
    /// libseccomp's; this machine's by default
    #[arg(long, value_name = "A", value_parser = arches::parse)]
    pub(super) arch: Option<Arch>,
    /// The kernel's version, e.g. 6.1; the running one's by default
    #[arg(long, value_name = "V", value_parser = kernel)]
    kernel: Option<Kernel>,
}

/// A dialect, as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DialectWord {
    /// Docker's.
    Docker,
    /// Podman's and CRI-O's.
    Podman,
    /// The OCI runtime spec's, as containerd reads a Localhost profile.
    Oci,
}

impl ContainerArgs {
    /// The node's architecture.
    pub(super) fn native(&self) -> Result<Arch, Failure> {
        self.arch.map_or_else(arches::host, Ok)
    }

    /// The container and node.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        capability::remark(&self.caps);
        Ok(Target {
            capabilities: capability::set(&self.caps),
            arch: self.native()?,
            kernel: self.kernel.map_or_else(running, Ok)?,
        })
    }

    /// The same with every capability.
    pub(super) fn with_all(&self) -> Result<Target, Failure> {
        Ok(Target {
            capabilities: capability::set(&[Caps::All]),
            arch: self.native()?,
            kernel: self.kernel.map_or_else(running, Ok)?,
        })
    }
}

impl TargetArgs {
    /// The container and node.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        self.container.target()
    }

    /// The dialect that was asked for.
    pub(super) fn dialect(&self) -> Option<Dialect> {
        self.dialect.map(|dialect| match dialect {
            DialectWord::Docker => Dialect::Docker,
            DialectWord::Podman => Dialect::Podman,
            DialectWord::Oci => Dialect::Oci,
        })
    }

    /// The same with another architecture for the node.
    pub(super) fn on(&self, native: Arch) -> Self {
        let mut args = self.clone();
        args.container.arch = Some(native);
        args
    }
}

/// The target in words.
pub(super) fn words(target: &Target) -> String {
    let caps = match target.capabilities.len() {
        0 => "no capability".to_owned(),
        1 => "one capability".to_owned(),
        count => format!("{count} capabilities"),
    };
    let (arch, kernel) = (arches::name(target.arch), target.kernel);
    format!("{arch}, Linux {}.{}, {caps}", kernel.major, kernel.minor)
}

fn kernel(word: &str) -> Result<Kernel, String> {
    Kernel::from_release(word).ok_or_else(|| "no kernel version; write e.g. 6.1".to_owned())
}

/// The running kernel's version.
fn running() -> Result<Kernel, Failure> {
    let uname = rustix::system::uname();
    let release = uname.release().to_str().ok();
    release.and_then(Kernel::from_release).ok_or_else(|| {
        Failure::Asked("the kernel's version is unknown: say it with --kernel".to_owned())
    })
}

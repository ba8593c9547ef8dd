//! Architectures, as options and answers name them.

use profile::{Arch, compat, native_from_name};

use super::failure::Failure;

/// Reads the name of an architecture: Go's, `uname -m`'s or libseccomp's.
pub(super) fn parse(word: &str) -> Result<Arch, String> {
    native_from_name(word).ok_or_else(|| {
        "no such architecture; write e.g. amd64, x86_64 or SCMP_ARCH_X86_64".to_owned()
    })
}

/// The short name: `x86_64`, `x32`, `aarch64`.
pub(super) fn name(arch: Arch) -> String {
    let long = arch.to_string();
    let short = long.strip_prefix("SCMP_ARCH_").unwrap_or(&long);
    short.to_ascii_lowercase()
}

/// Short names, with commas.
pub(super) fn names(arches: &[Arch]) -> String {
    let names: Vec<String> = arches.iter().map(|arch| name(*arch)).collect();
    names.join(", ")
}

/// The architecture of this machine.
pub(super) fn host() -> Result<Arch, Failure> {
    filter::host().ok_or_else(|| {
        Failure::Asked("this machine's architecture is unknown: say it with --arch".to_owned())
    })
}

/// The architecture of a node where a call through `abi` is likely made: this machine's, if it
/// runs such programs, or else `abi` itself.
pub(super) fn node_for(abi: Arch) -> Arch {
    match filter::host() {
        Some(host) if host == abi || compat(host).contains(&abi) => host,
        _ if abi == Arch::ScmpArchX32 => Arch::ScmpArchX86_64,
        _ => abi,
    }
}

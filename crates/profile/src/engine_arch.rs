//! Which architectures each engine knows, by which names: the filters' `arches`, the entries of
//! `archMap` that take effect, and what runc takes in `architectures`.

use crate::{Arch, Dialect};

/// The name of the native architecture that `arches` is compared with; none where the engine has
/// none for it.
///
/// Docker goes from Go's name to one of its own (moby/profiles seccomp/seccomp_linux.go,
/// `goToNative`); Podman takes libseccomp-golang's.
pub(crate) fn name(dialect: Dialect, native: Arch) -> Option<&'static str> {
    use Arch::*;
    Some(match native {
        ScmpArchX86 => "x86",
        ScmpArchX86_64 => "amd64",
        ScmpArchArm => "arm",
        ScmpArchAarch64 => "arm64",
        ScmpArchMips64 => "mips64",
        ScmpArchMips64n32 => "mips64n32",
        ScmpArchMipsel => "mipsel",
        ScmpArchMipsel64 => "mipsel64",
        ScmpArchPpc => "ppc",
        ScmpArchPpc64 => "ppc64",
        ScmpArchPpc64le => "ppc64le",
        ScmpArchRiscv64 => "riscv64",
        ScmpArchS390 => "s390",
        ScmpArchS390x => "s390x",
        ScmpArchLoongarch64 if dialect == Dialect::Docker => "loongarch64",
        ScmpArchLoongarch64 => "loong64",
        ScmpArchMipsel64n32 if dialect == Dialect::Docker => "mips3l64n32",
        ScmpArchMipsel64n32 => "mipsel64n32",
        ScmpArchX32 if dialect == Dialect::Podman => "x32",
        ScmpArchMips if dialect == Dialect::Podman => "mips",
        _ => return None,
    })
}

/// The native architecture that `arches` calls `found`.
pub(crate) fn of_name(dialect: Dialect, found: &str) -> Option<Arch> {
    let mut all = NATIVE.iter().copied();
    all.find(|arch| name(dialect, *arch) == Some(found))
}

/// Whether any node has the name `found` for `arches`; also for `x32`, which Docker's own default
/// lists beside `amd64` though no node is of that kind.
pub(crate) fn filters_know(dialect: Dialect, found: &str) -> bool {
    found == "x32"
        || NATIVE
            .iter()
            .any(|arch| name(dialect, *arch) == Some(found))
}

/// Whether the engine applies the entry of `archMap` for `native` on such a node.
///
/// Docker looks its own name up in a second table (`nativeToSeccomp`), which spells two of them
/// otherwise (`loong64`, `mipsle`) and so never finds those; Podman's table is short.
pub(crate) fn maps(dialect: Dialect, native: Arch) -> bool {
    use Arch::*;
    match dialect {
        Dialect::Oci => false,
        Dialect::Docker => {
            name(dialect, native).is_some()
                && !matches!(native, ScmpArchLoongarch64 | ScmpArchMipsel)
        }
        Dialect::Podman => matches!(
            native,
            ScmpArchX86_64
                | ScmpArchAarch64
                | ScmpArchMips64
                | ScmpArchMips64n32
                | ScmpArchMipsel64
                | ScmpArchMipsel64n32
                | ScmpArchS390x
        ),
    }
}

/// Whether runc takes `arch` in `architectures` (runc libcontainer/seccomp/config.go).
pub(crate) fn runc_takes(arch: Arch) -> bool {
    NATIVE.contains(&arch)
}

/// The eighteen architectures that runc knows.
const NATIVE: &[Arch] = &[
    Arch::ScmpArchX86,
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX32,
    Arch::ScmpArchArm,
    Arch::ScmpArchAarch64,
    Arch::ScmpArchMips,
    Arch::ScmpArchMips64,
    Arch::ScmpArchMips64n32,
    Arch::ScmpArchMipsel,
    Arch::ScmpArchMipsel64,
    Arch::ScmpArchMipsel64n32,
    Arch::ScmpArchPpc,
    Arch::ScmpArchPpc64,
    Arch::ScmpArchPpc64le,
    Arch::ScmpArchRiscv64,
    Arch::ScmpArchS390,
    Arch::ScmpArchS390x,
    Arch::ScmpArchLoongarch64,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_name_loongarch_differently_and_neither_maps_it() {
        let loong = Arch::ScmpArchLoongarch64;
        assert_eq!(name(Dialect::Docker, loong), Some("loongarch64"));
        assert_eq!(name(Dialect::Podman, loong), Some("loong64"));
        assert!(!maps(Dialect::Docker, loong));
        assert!(!maps(Dialect::Podman, loong));
    }

    #[test]
    fn podman_maps_fewer_architectures_than_docker() {
        for arch in [
            Arch::ScmpArchPpc64le,
            Arch::ScmpArchRiscv64,
            Arch::ScmpArchArm,
        ] {
            assert!(maps(Dialect::Docker, arch));
            assert!(!maps(Dialect::Podman, arch));
        }
    }

    #[test]
    fn other_spellings_never_match() {
        for never in ["x86_64", "SCMP_ARCH_X86_64", "aarch64", ""] {
            assert!(!filters_know(Dialect::Docker, never), "{never}");
        }
        for known in ["amd64", "x32"] {
            assert!(filters_know(Dialect::Docker, known), "{known}");
        }
    }
}

//! Names of architectures, and which ABIs a native one runs.

use crate::Arch;

/// The architecture that `name` means as a native one: Go's names (`amd64`), `uname -m`'s
/// (`x86_64`) and libseccomp's (`SCMP_ARCH_X86_64`) are all taken.
#[must_use]
pub fn native_from_name(name: &str) -> Option<Arch> {
    Some(match name {
        "amd64" | "x86_64" | "SCMP_ARCH_X86_64" => Arch::ScmpArchX86_64,
        "386" | "i386" | "i486" | "i586" | "i686" | "x86" | "SCMP_ARCH_X86" => Arch::ScmpArchX86,
        "x32" | "SCMP_ARCH_X32" => Arch::ScmpArchX32,
        "arm64" | "aarch64" | "SCMP_ARCH_AARCH64" => Arch::ScmpArchAarch64,
        "arm" | "armv6l" | "armv7l" | "armv8l" | "SCMP_ARCH_ARM" => Arch::ScmpArchArm,
        "mips" | "SCMP_ARCH_MIPS" => Arch::ScmpArchMips,
        "mips64" | "SCMP_ARCH_MIPS64" => Arch::ScmpArchMips64,
        "mips64n32" | "SCMP_ARCH_MIPS64N32" => Arch::ScmpArchMips64n32,
        "mipsle" | "mipsel" | "SCMP_ARCH_MIPSEL" => Arch::ScmpArchMipsel,
        "mips64le" | "mipsel64" | "SCMP_ARCH_MIPSEL64" => Arch::ScmpArchMipsel64,
        "mipsel64n32" | "SCMP_ARCH_MIPSEL64N32" => Arch::ScmpArchMipsel64n32,
        "ppc" | "SCMP_ARCH_PPC" => Arch::ScmpArchPpc,
        "ppc64" | "SCMP_ARCH_PPC64" => Arch::ScmpArchPpc64,
        "ppc64le" | "SCMP_ARCH_PPC64LE" => Arch::ScmpArchPpc64le,
        "s390" | "SCMP_ARCH_S390" => Arch::ScmpArchS390,
        "s390x" | "SCMP_ARCH_S390X" => Arch::ScmpArchS390x,
        "riscv64" | "SCMP_ARCH_RISCV64" => Arch::ScmpArchRiscv64,
        "loong64" | "loongarch64" | "SCMP_ARCH_LOONGARCH64" => Arch::ScmpArchLoongarch64,
        _ => return None,
    })
}

/// The other ABIs whose calls the kernel of `native` takes, in the order in which Docker's
/// default lists them.
#[must_use]
pub fn compat(native: Arch) -> &'static [Arch] {
    use Arch::*;
    match native {
        ScmpArchX86_64 => &[ScmpArchX86, ScmpArchX32],
        ScmpArchAarch64 => &[ScmpArchArm],
        ScmpArchMips64 => &[ScmpArchMips, ScmpArchMips64n32],
        ScmpArchMips64n32 => &[ScmpArchMips, ScmpArchMips64],
        ScmpArchMipsel64 => &[ScmpArchMipsel, ScmpArchMipsel64n32],
        ScmpArchMipsel64n32 => &[ScmpArchMipsel, ScmpArchMipsel64],
        ScmpArchS390x => &[ScmpArchS390],
        _ => &[],
    }
}

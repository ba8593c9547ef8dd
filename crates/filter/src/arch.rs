//! Architectures: the OCI names, libseccomp's, and the kernel's audit numbers.
#![forbid(unsafe_code)]

use libseccomp::ScmpArch;
use profile::Arch;

use crate::instruction::Endian;

/// The architecture of the machine that this runs on, as libseccomp was built for it.
#[must_use]
pub fn host() -> Option<Arch> {
    let native = ScmpArch::native();
    ALL.into_iter().find(|arch| scmp(*arch) == Some(native))
}

/// The number by which the kernel names `arch` in `seccomp_data.arch` (include/uapi/linux/audit.h).
/// x32 has none of its own: it is x86-64's, with bit 30 set in the syscall's number
/// ([`X32_BIT`](crate::X32_BIT)). `SCMP_ARCH_NATIVE` gives 0, which is none.
#[must_use]
pub fn audit_arch(arch: Arch) -> u32 {
    match arch {
        // The OCI enum's values are libseccomp's tokens, which are the audit numbers but for x32.
        Arch::ScmpArchX32 => Arch::ScmpArchX86_64 as u32,
        _ => arch as u32,
    }
}

/// The order of bytes in memory of `arch`.
pub(crate) fn endian(arch: Arch) -> Endian {
    Endian::of_audit_arch(audit_arch(arch))
}

/// libseccomp's name of `arch`; `None` for `SCMP_ARCH_NATIVE`, which no runtime takes.
pub(crate) fn scmp(arch: Arch) -> Option<ScmpArch> {
    Some(match arch {
        Arch::ScmpArchX86 => ScmpArch::X86,
        Arch::ScmpArchX86_64 => ScmpArch::X8664,
        Arch::ScmpArchX32 => ScmpArch::X32,
        Arch::ScmpArchArm => ScmpArch::Arm,
        Arch::ScmpArchAarch64 => ScmpArch::Aarch64,
        Arch::ScmpArchLoongarch64 => ScmpArch::Loongarch64,
        Arch::ScmpArchM68k => ScmpArch::M68k,
        Arch::ScmpArchMips => ScmpArch::Mips,
        Arch::ScmpArchMips64 => ScmpArch::Mips64,
        Arch::ScmpArchMips64n32 => ScmpArch::Mips64N32,
        Arch::ScmpArchMipsel => ScmpArch::Mipsel,
        Arch::ScmpArchMipsel64 => ScmpArch::Mipsel64,
        Arch::ScmpArchMipsel64n32 => ScmpArch::Mipsel64N32,
        Arch::ScmpArchPpc => ScmpArch::Ppc,
        Arch::ScmpArchPpc64 => ScmpArch::Ppc64,
        Arch::ScmpArchPpc64le => ScmpArch::Ppc64Le,
        Arch::ScmpArchS390 => ScmpArch::S390,
        Arch::ScmpArchS390x => ScmpArch::S390X,
        Arch::ScmpArchParisc => ScmpArch::Parisc,
        Arch::ScmpArchParisc64 => ScmpArch::Parisc64,
        Arch::ScmpArchRiscv64 => ScmpArch::Riscv64,
        Arch::ScmpArchSh => ScmpArch::Sh,
        Arch::ScmpArchSheb => ScmpArch::Sheb,
        Arch::ScmpArchNative => return None,
    })
}

/// The architectures that this crate is built for.
const ALL: [Arch; 9] = [
    Arch::ScmpArchX86_64,
    Arch::ScmpArchAarch64,
    Arch::ScmpArchX86,
    Arch::ScmpArchArm,
    Arch::ScmpArchPpc64le,
    Arch::ScmpArchS390x,
    Arch::ScmpArchRiscv64,
    Arch::ScmpArchMips64,
    Arch::ScmpArchMipsel64,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_numbers_are_the_kernels() {
        // include/uapi/linux/audit.h: ELF machine | 64BIT 0x80000000 | LE 0x40000000
        for (arch, number) in [
            (Arch::ScmpArchX86_64, 0xc000_003e),
            (Arch::ScmpArchX32, 0xc000_003e),
            (Arch::ScmpArchX86, 0x4000_0003),
            (Arch::ScmpArchAarch64, 0xc000_00b7),
            (Arch::ScmpArchArm, 0x4000_0028),
            (Arch::ScmpArchRiscv64, 0xc000_00f3),
            (Arch::ScmpArchS390x, 0x8000_0016),
            (Arch::ScmpArchPpc64le, 0xc000_0015),
            (Arch::ScmpArchMips64n32, 0xa000_0008),
        ] {
            assert_eq!(audit_arch(arch), number, "{arch}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_host_is_what_this_was_built_for() {
        assert_eq!(host(), Some(Arch::ScmpArchX86_64));
    }
}

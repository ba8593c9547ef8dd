//! Names of what a notification says in numbers.
#![forbid(unsafe_code)]

use filter::X32_BIT;
use profile::Arch;

/// The architectures whose calls can come, by audit number.
const ARCHES: [(Arch, &str); 8] = [
    (Arch::ScmpArchX86_64, "x86_64"),
    (Arch::ScmpArchX86, "x86"),
    (Arch::ScmpArchAarch64, "aarch64"),
    (Arch::ScmpArchArm, "arm"),
    (Arch::ScmpArchRiscv64, "riscv64"),
    (Arch::ScmpArchPpc64le, "ppc64le"),
    (Arch::ScmpArchS390x, "s390x"),
    (Arch::ScmpArchLoongarch64, "loongarch64"),
];

/// The ABI of a call.
pub(crate) fn arch(audit: u32, nr: u32) -> Option<Arch> {
    let (arch, _) = ARCHES
        .into_iter()
        .find(|(arch, _)| filter::audit_arch(*arch) == audit)?;
    if arch == Arch::ScmpArchX86_64 && nr & X32_BIT != 0 {
        return Some(Arch::ScmpArchX32);
    }
    Some(arch)
}

/// The ABI's name for people.
pub(crate) fn arch_name(audit: u32, nr: u32) -> String {
    match arch(audit, nr) {
        Some(Arch::ScmpArchX32) => "x32".to_owned(),
        Some(found) => {
            let mut known = ARCHES.into_iter();
            let named = known.find(|(arch, _)| *arch == found);
            named.map_or_else(String::new, |(_, name)| name.to_owned())
        }
        None => format!("{audit:#x}"),
    }
}

/// The syscall's name; `syscall_NUMBER` for one that nobody here knows.
pub(crate) fn syscall(audit: u32, nr: u32) -> String {
    let by_libseccomp = arch(audit, nr).and_then(|arch| filter::name(nr, arch));
    by_libseccomp.unwrap_or_else(|| {
        let bare = nr & !X32_BIT;
        // Newer calls have the same number everywhere (Linux 5.1, asm-generic/unistd.h).
        let number = usize::try_from(bare).unwrap_or(usize::MAX);
        let newer = (SHARED_FROM..1024)
            .contains(&bare)
            .then(|| syscalls::x86_64::Sysno::new(number))
            .flatten();
        newer.map_or_else(|| format!("syscall_{bare}"), |call| call.name().to_owned())
    })
}

const SHARED_FROM: u32 = 424;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_abis_names() {
        let x64 = 0xc000_003e;
        for (arch, nr, abi, name) in [
            (x64, 0, "x86_64", "read"),
            (x64, X32_BIT, "x32", "read"),
            (0x4000_0003, 3, "x86", "read"),
            (0xc000_00b7, 63, "aarch64", "read"),
            (x64, 462, "x86_64", "mseal"),
            (x64, 1000, "x86_64", "syscall_1000"),
            (7, 3, "0x7", "syscall_3"),
        ] {
            assert_eq!(arch_name(arch, nr), abi);
            assert_eq!(syscall(arch, nr), name, "{abi} {nr}");
        }
    }
}

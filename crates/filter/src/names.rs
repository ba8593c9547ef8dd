//! Syscalls' names and numbers, as this libseccomp has them.
#![forbid(unsafe_code)]

use libseccomp::ScmpSyscall;
use profile::Arch;

use crate::arch::scmp;

/// Whether libseccomp knows `name` on any architecture. The runtimes skip a name that it does not.
#[must_use]
pub fn known(name: &str) -> bool {
    ScmpSyscall::from_name(name).is_ok()
}

/// The number by which `arch` has `name`, for x32 with [`X32_BIT`](crate::X32_BIT) set; `None`
/// where it has none, or has it only as a part of another call (x86's `socketcall` and `ipc`).
#[must_use]
pub fn nr(name: &str, arch: Arch) -> Option<u32> {
    let syscall = ScmpSyscall::from_name_by_arch(name, scmp(arch)?).ok()?;
    // Names that the architecture does not have resolve to numbers below 0.
    u32::try_from(i32::from(syscall)).ok()
}

/// The name of `arch`'s syscall `nr`, for x32 with its bit set.
#[must_use]
pub fn name(nr: u32, arch: Arch) -> Option<String> {
    let syscall = ScmpSyscall::from(i32::try_from(nr).ok()?);
    syscall.get_name_by_arch(scmp(arch)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_numbers_of_their_architecture() {
        for (call, arch, number) in [
            ("read", Arch::ScmpArchX86_64, Some(0)),
            ("read", Arch::ScmpArchX86, Some(3)),
            ("read", Arch::ScmpArchX32, Some(0x4000_0000)),
            ("read", Arch::ScmpArchAarch64, Some(63)),
            ("rt_sigaction", Arch::ScmpArchX32, Some(0x4000_0200)),
            ("open", Arch::ScmpArchAarch64, None),
            ("no_such_call", Arch::ScmpArchX86_64, None),
            ("read", Arch::ScmpArchNative, None),
        ] {
            assert_eq!(nr(call, arch), number, "{call} {arch}");
            if let Some(number) = number {
                assert_eq!(name(number, arch).as_deref(), Some(call));
            }
        }
        assert_eq!(name(9999, Arch::ScmpArchX86_64), None);
    }

    #[test]
    fn a_name_of_another_architecture_is_known() {
        assert!(known("arm_fadvise64_64"));
        assert!(!known("no_such_call"));
        assert!(!known(""));
        assert!(!known("a\0b"));
        assert!(!known(&"x".repeat(1000)));
    }
}

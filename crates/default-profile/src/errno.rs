//! What a denied call returns.

use profile::Arch;

/// An errno that a denial gives. Its number is the architecture's (`asm/errno.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// EAFNOSUPPORT: what the kernel says of a socket family that it does not have.
    AddressFamilyNotSupported,
    /// ENOSYS: as if the kernel did not have the call, so that callers fall back on older ones.
    NotImplemented,
    /// EPERM: as if a right were missing, which is what containers are used to.
    NotPermitted,
}

impl Errno {
    /// The number on `arch`. MIPS alone counts in its own way.
    #[must_use]
    pub const fn number(self, arch: Arch) -> u32 {
        match (self, is_mips(arch)) {
            (Self::NotPermitted, _) => 1,
            (Self::NotImplemented, false) => 38,
            (Self::NotImplemented, true) => 89,
            (Self::AddressFamilyNotSupported, false) => 97,
            (Self::AddressFamilyNotSupported, true) => 124,
        }
    }

    /// The name as headers spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressFamilyNotSupported => "EAFNOSUPPORT",
            Self::NotImplemented => "ENOSYS",
            Self::NotPermitted => "EPERM",
        }
    }
}

const fn is_mips(arch: Arch) -> bool {
    matches!(
        arch,
        Arch::ScmpArchMips
            | Arch::ScmpArchMips64
            | Arch::ScmpArchMips64n32
            | Arch::ScmpArchMipsel
            | Arch::ScmpArchMipsel64
            | Arch::ScmpArchMipsel64n32
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mips_has_its_own_numbers() {
        assert_eq!(Errno::NotImplemented.number(Arch::ScmpArchX86_64), 38);
        assert_eq!(Errno::NotImplemented.number(Arch::ScmpArchMipsel64), 89);
        assert_eq!(
            Errno::AddressFamilyNotSupported.number(Arch::ScmpArchMips64),
            124
        );
        assert_eq!(Errno::NotPermitted.number(Arch::ScmpArchMips), 1);
    }
}

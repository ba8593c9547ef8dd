//! What a profile is resolved for.

use std::collections::BTreeSet;

use crate::Arch;

/// The container and node that a profile is resolved for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The container's bounding capabilities (`process.capabilities.bounding`), as written, e.g.
    /// `CAP_SYS_ADMIN`. Compared to the letter, as every engine does.
    pub capabilities: BTreeSet<String>,
    /// The node's native architecture.
    pub arch: Arch,
    /// The running kernel's version.
    pub kernel: Kernel,
}

/// The part of a kernel release that profiles ask about: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kernel {
    /// The 6 of 6.18.
    pub major: u32,
    /// The 18 of 6.18.
    pub minor: u32,
}

impl Kernel {
    /// Reads a release as `uname -r` prints it: two numbers with a point between, whatever
    /// follows (`4.8-rc3` is 4.8), as Docker does (moby pkg/parsers/kernel).
    #[must_use]
    pub fn from_release(release: &str) -> Option<Self> {
        let (major, rest) = release.split_once('.')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        Some(Self {
            major: major.parse().ok()?,
            minor: rest.get(..digits)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_gives_its_first_two_numbers() {
        let kernel = |major, minor| Some(Kernel { major, minor });
        assert_eq!(Kernel::from_release("6.18.44-fc-v595"), kernel(6, 18));
        assert_eq!(Kernel::from_release("4.8-rc3"), kernel(4, 8));
        assert_eq!(Kernel::from_release("3.12foobar"), kernel(3, 12));
        assert_eq!(Kernel::from_release("6"), None);
        assert_eq!(Kernel::from_release("x.y"), None);
        assert_eq!(Kernel::from_release("6."), None);
        assert!(kernel(4, 19) < kernel(5, 0));
    }
}

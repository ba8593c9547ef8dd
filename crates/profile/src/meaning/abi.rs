//! How libseccomp sees an architecture: the width it compares arguments at, and which calls it
//! also filters under the number of a multiplexer (libseccomp src/arch-*.c).

use crate::Arch;

/// Whether filters of `arch` compare the low 32 bits of arguments alone. True of x32 too, although
/// the kernel is handed 64 there.
#[must_use]
pub fn compares_32_bits(arch: Arch) -> bool {
    use Arch::*;
    matches!(
        arch,
        ScmpArchX86
            | ScmpArchX32
            | ScmpArchArm
            | ScmpArchMips
            | ScmpArchMipsel
            | ScmpArchMips64n32
            | ScmpArchMipsel64n32
            | ScmpArchPpc
            | ScmpArchS390
            | ScmpArchParisc
            | ScmpArchM68k
            | ScmpArchSh
            | ScmpArchSheb
    )
}

/// The call through which `arch` can also make call `name`, and that call's first argument then.
///
/// A rule for such a name becomes two: one for the name itself, and one for the multiplexer with
/// the condition on argument 0 replaced by this number and all others kept.
#[must_use]
pub fn multiplexer(arch: Arch, name: &str) -> Option<(&'static str, u64)> {
    if !multiplexes(arch) {
        return None;
    }
    let find = |calls: &[(&str, u64)]| {
        let found = calls.iter().find(|(call, _)| *call == name);
        found.map(|(_, number)| *number)
    };
    find(SOCKETCALL)
        .map(|number| ("socketcall", number))
        .or_else(|| find(IPC).map(|number| ("ipc", number)))
}

/// Whether `arch` has the multiplexers `socketcall` and `ipc`.
pub(crate) fn multiplexes(arch: Arch) -> bool {
    use Arch::*;
    matches!(
        arch,
        ScmpArchX86
            | ScmpArchS390
            | ScmpArchS390x
            | ScmpArchPpc
            | ScmpArchPpc64
            | ScmpArchPpc64le
            | ScmpArchM68k
            | ScmpArchSh
            | ScmpArchSheb
    )
}

/// `socketcall`'s calls, by the kernel's include/uapi/linux/net.h.
const SOCKETCALL: &[(&str, u64)] = &[
    ("socket", 1),
    ("bind", 2),
    ("connect", 3),
    ("listen", 4),
    ("accept", 5),
    ("getsockname", 6),
    ("getpeername", 7),
    ("socketpair", 8),
    ("send", 9),
    ("recv", 10),
    ("sendto", 11),
    ("recvfrom", 12),
    ("shutdown", 13),
    ("setsockopt", 14),
    ("getsockopt", 15),
    ("sendmsg", 16),
    ("recvmsg", 17),
    ("accept4", 18),
    ("recvmmsg", 19),
    ("sendmmsg", 20),
];

/// `ipc`'s calls, by the kernel's include/uapi/linux/ipc.h.
const IPC: &[(&str, u64)] = &[
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

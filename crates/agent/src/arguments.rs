//! Arguments in words, where they are plain numbers. What a pointer leads to is the container's to
//! change at any time, and is never looked at.
#![forbid(unsafe_code)]

use serde_json::{Map, Value, json};

use Kind::{Flags, Hex, Int, Octal, Word};

/// What an argument is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A signed number of 32 bits: a descriptor, a pid, a length.
    Int,
    /// Bits without names here.
    Hex,
    /// A file's mode.
    Octal,
    /// Bits with names.
    Flags(&'static [(u64, &'static str)]),
    /// A number with a name.
    Word(&'static [(u64, &'static str)]),
}

/// An argument: its place, its name in the manual, what it is.
type Argument = (usize, &'static str, Kind);

/// The plain arguments of a call, by its name; none of a call that is not in the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain(&'static [Argument]);

impl Plain {
    pub(crate) fn of(name: &str) -> Self {
        let found = CALLS.iter().find(|(names, _)| names.contains(&name));
        Self(found.map_or(&[], |(_, arguments)| arguments))
    }

    /// Whether there are any.
    pub(crate) fn is_some(self) -> bool {
        !self.0.is_empty()
    }

    /// The arguments with all that is not plain made 0, for telling calls of a kind.
    pub(crate) fn only(self, args: [u64; 6]) -> [u64; 6] {
        let mut plain = [0; 6];
        for (at, _, kind) in self.0 {
            if let (Some(to), Some(from)) = (plain.get_mut(*at), args.get(*at)) {
                *to = match kind {
                    // The kernel takes an int; what is above is noise.
                    Int | Octal => *from & 0xffff_ffff,
                    _ => *from,
                };
            }
        }
        plain
    }

    /// The arguments by name.
    pub(crate) fn words(self, args: [u64; 6]) -> Value {
        let mut words = Map::new();
        for (at, name, kind) in self.0 {
            if let Some(value) = args.get(*at) {
                words.insert((*name).to_owned(), kind.word(*value));
            }
        }
        Value::Object(words)
    }
}

impl Kind {
    fn word(self, value: u64) -> Value {
        match self {
            Int => {
                let low = u32::try_from(value & 0xffff_ffff).unwrap_or_default();
                json!(low.cast_signed())
            }
            Hex => json!(format!("{value:#x}")),
            Octal => json!(format!("{:#o}", value & 0xffff_ffff)),
            Word(names) => {
                let named = names
                    .iter()
                    .find(|(number, _)| *number == value & 0xffff_ffff);
                named.map_or_else(|| json!(value), |(_, name)| json!(name))
            }
            Flags(names) => json!(flags(names, value)),
        }
    }
}

fn flags(names: &[(u64, &str)], value: u64) -> String {
    let mut rest = value;
    let mut words = Vec::new();
    for (bits, name) in names {
        if *bits != 0 && rest & bits == *bits {
            words.push((*name).to_owned());
            rest &= !bits;
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(format!("{rest:#x}"));
    }
    words.join("|")
}

/// clone(2), unshare(2), setns(2).
const CLONE: &[(u64, &str)] = &[
    (0x0000_0100, "CLONE_VM"),
    (0x0000_0200, "CLONE_FS"),
    (0x0000_0400, "CLONE_FILES"),
    (0x0000_0800, "CLONE_SIGHAND"),
    (0x0000_1000, "CLONE_PIDFD"),
    (0x0000_2000, "CLONE_PTRACE"),
    (0x0000_4000, "CLONE_VFORK"),
    (0x0000_8000, "CLONE_PARENT"),
    (0x0001_0000, "CLONE_THREAD"),
    (0x0002_0000, "CLONE_NEWNS"),
    (0x0004_0000, "CLONE_SYSVSEM"),
    (0x0008_0000, "CLONE_SETTLS"),
    (0x0010_0000, "CLONE_PARENT_SETTID"),
    (0x0020_0000, "CLONE_CHILD_CLEARTID"),
    (0x0080_0000, "CLONE_UNTRACED"),
    (0x0100_0000, "CLONE_CHILD_SETTID"),
    (0x0200_0000, "CLONE_NEWCGROUP"),
    (0x0400_0000, "CLONE_NEWUTS"),
    (0x0800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x8000_0000, "CLONE_IO"),
    (0x0000_0080, "CLONE_NEWTIME"),
];

/// socket(2).
const FAMILY: &[(u64, &str)] = &[
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (3, "AF_AX25"),
    (4, "AF_IPX"),
    (5, "AF_APPLETALK"),
    (10, "AF_INET6"),
    (15, "AF_KEY"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (21, "AF_RDS"),
    (29, "AF_CAN"),
    (30, "AF_TIPC"),
    (31, "AF_BLUETOOTH"),
    (38, "AF_ALG"),
    (40, "AF_VSOCK"),
    (41, "AF_KCM"),
    (42, "AF_QIPCRTR"),
    (43, "AF_SMC"),
    (44, "AF_XDP"),
    (45, "AF_MCTP"),
];

/// The lower bits are a number, the upper ones flags.
const SOCKET_TYPE: &[(u64, &str)] = &[
    (0o2_000_000, "SOCK_CLOEXEC"),
    (0o4_000, "SOCK_NONBLOCK"),
    (5, "SOCK_SEQPACKET"),
    (3, "SOCK_RAW"),
    (2, "SOCK_DGRAM"),
    (1, "SOCK_STREAM"),
];

/// prctl(2).
const PRCTL: &[(u64, &str)] = &[
    (1, "PR_SET_PDEATHSIG"),
    (4, "PR_SET_DUMPABLE"),
    (8, "PR_SET_KEEPCAPS"),
    (15, "PR_SET_NAME"),
    (22, "PR_SET_SECCOMP"),
    (23, "PR_CAPBSET_READ"),
    (24, "PR_CAPBSET_DROP"),
    (28, "PR_SET_SECUREBITS"),
    (35, "PR_SET_MM"),
    (36, "PR_SET_CHILD_SUBREAPER"),
    (38, "PR_SET_NO_NEW_PRIVS"),
    (47, "PR_CAP_AMBIENT"),
    (52, "PR_SET_SPECULATION_CTRL"),
    (53, "PR_SET_SPECULATION_CTRL"),
    (0x5961_6d61, "PR_SET_PTRACER"),
];

/// personality(2).
const PERSONALITY: &[(u64, &str)] = &[
    (0xffff_ffff, "query"),
    (0x0002_0000, "UNAME26"),
    (0x0004_0000, "ADDR_NO_RANDOMIZE"),
    (0x0008_0000, "FDPIC_FUNCPTRS"),
    (0x0010_0000, "MMAP_PAGE_ZERO"),
    (0x0020_0000, "ADDR_COMPAT_LAYOUT"),
    (0x0040_0000, "READ_IMPLIES_EXEC"),
    (0x0080_0000, "ADDR_LIMIT_32BIT"),
    (0x0100_0000, "SHORT_INODE"),
    (0x0200_0000, "WHOLE_SECONDS"),
    (0x0400_0000, "STICKY_TIMEOUTS"),
    (0x0800_0000, "ADDR_LIMIT_3GB"),
    (8, "PER_LINUX32"),
];

/// mount(2).
const MOUNT: &[(u64, &str)] = &[
    (1, "MS_RDONLY"),
    (2, "MS_NOSUID"),
    (4, "MS_NODEV"),
    (8, "MS_NOEXEC"),
    (32, "MS_REMOUNT"),
    (4096, "MS_BIND"),
    (8192, "MS_MOVE"),
    (16384, "MS_REC"),
    (1 << 17, "MS_UNBINDABLE"),
    (1 << 18, "MS_PRIVATE"),
    (1 << 19, "MS_SLAVE"),
    (1 << 20, "MS_SHARED"),
];

/// umount(2).
const UMOUNT: &[(u64, &str)] = &[
    (1, "MNT_FORCE"),
    (2, "MNT_DETACH"),
    (4, "MNT_EXPIRE"),
    (8, "UMOUNT_NOFOLLOW"),
];

/// ptrace(2).
const PTRACE: &[(u64, &str)] = &[
    (0, "PTRACE_TRACEME"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (16, "PTRACE_ATTACH"),
    (0x4206, "PTRACE_SEIZE"),
];

/// bpf(2).
const BPF: &[(u64, &str)] = &[
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (5, "BPF_PROG_LOAD"),
    (18, "BPF_BTF_LOAD"),
];

/// keyctl(2).
const KEYCTL: &[(u64, &str)] = &[
    (0, "KEYCTL_GET_KEYRING_ID"),
    (1, "KEYCTL_JOIN_SESSION_KEYRING"),
    (5, "KEYCTL_SETPERM"),
    (6, "KEYCTL_DESCRIBE"),
    (11, "KEYCTL_READ"),
];

/// By the manual's pages of section 2.
const CALLS: &[(&[&str], &[Argument])] = &[
    (&["clone", "unshare"], &[(0, "flags", Flags(CLONE))]),
    (&["setns"], &[(0, "fd", Int), (1, "nstype", Flags(CLONE))]),
    (
        &["socket", "socketpair"],
        &[
            (0, "domain", Word(FAMILY)),
            (1, "type", Flags(SOCKET_TYPE)),
            (2, "protocol", Int),
        ],
    ),
    (&["prctl"], &[(0, "option", Word(PRCTL)), (1, "arg2", Hex)]),
    (&["personality"], &[(0, "persona", Flags(PERSONALITY))]),
    (&["mount"], &[(3, "mountflags", Flags(MOUNT))]),
    (&["umount2"], &[(1, "flags", Flags(UMOUNT))]),
    (
        &["ptrace"],
        &[(0, "request", Word(PTRACE)), (1, "pid", Int)],
    ),
    (&["bpf"], &[(0, "cmd", Word(BPF)), (2, "size", Int)]),
    (&["keyctl"], &[(0, "operation", Word(KEYCTL))]),
    (&["ioctl"], &[(0, "fd", Int), (1, "op", Hex)]),
    (&["fcntl", "fcntl64"], &[(0, "fd", Int), (1, "op", Int)]),
    (&["chmod", "mkdir", "creat"], &[(1, "mode", Octal)]),
    (&["fchmod"], &[(0, "fd", Int), (1, "mode", Octal)]),
    (
        &["fchmodat", "mkdirat"],
        &[(0, "dirfd", Int), (2, "mode", Octal)],
    ),
    (&["mknod"], &[(1, "mode", Octal), (2, "dev", Hex)]),
    (
        &["mknodat"],
        &[(0, "dirfd", Int), (2, "mode", Octal), (3, "dev", Hex)],
    ),
    (&["open"], &[(1, "flags", Hex), (2, "mode", Octal)]),
    (
        &["openat"],
        &[(0, "dirfd", Int), (2, "flags", Hex), (3, "mode", Octal)],
    ),
    (&["umask"], &[(0, "mask", Octal)]),
    (&["kill"], &[(0, "pid", Int), (1, "sig", Int)]),
    (
        &["tgkill"],
        &[(0, "tgid", Int), (1, "tid", Int), (2, "sig", Int)],
    ),
    (
        &["setuid", "setgid", "setfsuid", "setfsgid"],
        &[(0, "id", Int)],
    ),
    (
        &["setresuid", "setresgid"],
        &[(0, "real", Int), (1, "effective", Int), (2, "saved", Int)],
    ),
    (
        &["setreuid", "setregid"],
        &[(0, "real", Int), (1, "effective", Int)],
    ),
    (&["io_uring_setup"], &[(0, "entries", Int)]),
    (
        &["io_uring_enter", "io_uring_register"],
        &[(0, "fd", Int), (1, "arg2", Int)],
    ),
    (&["userfaultfd"], &[(0, "flags", Hex)]),
    (
        &["perf_event_open"],
        &[(1, "pid", Int), (2, "cpu", Int), (4, "flags", Hex)],
    ),
    (&["clock_settime", "clock_adjtime"], &[(0, "clockid", Int)]),
    (&["iopl"], &[(0, "level", Int)]),
    (
        &["ioperm"],
        &[(0, "from", Hex), (1, "num", Int), (2, "turn_on", Int)],
    ),
    (
        &["open_by_handle_at"],
        &[(0, "mount_fd", Int), (2, "flags", Hex)],
    ),
    (
        &["fanotify_init"],
        &[(0, "flags", Hex), (1, "event_f_flags", Hex)],
    ),
    (&["fsopen"], &[(1, "flags", Hex)]),
    (
        &["fsmount"],
        &[(0, "fs_fd", Int), (1, "flags", Hex), (2, "attr_flags", Hex)],
    ),
    (
        &["move_mount"],
        &[
            (0, "from_dirfd", Int),
            (2, "to_dirfd", Int),
            (4, "flags", Hex),
        ],
    ),
    (&["open_tree"], &[(0, "dirfd", Int), (2, "flags", Hex)]),
    (&["finit_module"], &[(0, "fd", Int), (2, "flags", Hex)]),
    (&["delete_module"], &[(1, "flags", Hex)]),
    (
        &["reboot"],
        &[(0, "magic", Hex), (1, "magic2", Hex), (2, "op", Hex)],
    ),
    (&["seccomp"], &[(0, "operation", Int), (1, "flags", Hex)]),
    (&["syslog"], &[(0, "type", Int)]),
    (
        &["kcmp"],
        &[(0, "pid1", Int), (1, "pid2", Int), (2, "type", Int)],
    ),
    (
        &["process_vm_readv", "process_vm_writev"],
        &[(0, "pid", Int)],
    ),
    (&["pidfd_open"], &[(0, "pid", Int), (1, "flags", Hex)]),
    (
        &["sched_setaffinity", "sched_setscheduler"],
        &[(0, "pid", Int)],
    ),
    (
        &["setpriority"],
        &[(0, "which", Int), (1, "who", Int), (2, "prio", Int)],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_words_are_said_by_name() {
        let said = |name, args| Plain::of(name).words(args).to_string();
        assert_eq!(
            said("unshare", [0x1002_0000, 0, 0, 0, 0, 0]),
            r#"{"flags":"CLONE_NEWNS|CLONE_NEWUSER"}"#
        );
        assert_eq!(
            said("socket", [40, 0o2_000_001, 0, 9, 9, 9]),
            r#"{"domain":"AF_VSOCK","protocol":0,"type":"SOCK_CLOEXEC|SOCK_STREAM"}"#
        );
        assert_eq!(said("mkdir", [7, 0o755, 0, 0, 0, 0]), r#"{"mode":"0o755"}"#);
        assert_eq!(
            said("kill", [u64::MAX, 9, 0, 0, 0, 0]),
            r#"{"pid":-1,"sig":9}"#
        );
        assert_eq!(said("no_such_call", [1; 6]), "{}");
    }

    #[test]
    fn pointers_do_not_make_calls_differ() {
        assert_eq!(
            Plain::of("mount").only([1, 2, 3, 4096, 5, 6]),
            [0, 0, 0, 4096, 0, 0]
        );
    }
}

//! The names of system calls, and which ABIs have them.
//!
//! A name that stands here may still be unknown to the libseccomp of a node; only that library can
//! tell. This table says what cannot be right anywhere.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::Arch;
use crate::meaning::multiplexer;

/// Whether any Linux up to 6.18 or libseccomp has a syscall of that name, on any architecture.
#[must_use]
pub fn is_syscall(name: &str) -> bool {
    TABLE.contains_key(name)
}

/// Whether a program can make the call `name` on `arch`: by a number of its own, or through
/// `socketcall` or `ipc`, where libseccomp filters it as well.
#[must_use]
pub(crate) fn has_syscall(arch: Arch, name: &str) -> bool {
    let own = TABLE.get(name).is_some_and(|on| on & bit(arch) != 0);
    own || multiplexer(arch, name).is_some()
}

/// Every name, in no order.
pub(crate) fn all_syscalls() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

/// The syscall that `found` was probably meant to be: the same in lower case, with underscores and
/// without the prefixes of header files, or else a name a letter or two off.
#[must_use]
pub(crate) fn near_syscall(found: &str) -> Option<&'static str> {
    if found.is_empty() || found.len() > LONGEST {
        return None;
    }
    let lower = found.to_ascii_lowercase().replace(['-', ' '], "_");
    let bare = PREFIXES
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix))
        .unwrap_or(&lower);
    if let Some((name, _)) = TABLE.get_key_value(bare) {
        return Some(name);
    }
    let off = |name: &str| strsim::damerau_levenshtein(bare, name);
    let allowed = if bare.len() < 6 { 1 } else { 2 };
    TABLE
        .keys()
        .filter(|name| name.len().abs_diff(bare.len()) <= allowed)
        .map(|name| (off(name), *name))
        .filter(|(off, _)| *off <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// The names with a bit for each ABI.
static TABLE: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(line).collect()
});

fn line(line: &'static str) -> Option<(&'static str, u16)> {
    let (name, abis) = line.split_once(": ")?;
    let mut on = 0;
    for word in abis.split(' ') {
        match (word, word.strip_prefix('-')) {
            ("all", _) => on = u16::MAX,
            (_, Some(without)) => on &= !bit_of(without),
            (with, None) => on |= bit_of(with),
        }
    }
    Some((name, on))
}

fn bit_of(abi: &str) -> u16 {
    let at = ABIS.iter().position(|name| *name == abi);
    at.map_or(0, |at| 1 << at)
}

/// The bit of `arch`; none for those that no runtime takes.
fn bit(arch: Arch) -> u16 {
    use Arch::*;
    bit_of(match arch {
        ScmpArchX86_64 => "x86_64",
        ScmpArchX32 => "x32",
        ScmpArchX86 => "x86",
        ScmpArchAarch64 => "aarch64",
        ScmpArchArm => "arm",
        ScmpArchRiscv64 => "riscv64",
        ScmpArchLoongarch64 => "loongarch64",
        ScmpArchPpc64 | ScmpArchPpc64le => "ppc64",
        ScmpArchPpc => "ppc",
        ScmpArchS390x => "s390x",
        ScmpArchS390 => "s390",
        ScmpArchMips64 | ScmpArchMipsel64 => "mips64",
        ScmpArchMips64n32 | ScmpArchMipsel64n32 => "mips64n32",
        ScmpArchMips | ScmpArchMipsel => "mips",
        _ => return 0,
    })
}

const TEXT: &str = include_str!("syscall_names.txt");

const ABIS: [&str; 14] = [
    "x86_64",
    "x32",
    "x86",
    "aarch64",
    "arm",
    "riscv64",
    "loongarch64",
    "ppc64",
    "ppc",
    "s390x",
    "s390",
    "mips64",
    "mips64n32",
    "mips",
];

/// How header files and other tools write a syscall's name.
const PREFIXES: [&str; 4] = ["__nr_", "sys_", "__x64_sys_", "syscall_"];

/// Longer than every name by far; what is longer is no typing error.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! covers {
        ($($table:ident: $arch:ident),*) => {
            $(
                let names = syscalls::$table::Sysno::iter()
                    .chain([syscalls::$table::Sysno::last()]) // which the iterator leaves out
                    .map(|number| number.name().trim_start_matches("r#"))
                    // numbers without a call, and that table's own name for newfstatat
                    .filter(|name| !name.starts_with("reserved") && !name.starts_with("unused"))
                    .map(|name| if name == "fstatat" { "newfstatat" } else { name })
                    // for 32-bit ABIs, which that table lists for 64-bit ones, too
                    .filter(|name| !name.ends_with("time64") && !TIME64.contains(name));
                for name in names {
                    assert!(has_syscall(Arch::$arch, name), "{name}: {:?}", Arch::$arch);
                }
            )*
        };
    }

    /// What `syscalls` has too much of, beside names that end in `time64`.
    const TIME64: [&str; 7] = [
        "clock_adjtime64",
        "clock_gettime64",
        "clock_settime64",
        "timer_gettime64",
        "timer_settime64",
        "timerfd_gettime64",
        "timerfd_settime64",
    ];

    #[test]
    fn every_call_of_every_architecture_stands_in_the_table() {
        covers!(
            x86_64: ScmpArchX86_64, x86: ScmpArchX86, aarch64: ScmpArchAarch64,
            arm: ScmpArchArm, riscv64: ScmpArchRiscv64, loongarch64: ScmpArchLoongarch64,
            powerpc64: ScmpArchPpc64le, powerpc: ScmpArchPpc, s390x: ScmpArchS390x,
            mips64: ScmpArchMips64, mips: ScmpArchMips
        );
        for name in TIME64 {
            assert!(has_syscall(Arch::ScmpArchX86, name), "{name}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_every_line_of_it_is_read() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = lines.filter_map(|line| line.split(':').next()).collect();
        assert!(names.is_sorted());
        assert_eq!(names.len(), TABLE.len());
        let words = TEXT.lines().filter_map(|line| line.split_once(": "));
        for word in words.flat_map(|(_, abis)| abis.split(' ')) {
            let word = word.trim_start_matches('-');
            assert!(
                ["all", "other"].contains(&word) || ABIS.contains(&word),
                "{word}"
            );
        }
    }

    #[test]
    fn a_call_that_goes_through_another_is_there() {
        assert!(has_syscall(Arch::ScmpArchX86, "send"));
        assert!(!has_syscall(Arch::ScmpArchX86_64, "send"));
        assert!(!has_syscall(Arch::ScmpArchAarch64, "open"));
        assert!(is_syscall("getpagesize"));
        assert!(!is_syscall("opne"));
    }

    #[test]
    fn a_near_name_is_found_for_what_people_write() {
        for (found, meant) in [
            ("opne", Some("open")),
            ("unmask", Some("umask")),
            ("__NR_read", Some("read")),
            ("SYS_clone", Some("clone")),
            ("name-to-handle-at", Some("name_to_handle_at")),
            ("io_uring_setpu", Some("io_uring_setup")),
            ("no_such_call", None),
            ("", None),
        ] {
            assert_eq!(near_syscall(found), meant, "{found}");
        }
        assert_eq!(near_syscall(&"x".repeat(1_000)), None);
    }
}

//! Every syscall up to Linux 6.18 stands in one place.

use std::collections::BTreeMap;

use default_profile::{Errno, Group, Verdict, groups};
use profile::Arch;

/// How often the groups for `arch` name each call.
fn named_on(arch: Arch) -> BTreeMap<&'static str, usize> {
    let mut count = BTreeMap::new();
    for group in groups().filter(|group| group.on.include(arch)) {
        for name in group.syscalls {
            *count.entry(*name).or_default() += 1;
        }
    }
    count
}

/// The calls in `tables` that do not stand in one group for `arch`, with how many they stand in.
fn not_once(arch: Arch, tables: &[Vec<&'static str>]) -> Vec<(&'static str, usize)> {
    let named = named_on(arch);
    tables
        .iter()
        .flatten()
        // The tables' own name for what the kernel and libseccomp call newfstatat there.
        .map(|name| {
            if *name == "fstatat" {
                "newfstatat"
            } else {
                *name
            }
        })
        .map(|name| (name, named.get(name).copied().unwrap_or(0)))
        .filter(|(_, count)| *count != 1)
        .collect()
}

macro_rules! table {
    ($arch:ident) => {
        syscalls::$arch::Sysno::iter()
            .chain([syscalls::$arch::Sysno::last()]) // which the iterator leaves out
            .map(|number| number.name().trim_start_matches("r#"))
            .collect::<Vec<_>>()
    };
}

#[test]
fn every_call_of_x86_64_and_its_compat_abis_stands_in_one_group() {
    let mut native = table!(x86_64);
    native.push("uprobe"); // 336, Linux 6.18
    assert_eq!(native.len(), 384);
    assert!(native.contains(&"file_setattr"), "the table is too old");
    assert_eq!(
        not_once(Arch::ScmpArchX86_64, &[native, table!(x86)]),
        [],
        "x86_64"
    );
}

#[test]
fn every_call_of_aarch64_and_its_compat_abi_stands_in_one_group() {
    let native = table!(aarch64);
    assert!(native.contains(&"file_setattr"), "the table is too old");
    let only_libseccomp_names = vec!["breakpoint", "set_tls"];
    let tables = [native, table!(arm), only_libseccomp_names];
    assert_eq!(not_once(Arch::ScmpArchAarch64, &tables), []);
}

#[test]
fn every_call_of_the_other_architectures_of_containers_stands_in_one_group() {
    for (arch, table) in [
        (Arch::ScmpArchArm, table!(arm)),
        (Arch::ScmpArchRiscv64, table!(riscv64)),
        (Arch::ScmpArchPpc64le, table!(powerpc64)),
        (Arch::ScmpArchS390x, table!(s390x)),
        (Arch::ScmpArchLoongarch64, table!(loongarch64)),
    ] {
        assert_eq!(not_once(arch, &[table]), [], "{arch:?}");
    }
    // arch_prctl is for the 64-bit ABI; a 32-bit one alone goes without, as in Docker's default.
    assert_eq!(
        not_once(Arch::ScmpArchX86, &[table!(x86)]),
        [("arch_prctl", 0)]
    );
}

#[test]
fn no_name_stands_twice_for_any_architecture() {
    use Arch::*;
    for arch in [
        ScmpArchX86,
        ScmpArchX86_64,
        ScmpArchX32,
        ScmpArchArm,
        ScmpArchAarch64,
        ScmpArchMips,
        ScmpArchMips64,
        ScmpArchMips64n32,
        ScmpArchMipsel,
        ScmpArchMipsel64,
        ScmpArchMipsel64n32,
        ScmpArchPpc,
        ScmpArchPpc64,
        ScmpArchPpc64le,
        ScmpArchS390,
        ScmpArchS390x,
        ScmpArchRiscv64,
        ScmpArchLoongarch64,
    ] {
        let twice: Vec<_> = named_on(arch)
            .into_iter()
            .filter(|(_, count)| *count != 1)
            .collect();
        assert_eq!(twice, [], "{arch:?}");
    }
}

#[test]
fn no_group_names_a_call_that_no_architecture_has() {
    let tables = [
        table!(x86_64),
        table!(x86),
        table!(aarch64),
        table!(arm),
        table!(riscv64),
        table!(powerpc64),
        table!(s390x),
        table!(loongarch64),
        table!(mips),
        table!(mips64),
        vec!["breakpoint", "set_tls", "uprobe", "multiplexer"],
    ]
    .concat();
    let unknown: Vec<_> = groups()
        .flat_map(|group| group.syscalls)
        .filter(|name| !tables.contains(name))
        .collect();
    assert_eq!(unknown, [""; 0].iter().collect::<Vec<_>>());
}

#[test]
fn calls_after_linux_6_18_are_left_to_the_default_action() {
    let named = named_on(Arch::ScmpArchX86_64);
    assert!(!named.contains_key("listns"));
    assert!(!named.contains_key("rseq_slice_yield"));
}

#[test]
fn whole_calls_are_denied_with_eperm_or_enosys_alone() {
    for group in groups() {
        if let Verdict::Deny(errno)
        | Verdict::Needs {
            otherwise: errno, ..
        } = group.verdict
        {
            let simple = [Errno::NotImplemented, Errno::NotPermitted].contains(&errno);
            assert!(simple, "{}: {}", group.name, errno.name());
        }
    }
}

#[test]
fn every_group_says_what_it_is_and_why() {
    let sentence = |group: &Group| {
        group.reason.starts_with(char::is_alphabetic)
            && group.reason.ends_with('.')
            && group.reason.len() > 20
            && !group.reason.contains("  ")
    };
    for group in groups() {
        assert!(!group.name.is_empty() && !group.syscalls.is_empty());
        assert!(sentence(group), "{}: {}", group.name, group.reason);
    }
}

#[test]
fn the_capabilities_that_groups_ask_for_exist() {
    const KNOWN: &[&str] = &[
        "CAP_BPF",
        "CAP_DAC_READ_SEARCH",
        "CAP_PERFMON",
        "CAP_SYSLOG",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_CHROOT",
        "CAP_SYS_MODULE",
        "CAP_SYS_NICE",
        "CAP_SYS_PACCT",
        "CAP_SYS_PTRACE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG",
    ];
    let mut asked: Vec<_> = groups()
        .flat_map(|group| match group.verdict {
            Verdict::Needs { any_of, .. } => any_of,
            Verdict::ByArgument { free_with, .. } => free_with,
            Verdict::Allow | Verdict::Deny(_) => &[],
        })
        .copied()
        .collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, KNOWN);
}

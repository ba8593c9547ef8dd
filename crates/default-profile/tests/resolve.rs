//! What containers get of the default profile.

use std::time::Instant;

use default_profile::resolve;
use profile::{Action, Arch, Kernel, Rule, Seccomp, Target};

fn target(capabilities: &[&str], arch: Arch, (major, minor): (u32, u32)) -> Target {
    Target {
        capabilities: capabilities.iter().map(|name| (*name).to_owned()).collect(),
        arch,
        kernel: Kernel { major, minor },
    }
}

fn on_x86_64(capabilities: &[&str]) -> Seccomp {
    resolve(&target(capabilities, Arch::ScmpArchX86_64, (6, 18)))
}

fn rules<'a>(seccomp: &'a Seccomp, name: &str) -> Vec<&'a Rule> {
    let names = |rule: &&Rule| rule.names.iter().any(|listed| listed == name);
    seccomp.rules.iter().filter(names).collect()
}

/// The action and errno of `name`, which must have one rule without conditions, or none.
fn verdict(seccomp: &Seccomp, name: &str) -> (Action, Option<u32>) {
    let found = rules(seccomp, name);
    let plain = found.iter().all(|rule| rule.args.is_empty());
    assert!(plain && found.len() <= 1, "{name}: {found:?}");
    let default = (seccomp.default_action, seccomp.default_errno);
    found
        .first()
        .map_or(default, |rule| (rule.action, rule.errno))
}

const ALLOW: (Action, Option<u32>) = (Action::ScmpActAllow, None);
const EPERM: (Action, Option<u32>) = (Action::ScmpActErrno, Some(1));
const ENOSYS: (Action, Option<u32>) = (Action::ScmpActErrno, Some(38));

#[test]
fn a_plain_container_gets_two_rules_of_names_and_the_cases_of_three_calls() {
    let seccomp = on_x86_64(&["CAP_CHOWN", "CAP_SYS_CHROOT"]);
    let shape: Vec<_> = seccomp
        .rules
        .iter()
        .map(|rule| (rule.action, rule.names.len(), rule.args.len()))
        .collect();
    assert_eq!(shape[0], (Action::ScmpActAllow, 366, 0));
    assert_eq!(shape[1].0, Action::ScmpActErrno);
    assert!(
        shape[2..]
            .iter()
            .all(|(_, names, args)| (*names, *args) == (1, 1))
    );
    assert_eq!(rules(&seccomp, "clone").len(), 8);
    assert_eq!(rules(&seccomp, "personality").len(), 7);
    assert_eq!(rules(&seccomp, "socket").len(), 10);
    assert_eq!(seccomp.rules.len(), 2 + 8 + 7 + 10);
    assert_eq!(seccomp.flags, None);
}

#[test]
fn an_unknown_call_looks_as_if_the_kernel_lacked_it() {
    let seccomp = on_x86_64(&[]);
    assert_eq!(verdict(&seccomp, "listns"), ENOSYS);
    assert_eq!(verdict(&seccomp, "rseq_slice_yield"), ENOSYS);
}

#[test]
fn denials_give_the_errno_that_callers_expect() {
    let seccomp = on_x86_64(&[]);
    for name in [
        "mount",
        "unshare",
        "setns",
        "bpf",
        "keyctl",
        "io_uring_setup",
        "chroot",
        "syslog",
        "userfaultfd",
        "kexec_load",
        "settimeofday",
        "pivot_root",
    ] {
        assert_eq!(verdict(&seccomp, name), EPERM, "{name}");
    }
    for name in [
        "clone3",
        "get_mempolicy",
        "mbind",
        "lsm_get_self_attr",
        "file_getattr",
        "open_tree_attr",
        "nfsservctl",
    ] {
        assert_eq!(verdict(&seccomp, name), ENOSYS, "{name}");
    }
}

#[test]
fn a_capability_opens_its_own_calls_and_no_others() {
    let admin = on_x86_64(&["CAP_SYS_ADMIN"]);
    for name in [
        "mount",
        "clone",
        "clone3",
        "bpf",
        "perf_event_open",
        "syslog",
        "lsm_list_modules",
    ] {
        assert_eq!(verdict(&admin, name), ALLOW, "{name}");
    }
    assert_eq!(verdict(&admin, "chroot"), EPERM);
    assert_eq!(verdict(&admin, "open_tree_attr"), ENOSYS);
    assert_eq!(rules(&admin, "socket").len(), 10);
    assert_eq!(rules(&admin, "personality").len(), 7);
    let bpf = on_x86_64(&["CAP_BPF"]);
    assert_eq!(verdict(&bpf, "bpf"), ALLOW);
    assert_eq!(verdict(&bpf, "perf_event_open"), EPERM);
    assert_eq!(verdict(&on_x86_64(&["CAP_SYS_NICE"]), "mbind"), ALLOW);
}

#[test]
fn a_capability_in_another_spelling_opens_nothing() {
    assert_eq!(
        on_x86_64(&["cap_sys_admin", "SYS_ADMIN", "CAP_SYS_ADMIN "]),
        on_x86_64(&[])
    );
}

#[test]
fn ptrace_needs_linux_4_8_or_the_capability() {
    let at = |capabilities: &[&str], release| {
        verdict(
            &resolve(&target(capabilities, Arch::ScmpArchX86_64, release)),
            "ptrace",
        )
    };
    assert_eq!(at(&[], (4, 7)), EPERM);
    assert_eq!(at(&[], (4, 8)), ALLOW);
    assert_eq!(at(&[], (5, 4)), ALLOW);
    assert_eq!(at(&["CAP_SYS_PTRACE"], (4, 4)), ALLOW);
}

#[test]
fn architectures_name_the_compat_abis_that_engines_let_in() {
    use Arch::*;
    let of = |arch| resolve(&target(&[], arch, (6, 18))).architectures;
    assert_eq!(
        of(ScmpArchX86_64),
        [ScmpArchX86_64, ScmpArchX86, ScmpArchX32]
    );
    assert_eq!(of(ScmpArchAarch64), [ScmpArchAarch64, ScmpArchArm]);
    assert_eq!(of(ScmpArchS390x), [ScmpArchS390x, ScmpArchS390]);
    for alone in [
        ScmpArchX86,
        ScmpArchRiscv64,
        ScmpArchLoongarch64,
        ScmpArchMipsel64,
    ] {
        assert_eq!(of(alone), [], "{alone:?}");
    }
}

#[test]
fn calls_of_one_architecture_are_let_in_there_alone() {
    let of = |arch, name| verdict(&resolve(&target(&[], arch, (6, 18))), name);
    assert_eq!(of(Arch::ScmpArchX86_64, "arch_prctl"), ALLOW);
    assert_eq!(of(Arch::ScmpArchX86, "arch_prctl"), ENOSYS);
    assert_eq!(of(Arch::ScmpArchX86, "modify_ldt"), ALLOW);
    assert_eq!(of(Arch::ScmpArchAarch64, "set_tls"), ALLOW);
    assert_eq!(of(Arch::ScmpArchPpc64le, "swapcontext"), ALLOW);
    assert_eq!(of(Arch::ScmpArchPpc64le, "sync_file_range2"), ALLOW);
    assert_eq!(of(Arch::ScmpArchRiscv64, "riscv_hwprobe"), ALLOW);
    assert_eq!(of(Arch::ScmpArchX86_64, "riscv_hwprobe"), ENOSYS);
    assert_eq!(of(Arch::ScmpArchS390x, "s390_pci_mmio_read"), ALLOW);
}

#[test]
fn clone_looks_at_the_second_argument_on_s390() {
    let index = |arch| {
        let seccomp = resolve(&target(&[], arch, (6, 18)));
        let indices: Vec<_> = rules(&seccomp, "clone")
            .iter()
            .flat_map(|rule| rule.args.iter().map(|condition| condition.index))
            .collect();
        indices
    };
    assert_eq!(index(Arch::ScmpArchX86_64), [0; 8]);
    assert_eq!(index(Arch::ScmpArchS390x), [1; 8]);
    assert_eq!(index(Arch::ScmpArchS390), [1; 8]);
}

#[test]
fn mips_gets_its_own_errno_numbers() {
    let seccomp = resolve(&target(&[], Arch::ScmpArchMipsel64, (6, 18)));
    assert_eq!(seccomp.default_errno, Some(89));
    assert_eq!(verdict(&seccomp, "mount"), EPERM);
}

#[test]
fn resolving_takes_microseconds() {
    let target = target(&["CAP_CHOWN"], Arch::ScmpArchX86_64, (6, 18));
    let rounds = 1000;
    let start = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(resolve(std::hint::black_box(&target)));
    }
    let each = start.elapsed() / rounds;
    println!("resolve: {each:?}");
    // Ten times what it takes without optimisation on a slow machine.
    assert!(each.as_micros() < 1000, "{each:?}");
}

#[test]
fn both_forms_allow_the_same() {
    use default_profile::{Newer, resolve_for};
    for arch in [
        Arch::ScmpArchX86_64,
        Arch::ScmpArchAarch64,
        Arch::ScmpArchS390x,
    ] {
        for capabilities in [
            vec![],
            vec!["CAP_SYS_ADMIN"],
            vec!["CAP_CHOWN", "CAP_SYS_TIME"],
        ] {
            let target = Target {
                capabilities: capabilities.into_iter().map(str::to_owned).collect(),
                arch,
                kernel: Kernel {
                    major: 6,
                    minor: 18,
                },
            };
            let allowed = |newer| {
                let profile = resolve_for(&target, newer);
                assert_eq!(profile.default_action, Action::ScmpActErrno);
                let rules = profile.rules.into_iter();
                rules
                    .filter(|rule| rule.action == Action::ScmpActAllow)
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                allowed(Newer::Profile),
                allowed(Newer::Runtime),
                "{target:?}"
            );
        }
    }
}

//! The default profile on the running kernel, call by call: what a group denies is denied, with the
//! errno that the profile says, to a process that has the filter and every capability.
//!
//! A call is made only where the interpreter says that the filter denies it, or where it does
//! nothing if it is let through.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;

use default_profile::{Outcome, groups};
use filter::{Call, Filter, Runtime, compile};
use integration::{Came, Probe};
use profile::{Action, Arch, DOCKER_CAPABILITIES, Kernel, Target};

/// Denied, too, but not tried: should the kernel ever get to see them, these arguments would not
/// keep it from doing something.
const NOT_TRIED: [(&str, &str); 1] =
    [("vhangup", "it takes no argument, and hangs up the terminal")];

/// No pointer, no fd, no flags, no size that any call takes.
const INVALID: [u64; 6] = [u64::MAX; 6];

fn target() -> Option<Target> {
    Some(Target {
        capabilities: DOCKER_CAPABILITIES.map(str::to_owned).into(),
        arch: filter::host()?,
        kernel: Kernel {
            major: 6,
            minor: 18,
        },
    })
}

/// The filter of one container, and a probe under it.
fn filters(target: &Target) -> Vec<(Filter, Probe)> {
    let profile = default_profile::resolve(target);
    let filter = |runtime| {
        let filter = compile(&profile, target.arch, runtime).unwrap();
        let probe = Probe::under(env!("CARGO_BIN_EXE_probe"), &[filter.to_bytes()]);
        (filter, probe)
    };
    [Runtime::Runc, Runtime::Crun].map(filter).into()
}

/// What the filter says, which must be that it denies with an errno.
fn denied(filter: &Filter, arch: Arch, nr: u32, args: [u64; 6]) -> Option<u32> {
    let outcome = filter.run(&Call::new(arch, nr, args));
    (outcome.action() == Action::ScmpActErrno).then_some(outcome.data().into())
}

fn errno(number: u32) -> Came {
    Came::Errno(number.try_into().unwrap())
}

#[test]
fn every_call_of_a_denied_group_gives_the_errno_of_the_profile() {
    let Some(target) = target() else {
        return;
    };
    let arch = target.arch;
    let mut tried: BTreeMap<u32, usize> = BTreeMap::new();
    let (mut absent, mut by_the_default) = (Vec::new(), 0);
    for (filter, probe) in filters(&target) {
        for group in groups() {
            let Some(Outcome::Deny(deny)) = group.outcome(&target) else {
                continue;
            };
            let number = deny.number(arch);
            for name in group.syscalls {
                // Of another architecture, or newer than this libseccomp.
                let Some(nr) = filter::nr(name, arch) else {
                    absent.push(*name);
                    continue;
                };
                let said = denied(&filter, arch, nr, INVALID);
                assert_eq!(said, Some(number), "{}: {name}", group.name);
                if NOT_TRIED.iter().any(|(one, _)| one == name) {
                    continue;
                }
                assert_eq!(probe.call(nr, INVALID), errno(number), "{name}");
                *tried.entry(number).or_default() += 1;
            }
        }
        // Numbers of no call, as those of kernels to come.
        for nr in [511, 999, 4_000] {
            let number = default_profile::DEFAULT_ERRNO.number(arch);
            assert_eq!(denied(&filter, arch, nr, INVALID), Some(number), "{nr}");
            assert_eq!(probe.call(nr, INVALID), errno(number), "{nr}");
            by_the_default += 1;
        }
    }
    absent.sort_unstable();
    absent.dedup();
    println!("tried, by errno: {tried:?}, and {by_the_default} unknown numbers");
    println!(
        "not on {arch} or not known to this libseccomp: {}",
        absent.len()
    );
    for (name, why) in NOT_TRIED {
        println!("not tried: {name}: {why}");
    }
    assert!(tried.get(&1).is_some_and(|some| *some > 50), "{tried:?}");
    assert!(tried.get(&38).is_some_and(|some| *some > 20), "{tried:?}");
}

#[test]
fn what_depends_on_an_argument_is_denied_for_the_arguments_of_the_profile() {
    let Some(target) = target() else {
        return;
    };
    let arch = target.arch;
    let nr = |name| filter::nr(name, arch).unwrap();
    let mut count = BTreeMap::new();
    for (filter, probe) in filters(&target) {
        // A type that no family has: EINVAL before the family is looked at.
        let families = (0..48).flat_map(|family| [family, family | 1 << 32]);
        let sockets = families.map(|family| (nr("socket"), [family, 0x7fff, 0, 0, 0, 0]));
        let personas = [
            0,
            8,
            0x2_0000,
            0x2_0008,
            0xffff_ffff,
            4,
            0x20,
            0x40_0000,
            1 << 32,
        ];
        let personas = personas.map(|persona| (nr("personality"), [persona, 0, 0, 0, 0, 0]));
        for (nr, args) in sockets.chain(personas) {
            let came = probe.call(nr, args);
            if let Some(number) = denied(&filter, arch, nr, args) {
                assert_eq!(came, errno(number), "{nr} {args:x?}");
            } else {
                assert!(
                    matches!(came, Came::Ok | Came::Errno(libc::EINVAL)),
                    "{nr} {args:x?}"
                );
            }
            *count.entry(came.to_string()).or_insert(0) += 1;
        }
        for flag in NAMESPACES {
            for flags in [flag, flag | 0x11, flag | 1 << 32] {
                let args = [flags, 0, 0, 0, 0, 0];
                // Only what is denied is made: it would be a new process.
                assert_eq!(
                    denied(&filter, arch, nr("clone"), args),
                    Some(1),
                    "{flags:x}"
                );
                assert_eq!(probe.call(nr("clone"), args), Came::Errno(libc::EPERM));
                *count.entry("clone".to_owned()).or_insert(0) += 1;
            }
        }
    }
    println!("{count:?}");
    for seen in ["ok", "errno 1", "errno 22", "errno 97", "clone"] {
        assert!(count.contains_key(seen), "{seen}: {count:?}");
    }
}

/// CLONE_NEW… of linux/sched.h: a mount, cgroup, UTS, IPC, user, PID or network namespace.
const NAMESPACES: [u64; 7] = [
    0x0002_0000,
    0x0200_0000,
    0x0400_0000,
    0x0800_0000,
    0x1000_0000,
    0x2000_0000,
    0x4000_0000,
];

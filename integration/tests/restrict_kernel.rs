//! `restrict`, held against the kernel: a call under two filters, one on the other, ends as it does
//! under the one filter that they were made to.
#![cfg(target_arch = "x86_64")]

#[path = "restrict_bpf/generated.rs"]
mod generated;
mod oci;

use filter::{Call, Filter, Outcome, Runtime, X32_BIT, compile};
use generated::{FAMILIES, Family};
use integration::{Came, Probe, Random};
use oci::{NATIVE, seccomp};
use profile::{Action, Kernel, Rule, Seccomp, Target, restrict};
use serde_json::{Value, json};

/// What a call does by itself when it is made, as is or after being logged.
type Made = (u32, [u64; 6]);

/// A pair under test: both filters, and the one of what they were made to.
struct Three {
    both: [Filter; 2],
    one: Filter,
    probes: [Probe; 3],
}

impl Three {
    /// None where libseccomp takes one of them not.
    fn of(a: &Seccomp, b: &Seccomp) -> Option<Self> {
        let result = restrict(a, b, NATIVE).ok()?.profile;
        let compiled = [a, b, &result].map(|profile| compile(profile, NATIVE, Runtime::Crun));
        let [Ok(first), Ok(second), Ok(one)] = compiled else {
            return None;
        };
        let probe = |filters: &[&Filter]| {
            let programs: Vec<_> = filters.iter().map(|filter| filter.to_bytes()).collect();
            Probe::under(env!("CARGO_BIN_EXE_probe"), &programs)
        };
        let probes = [probe(&[&first, &second]), probe(&[&one]), probe(&[])];
        Some(Self {
            both: [first, second],
            one,
            probes,
        })
    }

    /// What both filters come to for a call, if the one says the same: where it is stricter, or is
    /// compiled to something else, the filters' own tests have found that.
    fn agreed(&self, (nr, args): Made) -> Option<Outcome> {
        let call = Call::new(NATIVE, nr, args);
        let [first, second] = self.both.each_ref().map(|filter| filter.run(&call));
        // Of equally strict answers, the filter on top gives the errno.
        let both = if first.rank() < second.rank() {
            first
        } else {
            second
        };
        (self.one.run(&call) == both).then_some(both)
    }

    /// Makes the call under both, under the one and under none; returns what came.
    fn compare(&self, made: Made, outcome: Outcome) -> Came {
        let (nr, args) = made;
        let [stacked, one, free] = self.probes.each_ref().map(|probe| probe.call(nr, args));
        assert_eq!(stacked, one, "call {nr:#x} {args:x?}: {outcome}");
        let expected = match outcome.action() {
            Action::ScmpActAllow | Action::ScmpActLog => free,
            Action::ScmpActErrno if outcome.data() == 0 => Came::Ok,
            Action::ScmpActErrno => Came::Errno(outcome.data().into()),
            // Nobody traces or listens.
            Action::ScmpActTrace | Action::ScmpActNotify => Came::Errno(libc::ENOSYS),
            Action::ScmpActTrap => Came::Trapped,
            Action::ScmpActKill | Action::ScmpActKillThread => Came::ThreadKilled,
            Action::ScmpActKillProcess => Came::Killed(libc::SIGSYS),
        };
        assert_eq!(one, expected, "call {nr:#x} {args:x?}: {outcome}");
        one
    }
}

/// Calls that do nothing, whatever their arguments are: seccomp sees all six registers.
const HARMLESS: [&str; 6] = [
    "getppid", "getuid", "geteuid", "getgid", "getegid", "gettid",
];

#[test]
fn two_filters_and_the_one_made_of_them_end_calls_alike() {
    let mut random = Random::new(7);
    let (mut pairs, mut skipped, mut calls, mut came) = (0, 0, 0, Vec::new());
    // libseccomp might not end on those of the last.
    let families = FAMILIES.into_iter().filter(|one| *one != Family::Any);
    for (at, family) in families.cycle().take(48).enumerate() {
        let [a, b] = [(); 2].map(|()| {
            let mut profile = generated::profile(family, &HARMLESS, &mut random);
            // By which the second filter is loaded under the first.
            profile.rules.insert(0, allow("seccomp"));
            profile
        });
        let Some(three) = Three::of(&a, &b) else {
            skipped += 1;
            continue;
        };
        pairs += 1;
        let mut args = vec![[0; 6]];
        let conditions = [&a, &b].into_iter().flat_map(|profile| &profile.rules);
        for condition in conditions.flat_map(|rule| &rule.args).take(3) {
            let index = usize::try_from(condition.index).unwrap();
            for value in [
                condition.value,
                condition.value_two,
                condition.value | 1 << 32,
            ] {
                let mut one = [0; 6];
                one[index] = value;
                args.push(one);
            }
        }
        args.dedup();
        for name in HARMLESS {
            let nr = filter::nr(name, NATIVE).unwrap();
            // All arguments for one call, which is another one for each pair.
            let some = if HARMLESS[at % HARMLESS.len()] == name {
                args.len()
            } else {
                1
            };
            for args in &args[..some] {
                let Some(outcome) = three.agreed((nr, *args)) else {
                    skipped += 1;
                    continue;
                };
                came.push(three.compare((nr, *args), outcome));
                calls += 1;
            }
        }
        for nr in [999, X32_BIT | 110] {
            if let Some(outcome) = three.agreed((nr, [0; 6])) {
                came.push(three.compare((nr, [0; 6]), outcome));
                calls += 1;
            }
        }
    }
    let kinds = [
        Came::Ok,
        Came::Trapped,
        Came::ThreadKilled,
        Came::Killed(libc::SIGSYS),
    ];
    let errnos = [1, 13, 38].map(Came::Errno);
    for kind in kinds.into_iter().chain(errnos) {
        assert!(came.contains(&kind), "{kind} came of no call");
    }
    eprintln!("{pairs} pairs, {calls} calls, {skipped} skipped");
    assert!(pairs >= 30 && calls > 300, "{pairs} {calls}");
}

#[test]
fn the_default_profile_restricted_denies_on_the_kernel_what_either_denies() {
    let default = default_profile::resolve(&Target {
        capabilities: ["CAP_CHOWN".to_owned()].into(),
        arch: NATIVE,
        kernel: Kernel {
            major: 6,
            minor: 18,
        },
    });
    let mut came = Vec::new();
    for (action, errno) in [
        ("SCMP_ACT_ERRNO", json!(13)),
        ("SCMP_ACT_KILL_PROCESS", Value::Null),
        ("SCMP_ACT_TRAP", Value::Null),
        ("SCMP_ACT_LOG", Value::Null),
    ] {
        let other = seccomp(&json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": [
                {"names": ["mkdir", "uname", "mount"], "action": action, "errnoRet": errno},
                {"names": ["personality"], "action": action, "errnoRet": errno,
                 "args": [{"index": 0, "value": 0xffff_ffff_u64, "op": "SCMP_CMP_EQ"}]},
                {"names": ["socket"], "action": action, "errnoRet": errno,
                 "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]},
                {"names": ["prctl"], "action": action, "errnoRet": errno,
                 "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]},
            ],
        }));
        let mut default = default.clone();
        default.rules.push(allow("seccomp"));
        for (a, b) in [(&default, &other), (&other, &default)] {
            let three = Three::of(a, b).unwrap();
            for (name, args) in made() {
                let nr = filter::nr(name, NATIVE).unwrap();
                let args = [args[0], args[1], 0, 0, 0, 0];
                let outcome = three.agreed((nr, args));
                let outcome = outcome.unwrap_or_else(|| panic!("{name} {args:x?} differs"));
                came.push((name, three.compare((nr, args), outcome)));
            }
        }
    }
    for seen in [
        ("mkdir", Came::Errno(13)),
        ("mkdir", Came::Killed(libc::SIGSYS)),
        ("mkdir", Came::Trapped),
        ("mkdir", Came::Errno(libc::EFAULT)),
        ("mount", Came::Errno(libc::EPERM)),
        ("clone3", Came::Errno(libc::ENOSYS)),
        ("socket", Came::Errno(libc::EAFNOSUPPORT)),
        ("getppid", Came::Ok),
    ] {
        assert!(came.contains(&seen), "{seen:?} was not seen");
    }
}

#[test]
fn a_denied_socket_family_stays_denied_beside_a_call_that_the_architecture_lacks() {
    let arches = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
    let denied = seccomp(&json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": arches,
        "syscalls": [
            {"names": ["socketcall"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13,
             "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]},
        ],
    }));
    let allowed = seccomp(&json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": arches}));
    let result = restrict(&denied, &allowed, NATIVE).unwrap().profile;
    let filter = compile(&result, NATIVE, Runtime::Crun).unwrap();
    let probe = Probe::under(env!("CARGO_BIN_EXE_probe"), &[filter.to_bytes()]);
    let socket = filter::nr("socket", NATIVE).unwrap();
    for (family, came) in [(38, libc::EACCES), (1, libc::EINVAL)] {
        let args = [family, 0x7fff, 0, 0, 0, 0];
        assert_eq!(probe.call(socket, args), Came::Errno(came), "{family}");
    }
}

/// Calls that change nothing: paths and structures are null, socket types unknown.
fn made() -> Vec<(&'static str, [u64; 2])> {
    let mut made = vec![
        ("getppid", [0, 0]),
        ("uname", [0, 0]),
        ("mkdir", [0, 0]),
        ("mkdir", [0, 0o700]),
        ("mount", [0, 0]),
        ("personality", [0xffff_ffff, 0]),
        ("personality", [0x1_ffff_ffff, 0]),
        ("prctl", [3, 0]),
        ("prctl", [16, 0]),
        ("prctl", [1 << 32 | 3, 0]),
        ("clone3", [0, 0]),
    ];
    for family in [1, 2, 16, 17, 38, 39, 40, 45, 1 << 32 | 16, 1 << 32 | 38] {
        made.push(("socket", [family, 0x7fff]));
    }
    made
}

fn allow(name: &'static str) -> Rule {
    Rule {
        names: vec![name.into()],
        action: Action::ScmpActAllow,
        errno: None,
        args: Vec::new(),
    }
}

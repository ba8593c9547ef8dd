//! What `shim profile test` says of a call is what comes of it in a container: a probe in a busybox
//! root makes it, under each runtime, with the profile as the policy's Localhost profile.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

#[allow(unsafe_code, reason = "a netlink socket")]
mod audit;

use std::path::Path;
use std::process::Command;

use audit::Audit;
use integration::{
    Came, PolicyDir, Probe, RealRuntime, TestBundle, copy_program, run, shim_binary,
};
use profile::{Action, Arch, Kernel, Rule, Target};
use serde_json::{Value, json};

/// A call, and what comes of it where no filter is in the way: its pointers are null.
struct Call {
    name: &'static str,
    args: &'static [u64],
    free: Came,
}

const fn call(name: &'static str, args: &'static [u64], free: Came) -> Call {
    Call { name, args, free }
}

const FAULT: Came = Came::Errno(libc::EFAULT);
const INVALID: Came = Came::Errno(libc::EINVAL);

/// Every action there is, on calls that neither the runtimes nor the probe make.
fn every_action() -> Value {
    let rule = |name: &str, action: &str| json!({"names": [name], "action": action});
    let errno = |name: &str, errno: u32| json!({"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": errno});
    let when = |name: &str, errno: u32, args: Value| json!({"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": args});
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            rule("mkdir", "SCMP_ACT_ERRNO"),
            errno("rmdir", 13),
            errno("link", 121),
            errno("symlink", 0),
            errno("truncate", 4094),
            rule("times", "SCMP_ACT_KILL_PROCESS"),
            rule("getsid", "SCMP_ACT_KILL_THREAD"),
            rule("getpgid", "SCMP_ACT_KILL"),
            rule("getpgrp", "SCMP_ACT_TRAP"),
            rule("sysinfo", "SCMP_ACT_LOG"),
            rule("getpriority", "SCMP_ACT_TRACE"),
            when("personality", 22, json!([
                {"index": 0, "value": 0x20_0000, "valueTwo": 0x20_0000, "op": "SCMP_CMP_MASKED_EQ"},
            ])),
            when("socket", 97, json!([{"index": 0, "value": 40, "op": "SCMP_CMP_GE"}])),
            when("utime", 95, json!([
                {"index": 2, "value": 7, "op": "SCMP_CMP_EQ"},
                {"index": 3, "value": 9, "op": "SCMP_CMP_LE"},
            ])),
        ],
    })
}

const CALLS: &[Call] = &[
    call("mkdir", &[0, 0], FAULT),
    call("rmdir", &[0], FAULT),
    call("link", &[0, 0], FAULT),
    call("symlink", &[0, 0], FAULT),
    call("truncate", &[0, 0], FAULT),
    call("times", &[0], Came::Ok),
    call("getsid", &[0], Came::Ok),
    call("getpgid", &[0], Came::Ok),
    call("getpgrp", &[], Came::Ok),
    call("sysinfo", &[0], FAULT),
    call("getpriority", &[0, 0], Came::Ok),
    call("personality", &[0xffff_ffff], Came::Ok),
    call("personality", &[0], Came::Ok),
    call("personality", &[0x20_0000], Came::Ok),
    call("socket", &[1, 0x7fff], INVALID),
    call("socket", &[39, 0x7fff], INVALID),
    call("socket", &[40, 0x7fff], INVALID),
    call("socket", &[1 << 32 | 1, 0x7fff], INVALID),
    call("utime", &[0, 0, 7, 9], FAULT),
    call("utime", &[0, 0, 7, 10], FAULT),
    call("utime", &[0, 0, 6, 9], FAULT),
    call("getuid", &[], Came::Ok),
];

/// A profile as a policy's file, in front of some runtime.
struct Under<'a> {
    runtime: &'a RealRuntime,
    policy: PolicyDir,
}

impl<'a> Under<'a> {
    fn new(runtime: &'a RealRuntime, profile: &str) -> Self {
        let rule = "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
        let policy = PolicyDir::new(rule).with_profile("a.json", profile);
        Self { runtime, policy }
    }

    /// The action that `shim profile test` says the call gets, as it prints it.
    fn said(&self, call: &Call) -> String {
        let mut command = Command::new(shim_binary());
        command
            .args(["profile", "test", "--format", "json", "--runtime"])
            .arg(self.runtime.name)
            .arg(self.policy.path().join("profiles/a.json"))
            .arg(call.name)
            .args(call.args.iter().map(u64::to_string));
        let outcome = run(&mut command);
        let answer: Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{}: {outcome:?}: {error}", call.name));
        answer["action"].as_str().expect("an action").to_owned()
    }

    /// What comes of the call in a container whose probe is called `program`.
    fn came(&self, call: &Call, program: &str) -> Came {
        let nr = filter::nr(call.name, Arch::ScmpArchX86_64).expect("a number");
        let path = format!("/bin/{program}");
        let words = std::iter::once(nr.to_string()).chain(call.args.iter().map(u64::to_string));
        let words: Vec<String> = words.collect();
        let mut args = vec![path.as_str()];
        args.extend(words.iter().map(String::as_str));
        let bundle = TestBundle::new(&args);
        let probe = bundle.path().join("rootfs").join(&path[1..]);
        copy_program(Path::new(env!("CARGO_BIN_EXE_probe")), &probe);
        let outcome = self.runtime.run(self.policy.path(), &bundle);
        match (outcome.code, Came::said(&outcome.stdout)) {
            (Some(0), Some(came)) => came,
            // As shells do: 128 and the signal.
            (Some(code @ 129..), None) => Came::Killed(code - 128),
            _ => panic!(
                "{} {} {:x?}: {outcome:?}",
                self.runtime.name, call.name, call.args
            ),
        }
    }

    /// Asks, tries, compares; gives what was said.
    fn compare(&self, call: &Call) -> String {
        let said = self.said(call);
        let came = self.came(call, "probe");
        let number = said
            .split_once('(')
            .map(|(_, rest)| rest.trim_end_matches(')'));
        let number = number.map(|number| number.parse().expect("a number"));
        let expected = match (said.split('(').next(), number) {
            (Some("ALLOW" | "LOG"), _) => call.free,
            (Some("ERRNO"), Some(0)) => Came::Ok,
            (Some("ERRNO"), Some(errno)) => Came::Errno(errno),
            // Nobody traces.
            (Some("TRACE"), _) => Came::Errno(libc::ENOSYS),
            (Some("TRAP"), _) => Came::Trapped,
            (Some("KILL_THREAD"), _) => Came::ThreadKilled,
            (Some("KILL_PROCESS"), _) => Came::Killed(libc::SIGSYS),
            _ => panic!("{said}"),
        };
        let Call { name, args, .. } = call;
        let runtime = self.runtime.name;
        assert_eq!(came, expected, "{runtime}: {name} {args:x?}: {said}");
        said
    }
}

#[test]
fn each_action_does_in_a_container_what_profile_test_says() {
    for runtime in RealRuntime::all("each_action_does_in_a_container_what_profile_test_says") {
        let under = Under::new(&runtime, &every_action().to_string());
        let said: Vec<String> = CALLS.iter().map(|call| under.compare(call)).collect();
        for action in [
            "ALLOW",
            "LOG",
            "TRACE(1)",
            "ERRNO(0)",
            "ERRNO(1)",
            "ERRNO(13)",
            "ERRNO(22)",
            "ERRNO(95)",
            "ERRNO(97)",
            "ERRNO(121)",
            "ERRNO(4094)",
            "TRAP",
            "KILL_THREAD",
            "KILL_PROCESS",
        ] {
            assert!(said.iter().any(|one| one == action), "{action}: {said:?}");
        }
    }
}

#[test]
fn what_an_allowing_list_leaves_out_is_denied_in_a_container_as_profile_test_says() {
    // The default profile with another default, which clone3 must not get: libraries fall back on
    // clone where the kernel has no clone3, and on nothing where it is not allowed.
    let mut profile = default_profile::resolve(&Target {
        capabilities: ["CAP_CHOWN".to_owned()].into(),
        arch: Arch::ScmpArchX86_64,
        kernel: Kernel {
            major: 6,
            minor: 18,
        },
    });
    profile.default_errno = Some(13);
    profile.rules.push(Rule {
        names: vec!["clone3".into()],
        action: Action::ScmpActErrno,
        errno: Some(38),
        args: Vec::new(),
    });
    for runtime in RealRuntime::all("what_an_allowing_list_leaves_out") {
        let under = Under::new(&runtime, &profile.to_json());
        let calls = [
            call("mount", &[0, 0, 0, 0, 0], FAULT),
            call("io_uring_setup", &[0, 0], FAULT),
            call("_sysctl", &[0], Came::Errno(libc::ENOSYS)),
            call("clone3", &[0, 0], INVALID),
            call("mkdir", &[0, 0], FAULT),
            call("socket", &[40, 0x7fff], INVALID),
            call("socket", &[2, 0x7fff], INVALID),
        ];
        let said: Vec<String> = calls.iter().map(|call| under.compare(call)).collect();
        for action in ["ALLOW", "ERRNO(1)", "ERRNO(13)", "ERRNO(38)"] {
            assert!(said.iter().any(|one| one == action), "{action}: {said:?}");
        }
    }
}

#[test]
fn what_profile_test_says_is_logged_is_in_the_kernels_log() {
    const TEST: &str = "what_profile_test_says_is_logged_is_in_the_kernels_log";
    let logged = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_logged");
    let logged = logged.expect("the kernel's list of actions");
    assert!(
        logged.split_whitespace().any(|word| word == "log"),
        "{logged}"
    );
    let sysinfo = call("sysinfo", &[0], FAULT);
    for runtime in RealRuntime::all(TEST) {
        let under = Under::new(&runtime, &every_action().to_string());
        assert_eq!(under.said(&sysinfo), "LOG");
        if !records_come() {
            integration::skip(TEST, "the kernel sends no audit records here");
            return;
        }
        let mut audit = Audit::listen().expect("audit records");
        let program = format!("logged-{}", runtime.name);
        assert_eq!(under.came(&sysinfo, &program), FAULT);
        let comm = format!("comm=\"{program}\"");
        let words = [comm.as_str(), "syscall=99 ", "code=0x7ffc0000"];
        assert!(audit.says(&words), "{}: no record", runtime.name);
        // What is allowed is not logged.
        assert_eq!(
            under.came(&call("getuid", &[], Came::Ok), &program),
            Came::Ok
        );
        assert!(
            !audit.says(&[comm.as_str(), "syscall=102 "]),
            "{}",
            runtime.name
        );
    }
}

/// Whether a call that is logged on the host gives a record.
fn records_come() -> bool {
    // ld nr; jeq 99, log, allow
    let program = [
        [0x20, 0, 0, 0, 0, 0, 0, 0],
        [0x15, 0, 0, 1, 99, 0, 0, 0],
        [0x06, 0, 0, 0, 0, 0, 0xfc, 0x7f],
        [0x06, 0, 0, 0, 0, 0, 0xff, 0x7f],
    ];
    let Ok(mut audit) = Audit::listen() else {
        return false;
    };
    let probe = Probe::under(env!("CARGO_BIN_EXE_probe"), &[program.concat()]);
    assert_eq!(probe.call(99, [0; 6]), FAULT);
    audit.says(&["comm=\"probe\"", "syscall=99 ", "code=0x7ffc0000"])
}

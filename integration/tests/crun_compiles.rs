//! What crun compiles for itself, against what it would be handed: the same program, before it
//! is shortened.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says so by failing"
)]

use std::fs;
use std::process::{Command, Stdio};

use filter::{Endian, NotSame, Program, Runtime, compile, host, same};
use integration::{Random, RealRuntime, TestBundle, run, skip};
use profile::{Arch, Seccomp};
use serde_json::{Value, json};

/// Names of all kinds: on all architectures, on some, pseudo ones of x86, and none at all.
const NAMES: &[&str] = &[
    "mkdir",
    "mkdirat",
    "clone",
    "socket",
    "socketcall",
    "ipc",
    "shmat",
    "semop",
    "stat64",
    "statx",
    "personality",
    "ioctl",
    "fcntl",
    "fcntl64",
    "prctl",
    "arch_prctl",
    "modify_ldt",
    "mount",
    "umount",
    "umount2",
    "chown32",
    "recv",
    "accept",
    "accept4",
    "setns",
    "kexec_load",
    "ptrace",
    "no_such_call",
    "Mkdir",
    " mkdir",
    "mkdir ",
    "93",
    "été",
    "sync_file_range2",
    "arm_fadvise64_64",
];
/// Those that crun does not make itself.
const NOT_CRUNS: &[&str] = &[
    "stat64",
    "kexec_load",
    "semop",
    "ptrace",
    "umount",
    "no_such_call",
];
/// Those without which its init says nothing, and crun waits for ever.
const CRUNS: &[&str] = &[
    "read",
    "write",
    "writev",
    "close",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "open",
    "openat",
    "execve",
    "exit",
    "exit_group",
    "futex",
    "brk",
    "mmap",
    "munmap",
    "capset",
    "setgroups",
    "setuid",
    "setgid",
    "setresuid",
    "setresgid",
    "chdir",
    "umask",
    "rt_sigprocmask",
    "rt_sigaction",
    "poll",
    "epoll_wait",
    "kill",
    "getpid",
    "tgkill",
    "dup2",
    "setsid",
    "stat",
    "fstat",
    "newfstatat",
    "access",
];
const ACTIONS: &[&str] = &[
    "ERRNO",
    "LOG",
    "TRAP",
    "KILL",
    "KILL_THREAD",
    "KILL_PROCESS",
    "TRACE",
    "ALLOW",
];
const OPERATORS: &[&str] = &["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
const VALUES: &[u64] = &[
    0,
    1,
    2,
    40,
    0xff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0002,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX - 1,
    u64::MAX,
];
const ARCHES: &[&str] = &[
    "X86_64", "X86", "X32", "AARCH64", "ARM", "S390X", "PPC64LE", "MIPS", "RISCV64",
];

/// A profile that crun takes, mostly.
fn any_profile(random: &mut Random) -> Value {
    let action = |random: &mut Random| {
        let word = random.one_of(ACTIONS);
        let errno = matches!(word, "ERRNO" | "TRACE") && random.below(4) > 0;
        let errnos = [0, 1, 22, 38, 4094, 4095];
        let errno = errno.then(|| random.one_of(&errnos));
        (format!("SCMP_ACT_{word}"), errno)
    };
    // Any other and crun waits for its own init for ever.
    let (default, errno) = loop {
        let (default, errno) = action(random);
        if ["ALLOW", "LOG", "ERRNO"]
            .iter()
            .any(|word| default.ends_with(word))
        {
            break (default, errno);
        }
    };
    let mut profile = json!({"defaultAction": default});
    if let Some(errno) = errno {
        profile["defaultErrnoRet"] = json!(errno);
    }
    if random.below(4) > 0 {
        let arches = (0..random.below(4)).map(|_| format!("SCMP_ARCH_{}", random.one_of(ARCHES)));
        profile["architectures"] = arches.collect();
    }
    let rules = (0..1 + random.below(6)).map(|_| {
        let (action, errno) = action(random);
        // crun waits for ever for an init of which one thread was killed.
        let thread = ["KILL", "KILL_THREAD"]
            .iter()
            .any(|word| action.ends_with(word));
        let some = if thread { NOT_CRUNS } else { NAMES };
        let names: Vec<&str> = (0..1 + random.below(6))
            .map(|_| random.one_of(some))
            .collect();
        let mut rule = json!({"names": names, "action": action});
        if let Some(errno) = errno {
            rule["errnoRet"] = json!(errno);
        }
        if random.below(3) == 0 {
            let args = (0..1 + random.below(3)).map(|_| {
                let index = random.below(6);
                let (value, two) = (random.one_of(VALUES), random.one_of(VALUES));
                let op = format!("SCMP_CMP_{}", random.one_of(OPERATORS));
                json!({"index": index, "value": value, "valueTwo": two, "op": op})
            });
            rule["args"] = args.collect();
        }
        rule
    });
    let mut rules: Vec<Value> = rules.collect();
    if default.ends_with("ERRNO") {
        rules.push(json!({"names": CRUNS, "action": "SCMP_ACT_ALLOW"}));
    }
    profile["syscalls"] = json!(rules);
    profile
}

/// What crun keeps of a container's filter for those that are executed in it later.
fn compiled_by(crun: &RealRuntime, profile: &str) -> Option<Vec<u8>> {
    let state = tempfile::tempdir().expect("a folder");
    let bundle = TestBundle::new(&["true"]);
    bundle.edit(|config| config["linux"]["seccomp"] = json!("HERE"));
    let text = String::from_utf8(bundle.text()).expect("UTF-8");
    bundle.write_text(text.replace("\"HERE\"", profile));
    let crun = |verb: &str, more: &[&str]| -> Command {
        // Profiles by chance may have crun wait for its own init for ever.
        let bare = crun.bare();
        let mut command = Command::new("timeout");
        command
            .args(["--signal=KILL", "10"])
            .arg(bare.get_program());
        command.args(bare.get_args()).env_remove("LD_LIBRARY_PATH");
        command.arg("--root").arg(state.path()).arg(verb).args(more);
        command
    };
    let id = bundle.id();
    let _ = crun("create", &["--bundle"])
        .arg(bundle.path())
        .arg(&id)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let made = fs::read(state.path().join(&id).join("seccomp.bpf")).ok();
    let _ = run(crun("delete", &["--force"]).arg(&id));
    made.filter(|made| !made.is_empty())
}

/// Compares what is made of a profile's text; false where shim refuses it or crun does.
fn same_as_by(crun: &RealRuntime, profile: &str) -> bool {
    let text = strict_json::Text::check(profile.as_bytes(), 100).expect("JSON");
    // What shim refuses reaches no runtime.
    let Ok(seccomp) = Seccomp::from_oci(&text.root()) else {
        return false;
    };
    let Some(theirs) = compiled_by(crun, profile) else {
        return false;
    };
    let ours = compile(&seccomp, Arch::ScmpArchX86_64, Runtime::Crun).expect("crun made one");
    if ours.program.to_bytes(Endian::Little) != theirs {
        // A newer crun may have libseccomp write a tree.
        let theirs = Program::from_bytes(&theirs, Endian::Little).expect("a program");
        let same = same(&ours.program, &theirs);
        let other = matches!(same, Err(NotSame::Answer { .. }));
        assert!(!other, "{same:?}: {profile}");
    }
    true
}

/// crun, where it makes containers and its programs are x86-64's.
fn crun(test: &str) -> Option<RealRuntime> {
    let crun = RealRuntime::find(test, "crun")?;
    if host() != Some(Arch::ScmpArchX86_64) {
        skip(test, "the state folder holds a program of x86-64");
        return None;
    }
    if compiled_by(&crun, r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}"#).is_none() {
        skip(test, "crun makes no containers here");
        return None;
    }
    Some(crun)
}

#[test]
fn a_filter_is_made_as_crun_makes_it_for_itself() {
    let Some(crun) = crun("a_filter_is_made_as_crun_makes_it_for_itself") else {
        return;
    };
    let profiles = (0..60).map(|seed| any_profile(&mut Random::new(seed)).to_string());
    let compared = profiles
        .filter(|profile| same_as_by(&crun, profile))
        .count();
    assert!(compared > 20, "{compared}");
}

/// The same text, read by two readers of JSON.
#[test]
fn an_odd_text_is_read_as_crun_reads_it() {
    let Some(crun) = crun("an_odd_text_is_read_as_crun_reads_it") else {
        return;
    };
    let rules = [
        r#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":null}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":-0}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":4095,"args":null}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":65536}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_TRACE","errnoRet":65535}"#,
        r#"{"names":["mk\u0064ir","\/mkdir","mkdir\t","rmdir"],"action":"SCMP_ACT_LOG","args":[]}"#,
        r#"{"names":["\ud83d\ude00","\ud800","rm\ud800dir"],"action":"SCMP_ACT_LOG"}"#,
        r#"{"name":"mkdir","names":["rmdir"],"action":"SCMP_ACT_LOG"}"#,
        r#"{"name":"mkdir","action":"SCMP_ACT_LOG"}"#,
        r#"{"names":[],"action":"SCMP_ACT_LOG"},{"names":null,"action":"SCMP_ACT_LOG"}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_LOG","includes":{"caps":["CAP_SYS_ADMIN"]}}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_LOG","excludes":{"arches":["amd64"]},"comment":1}"#,
        r#"{"names":["mkdir","mkdir"],"action":"SCMP_ACT_LOG"},{"names":["mkdir"],"action":"SCMP_ACT_LOG"}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_LOG"},{"names":["mkdir"],"action":"SCMP_ACT_TRAP"}"#,
        r#"{"names":["mkdir"],"action":"SCMP_ACT_ALLOW"},{"names":["mkdir"],"action":"SCMP_ACT_TRAP"}"#,
        r#"{"names":["ioctl"],"action":"SCMP_ACT_LOG","args":[{"index":1,"op":"SCMP_CMP_EQ"}]}"#,
        r#"{"names":["ioctl"],"action":"SCMP_ACT_LOG","args":[{"index":1,"value":null,"valueTwo":null,"op":"SCMP_CMP_MASKED_EQ"}]}"#,
        r#"{"names":["ioctl"],"action":"SCMP_ACT_LOG","args":[{"index":1,"value":18446744073709551615,"op":"SCMP_CMP_LT"}]}"#,
        r#"{"names":["ioctl"],"action":"SCMP_ACT_LOG","args":[{"value":9223372036854775808,"op":"SCMP_CMP_GT","x":{"op":1}}]}"#,
        r#"{"names":["ioctl"],"action":"SCMP_ACT_LOG","args":[{"index":1,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]}"#,
    ];
    let tops = [
        "",
        r#""architectures":null,"#,
        r#""architectures":["SCMP_ARCH_X86","SCMP_ARCH_X86","SCMP_ARCH_X86_64"],"#,
        r#""defaultErrnoRet":null,"flags":null,"listenerPath":null,"archMap":null,"x":[1.5],"#,
    ];
    let mut compared = 0;
    for top in tops {
        for (at, rule) in rules.iter().enumerate() {
            // All of them with all is much the same.
            if top.is_empty() || at % 5 == 0 {
                let profile =
                    format!(r#"{{{top}"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{rule}]}}"#);
                compared += usize::from(same_as_by(&crun, &profile));
            }
        }
    }
    assert!(compared > 15, "{compared}");
}

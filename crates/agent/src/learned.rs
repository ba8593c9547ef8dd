//! From recordings to the smallest profile that would have sufficed for them.
//!
//! What stands in it beside the calls seen is what no recording can show: what a runtime needs to
//! start a container varies from run to run (Go's scheduler has a part in it), a few calls are made
//! without being seen, and without a few others no program can end.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::recording::{Call, Recording};

/// No program can do without those, and most are never seen: the kernel makes `restart_syscall` up,
/// no runtime's `write` but crun's can be asked about, signals come when they like, and threads call
/// `futex` only in the runs in which one waits for another.
const ALWAYS: [&str; 6] = [
    "exit",
    "exit_group",
    "futex",
    "restart_syscall",
    "rt_sigreturn",
    "write",
];

/// Calls that the vDSO usually answers without the kernel (vdso(7)), and not on every machine.
const VDSO: [&str; 7] = [
    "clock_getres",
    "clock_getres_time64",
    "clock_gettime",
    "clock_gettime64",
    "getcpu",
    "gettimeofday",
    "time",
];

/// Between the filter and the container's program, in versions 1.1 to 1.5 of runc; the second line
/// is its Go runtime's, which differs from run to run.
const RUNC: [&str; 31] = [
    "close",
    "close_range",
    "epoll_ctl",
    "execve",
    "fcntl",
    "fstat",
    "fstatfs",
    "getdents64",
    "getpid",
    "newfstatat",
    "openat",
    "openat2",
    "read",
    "recvfrom",
    "statx",
    "write",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "exit",
    "futex",
    "gettid",
    "madvise",
    "mmap",
    "munmap",
    "nanosleep",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_yield",
    "sigaltstack",
    "tgkill",
];

/// What runc does after the filter in addition if noNewPrivileges is not set.
const RUNC_PRIVILEGED: [&str; 13] = [
    "capget",
    "capset",
    "chdir",
    "faccessat",
    "faccessat2",
    "getcwd",
    "getppid",
    "prctl",
    "setgid",
    "setgroups",
    "setuid",
    "setresgid",
    "setresuid",
];

/// As [`RUNC`], for crun 1.8 to 1.28.
const CRUN: [&str; 4] = ["close", "close_range", "execve", "write"];

/// As [`RUNC_PRIVILEGED`].
const CRUN_PRIVILEGED: [&str; 8] = [
    "capset",
    "chdir",
    "prctl",
    "rt_sigaction",
    "rt_sigprocmask",
    "setgroups",
    "setresgid",
    "setresuid",
];

/// As [`RUNC`], for youki 0.7, whose init says by `sendmsg`, which cannot be asked about, that it is
/// ready.
const YOUKI: [&str; 11] = [
    "accept4",
    "close",
    "close_range",
    "execve",
    "newfstatat",
    "openat",
    "recvfrom",
    "recvmsg",
    "sendmsg",
    "statx",
    "write",
];

/// As [`RUNC_PRIVILEGED`].
const YOUKI_PRIVILEGED: [&str; 8] = [
    "capget",
    "capset",
    "chdir",
    "getcwd",
    "prctl",
    "setgroups",
    "setresgid",
    "setresuid",
];

/// What crun calls in the container only because there is a listener.
const CRUN_LISTENING: [&str; 3] = ["kill", "munmap", "wait4"];

/// The profile for what all `recordings` saw, in Docker's and the OCI's format alike. With
/// `with_args`, calls whose plain arguments were few are allowed with those alone.
#[must_use]
pub fn learn(recordings: &[Recording], with_args: bool) -> Value {
    let mut runs: BTreeMap<&str, usize> = BTreeMap::new();
    for recording in recordings {
        let names: BTreeSet<&str> = names(&recording.calls).collect();
        for name in names {
            let count = runs.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    }
    let by_runtime = by_runtime(recordings);
    let before = || recordings.iter().filter_map(|one| one.learned.as_ref());
    let before: BTreeSet<&str> = before()
        .flat_map(|learned| learned.names.iter().map(String::as_str))
        .collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut rules = Vec::new();
    let mut plain: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (name, count) in &runs {
        done.insert(name);
        // What a runtime calls it may call with other arguments.
        let free = with_args
            && !before.contains(name)
            && !by_runtime.iter().any(|(_, needs)| needs.contains(name));
        let sets = free.then(|| conditions(recordings, name)).flatten();
        match sets {
            Some(sets) => rules.extend(sets.into_iter().map(|args| {
                let comment = seen(*count, recordings.len());
                json!({"names": [name], "action": ALLOW, "args": args, "comment": comment})
            })),
            None => plain.entry(*count).or_default().push(name),
        }
    }
    let mut groups: Vec<Value> = plain
        .iter()
        .rev()
        .map(|(count, names)| rule(names, &seen(*count, recordings.len())))
        .collect();
    groups.append(&mut rules);
    let new: Vec<&str> = before
        .iter()
        .copied()
        .filter(|name| done.insert(name))
        .collect();
    groups.extend((!new.is_empty()).then(|| rule(&new, "learned before")));
    for (runtime, names) in &by_runtime {
        let new: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| done.insert(name))
            .collect();
        groups.extend((!new.is_empty()).then(|| rule(&new, runtime)));
    }
    let beyond: [(&[&str], &str); 2] = [
        (
            &ALWAYS,
            "without these no program can run and end; recording does not see them all",
        ),
        (
            &VDSO,
            "usually answered without the kernel, so that recording does not see them",
        ),
    ];
    for (names, why) in beyond {
        let new: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| done.insert(name))
            .collect();
        groups.extend((!new.is_empty()).then(|| rule(&new, why)));
    }
    json!({
        "comment": about(recordings),
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        "architectures": architectures(recordings),
        "syscalls": groups,
    })
}

const ALLOW: &str = "SCMP_ACT_ALLOW";
/// As in the default profile: a library that tries a newer call falls back on an older one.
const ENOSYS: u32 = 38;

fn rule(names: &[&str], comment: &str) -> Value {
    json!({"names": names, "action": ALLOW, "comment": comment})
}

fn names(calls: &[Call]) -> impl Iterator<Item = &str> {
    // A number without a name cannot stand in a profile.
    let named = calls.iter().map(|call| call.syscall.as_str());
    named.filter(|name| !name.starts_with("syscall_"))
}

fn seen(count: usize, of: usize) -> String {
    match of {
        0 | 1 => "seen".to_owned(),
        _ => format!("seen in {count} of {of} runs"),
    }
}

/// What the runtimes need, with words about whose it is.
fn by_runtime(recordings: &[Recording]) -> Vec<(String, BTreeSet<&str>)> {
    let mut all: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
    for recording in recordings {
        let key = (recording.runtime.as_str(), recording.no_new_privileges);
        let needs = all.entry(key).or_default();
        let (always, privileged): (&[&str], &[&str]) = match key.0 {
            "crun" => (&CRUN, &CRUN_PRIVILEGED),
            "youki" => (&YOUKI, &YOUKI_PRIVILEGED),
            _ => (&RUNC, &RUNC_PRIVILEGED),
        };
        needs.extend(always);
        if !recording.no_new_privileges {
            needs.extend(privileged);
        }
        let listening: &[&str] = if key.0 == "crun" {
            &CRUN_LISTENING
        } else {
            &[]
        };
        needs.extend(names(&recording.by_runtime).filter(|name| !listening.contains(name)));
    }
    let words = |(runtime, no_new_privileges): (&str, bool)| {
        let set = if no_new_privileges { "with" } else { "without" };
        format!("the runtime's: {runtime} needs them to start a container {set} noNewPrivileges")
    };
    all.into_iter()
        .map(|(key, needs)| (words(key), needs))
        .collect()
}

/// The conditions under which a call came, one list for each set of arguments; none where they are
/// many, unknown, or another in another recording.
fn conditions(recordings: &[Recording], name: &str) -> Option<Vec<Value>> {
    let places = *PLACES
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, places)| places)?;
    let mut sets = BTreeSet::new();
    let calls = recordings.iter().flat_map(|recording| &recording.calls);
    for call in calls.filter(|call| call.syscall == name) {
        if call.more_args || call.args.is_empty() {
            return None;
        }
        for args in &call.args {
            let picked: Vec<(usize, u64)> = places
                .iter()
                .filter_map(|at| Some((*at, *args.get(*at)?)))
                .collect();
            sets.insert(picked);
        }
    }
    let conditions = sets.into_iter().map(|set| {
        let all = set.into_iter();
        let all = all.map(|(at, value)| json!({"index": at, "value": value, "op": "SCMP_CMP_EQ"}));
        Value::Array(all.collect())
    });
    Some(conditions.collect())
}

/// The calls that are told by arguments, and which of those: not descriptors, pids or lengths, which
/// differ in every run.
const PLACES: [(&str, &[usize]); 6] = [
    ("clone", &[0]),
    ("ioctl", &[1]),
    ("personality", &[0]),
    ("prctl", &[0]),
    ("socket", &[0, 1, 2]),
    ("unshare", &[0]),
];

fn architectures(recordings: &[Recording]) -> Vec<&'static str> {
    let before: Vec<&str> = recordings
        .iter()
        .filter_map(|one| one.learned.as_ref())
        .flat_map(|learned| learned.architectures.iter().map(String::as_str))
        .collect();
    let natives = recordings.iter().map(|recording| recording.native.as_str());
    let seen = recordings.iter().flat_map(|one| &one.calls);
    let names: BTreeSet<&str> = natives.chain(seen.map(|call| call.arch.as_str())).collect();
    let words = [
        ("x86_64", "SCMP_ARCH_X86_64"),
        ("x86", "SCMP_ARCH_X86"),
        ("x32", "SCMP_ARCH_X32"),
        ("aarch64", "SCMP_ARCH_AARCH64"),
        ("arm", "SCMP_ARCH_ARM"),
        ("riscv64", "SCMP_ARCH_RISCV64"),
        ("ppc64le", "SCMP_ARCH_PPC64LE"),
        ("s390x", "SCMP_ARCH_S390X"),
        ("loongarch64", "SCMP_ARCH_LOONGARCH64"),
    ];
    let found = words
        .into_iter()
        .filter(|(name, word)| names.contains(name) || before.contains(word));
    found.map(|(_, word)| word).collect()
}

fn about(recordings: &[Recording]) -> String {
    let mut unasked: BTreeSet<&str> = BTreeSet::new();
    let mut unnamed: BTreeSet<&str> = BTreeSet::new();
    for recording in recordings {
        unasked.extend(recording.unasked.iter().map(String::as_str));
        let calls = recording.calls.iter().map(|call| call.syscall.as_str());
        unnamed.extend(calls.filter(|name| name.starts_with("syscall_")));
    }
    let mut words = format!(
        "learned from {} recording(s); it cannot know code that did not run, nor what io_uring did",
        recordings.len()
    );
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    if !unasked.is_empty() {
        words.push_str(&format!("; not asked about: {}", list(unasked)));
    }
    if !unnamed.is_empty() {
        words.push_str(&format!("; seen, and nameless: {}", list(unnamed)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Learned;

    fn call(name: &str, args: &[[u64; 6]]) -> Call {
        Call {
            arch: "x86_64".to_owned(),
            syscall: name.to_owned(),
            nr: 0,
            count: 1,
            args: args.to_vec(),
            more_args: false,
        }
    }

    fn recording(runtime: &str, calls: Vec<Call>) -> Recording {
        Recording {
            version: 1,
            saved: String::new(),
            over: true,
            id: "x".to_owned(),
            engine: "unknown".to_owned(),
            namespace: None,
            pod: None,
            container: None,
            image: None,
            runtime: runtime.to_owned(),
            no_new_privileges: true,
            native: "x86_64".to_owned(),
            unasked: vec!["write".to_owned()],
            learned: None,
            by_runtime: vec![call("wait4", &[]), call("close", &[])],
            calls,
        }
    }

    fn allowed(profile: &Value) -> BTreeSet<String> {
        let rules = profile["syscalls"].as_array().unwrap();
        let names = rules
            .iter()
            .flat_map(|rule| rule["names"].as_array().unwrap());
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn no_profile_lacks_what_every_program_needs() {
        let names = allowed(&learn(&[recording("crun", vec![])], false));
        for name in ALWAYS.iter().chain(&VDSO) {
            assert!(names.contains(*name), "{name}");
        }
        // crun's helper is there for the listener alone.
        assert!(names.contains("close") && !names.contains("wait4"));
    }

    #[test]
    fn runs_are_counted_for_each_call() {
        let both = [
            recording("crun", vec![call("read", &[]), call("mkdir", &[])]),
            recording("crun", vec![call("read", &[])]),
        ];
        let profile = learn(&both, false);
        assert_eq!(profile["syscalls"][0]["names"], json!(["read"]));
        assert_eq!(profile["syscalls"][0]["comment"], "seen in 2 of 2 runs");
        assert_eq!(profile["syscalls"][1]["comment"], "seen in 1 of 2 runs");
    }

    #[test]
    fn what_was_learned_before_stays() {
        let mut one = recording("crun", vec![call("socket", &[[1, 2, 0, 7, 7, 7]])]);
        one.learned = Some(Learned {
            names: vec!["bind".to_owned(), "socket".to_owned()],
            architectures: vec!["SCMP_ARCH_X86".to_owned()],
        });
        let profile = learn(&[one], true);
        assert!(allowed(&profile).contains("bind"));
        assert_eq!(
            profile["architectures"],
            json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
        );
        let rules = profile["syscalls"].as_array().unwrap();
        let bare = |rule: &&Value| rule.get("args").is_none();
        let mut free = rules.iter().filter(bare);
        assert!(free.any(|rule| rule["names"].to_string().contains("\"socket\"")));
    }

    #[test]
    fn few_arguments_become_conditions() {
        let calls = vec![call("socket", &[[1, 2, 0, 7, 7, 7]])];
        let profile = learn(&[recording("crun", calls)], true);
        let rules = profile["syscalls"].as_array().unwrap();
        let socket = rules
            .iter()
            .find(|rule| rule["names"] == json!(["socket"]))
            .unwrap();
        assert_eq!(socket["args"].as_array().unwrap().len(), 3);
        assert_eq!(
            socket["args"][1],
            json!({"index": 1, "value": 2, "op": "SCMP_CMP_EQ"})
        );
    }
}

//! Every step of a create, stopped there (kill -9) or made to fail: a container is never made less
//! safe by it. The steps are the program's own system calls, as strace counts them; behind the shim
//! stands a program that prints the config.json that it is given.
//!
//! Promised at each step: the bundle has the old file or the new one, whole; the runtime is never
//! reached with the old one; a failure is refused with exit code 1, one line in the log, the old
//! file in its place and nothing beside it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends here"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use integration::{Outcome, PolicyDir, StandIn, run, skip};

const PROFILE: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

/// Without a filter, with things around it that a rewrite must not lose.
const OLD: &str = r#"{ "ociVersion":"1.0.2", "x":[1e400,"\ud800"],
 "annotations":{"run.oci.seccomp_bpf_data":"BgAAAAAA/38=","a":"b"}, "linux" : {"seccomp":null,"y":-0} }
"#;

fn new_text() -> String {
    OLD.replace("null", PROFILE)
        .replace(r#""run.oci.seccomp_bpf_data":"BgAAAAAA/38=","#, "")
}

/// One system call of a create: which of its name it is.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    call: String,
    count: usize,
}

struct Stage {
    stand_in: StandIn,
    policy: PolicyDir,
}

impl Stage {
    /// A stage, unless strace is missing or may not trace here.
    fn set(test: &str) -> Option<Self> {
        let strace = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "true"])
            .output();
        match strace {
            Err(error) => {
                skip(test, &format!("strace: {error}"));
                return None;
            }
            Ok(output) if !output.status.success() => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                skip(test, &format!("strace may not trace here: {why}"));
                return None;
            }
            Ok(_) => {}
        }
        let defaults = r#"defaults.profile = { type = "Localhost", localhostProfile = "a.json" }"#;
        let policy = PolicyDir::new(defaults).with_profile("a.json", PROFILE);
        let stand_in = StandIn::new();
        Some(Self { stand_in, policy })
    }

    /// The old file and nothing else.
    fn reset(&self) {
        for name in self.stand_in.names() {
            fs::remove_file(self.stand_in.bundle().join(name)).expect("removed");
        }
        // No log is as good as an empty one.
        let _ = fs::remove_file(self.stand_in.log());
        fs::write(self.stand_in.config(), OLD).expect("the old file");
    }

    fn text(&self) -> String {
        fs::read_to_string(self.stand_in.config()).expect("config.json is there")
    }

    /// Whether nothing is beside config.json.
    fn is_tidy(&self) -> bool {
        self.stand_in.names() == ["config.json"]
    }

    /// A create under strace, with what it is to do to it; and what strace saw.
    fn traced(&self, words: &[&str]) -> (Outcome, String) {
        self.reset();
        let trace = self.policy.path().join("trace");
        let mut command = Command::new("strace");
        command.args(["-qq", "-o"]).arg(&trace).args(words);
        command.arg("--");
        command.args(self.stand_in.create_words(self.policy.path()));
        let outcome = run(&mut command);
        (outcome, fs::read_to_string(trace).expect("a trace"))
    }

    /// The steps from the first of the program to the exec of the runtime.
    fn steps(&self) -> Vec<Step> {
        let (outcome, trace) = self.traced(&[]);
        assert_eq!(outcome.stdout, new_text(), "{}", outcome.stderr);
        assert_eq!(self.text(), new_text());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        // strace does not count the exec of the program that it starts.
        for line in trace.lines().skip(1) {
            let (call, rest) = line.split_once('(').expect("a system call");
            let count = counts.entry(call).or_default();
            *count += 1;
            let step = Step {
                call: call.to_owned(),
                count: *count,
            };
            if call == "execve" && rest.starts_with(&format!("{:?}", self.stand_in.runtime())) {
                steps.push(step);
                return steps;
            }
            steps.push(step);
        }
        panic!("the runtime was never reached: {trace}");
    }

    /// Makes one step go wrong.
    fn inject(&self, step: &Step, what: &str) -> (Outcome, String) {
        let Step { call, count } = step;
        self.traced(&["-e", &format!("inject={call}:{what}:when={count}")])
    }

    /// Whoever comes after finds nothing in the way.
    fn assert_next_create_works(&self, step: &Step) {
        let next = run(&mut self.stand_in.create(&self.policy));
        assert_eq!(next.code, Some(0), "after {step:?}: {}", next.stderr);
        assert_eq!(next.stdout, new_text(), "after {step:?}");
    }
}

#[test]
fn killed_at_any_step_the_bundle_has_the_old_file_or_the_new_one() {
    let test = "killed_at_any_step_the_bundle_has_the_old_file_or_the_new_one";
    let Some(stage) = Stage::set(test) else {
        return;
    };
    let steps = stage.steps();
    let (mut old, mut new, mut left) = (0, 0, 0);
    for step in &steps {
        let (outcome, trace) = stage.inject(step, "signal=KILL");
        assert_eq!(outcome.code, None, "{step:?} did not kill it: {trace}");
        assert_eq!(outcome.stdout, "", "the runtime was reached at {step:?}");
        assert_eq!(outcome.stderr, "", "{step:?}");
        let text = stage.text();
        if text == OLD {
            assert_eq!(new, 0, "the old file is back at {step:?}");
            old += 1;
        } else {
            assert_eq!(text, new_text(), "{step:?}");
            new += 1;
        }
        // What it was writing may stay behind: there is nobody to take it away.
        left += usize::from(!stage.is_tidy());
        assert!(stage.stand_in.names().len() <= 2, "{step:?}");
        stage.assert_next_create_works(step);
    }
    assert!(old > 20 && new > 2, "{old} steps before, {new} after");
    assert!(left > 3, "the temporary file was never seen");
}

/// Calls that cannot fail in these ways, or whose failure is the kernel's refusal of any program at
/// all (memory): nothing is decided by them.
const CANNOT_FAIL: &[&str] = &[
    "arch_prctl",
    "brk",
    "geteuid",
    "getpid",
    "getuid",
    "mmap",
    "mprotect",
    "getegid",
    "getgid",
    "mremap",
    "munmap",
    "prlimit64",
    "readlink",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "uname",
];

/// ENOENT is not among them: a config.json or a policy directory that is not there is an answer.
const ERRORS: &[&str] = &["EIO", "ENOSPC", "EINTR", "ENOSYS", "EPERM"];

#[test]
fn whatever_call_fails_no_container_gets_the_old_file() {
    let test = "whatever_call_fails_no_container_gets_the_old_file";
    let Some(stage) = Stage::set(test) else {
        return;
    };
    let steps = stage.steps();
    let (mut refused, mut went_on) = (BTreeMap::new(), BTreeMap::new());
    for step in &steps {
        if CANNOT_FAIL.contains(&step.call.as_str()) {
            continue;
        }
        for error in ERRORS {
            let at = format!("{error} from {step:?}");
            let (outcome, trace) = stage.inject(step, &format!("error={error}"));
            assert!(trace.contains("(INJECTED)"), "{at} never came: {trace}");
            let text = stage.text();
            if !outcome.stdout.is_empty() {
                assert_eq!(outcome.code, Some(0), "{at}: {}", outcome.stderr);
                assert_eq!(outcome.stdout, new_text(), "the runtime's file, {at}");
                assert_eq!(text, new_text(), "{at}");
                assert!(stage.is_tidy(), "{at}: {:?}", stage.stand_in.names());
                *went_on.entry(step.call.clone()).or_insert(0) += 1;
                continue;
            }
            assert_eq!(outcome.code, Some(1), "{at}: {}", outcome.stderr);
            // Also where the exec, which comes last, fails: the bundle is put back.
            assert_eq!(text, OLD, "{at}: {}", outcome.stderr);
            assert!(stage.is_tidy(), "{at}: {:?}", stage.stand_in.names());
            assert_one_line(&outcome, &stage.stand_in.log(), &at);
            *refused.entry(step.call.clone()).or_insert(0) += 1;
        }
    }
    for call in ["openat2", "read", "fchmod", "renameat", "fstat", "execve"] {
        assert!(refused.contains_key(call), "{call}: {refused:?}");
    }
    // The decision's log is opened, looked at and written last: its failure is nobody's refusal.
    assert!(went_on.contains_key("statx"), "{went_on:?}");
    assert!(went_on.contains_key("write"), "{went_on:?}");
}

/// The refusal is one line on standard error and the same line in the log.
fn assert_one_line(outcome: &Outcome, log: &Path, at: &str) {
    assert_eq!(outcome.stderr.lines().count(), 1, "{at}: {outcome:?}");
    let logged = fs::read_to_string(log).unwrap_or_default();
    assert_eq!(logged.lines().count(), 1, "{at}: {logged:?}, {outcome:?}");
    let line: serde_json::Value = serde_json::from_str(&logged).expect("a JSON line");
    assert_eq!(
        line["msg"].as_str(),
        Some(outcome.stderr.trim_end()),
        "{at}"
    );
}

#[test]
fn two_failures_in_a_row_are_no_worse_than_one() {
    let test = "two_failures_in_a_row_are_no_worse_than_one";
    let Some(stage) = Stage::set(test) else {
        return;
    };
    // The rename fails, and so does taking the new file away again; the disk is full for the log.
    let rename = "inject=renameat,renameat2,unlinkat:error=EIO";
    let (outcome, _) = stage.traced(&["-e", rename]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(stage.text(), OLD);
    let next = Step {
        call: "renameat".to_owned(),
        count: 1,
    };
    stage.assert_next_create_works(&next);
    let (outcome, _) = stage.traced(&["-e", "inject=write:error=ENOSPC"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(stage.text(), OLD);
    assert!(stage.is_tidy());
    let (outcome, _) = stage.traced(&["-e", "inject=openat2:error=ENOSYS"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(stage.text(), OLD);
}

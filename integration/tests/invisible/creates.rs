//! Calls that are ours: after the rewrite they are as invisible as the others.

use std::fs;
use std::path::Path;

use integration::{PolicyDir, PrivateMount, TestBundle, needs_root};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::call::{Recorder, words};
use crate::passes::SETUPS;

const DEFAULT: &str = "[defaults]\nprofile = \"RuntimeDefault\"";

/// Creates as callers write them; `B` is the bundle.
const CREATES: &[&str] = &[
    "create --bundle B id",
    "--root /r --log B/log.json --log-format json --systemd-cgroup create --bundle B --pid-file B/pid id",
    "run --bundle B id",
    "run -d -b B create",
    "restore --bundle B --image-path /i id",
    "create --bundle=B --no-pivot --preserve-fds 3 --console-socket /s id",
];

#[test]
fn a_create_reaches_the_runtime_as_it_came_with_a_rewritten_bundle() {
    let recorder = Recorder::new("runc");
    let policy = PolicyDir::new(DEFAULT);
    for line in CREATES {
        let bundle = TestBundle::new(&["true"]);
        let before = bundle.text();
        let line = words(&line.replace('B', &bundle.path().display().to_string()));
        recorder.same(policy.path(), "", &line, "7");
        assert_ne!(bundle.text(), before, "{line:?}");
        assert_eq!(
            bundle.seccomp()["defaultAction"],
            "SCMP_ACT_ERRNO",
            "{line:?}"
        );
        assert!(
            !bundle.path().join("log.json").exists(),
            "no line in the log"
        );
    }
    assert_eq!(policy.decisions().len(), CREATES.len());
}

#[test]
fn fds_signals_and_the_rest_reach_a_create_as_they_came() {
    let recorder = Recorder::new("runc");
    let policy = PolicyDir::new(DEFAULT);
    for (setup, check) in SETUPS {
        let bundle = TestBundle::new(&["true"]);
        let line = format!("create --bundle {} id", bundle.path().display());
        let found = recorder.same(policy.path(), setup, &words(&line), "0");
        assert!(check(&found), "{setup}: {found:?}");
        assert!(bundle.seccomp().is_object(), "{setup}");
    }
}

#[test]
fn the_working_directory_is_the_bundle_where_none_is_given() {
    let recorder = Recorder::new("runc");
    let policy = PolicyDir::new(DEFAULT);
    let bundle = TestBundle::new(&["true"]);
    let setup = format!("cd {}", bundle.path().display());
    recorder.same(policy.path(), &setup, &words("create id"), "0");
    assert!(bundle.seccomp().is_object());
}

/// Makes a create and checks that it succeeded without a word.
#[track_caller]
fn silent(recorder: &Recorder, policy: &Path, setup: &str) -> TestBundle {
    let bundle = TestBundle::new(&["true"]);
    let mut line = recorder.shimmed(policy);
    let log = bundle.path().join("log.json");
    line.extend(words(&format!(
        "--log {} --log-format json create --bundle {} id",
        log.display(),
        bundle.path().display()
    )));
    let recorded = recorder.call(setup, &line, "0", "");
    let said = format!("{:?}", recorded.output);
    assert!(recorded.output.status.success(), "{setup}: {said}");
    assert!(
        recorded.output.stdout.is_empty() && recorded.output.stderr.is_empty(),
        "{setup}: {said}"
    );
    assert!(recorded.recording.is_some(), "{setup}: the runtime was run");
    assert!(bundle.seccomp().is_object(), "{setup}: rewritten");
    assert!(!log.exists(), "{setup}: no line in the log");
    bundle
}

#[test]
fn a_decision_log_that_fails_never_fails_a_create() {
    let recorder = Recorder::new("runc");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    mkfifo(&at("fifo"), Mode::S_IRWXU).expect("a fifo");
    fs::write(at("file"), "").expect("a file");
    std::os::unix::fs::symlink("loop", at("loop")).expect("a link");
    let logs = ["missing/log", "fifo", "", "file/log", "loop"].map(at);
    let devices =
        ["/dev/full", "/dev/null", "/proc/version", "/dev/tty"].map(std::path::PathBuf::from);
    for log in logs.iter().chain(&devices) {
        let policy = PolicyDir::new("");
        policy.write(
            "policy.toml",
            format!(
                "version = 1\nlog.decisions = {:?}\n{DEFAULT}",
                log.display().to_string()
            ),
        );
        silent(&recorder, policy.path(), "");
        silent(&recorder, policy.path(), "exec 2>&-");
    }
    for log in ["off", "journald"] {
        let policy = PolicyDir::new("");
        policy.write(
            "policy.toml",
            format!("version = 1\nlog.decisions = {log:?}\n{DEFAULT}"),
        );
        silent(&recorder, policy.path(), "");
    }
}

#[test]
fn a_full_disk_under_the_decision_log_never_fails_a_create() {
    if !needs_root("a_full_disk_under_the_decision_log_never_fails_a_create") {
        return;
    }
    let recorder = Recorder::new("runc");
    let folder = tempfile::tempdir().expect("a folder");
    let _mount = PrivateMount::tmpfs(folder.path(), 16 * 1024);
    // All of it, or as much as there is room for.
    let _ = fs::write(folder.path().join("filler"), [0; 64 * 1024]);
    let log = folder.path().join("log");
    let policy = PolicyDir::new("");
    policy.write(
        "policy.toml",
        format!(
            "version = 1\nlog.decisions = {:?}\n{DEFAULT}",
            log.display().to_string()
        ),
    );
    silent(&recorder, policy.path(), "");
    assert!(fs::read(&log).map_or(true, |text| text.is_empty()));
}

/// RLIMIT_FSIZE comes with a signal that ends a process. What the shim writes may be larger than the
/// limit where what the runtime writes is not.
#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_no_signal() {
    let recorder = Recorder::new("runc");
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    fs::write(&log, vec![b'\n'; 3 << 20]).expect("a long log");
    let policy = PolicyDir::new("");
    policy.write(
        "policy.toml",
        format!("version = 1\nlog.decisions = {log:?}\n{DEFAULT}"),
    );
    // Of 512 bytes each.
    let limit = "ulimit -f 4096";
    silent(&recorder, policy.path(), limit);
    assert_eq!(fs::metadata(&log).expect("the log").len(), 3 << 20);
    let create =
        |bundle: &TestBundle| words(&format!("create --bundle {} id", bundle.path().display()));
    let bundle = TestBundle::new(&["true"]);
    recorder.same(policy.path(), limit, &create(&bundle), "0");
    for ignored in ["trap '' XFSZ", "set -- env --block-signal=XFSZ \"$@\""] {
        let bundle = TestBundle::new(&["true"]);
        let setup = format!("{limit}; {ignored}");
        let mut line = recorder.shimmed(policy.path());
        line.extend(create(&bundle));
        let recorded = recorder.call(&setup, &line, "0", "");
        assert!(
            recorded.output.status.success(),
            "{ignored}: {:?}",
            recorded.output
        );
    }

    let bundle = TestBundle::new(&["true"]);
    bundle.edit(|config| config["annotations"] = serde_json::json!({"long": "x".repeat(3 << 20)}));
    let before = bundle.text();
    let mut line = recorder.shimmed(policy.path());
    line.extend(create(&bundle));
    let recorded = recorder.call(limit, &line, "0", "");
    let said = String::from_utf8_lossy(&recorded.output.stderr).into_owned();
    assert_eq!(recorded.output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("EFBIG") && said.lines().count() == 1,
        "{said}"
    );
    assert!(recorded.recording.is_none());
    assert_eq!(bundle.text(), before);
}

#[test]
fn a_trace_goes_to_its_own_file_and_nowhere_else() {
    if !needs_root("a_trace_goes_to_its_own_file_and_nowhere_else") {
        return;
    }
    let _mount = PrivateMount::tmpfs(Path::new("/run"), 1024 * 1024);
    let trace = Path::new("/run/seccomp-shim/trace.log");
    let recorder = Recorder::new("runc");
    let policy = PolicyDir::new(DEFAULT);
    for off in [
        "",
        "export SECCOMP_SHIM_TRACE=off",
        "export SECCOMP_SHIM_TRACE=loud",
    ] {
        silent(&recorder, policy.path(), off);
        assert!(
            fs::read(trace).map_or(true, |text| text.is_empty()),
            "{off}"
        );
    }
    for level in ["debug", "trace", "info"] {
        // What was traced before.
        let _ = fs::remove_file(trace);
        silent(
            &recorder,
            policy.path(),
            &format!("export SECCOMP_SHIM_TRACE={level}"),
        );
        let text = fs::read_to_string(trace).expect("a trace");
        assert!(text.contains("rewritten"), "{level}: {text}");
    }
    let bundle = TestBundle::new(&["true"]);
    let line = format!("create --bundle {} id", bundle.path().display());
    recorder.same(
        policy.path(),
        "export SECCOMP_SHIM_TRACE=debug",
        &words(&line),
        "3",
    );
    fs::remove_dir_all("/run/seccomp-shim").expect("the trace's folder");
    fs::write("/run/seccomp-shim", "").expect("a file in its place");
    silent(&recorder, policy.path(), "export SECCOMP_SHIM_TRACE=debug");
}

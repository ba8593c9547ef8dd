//! Bundles that are not there, cannot be opened, or not be written.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use integration::{PolicyDir, PrivateMount, RealRuntime, TestBundle, run};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::attempt::{Attempt, ForAll, chmod};
use crate::texts::BOTH;

const NOBODY: u32 = 65534;

#[test]
fn where_there_is_no_bundle_the_runtime_says_so_in_its_own_words() {
    for runtime in RealRuntime::all("where_there_is_no_bundle_the_runtime_says_so_in_its_own_words")
    {
        let policy = PolicyDir::new(BOTH);
        let empty = tempfile::tempdir().expect("folder");
        let file = empty.path().join("file");
        fs::write(&file, "").expect("a file");
        for bundle in [empty.path().to_owned(), empty.path().join("none"), file] {
            let words = |mut command: Command| {
                run(command
                    .args(["create", "--bundle"])
                    .arg(&bundle)
                    .arg("nope"))
            };
            let (bare, shimmed) = (words(runtime.bare()), words(runtime.shimmed(policy.path())));
            assert!(!bare.ok(), "{bare:?}");
            assert_eq!(bare.code, shimmed.code);
            assert_eq!(without_time(&bare.text()), without_time(&shimmed.text()));
        }
        assert_eq!(policy.decisions().len(), 0);
    }
}

/// Both runtimes put the time into their messages.
fn without_time(text: &str) -> String {
    text.split_whitespace()
        .filter(|word| !word.starts_with("time=") && !word.starts_with("20"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_config_that_is_no_readable_file_is_refused() {
    let Some(runtime) = RealRuntime::find("a_config_that_is_no_readable_file_is_refused", "runc")
    else {
        return;
    };
    let policy = PolicyDir::new(BOTH);
    type Make = fn(&Path);
    let cases: [(&str, Make, &str); 7] = [
        (
            "a fifo",
            |path| mkfifo(path, Mode::S_IRWXU).expect("a fifo"),
            "not a regular file",
        ),
        (
            "a folder",
            |path| fs::create_dir(path).expect("a folder"),
            "not a regular file",
        ),
        (
            "a device",
            |path| symlink("/dev/zero", path).expect("a link"),
            "not a regular file",
        ),
        (
            "a socket",
            |path| drop(UnixListener::bind(path).expect("a socket")),
            "cannot open it",
        ),
        (
            "a link in a circle",
            |path| symlink("config.json", path).expect("a link"),
            "too many links",
        ),
        (
            "100 MB",
            |path| sparse(path, 100_000_000),
            "larger than 16 MiB",
        ),
        (
            "a byte too large",
            |path| sparse(path, 16 * 1024 * 1024 + 1),
            "larger than 16 MiB",
        ),
    ];
    for (case, make, words) in cases {
        let bundle = tempfile::tempdir().expect("bundle");
        let config = bundle.path().join("config.json");
        make(&config);
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(case);
        let start = format!("seccomp-shim: {}: ", config.display());
        assert!(
            message.starts_with(&start) && message.contains(words),
            "{case}: {message}"
        );
    }
}

fn sparse(path: &Path, size: u64) {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|file| file.set_len(size))
        .expect("a sparse file");
}

#[test]
fn a_bundle_that_the_caller_may_not_read_is_refused() {
    let Some(runtime) =
        RealRuntime::find("a_bundle_that_the_caller_may_not_read_is_refused", "runc")
    else {
        return;
    };
    let shim = ForAll::new();
    for (case, folder_mode, file_mode, words) in [
        (
            "unreadable",
            0o755,
            0o600,
            "cannot open it: access refused (EACCES)",
        ),
        ("unsearchable", 0o700, 0o644, "access refused (EACCES)"),
        (
            "searchable by nobody",
            0o644,
            0o644,
            "access refused (EACCES)",
        ),
        (
            "not writable",
            0o755,
            0o644,
            "cannot write a new one beside it: access refused (EACCES)",
        ),
    ] {
        let bundle = shim.at(&case.replace(' ', "-"));
        fs::create_dir(&bundle).expect("bundle");
        fs::write(bundle.join("config.json"), "{}").expect("config.json");
        chmod(&bundle.join("config.json"), file_mode);
        // A folder that nobody may even look up, below another.
        chmod(&bundle, folder_mode);
        let attempt = shim.attempt(NOBODY, runtime.path(), &bundle);
        let message = attempt.refused(case);
        let file = bundle.join("config.json");
        assert!(
            message.contains(&file.display().to_string()),
            "{case}: {message}"
        );
        assert!(message.contains(words), "{case}: {message}");
    }
}

#[test]
fn a_bundle_that_cannot_be_written_is_refused() {
    let Some(runtime) = RealRuntime::find("a_bundle_that_cannot_be_written_is_refused", "runc")
    else {
        return;
    };
    let policy = PolicyDir::new(BOTH);
    let bundle = TestBundle::new(&["true"]);
    let text = bundle.text();
    let start = format!("seccomp-shim: {}: cannot ", bundle.config_path().display());
    {
        let _mount = PrivateMount::read_only(bundle.path());
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused("read-only");
        assert!(
            message.starts_with(&start) && message.contains("EROFS"),
            "{message}"
        );
    }
    {
        let _mount = PrivateMount::tmpfs(bundle.path(), 64 * 1024);
        bundle.write_text(&text);
        fill(&bundle.path().join("filler"));
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused("full");
        assert!(
            message.starts_with(&start) && message.contains("ENOSPC"),
            "{message}"
        );
        assert_eq!(bundle.text(), text);
    }
    {
        let copy = tempfile::NamedTempFile::new().expect("a file");
        fs::write(copy.path(), &text).expect("config.json");
        let _mount = PrivateMount::bind(copy.path(), &bundle.config_path());
        let message =
            Attempt::before(&runtime, policy.path(), bundle.path()).refused("a mount point");
        assert!(
            message.starts_with(&start) && message.contains("EBUSY"),
            "{message}"
        );
    }
}

/// Writes until the file system is full.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).expect("a file");
    while file.write(&[0; 512]).is_ok_and(|written| written > 0) {}
}

#[test]
fn a_strict_policy_refuses_a_bundle_that_others_can_write() {
    let Some(runtime) = RealRuntime::find(
        "a_strict_policy_refuses_a_bundle_that_others_can_write",
        "runc",
    ) else {
        return;
    };
    let policy = PolicyDir::new(&format!("strict = true\n{BOTH}"));
    for name in ["", "config.json"] {
        let bundle = TestBundle::new(&["true"]);
        let path = bundle.path().join(name);
        chmod(&path, 0o777);
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(name);
        assert!(
            message.contains("lets others write") && message.contains("chmod go-w"),
            "{message}"
        );
    }
}

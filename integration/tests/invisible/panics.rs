//! A bug of ours is one line too.

use std::fs;
use std::process::Command;

use integration::run;

#[test]
fn a_panic_is_one_line_in_the_log_and_on_stderr() {
    let folder = tempfile::tempdir().expect("a folder");
    for (how, words) in [
        ("words", "with\\nno-such-file-or-directory\\u{1b}[31m in it"),
        ("index", "index out of bounds"),
        ("thread", "in a thread"),
        ("value", "no words"),
    ] {
        let log = folder.path().join(how);
        let mut command = Command::new(env!("CARGO_BIN_EXE_panics"));
        let outcome = run(command.arg(how).arg(&log).env("RUST_BACKTRACE", "1"));
        assert_eq!(outcome.code, Some(1), "{how}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{how}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{how}: {outcome:?}");
        let message = outcome.stderr.trim_end();
        assert!(
            message.starts_with("seccomp-shim: a bug in seccomp-shim stopped it at "),
            "{how}: {message}"
        );
        assert!(message.contains("panics.rs:"), "{how}: {message}");
        assert!(message.contains(words), "{how}: {message}");
        assert!(message.ends_with("please report it"), "{how}: {message}");
        let text = fs::read_to_string(&log).expect("a log");
        let line: serde_json::Value = serde_json::from_str(&text).expect("one JSON value");
        assert_eq!(line["level"], "error", "{how}");
        assert_eq!(line["msg"], message, "{how}");
    }
}

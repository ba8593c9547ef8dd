//! Every seed and every finding that was kept, and new inputs for two seconds of each target.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends there, and says why"
)]
use std::process::Command;

fn fuzz(target: &str, seconds: &str) {
    let out = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .args([target, "--seconds", seconds, "--seed", "7"])
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    assert!(out.status.success(), "{said}\n{errors}");
    assert!(said.contains(" executions, "), "{said}");
    eprint!("{said}");
}

#[test]
fn command_lines() {
    fuzz("argv", "2");
}

#[test]
fn configs() {
    fuzz("config", "2");
}

#[test]
fn policies() {
    fuzz("policy", "2");
}

#[test]
fn profiles() {
    fuzz("reader", "2");
}

#[test]
fn restricted_profiles() {
    fuzz("restrict", "2");
}

#[test]
fn a_failing_input_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no such file");
    let out = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .arg("reader")
        .arg(missing)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
}

//! The early entry, which hands calls on before the C library starts: the runtime finds what the
//! ordinary path would have left it, and every doubt is left to the ordinary path.
//!
//! Each call is made twice: with our options in front, where the early entry reads them, and after
//! a flag of the runtime's, where only the ordinary path does.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use integration::{copy_program, needs_programs, needs_root, run, shim_binary};

use crate::call::{Recorder, comparable, words};

/// Makes the call in both ways and compares all that can be seen.
#[track_caller]
fn both_ways(recorder: &Recorder, case: &str, own: &[OsString], rest: &str) {
    let call = |words: Vec<OsString>| {
        let mut line = vec![shim_binary().into_os_string()];
        line.extend(words);
        recorder.call("exec 3</dev/null", &line, "7", "input")
    };
    let (flag, rest) = (vec![OsString::from("--debug")], words(rest));
    let early = call([own.to_vec(), flag.clone(), rest.clone()].concat());
    let ordinary = call([flag, own.to_vec(), rest].concat());
    assert_eq!(early.output, ordinary.output, "{case}");
    assert_eq!(
        early.recording.as_ref().map(comparable),
        ordinary.recording.as_ref().map(comparable),
        "{case}"
    );
}

fn option(name: &str, value: impl AsRef<OsStr>) -> Vec<OsString> {
    vec![name.into(), value.as_ref().to_owned()]
}

#[test]
fn a_runtime_on_the_command_line_is_judged_alike() {
    if !needs_root("a_runtime_on_the_command_line_is_judged_alike") {
        return;
    }
    let recorder = Recorder::new("runc");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let copy = |from: &Path, name: &str, mode: u32| {
        copy_program(from, &at(name));
        fs::set_permissions(at(name), Permissions::from_mode(mode)).expect("its mode");
    };
    copy(&recorder.path(), "crun", 0o755);
    copy(&recorder.path(), "group", 0o775);
    copy(&recorder.path(), "others", 0o757);
    copy(&recorder.path(), "unexecutable", 0o644);
    copy(&recorder.path(), "execute-only", 0o111);
    copy(&shim_binary(), "copy", 0o755);
    copy(&recorder.path(), "strangers", 0o755);
    std::os::unix::fs::chown(at("strangers"), Some(1234), Some(1234)).expect("chown");
    copy(&recorder.path(), "strange-group", 0o775);
    std::os::unix::fs::chown(at("strange-group"), Some(0), Some(1234)).expect("chown");
    symlink(recorder.path(), at("link")).expect("a link");
    symlink(shim_binary(), at("ourselves")).expect("a link");
    symlink("circle", at("circle")).expect("a link");
    fs::create_dir(at("folder")).expect("a folder");
    copy_program(Path::new("/dev/null"), &at("empty"));
    for name in [
        "crun",
        "group",
        "others",
        "unexecutable",
        "execute-only",
        "copy",
        "strangers",
        "strange-group",
        "link",
        "ourselves",
        "circle",
        "folder",
        "empty",
        "missing",
        "crun/below",
        "folder/../crun",
    ] {
        both_ways(
            &recorder,
            name,
            &option("--shim-runtime", at(name)),
            "state id",
        );
    }
    for name in ["crun", "no-such-runtime", "./runc", ".", "runc\u{fc}"] {
        both_ways(
            &recorder,
            name,
            &option("--shim-runtime", name),
            "--version",
        );
    }
    let long = at(&"x".repeat(300));
    both_ways(
        &recorder,
        "long",
        &option("--shim-runtime", long),
        "state id",
    );
    let twice = [
        option("--shim-runtime", at("missing")),
        option("--shim-handler", "h"),
        option("--shim-runtime", at("crun")),
    ];
    both_ways(&recorder, "twice", &twice.concat(), "kill id TERM");
}

#[test]
fn a_runtime_in_the_policy_is_found_alike() {
    let recorder = Recorder::new("crun");
    let runtime = recorder.path().display().to_string();
    let texts = [
        format!("version = 1\n[runtime]\npath = \"{runtime}\" # the real one\n"),
        format!("version = 1\r\n[runtime]\r\n\r\n# path\r\npath=\"{runtime}\"\r\n[defaults]\r\n"),
        format!("version = 1\nruntime.path = \"{runtime}\"\n"),
        format!("version = 1\nruntime = {{ path = '{runtime}' }}\n"),
        format!("version = 1\n\"r\\u0075ntime\".path = '{runtime}'\n"),
        format!("= =\n[runtime]\npath = \"{runtime}\"\n"),
        format!("x = [\n[runtime]\npath = \"{runtime}\"\n"),
        format!("x = \"\"\"\n[runtime]\npath = \"{runtime}\"\n\"\"\"\n"),
        format!(
            "{}\n[runtime]\npath = \"{runtime}\"\n",
            "# long\n".repeat(3000)
        ),
        format!("[runtime]\npath = \"{runtime}/x\"\n"),
        format!("[runtime]\npath = \"{}\"\n", shim_binary().display()),
        "[runtime]\npath = \"crun\"\n".to_owned(),
        "[runtime]\n".to_owned(),
        "version = 1\nx = \"no such thing\"".to_owned(),
        "\u{feff}\0\u{fffd}".to_owned(),
        String::new(),
    ];
    for text in texts {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("policy.toml"), &text).expect("a policy");
        both_ways(
            &recorder,
            &text,
            &option("--shim-policy", folder.path()),
            "--version",
        );
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["empty", "deeper/policy.toml", "nowhere", "leaves"] {
        fs::create_dir_all(at(name)).expect("a folder");
    }
    symlink("nothing", at("nowhere/policy.toml")).expect("a link");
    symlink("../empty/nothing", at("leaves/policy.toml")).expect("a link");
    symlink("nothing", at("dangling")).expect("a link");
    fs::write(at("file"), "").expect("a file");
    for name in [
        "empty",
        "deeper",
        "nowhere",
        "leaves",
        "dangling",
        "file",
        "none",
        "file/none",
    ] {
        both_ways(
            &recorder,
            name,
            &option("--shim-policy", at(name)),
            "--version",
        );
    }
}

#[test]
fn a_policy_that_is_missing_for_a_moment_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("next")).expect("a folder");
    fs::write(at("runc"), "#!/bin/sh\necho the named one\n").expect("a runtime");
    fs::set_permissions(at("runc"), Permissions::from_mode(0o755)).expect("its mode");
    let text = format!("version = 1\n[runtime]\npath = {:?}\n", at("runc"));
    fs::write(at("next/policy.toml"), text).expect("a policy");
    // As a directory is replaced by two renames. Where the machine is busy the second may come too
    // late, but not each time.
    let found = (0..10).any(|_| {
        let mut shim = Command::new(shim_binary());
        shim.arg("--shim-policy")
            .arg(at("policy"))
            .args(["state", "no-such-container"]);
        let shim = shim.stdout(std::process::Stdio::piped()).spawn();
        std::thread::sleep(std::time::Duration::from_millis(15));
        fs::rename(at("next"), at("policy")).expect("moved into its place");
        let output = shim
            .expect("shim runs")
            .wait_with_output()
            .expect("it ends");
        fs::rename(at("policy"), at("next")).expect("moved away");
        output.stdout == b"the named one\n"
    });
    assert!(found, "another runtime was run each time");
}

#[test]
fn what_is_not_ours_is_handed_on_before_the_c_library_starts() {
    const TEST: &str = "what_is_not_ours_is_handed_on_before_the_c_library_starts";
    if !needs_programs(TEST, &["/usr/bin/strace"]) {
        return;
    }
    let recorder = Recorder::new("runc");
    let policy = tempfile::tempdir().expect("a folder");
    let plain = format!(
        "version = 1\n[runtime]\npath = \"{}\"\n",
        recorder.path().display()
    );
    fs::write(policy.path().join("policy.toml"), plain).expect("a policy");
    let named = option("--shim-runtime", recorder.path());
    let by_policy = option("--shim-policy", policy.path());
    for (own, line, early) in [
        (&named, "--root /r state id", true),
        (&by_policy, "--root /r state id", true),
        (&by_policy, "exec id sh", true),
        (&named, "exec id run", false),
        (&named, "create id", false),
        (&named, "no-such-command", false),
    ] {
        let mut command = Command::new("/usr/bin/strace");
        command.args(["-qq", "-e", "trace=execve,arch_prctl,set_tid_address"]);
        let outcome = run(command.arg(shim_binary()).args(own).args(words(line)));
        let calls: Vec<&str> = outcome
            .stderr
            .lines()
            .filter_map(|line| line.split('(').next())
            .take(2)
            .collect();
        assert_eq!(calls == ["execve", "execve"], early, "{line}: {outcome:?}");
    }
}

/// A call out of the early entry would end in code that is not ready yet; a test might not take that
/// branch, so the machine code itself is looked at.
#[test]
fn the_early_entry_calls_nothing_outside_itself() {
    const TEST: &str = "the_early_entry_calls_nothing_outside_itself";
    if !needs_programs(TEST, &["/usr/bin/objdump"]) {
        return;
    }
    let listing = run(Command::new("/usr/bin/objdump")
        .args([
            "--disassemble",
            "--no-show-raw-insn",
            "--section=early_entry",
        ])
        .arg(shim_binary()));
    // Where there are no symbols objdump writes 0x before a target.
    let address = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let lines: Vec<(u64, &str)> = listing
        .stdout
        .lines()
        .filter_map(|line| line.split_once(":\t"))
        .filter_map(|(at, code)| Some((address(at.trim())?, code)))
        .collect();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        panic!("the binary was built without its early entry: {listing:?}");
    };
    let mut leaves = Vec::new();
    for (at, code) in &lines {
        let mut parts = code.split_whitespace();
        let name = parts.next().unwrap_or_default();
        let to = parts.next().unwrap_or_default();
        let jumps = name.starts_with('j') || ["call", "b", "bl", "blr", "br"].contains(&name);
        let inside = address(to).is_some_and(|to| (first.0..=last.0).contains(&to));
        // A `match` by its number, which some builds have: the table's places are of the same function.
        let by_table = name == "jmp" && to.starts_with("*0x") && to.ends_with(",8)");
        if jumps && !inside && !by_table {
            leaves.push((*at, *code));
        }
    }
    let [(at, code)] = leaves[..] else {
        panic!("more than the one jump to the C library's start: {leaves:x?}");
    };
    assert!(at < first.0 + 64 && !code.starts_with("call"), "{code}");
}

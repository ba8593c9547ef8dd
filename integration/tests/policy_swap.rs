//! A policy is swapped over and over while thousands of creates run: each sees one generation of
//! it, the old one or the new one, and none is refused.
//!
//! A generation is told by three profiles that each deny one call of their own: the one that the
//! rule in policy.toml names, and those of the floors of two files in policy.d. Each generation has
//! another file in policy.d, so that a list of names of two generations would tell as well.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends here"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use integration::{StandIn, run};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde_json::Value;
use tempfile::TempDir;

/// Creates under each kind of swap.
const CREATES: usize = 520;

/// How long the swapper rests between two swaps.
const REST: Duration = Duration::from_micros(700);

/// The calls by whose denial a generation is known.
const MARKS: [[&str; 3]; 4] = [
    ["mkdir", "rmdir", "chmod"],
    ["chown", "link", "symlink"],
    ["rename", "unlink", "mknod"],
    ["access", "truncate", "utime"],
];

fn denies(call: &str) -> String {
    format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":["{call}"],"action":"SCMP_ACT_ERRNO"}}]}}"#
    )
}

/// Writes generation `number` into a new folder.
fn write(folder: &Path, number: usize) {
    let [rule, first, second] = MARKS[number % MARKS.len()];
    fs::create_dir_all(folder.join("policy.d")).expect("policy.d");
    fs::create_dir_all(folder.join("profiles/team")).expect("profiles");
    let put = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
    put(
        "policy.toml",
        &format!(
            "version = 1\nlog.decisions = \"off\"\n[[rule]]\nname = \"generation {number}\"\n\
             profile = {{ type = \"Localhost\", localhostProfile = \"team/rule.json\" }}\n"
        ),
    );
    let floor = |name: &str| {
        format!(
            "version = 1\n[floor]\nprofile = {{ type = \"Localhost\", localhostProfile = \"{name}\" }}\n"
        )
    };
    put("policy.d/10-floor.toml", &floor("first.json"));
    put(
        &format!("policy.d/20-{}.toml", number % MARKS.len()),
        &floor("second.json"),
    );
    put("profiles/team/rule.json", &denies(rule));
    put("profiles/first.json", &denies(first));
    put("profiles/second.json", &denies(second));
}

/// The calls that the profile in a config.json denies.
fn denied(config: &str) -> BTreeSet<String> {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let rules = config.pointer("/linux/seccomp/syscalls");
    rules
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|rule| rule["action"] == "SCMP_ACT_ERRNO")
        .filter_map(|rule| rule["names"].as_array())
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// The calls as a set of names.
fn set(calls: &[&str]) -> BTreeSet<String> {
    calls.iter().map(|call| (*call).to_owned()).collect()
}

/// Tells the swapper to stop, also where an assertion ends the test: the scope waits for it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `swap` with 1, 2, 3… while creates run under `policy`, which is generation 0 by now. Each
/// denies the marks of one generation and what is `common` to all.
fn creates_while(what: &str, policy: &Path, common: &[&str], mut swap: impl FnMut(usize) + Send) {
    let stand_in = StandIn::new();
    let config = r#"{"ociVersion":"1.0.2","linux":{}}"#;
    let words = stand_in.create_words(policy);
    let done = AtomicBool::new(false);
    let mut seen = [0_usize; MARKS.len()];
    let swaps = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                swap(number);
                std::thread::sleep(REST);
            }
            number
        });
        let stop = Stop(&done);
        for _ in 0..CREATES {
            fs::write(stand_in.config(), config).expect("config.json");
            let outcome = run(Command::new(&words[0]).args(&words[1..]));
            assert_eq!(outcome.code, Some(0), "{what}: refused: {}", outcome.stderr);
            let denied = denied(&outcome.stdout);
            let mut marks = MARKS.iter().map(|marks| &set(marks) | &set(common));
            let found = marks.position(|marks| marks == denied);
            let found = found.unwrap_or_else(|| panic!("{what}: a mixture: {}", outcome.stdout));
            seen[found] += 1;
        }
        drop(stop);
        swapper.join().expect("the swapper")
    });
    println!("{what}: {CREATES} creates, {swaps} swaps, by generation {seen:?}");
    assert!(swaps > CREATES / 4, "{what}: only {swaps} swaps");
    let several = seen.iter().filter(|count| **count > 0).count() > 1;
    assert!(several, "{what}: {seen:?}");
}

fn exchange(a: &Path, b: &Path) {
    renameat2(AT_FDCWD, a, AT_FDCWD, b, RenameFlags::RENAME_EXCHANGE).expect("exchanged");
}

/// A folder with the first generation at `policy`, and the place for the next.
fn start() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let (policy, next) = (folder.path().join("policy"), folder.path().join("next"));
    write(&policy, 0);
    (folder, policy, next)
}

#[test]
fn a_directory_exchanged_for_a_new_one_that_then_is_deleted() {
    let (_folder, policy, next) = start();
    creates_while("exchange", &policy, &[], |number| {
        write(&next, number);
        exchange(&next, &policy);
        fs::remove_dir_all(&next).expect("the old one is deleted");
    });
}

#[test]
fn a_directory_moved_away_and_another_moved_into_its_place() {
    let (folder, policy, next) = start();
    let old = folder.path().join("old");
    creates_while("two renames", &policy, &[], |number| {
        write(&next, number);
        fs::rename(&policy, &old).expect("moved away");
        fs::rename(&next, &policy).expect("moved into its place");
        fs::remove_dir_all(&old).expect("the old one is deleted");
    });
}

#[test]
fn a_directory_that_is_a_link_to_be_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    write(&at("0"), 0);
    symlink("0", at("policy")).expect("a link");
    creates_while("link", &at("policy"), &[], |number| {
        write(&at(&number.to_string()), number);
        symlink(number.to_string(), at("next")).expect("a link");
        fs::rename(at("next"), at("policy")).expect("swapped");
        fs::remove_dir_all(at(&(number - 1).to_string())).expect("the old one is deleted");
    });
}

/// Swaps a folder as the kubelet does (kubernetes pkg/volume/util/atomic_writer.go): a new folder,
/// `..data` renamed over, then links added and removed, then the old folder deleted.
fn update_config_map(volume: &Path, number: usize, write: impl Fn(&Path)) {
    let name = |number: usize| format!("..2026_11_{number}");
    write(&volume.join(name(number)));
    symlink(name(number), volume.join("..data_tmp")).expect("a link");
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).expect("swapped");
    let list = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("UTF-8"));
        names.filter(|name| !name.starts_with("..")).collect()
    };
    let (wanted, found) = (list(&volume.join("..data")), list(volume));
    for name in wanted.difference(&found) {
        symlink(Path::new("..data").join(name), volume.join(name)).expect("a link");
    }
    for name in found.difference(&wanted) {
        fs::remove_file(volume.join(name)).expect("a stale link");
    }
    if number > 0 {
        fs::remove_dir_all(volume.join(name(number - 1))).expect("the old one is deleted");
    }
}

#[test]
fn a_config_map_with_the_whole_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path();
    let update = |number| update_config_map(volume, number, |folder| write(folder, number));
    update(0);
    assert!(volume.join("policy.d").is_symlink());
    creates_while("ConfigMap", volume, &[], update);
}

#[test]
fn a_config_map_with_the_drop_ins() {
    // policy.d alone is the ConfigMap: a generation is its two floors.
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), 0);
    for [_, first, second] in MARKS {
        let profile = |call: &str| folder.path().join(format!("profiles/{call}.json"));
        fs::write(profile(first), denies(first)).expect("a profile");
        fs::write(profile(second), denies(second)).expect("a profile");
    }
    let volume = folder.path().join("policy.d");
    fs::remove_dir_all(&volume).expect("removed");
    fs::create_dir(&volume).expect("made anew");
    let settings = "version = 1\nlog.decisions = \"off\"\n[[rule]]\nprofile = { type = \"Localhost\", localhostProfile = \"rule.json\" }\n";
    fs::write(folder.path().join("policy.toml"), settings).expect("policy.toml");
    // The rule's own mark says nothing here: it denies what generation 0 does, as all do.
    let update = |number: usize| {
        update_config_map(&volume, number, |folder| {
            let [_, first, second] = MARKS[number % MARKS.len()];
            fs::create_dir(folder).expect("a folder");
            for (file, call) in [
                ("10".to_owned(), first),
                (format!("2{}", number % 4), second),
            ] {
                let text = format!(
                    "version = 1\n[floor]\nprofile = {{ type = \"Localhost\", localhostProfile = \"{call}.json\" }}\n"
                );
                fs::write(folder.join(format!("{file}.toml")), text).expect("a drop-in");
            }
        });
    };
    update(0);
    // What all deny: every generation's first mark, so that two of its own tell it.
    let firsts: Vec<&str> = MARKS.iter().map(|marks| marks[0]).collect();
    let names = serde_json::to_string(&firsts).expect("JSON");
    let all = format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":{names},"action":"SCMP_ACT_ERRNO"}}]}}"#
    );
    fs::write(folder.path().join("profiles/rule.json"), all).expect("a profile");
    creates_while("ConfigMap in policy.d", folder.path(), &firsts, update);
}

#[test]
fn a_file_replaced_by_rename_is_the_old_one_or_the_new_one() {
    // As an editor does. The profile is long, so that half of it would tell.
    let (_folder, policy, next) = start();
    fs::remove_dir_all(policy.join("policy.d")).expect("no floors");
    let update = |number: usize| {
        let marks = MARKS[number % MARKS.len()];
        let rules: Vec<String> = marks
            .iter()
            .map(|call| format!(r#"{{"names":["{call}"],"action":"SCMP_ACT_ERRNO"}}"#))
            .collect();
        let space = " ".repeat(200_000);
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW",{space}"syscalls":[{}]}}"#,
            rules.join(&format!(",{space}"))
        );
        fs::write(&next, text).expect("the new file");
        fs::rename(&next, policy.join("profiles/team/rule.json")).expect("renamed over");
    };
    update(0);
    creates_while("one file", &policy, &[], update);
}

/// A handler's policy that goes missing while it is read is not that of a node without one.
#[test]
fn the_policy_of_a_handler_never_becomes_the_embedded_one() {
    if !integration::needs_root("the_policy_of_a_handler_never_becomes_the_embedded_one") {
        return;
    }
    let stand_in = StandIn::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (policy, away) = (folder.path().join("policy"), folder.path().join("away"));
    fs::create_dir(&policy).expect("a folder");
    let head = "version = 1\nlog.decisions = \"off\"\n[defaults]\nprofile = \"Unconfined\"\n";
    // It takes a while to read.
    let rule = "[[rule]]\nwhen = { namespace = \"a\" }\nprofile = \"RuntimeDefault\"\n";
    let text = head.to_owned() + &rule.repeat(4_000);
    fs::write(policy.join("policy.toml"), text).expect("a policy");
    let handler = format!("shim-swap-{}", std::process::id());
    let handlers = Path::new("/etc/seccomp-shim-handlers");
    fs::create_dir_all(handlers).expect("the handlers' folder");
    let link = handlers.join(format!("{handler}.policy"));
    symlink(&policy, &link).expect("a link");
    let mut outcomes = Vec::new();
    for delay in (0..60).step_by(2) {
        fs::write(stand_in.config(), r#"{"ociVersion":"1.0.2","linux":{}}"#).expect("config.json");
        let mut shim = Command::new(integration::shim_binary());
        shim.arg("--shim-handler").arg(&handler);
        shim.arg("--shim-runtime").arg(stand_in.runtime());
        shim.args(["create", "--bundle"])
            .arg(stand_in.bundle())
            .arg("id");
        let shim = std::thread::spawn(move || run(&mut shim));
        std::thread::sleep(Duration::from_millis(delay));
        fs::rename(&policy, &away).expect("moved away");
        // As where it is being deleted.
        fs::write(away.join("other"), "").expect("a file");
        outcomes.push(shim.join().expect("shim runs"));
        fs::remove_file(away.join("other")).expect("removed");
        fs::rename(&away, &policy).expect("moved back");
    }
    fs::remove_file(&link).expect("the link");
    // Another handler may have its links there.
    let _ = fs::remove_dir(handlers);
    let refused = outcomes
        .iter()
        .filter(|outcome| outcome.code == Some(1))
        .count();
    for outcome in outcomes {
        if outcome.code == Some(1) {
            assert!(
                outcome.stderr.contains("the runtime handler names"),
                "{outcome:?}"
            );
        } else {
            assert!(!outcome.stdout.contains("seccomp"), "{}", outcome.stdout);
        }
    }
    assert!(refused > 0, "it was never missed");
}

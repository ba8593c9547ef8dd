//! Finished filters for crun: found again, equal to crun's own, and never in anybody's way.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says so by failing"
)]

mod cache;
mod linker;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use integration::{PolicyDir, RealRuntime, TestBundle, explain, run, shim_binary};
use serde_json::{Value, json};

use cache::{
    FILTER, FOLDER, alone, crun, filled, filter, kept, profile, requested, soon, with_profile,
};

/// What the containers try, each line telling what came of it.
const TRIES: &str = "mkdir /tmp/x; mkdir -m 1777 /tmp/y; chmod 4755 /tmp; chmod 755 /tmp; \
    hostname other; unshare -U true; unshare -m true; unshare -n true; date -s 2020-01-01; \
    mount -t tmpfs none /tmp; kill -0 1; sleep 0; ls /; grep -E '^(Seccomp|NoNew)' /proc/self/status; \
    true";

#[test]
fn the_second_container_gets_the_finished_filter_and_is_denied_the_same() {
    let _alone = alone();
    let Some(runtime) = crun("the_second_container_gets_the_finished_filter") else {
        return;
    };
    let (profile, policy) = (profile(), requested());
    let bundle = with_profile(&["sh", "-c", TRIES], &profile);
    let bare = run(runtime
        .bare()
        .args(["run", "--bundle"])
        .arg(bundle.path())
        .arg(bundle.id()));
    for told in [
        "No space left",
        "File too large",
        "Read-only file system",
        "Seccomp_filters:\t1",
    ] {
        assert!(bare.text().contains(told), "{told}: {bare:?}");
    }
    filled(&runtime, policy.path(), &bundle);

    let second = runtime.run(policy.path(), &bundle);
    let handed = filter(&bundle).expect("a filter is handed over");
    assert_eq!(second.text(), bare.text());
    assert_eq!(
        bundle.seccomp(),
        profile,
        "linux.seccomp says the same as ever"
    );
    assert_eq!(policy.decisions()[1]["result"], "kept");

    // On the same bundle again, also where nobody may steer crun's seccomp.
    let before = bundle.text();
    let strict = PolicyDir::new("strict = true\n[defaults]\nprofile = \"Requested\"");
    let third = runtime.run(strict.path(), &bundle);
    let loose = fs::metadata(bundle.path()).is_ok() && third.text().contains("writable");
    if !loose {
        assert_eq!(third.text(), bare.text());
        assert_eq!(bundle.text(), before);
    }
    // But a filter that says something else is somebody else's.
    bundle.edit(|config| config["annotations"][FILTER] = json!("BgAAAAAA/38="));
    let refused = runtime.run(strict.path(), &bundle);
    assert!(!refused.ok(), "{refused:?}");
    let again = runtime.run(policy.path(), &bundle);
    assert_eq!(again.text(), bare.text());
    assert_eq!(filter(&bundle), Some(handed));

    // What is executed in it later has the same filter.
    let bundle = with_profile(&["sleep", "1000"], &profile);
    let container = runtime.create(policy.path(), &bundle).expect("created");
    assert!(filter(&bundle).is_some());
    assert!(container.command(policy.path(), &["start"]).ok());
    let exec = container.command(policy.path(), &["exec", "mkdir", "/tmp/x"]);
    assert!(exec.text().contains("No space left"), "{exec:?}");
}

#[test]
fn a_bad_entry_is_a_miss() {
    let _alone = alone();
    let Some(runtime) = crun("a_bad_entry_is_a_miss") else {
        return;
    };
    let policy = requested();
    let bundle = with_profile(&["mkdir", "/tmp/x"], &profile());
    let file = filled(&runtime, policy.path(), &bundle);
    let good = fs::read(&file).expect("kept");
    let mut changed = good.clone();
    // "Allow" in the place of an instruction in the middle.
    let middle = good.len() / 16 * 8 + 4;
    changed[middle..middle + 8].copy_from_slice(&[6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
    for bad in [&changed[..], &good[..good.len() - 8], b""] {
        fs::write(&file, bad).expect("written");
        let outcome = runtime.run(policy.path(), &bundle);
        assert!(outcome.text().contains("No space left"), "{outcome:?}");
        assert_eq!(filter(&bundle), None);
        soon("a good one again", || {
            (fs::read(&file).ok()? == good).then_some(())
        });
    }
    let _ = runtime.run(policy.path(), &bundle);
    assert!(filter(&bundle).is_some());
}

#[test]
fn what_a_program_alone_does_not_say_is_not_handed_over() {
    let _alone = alone();
    let Some(runtime) = crun("what_a_program_alone_does_not_say_is_not_handed_over") else {
        return;
    };
    let policy = requested();
    let mut flags = profile();
    flags["flags"] = json!(["SECCOMP_FILTER_FLAG_LOG"]);
    let mut notify = profile();
    notify["syscalls"][3]["action"] = json!("SCMP_ACT_NOTIFY");
    notify["syscalls"][3]
        .as_object_mut()
        .expect("a rule")
        .remove("errnoRet");
    for profile in [flags, notify] {
        let bundle = with_profile(&["true"], &profile);
        filled(&runtime, policy.path(), &bundle);
        let _ = runtime.run(policy.path(), &bundle);
        assert_eq!(filter(&bundle), None, "{profile}");
    }
    // Nor where somebody is to be told, or another libseccomp could be taken.
    let bundle = with_profile(&["true"], &profile());
    filled(&runtime, policy.path(), &bundle);
    for variable in ["RUN_OCI_SECCOMP_RECEIVER", "LD_LIBRARY_PATH", "LD_PRELOAD"] {
        let mut command = runtime.shimmed(policy.path());
        command
            .args(["run", "--bundle"])
            .arg(bundle.path())
            .arg(bundle.id());
        let _ = run(command.env(variable, "/nowhere"));
        assert_eq!(filter(&bundle), None, "{variable}");
    }
    let _ = runtime.run(policy.path(), &bundle);
    assert!(filter(&bundle).is_some());
}

/// Limits that are lower than those that the filling sets itself can only be kept.
#[test]
fn the_cache_is_filled_under_an_engines_own_limits() {
    let _alone = alone();
    let Some(runtime) = crun("the_cache_is_filled_under_an_engines_own_limits") else {
        return;
    };
    let policy = requested();
    // The folders are not there yet.
    for limit in ["umask 177", "ulimit -t 1", "ulimit -v 500000"] {
        let bundle = with_profile(&["true"], &profile());
        let before = kept();
        let create = runtime.shimmed(policy.path());
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{limit}; exec \"$0\" \"$@\""));
        command.arg(create.get_program()).args(create.get_args());
        command.args(["run", "--bundle"]).arg(bundle.path());
        let ran = run(command.arg(bundle.id()).env_remove("LD_LIBRARY_PATH"));
        assert!(ran.ok(), "{limit}: {ran:?}");
        soon(limit, || {
            kept().into_iter().find(|file| !before.contains(file))
        });
    }
}

/// Who fills the cache holds nothing of the engine's and is not its child.
#[test]
fn nobody_sees_the_filling() {
    let _alone = alone();
    let Some(runtime) = crun("nobody_sees_the_filling") else {
        return;
    };
    let policy = requested();
    let bundle = with_profile(&["true"], &profile());
    // The runtime fails before it compiles anything.
    bundle.edit(|config| config["root"]["path"] = json!("/nowhere/at/all"));
    let binary = fs::canonicalize(shim_binary()).expect("the binary");
    let before = kept();
    let mut command = runtime.shimmed(policy.path());
    command
        .args(["create", "--bundle"])
        .arg(bundle.path())
        .arg(bundle.id());
    // Ends when nobody holds the pipes any more.
    let outcome = command.stdin(Stdio::null()).output().expect("started");
    assert!(!outcome.status.success());
    // It waits before it begins, so it is there.
    let fillers = fillers(&binary);
    let [filler] = fillers.as_slice() else {
        panic!("one process fills the cache: {fillers:?}");
    };
    let fds = fs::read_dir(filler.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    let fds: Vec<PathBuf> = fds.filter_map(|fd| fs::read_link(fd.path()).ok()).collect();
    for fd in &fds {
        let own = fd == Path::new("/dev/null")
            || fd.starts_with(FOLDER)
            || fd.to_string_lossy().starts_with("/memfd:");
        assert!(own, "{fds:?}");
    }
    soon("the cache is filled", || {
        kept().into_iter().find(|file| !before.contains(file))
    });
}

/// The processes that run `binary` now.
fn fillers(binary: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.map(|process| process.path());
    processes
        .filter(|process| fs::read_link(process.join("exe")).is_ok_and(|exe| exe == binary))
        .collect()
}

/// Without a profile of its own, as an engine's container that leaves it to the policy.
#[test]
fn what_was_made_before_the_first_container_is_handed_to_it() {
    let _alone = alone();
    let Some(runtime) = crun("what_was_made_before_the_first_container") else {
        return;
    };
    let rule = "[[rule]]\nwhen = { namespace = \"own\" }\n\
        profile = { type = \"Localhost\", localhostProfile = \"own.json\" }";
    let policy = PolicyDir::new(&format!("[defaults]\nprofile = \"RuntimeDefault\"\n{rule}"))
        .with_profile("own.json", &profile().to_string());
    let warm = |runtime: &Path| {
        run(Command::new(shim_binary())
            .arg("--shim-runtime")
            .arg(runtime)
            .args(["policy", "check", "--warm", "--format", "json"])
            .arg(policy.path())
            // Cargo's; with it, it is not certain which libseccomp crun would get.
            .env_remove("LD_LIBRARY_PATH"))
    };
    for file in kept() {
        fs::remove_file(file).expect("removed");
    }
    let first = warm(runtime.path());
    assert!(first.ok(), "{first:?}");
    let said: Value = serde_json::from_str(&first.stdout).expect("JSON");
    let filters = said["filters"]["filters"].as_array().expect("filters");
    // The default with the engines' capabilities and with none, and the profile.
    assert_eq!(filters.len(), 3, "{said}");
    assert!(filters.iter().all(|one| one["result"] == "made"), "{said}");
    assert_eq!(kept().len(), 3);
    let again: Value = serde_json::from_str(&warm(runtime.path()).stdout).expect("JSON");
    let again = again["filters"]["filters"].as_array().expect("filters");
    assert!(
        again.iter().all(|one| one["result"] == "before"),
        "{again:?}"
    );

    let bundle = TestBundle::new(&["true"]);
    let ran = runtime.run(policy.path(), &bundle);
    assert!(ran.ok(), "{ran:?}");
    assert!(
        filter(&bundle).is_some(),
        "the first container is handed it"
    );
    assert_eq!(kept().len(), 3);

    // Other runtimes compile for themselves.
    if let Some(runc) = RealRuntime::find("what_was_made_before_the_first_container", "runc") {
        let said = warm(runc.path());
        assert!(said.ok() && said.stdout.contains("only crun"), "{said:?}");
    }
}

/// After a reboot the cache is empty, and the bundle still has what it was given.
#[test]
fn a_strict_policy_knows_its_own_filter_in_a_bundle_that_is_used_again() {
    let _alone = alone();
    let Some(runtime) = crun("a_strict_policy_knows_its_own_filter") else {
        return;
    };
    let strict = PolicyDir::new(&format!(
        "strict = true\nruntime.path = {:?}\n[defaults]\nprofile = \"Requested\"",
        runtime.path()
    ));
    let bundle = with_profile(&["mkdir", "/tmp/x"], &profile());
    let explained = || {
        let answer = explain(strict.path(), bundle.path());
        (answer["result"].clone(), answer["changesBundle"].clone())
    };
    assert_eq!(explained(), (json!("kept"), json!(false)), "crun compiles");
    let file = filled(&runtime, strict.path(), &bundle);
    assert_eq!(explained(), (json!("kept"), json!(true)), "it is put in");
    let once = runtime.run(strict.path(), &bundle);
    assert!(once.text().contains("No space left"), "{once:?}");
    assert_eq!(explained(), (json!("kept"), json!(false)), "it is known");
    let handed = filter(&bundle).expect("a filter is handed over");
    let text = bundle.text();
    fs::remove_file(&file).expect("removed");
    // `explain` makes it to compare with, and keeps nothing.
    assert_eq!(explained().0, json!("kept"));
    assert!(!file.exists(), "explain changes nothing");
    let again = runtime.run(strict.path(), &bundle);
    assert_eq!(again.text(), once.text());
    assert_eq!(bundle.text(), text);
    assert_eq!(filter(&bundle), Some(handed));
    assert!(file.exists(), "it is kept again");

    // Podman has a container restored from the bundle that it ran in.
    let restored = run(runtime
        .shimmed(strict.path())
        .args(["restore", "--image-path", "/nowhere", "--bundle"])
        .arg(bundle.path())
        .arg(bundle.id()));
    assert!(
        !restored.ok() && !restored.text().contains("seccomp-shim"),
        "{restored:?}"
    );
    assert_eq!(bundle.text(), text);
    // crun from 1.21 on leaves a container behind that it cannot restore, and a cgroup that is of no use:
    // nothing is run after this.
    let _ = run(runtime.bare().args(["delete", "--force", &bundle.id()]));

    // What says something else is somebody else's, kept or not.
    bundle.edit(|config| config["annotations"][FILTER] = json!("BgAAAAAA/38="));
    let text = bundle.text();
    for remove in [true, false] {
        if remove {
            fs::remove_file(&file).expect("removed");
        }
        assert_eq!(explained().0, json!("refused"));
        let refused = runtime.run(strict.path(), &bundle);
        assert!(!refused.ok(), "{refused:?}");
        assert!(refused.text().contains(FILTER), "{refused:?}");
        assert_eq!(bundle.text(), text);
    }
}

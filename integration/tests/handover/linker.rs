//! Whether crun's libseccomp is like ours: what its linker would give it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use integration::{PrivateMount, RealRuntime, run};
use serde_json::json;

use crate::cache::{alone, crun, filled, filter, kept, profile, requested, soon, with_profile};

/// The linker's cache is this one for the calling test alone.
fn nothing_is_handed_over_with(cache: &[u8], runtime: &RealRuntime) {
    let folder = tempfile::tempdir().expect("a folder");
    let written = folder.path().join("cache");
    fs::write(&written, cache).expect("written");
    let policy = requested();
    let bundle = with_profile(&["true"], &profile());
    let _cache = PrivateMount::bind(&written, Path::new("/etc/ld.so.cache"));
    filled(runtime, policy.path(), &bundle);
    let _ = runtime.run(policy.path(), &bundle);
    assert_eq!(filter(&bundle), None);
}

/// A folder of /etc/ld.so.conf.d may hold another libseccomp, which crun would then get.
#[test]
fn where_the_linker_knows_another_libseccomp_nothing_is_handed_over() {
    let _alone = alone();
    let test = "where_the_linker_knows_another_libseccomp_nothing_is_handed_over";
    let Some(runtime) = crun(test) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("libseccomp.so.2");
    let own = Path::new("/usr/lib/x86_64-linux-gnu/libseccomp.so.2");
    fs::copy(own, &other).expect("a copy");
    // As ldconfig would write it.
    let mut cache = fs::read("/etc/ld.so.cache").unwrap_or_default();
    cache.extend(b"\0libseccomp.so.2\0");
    cache.extend(other.as_os_str().as_encoded_bytes());
    cache.push(0);
    nothing_is_handed_over_with(&cache, &runtime);
}

/// Distributions add system calls to a version of libseccomp. A profile that denies one of those by
/// name would let it pass in a filter of ours.
#[test]
fn where_crun_knows_a_name_that_we_do_not_nothing_is_handed_over() {
    let _alone = alone();
    let test = "where_crun_knows_a_name_that_we_do_not_nothing_is_handed_over";
    let Some(runtime) = crun(test) else {
        return;
    };
    let library =
        fs::canonicalize("/usr/lib/x86_64-linux-gnu/libseccomp.so.2").expect("it is there");
    let mut newer = fs::read(&library).expect("read");
    newer.extend(b"\0not_yet_known\0");
    let folder = tempfile::tempdir().expect("a folder");
    let written = folder.path().join("newer");
    fs::write(&written, newer).expect("written");
    let policy = requested();
    let _library = PrivateMount::bind(&written, &library);
    let mut profile = profile();
    for known in [true, false] {
        if !known {
            profile["syscalls"][3]["names"] = json!(["sethostname", "not_yet_known"]);
        }
        let bundle = with_profile(&["true"], &profile);
        filled(&runtime, policy.path(), &bundle);
        let _ = runtime.run(policy.path(), &bundle);
        assert_eq!(filter(&bundle).is_some(), known, "{profile}");
    }
}

/// The linker looks for it elsewhere then, also by what the processor can do.
#[test]
fn where_the_linkers_cache_has_no_libseccomp_nothing_is_handed_over() {
    let _alone = alone();
    let Some(runtime) = crun("where_the_linkers_cache_has_no_libseccomp") else {
        return;
    };
    nothing_is_handed_over_with(b"glibc-ld.so.cache1.1", &runtime);
}

/// As a package manager beside the distribution's gives to its programs.
#[test]
fn where_crun_has_a_linker_of_its_own_nothing_is_handed_over() {
    let _alone = alone();
    let Some(runtime) = crun("where_crun_has_a_linker_of_its_own_nothing_is_handed_over") else {
        return;
    };
    let own = PrivateMount::tmpfs(Path::new("/mnt"), 16 << 20);
    let (linker, elsewhere) = ("/lib64/ld-linux-x86-64.so.2", "/mnt///ld-linux-x86-64.so.2");
    std::os::unix::fs::symlink(linker, elsewhere).expect("a link");
    let mut program = fs::read(runtime.path()).expect("crun");
    let at = program
        .windows(linker.len())
        .position(|bytes| bytes == linker.as_bytes());
    let at = at.expect("it names its linker");
    program[at..at + linker.len()].copy_from_slice(elsewhere.as_bytes());
    let crun = Path::new("/mnt/crun");
    fs::write(crun, program).expect("written");
    fs::set_permissions(crun, PermissionsExt::from_mode(0o755)).expect("a program");
    let policy = requested();
    let bundle = with_profile(&["true"], &profile());
    let before = kept();
    for round in 0..2 {
        let shimmed = runtime.shimmed(policy.path());
        let mut command = Command::new(shimmed.get_program());
        let words = shimmed.get_args().map(|word| {
            let real = word == runtime.path().as_os_str();
            if real { crun.as_os_str() } else { word }
        });
        command
            .args(words)
            .args(["run", "--bundle"])
            .arg(bundle.path());
        let ran = run(command.arg(bundle.id()).env_remove("LD_LIBRARY_PATH"));
        assert!(ran.ok(), "{ran:?}");
        assert_eq!(filter(&bundle), None, "round {round}");
        soon("it is kept that there is none", || {
            kept().into_iter().find(|file| !before.contains(file))
        });
    }
    drop(own);
}

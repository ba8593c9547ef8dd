//! The node's cache, and containers that get their filters from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use integration::{PolicyDir, PrivateMount, RealRuntime, TestBundle, run, skip};
use serde_json::{Value, json};

/// The annotation that hands a filter over.
pub(crate) const FILTER: &str = "run.oci.seccomp_bpf_data";
/// The cache.
pub(crate) const FOLDER: &str = "/run/seccomp-shim/filters";

/// One test at a time: the cache is the node's.
static NODE: Mutex<()> = Mutex::new(());

/// Has the test be the only one, with a cache that nobody else on the machine fills.
pub(crate) fn alone() -> (Option<PrivateMount>, MutexGuard<'static, ()>) {
    let guard = NODE.lock().unwrap_or_else(PoisonError::into_inner);
    let root = nix::unistd::geteuid().is_root();
    let run = root.then(|| PrivateMount::tmpfs(Path::new("/run"), 16 << 20));
    (run, guard)
}

/// A profile that no run before this one had, so that nothing is kept for it; its errno tells its
/// denials from others.
pub(crate) fn profile() -> Value {
    let own = format!("none_{}_{:?}", std::process::id(), Instant::now());
    let masked =
        json!([{"index": 1, "value": 0o4000, "valueTwo": 0o4000, "op": "SCMP_CMP_MASKED_EQ"}]);
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            {"names": ["mkdir", "mkdirat", own], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
            {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 27, "args": masked},
            {"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30,
             "args": [{"index": 0, "value": 0x1000_0000, "op": "SCMP_CMP_EQ"}]},
            {"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40},
        ],
    })
}

/// A container with that profile of its own.
pub(crate) fn with_profile(args: &[&str], profile: &Value) -> TestBundle {
    let bundle = TestBundle::new(args);
    bundle.edit(|config| config["linux"]["seccomp"] = profile.clone());
    bundle
}

/// A policy that keeps what was asked for.
pub(crate) fn requested() -> PolicyDir {
    PolicyDir::new("[defaults]\nprofile = \"Requested\"")
}

/// The filter that stands in the bundle.
pub(crate) fn filter(bundle: &TestBundle) -> Option<String> {
    let config: Value = serde_json::from_slice(&bundle.text()).expect("JSON");
    Some(config["annotations"][FILTER].as_str()?.to_owned())
}

/// The files of the cache.
pub(crate) fn kept() -> Vec<PathBuf> {
    let found = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let files = found.map(|entry| entry.path());
    files
        .filter(|path| path.file_name().is_some_and(|name| name.len() == 64))
        .collect()
}

/// Waits for what comes soon.
pub(crate) fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs the container until it is handed a filter, and gives the file of that filter.
pub(crate) fn filled(runtime: &RealRuntime, policy: &Path, bundle: &TestBundle) -> PathBuf {
    let before = kept();
    let first = runtime.run(policy, bundle);
    assert_eq!(
        filter(bundle),
        None,
        "crun compiles the first time: {first:?}"
    );
    soon("the cache is filled", || {
        kept().into_iter().find(|file| !before.contains(file))
    })
}

/// A crun that is handed filters; none if there is no such here.
pub(crate) fn crun(test: &str) -> Option<RealRuntime> {
    if cfg!(not(target_arch = "x86_64")) {
        skip(test, "the profile is for x86-64");
        return None;
    }
    let runtime = RealRuntime::find(test, "crun")?;
    let version = run(Command::new("readlink")
        .arg("-f")
        .arg("/usr/lib/x86_64-linux-gnu/libseccomp.so.2"));
    let (major, minor, micro) = ::filter::libseccomp_version();
    if !version
        .stdout
        .trim()
        .ends_with(&format!("{major}.{minor}.{micro}"))
    {
        skip(test, "this program's libseccomp is not of crun's version");
        return None;
    }
    Some(runtime)
}

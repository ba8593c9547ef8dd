//! Every engine's own command lines, as captured from each: all are understood, none is refused.
#![forbid(unsafe_code)]

use super::{FLAVORS, call, short};
use crate::argv::{Call, LogFormat};

/// Lines that make a container, and what they come to.
const MAKES: &[(&str, &str)] = &[
    // containerd's shim, nerdctl, CRI
    (
        "--root R --log B/log.json --log-format json create --bundle B --pid-file B/init.pid ID",
        "create B ID",
    ),
    (
        "--root R --log B/log.json --log-format json --systemd-cgroup create --bundle B \
         --pid-file B/init.pid --console-socket S --pidfd-socket P --no-pivot --no-new-keyring ID",
        "create B ID",
    ),
    (
        "--root R --log B/log.json --log-format json restore --image-path P --work-path W \
         --detach --pid-file F --no-pivot -no-subreaper --bundle B ID",
        "restore B ID",
    ),
    (
        "--root R --debug --log L --log-format json --systemd-cgroup --rootless=true --criu C \
         create --bundle B --pid-file F ID",
        "create B ID",
    ),
    // BuildKit
    (
        "--log R/runc-log.json --log-format json run --bundle B --no-pivot --keep ID",
        "run B ID",
    ),
    (
        "--log L --log-format json run --bundle B --keep ID",
        "run B ID",
    ),
    // Podman by way of conmon
    (
        "--systemd-cgroup --log-format=json --log F --cgroup-manager disabled create --bundle B \
         --pid-file P --no-pivot --no-new-keyring --preserve-fds 2 --console-socket S ID",
        "create B ID",
    ),
    (
        "--log-format=json --log F restore --bundle B --pid-file P --detach --image-path I \
         --work-path B --lsm-profile=apparmor:x --lsm-mount-context=c ID",
        "restore B ID",
    ),
    (
        "--log-level=debug create --bundle B --pid-file P ID",
        "create B ID",
    ),
    // CRI-O by way of conmon and conmon-rs
    ("--root=R create --bundle B --pid-file P ID", "create B ID"),
    (
        "--root=R --systemd-cgroup --root=R --systemd-cgroup create --bundle B --pid-file P \
         --console-socket=S ID",
        "create B ID",
    ),
    (
        "--root=R --log=journald:id create --bundle B --pid-file P ID",
        "create B ID",
    ),
    // Buildah
    (
        "create --bundle B --pid-file P --no-pivot --console-socket S NAME",
        "create B NAME",
    ),
];

/// Lines that the runtime gets untouched.
const PASSES: &[&str] = &[
    "",
    "--version",
    "-v",
    "--help",
    "features",
    "--root R --log L --log-format json start ID",
    "--root R pause ID",
    "--root R resume ID",
    "--root R ps --format json ID",
    "--root R kill --all ID 15",
    "--root R kill ID 9",
    "--root R delete --force ID",
    "--root R state ID",
    "--root R exec --process /tmp/p --console-socket S --detach --pid-file B/X.pid ID",
    "--root R update --resources=- ID",
    "--root R update --resources - ID",
    "--root R checkpoint --image-path P --work-path W --leave-running ID",
    "--root R events --stats ID",
    "--log-format=json --log F exec --pid-file P --process F --detach ID",
    "checkpoint --help",
    // Podman asks by this whether the runtime knows the flag.
    "restore --lsm-mount-context",
    // Containers, signals and programs with our words for names.
    "state create",
    "kill create 9",
    "start create",
    "delete --force restore",
    "update --resources - create",
    "--log create --root run start c",
    "--root create --bundle=X state x",
    "exec create run --bundle X id",
    "exec c create --bundle X id",
    "exec -d --pid-file=F c run --version",
    "exec c tar -b 20 -cf create",
    "spec --bundle create",
];

/// All lines of both tables.
pub(super) fn lines() -> impl Iterator<Item = &'static str> {
    MAKES
        .iter()
        .map(|(line, _)| *line)
        .chain(PASSES.iter().copied())
}

#[test]
fn every_engine_line_that_makes_a_container_is_understood() {
    for (line, expected) in MAKES {
        for flavor in FLAVORS {
            assert_eq!(&short(line, flavor), expected, "{line} for {flavor:?}");
        }
    }
}

#[test]
fn every_engine_line_that_makes_none_passes() {
    for line in PASSES {
        for flavor in FLAVORS {
            assert_eq!(short(line, flavor), "pass", "{line} for {flavor:?}");
        }
    }
}

#[test]
fn the_log_of_every_engine_is_found() {
    for (line, _) in MAKES {
        let words = super::words(line);
        let json = words
            .iter()
            .any(|word| word.to_string_lossy().ends_with("json"));
        for flavor in FLAVORS {
            let Call::Ours(request) = call(line, flavor) else {
                panic!("{line} for {flavor:?}");
            };
            if json {
                assert!(request.log.file.is_some(), "{line} for {flavor:?}");
                assert_eq!(request.log.format, LogFormat::Json, "{line} for {flavor:?}");
            }
        }
    }
}

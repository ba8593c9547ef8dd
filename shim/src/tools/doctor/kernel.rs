//! The kernel's seccomp, and libseccomp's.

use std::fs;

use filter::kernel;

use super::finding::Finding;

const PART: &str = "kernel";

pub(super) fn findings() -> Vec<Finding> {
    let mut found = Vec::new();
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    if !kernel::has_flags(0) {
        found.push(Finding::problem(
            PART,
            format!("Linux {release} takes no seccomp filters"),
            "run a kernel with CONFIG_SECCOMP_FILTER; where this is itself a container, let it call seccomp",
        ));
        return found;
    }
    found.push(actions(&release));
    let logged = fs::read_to_string("/proc/sys/kernel/seccomp/actions_logged").unwrap_or_default();
    found.push(if logged.split_whitespace().any(|action| action == "log") {
        Finding::ok(
            PART,
            format!("actions that can be logged: {}", logged.trim()),
        )
    } else {
        Finding::warning(
            PART,
            "the kernel does not log the action log, so mode = \"audit\" leaves no trace",
            "add log to /proc/sys/kernel/seccomp/actions_logged",
        )
    });
    found.push(flags());
    found.push(match kernel::notification_sizes() {
        Some([notification, answer, data]) => Finding::ok(
            PART,
            format!(
                "user notification, with structures of {notification}, {answer} and {data} bytes"
            ),
        ),
        None => Finding::warning(
            PART,
            "no user notification, so SCMP_ACT_NOTIFY cannot be used",
            "Linux 5.0 or later has it",
        ),
    });
    found.push(libseccomp());
    found
}

/// The actions (linux/seccomp.h), by the names that /proc/sys/kernel/seccomp/actions_avail has.
const ACTIONS: &[(&str, u32)] = &[
    ("kill_process", 0x8000_0000),
    ("kill_thread", 0x0000_0000),
    ("trap", 0x0003_0000),
    ("errno", 0x0005_0000),
    ("user_notif", 0x7fc0_0000),
    ("trace", 0x7ff0_0000),
    ("log", 0x7ffc_0000),
    ("allow", 0x7fff_0000),
];

fn actions(release: &str) -> Finding {
    let missing: Vec<&str> = ACTIONS
        .iter()
        .filter(|(_, action)| !kernel::has_action(*action))
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() {
        return Finding::ok(PART, format!("Linux {release} has every seccomp action"));
    }
    Finding::warning(
        PART,
        format!(
            "Linux {release} lacks the seccomp actions {}",
            missing.join(", ")
        ),
        "profiles that use them fail; Linux 5.0 or later has all",
    )
}

/// Flags (linux/seccomp.h), and with which others the kernel takes them.
const FLAGS: &[(&str, u64, &str)] = &[
    ("TSYNC", 1, "3.17"),
    ("LOG", 1 << 1, "4.14"),
    ("SPEC_ALLOW", 1 << 2, "4.17"),
    ("NEW_LISTENER", 1 << 3, "5.0"),
    ("TSYNC_ESRCH", 1 << 4 | 1, "5.7"),
    ("WAIT_KILLABLE_RECV", 1 << 5 | 1 << 3, "5.19"),
];

fn flags() -> Finding {
    type Flags = Vec<&'static (&'static str, u64, &'static str)>;
    let (known, unknown): (Flags, Flags) = FLAGS
        .iter()
        .partition(|(_, flags, _)| kernel::has_flags(*flags));
    let names: Vec<&str> = known.iter().map(|(name, ..)| *name).collect();
    if unknown.is_empty() {
        return Finding::ok(PART, format!("filter flags {}", names.join(", ")));
    }
    let lacking: Vec<String> = unknown
        .iter()
        .map(|(name, _, since)| format!("{name} (Linux {since})"))
        .collect();
    Finding::warning(
        PART,
        format!(
            "filter flags {}, but not {}",
            names.join(", "),
            lacking.join(", ")
        ),
        "leave them out of profiles, or run a newer kernel",
    )
}

/// Syscalls by which to tell how new libseccomp's tables are, with the kernel that has them first.
const NEWER: &[(&str, &str)] = &[
    ("futex_waitv", "5.16"),
    ("cachestat", "6.5"),
    ("statmount", "6.8"),
    ("mseal", "6.10"),
    ("setxattrat", "6.13"),
    ("open_tree_attr", "6.15"),
];

fn libseccomp() -> Finding {
    let version = filter::kernel::libseccomp_version().unwrap_or_else(|| "unknown".to_owned());
    let unknown: Vec<String> = NEWER
        .iter()
        .filter(|(name, _)| !filter::known(name))
        .map(|(name, since)| format!("{name} (Linux {since})"))
        .collect();
    let words =
        format!("libseccomp {version} is built in, for the tools; each runtime has its own");
    if unknown.is_empty() {
        return Finding::ok("libseccomp", words);
    }
    Finding::ok(
        "libseccomp",
        format!(
            "{words}; it does not know {}, a newer one would",
            unknown.join(", ")
        ),
    )
}

//! The capabilities of Linux (include/uapi/linux/capability.h): forty-one, the last in 5.9.

/// Whether Linux up to 6.18 has the capability `name`, to the letter.
pub(crate) fn is_capability(name: &str) -> bool {
    name.strip_prefix("CAP_")
        .is_some_and(|rest| NAMES.contains(&rest))
}

/// How `found` is written, if it is a capability in another spelling, or one a letter or two off.
pub(crate) fn near_capability(found: &str) -> Option<String> {
    if found.len() > LONGEST {
        return None;
    }
    let upper = found.to_ascii_uppercase().replace('-', "_");
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let nearest = NAMES
        .iter()
        .map(|name| (strsim::damerau_levenshtein(bare, name), name))
        .min()?;
    let (off, name) = nearest;
    (off <= 2 && off < name.len() / 2).then(|| format!("CAP_{name}"))
}

/// Longer than every name by far; what is longer is no typing error.
const LONGEST: usize = 40;

const NAMES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_taken_to_the_letter() {
        assert!(is_capability("CAP_SYS_ADMIN"));
        for never in ["SYS_ADMIN", "cap_sys_admin", "CAP_SYS_ADMNI", "CAP_", ""] {
            assert!(!is_capability(never), "{never}");
        }
    }

    #[test]
    fn the_canonical_spelling_is_offered() {
        for (found, meant) in [
            ("sys_admin", Some("CAP_SYS_ADMIN")),
            ("CAP_SYS_ADMNI", Some("CAP_SYS_ADMIN")),
            ("cap-net-raw", Some("CAP_NET_RAW")),
            ("BPF", Some("CAP_BPF")),
            ("ALL", None),
            ("CAP_EVERYTHING", None),
        ] {
            assert_eq!(near_capability(found).as_deref(), meant, "{found}");
        }
    }
}

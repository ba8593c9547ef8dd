//! The capabilities of Linux (include/uapi/linux/capability.h): forty-one, the last in 5.9.

/// Whether Linux up to 6.18 has the capability `name`, to the letter.
pub fn is_capability(name: &str) -> bool {
    CAPABILITIES.contains(&name)
}

/// How `found` is written, if it is a capability in another spelling, or one a letter or two off.
pub fn near_capability(found: &str) -> Option<String> {
    if found.len() > LONGEST {
        return None;
    }
    let upper = found.to_ascii_uppercase().replace('-', "_");
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let nearest = CAPABILITIES
        .iter()
        .filter_map(|name| name.strip_prefix("CAP_"))
        .map(|name| (strsim::damerau_levenshtein(bare, name), name))
        .min()?;
    let (off, name) = nearest;
    (off <= 2 && off < name.len() / 2).then(|| format!("CAP_{name}"))
}

/// Longer than every name by far; what is longer is no typing error.
const LONGEST: usize = 40;

/// Every capability that Linux 6.18 has, by the names that engines write.
pub const CAPABILITIES: [&str; 41] = [
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

/// What a container of Docker's has, and one of containerd's for Kubernetes
/// (moby daemon/pkg/oci/caps/defaults.go).
pub const DOCKER_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
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

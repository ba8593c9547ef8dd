//! Capabilities, as `--cap` takes them.

use std::collections::BTreeSet;

/// What one `--cap` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caps {
    /// `all`: every capability of Linux.
    All,
    /// `none`: no capability.
    None,
    /// One, by the name that engines write.
    One(&'static str),
}

/// Reads the value of a `--cap`: `CAP_SYS_ADMIN`, also without the prefix and in any case; `all`
/// or `none`.
pub(super) fn parse(word: &str) -> Result<Caps, String> {
    let upper = word.to_ascii_uppercase();
    match upper.as_str() {
        "ALL" => return Ok(Caps::All),
        "NONE" => return Ok(Caps::None),
        _ => {}
    }
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let of = |name: &'static str| name.strip_prefix("CAP_").unwrap_or(name);
    if let Some(name) = ALL.iter().find(|name| of(name) == bare) {
        return Ok(Caps::One(name));
    }
    let near = ALL
        .iter()
        .map(|name| (strsim::damerau_levenshtein(of(name), bare), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= bare.len() / 3);
    Err(match near {
        Some((_, name)) => format!("no such capability; did you mean {name}?"),
        None => "no such capability".to_owned(),
    })
}

/// The set that some `--cap` make; Docker's default for none at all.
pub(super) fn set(caps: &[Caps]) -> BTreeSet<String> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    if caps.is_empty() {
        names.extend(DOCKER);
    }
    for one in caps {
        match one {
            Caps::All => names.extend(ALL),
            Caps::None => {}
            Caps::One(name) => {
                names.insert(name);
            }
        }
    }
    names.into_iter().map(str::to_owned).collect()
}

/// What a container of Docker's has, and one of containerd's for Kubernetes
/// (moby daemon/pkg/oci/caps/defaults.go).
const DOCKER: [&str; 14] = [
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

/// include/uapi/linux/capability.h, Linux 6.18.
const ALL: [&str; 41] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_taken_in_any_spelling() {
        for word in ["CAP_SYS_ADMIN", "sys_admin", "cap_Sys_Admin", "SYS_ADMIN"] {
            assert_eq!(parse(word), Ok(Caps::One("CAP_SYS_ADMIN")), "{word}");
        }
        let message = parse("CAP_SYS_ADMN").unwrap_err();
        assert!(
            message.ends_with("did you mean CAP_SYS_ADMIN?"),
            "{message}"
        );
        assert_eq!(parse("").unwrap_err(), "no such capability");
    }

    #[test]
    fn no_cap_at_all_is_dockers_default_and_none_is_none() {
        assert_eq!(set(&[]).len(), 14);
        assert_eq!(set(&[Caps::None]).len(), 0);
        assert_eq!(set(&[Caps::One("CAP_BPF")]), ["CAP_BPF".to_owned()].into());
        assert_eq!(set(&[Caps::All]).len(), 41);
    }
}

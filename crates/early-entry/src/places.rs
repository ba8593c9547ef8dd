//! Where the policy is, and a runtime that nobody has named.

/// The runtimes looked for, best known first.
pub const NAMES: &[&str] = &["runc", "crun", "youki"];

/// Where they are looked for: engines call us without PATH (Podman's kill and delete), and PATH is
/// not for root to follow.
pub const FOLDERS: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The policy's folder, as `policy::DEFAULT_DIRECTORY`.
pub const DEFAULT_POLICY: &[u8] = b"/etc/seccomp-shim";

/// The folder of runtime handlers' links, as `shim::handler::FOLDER`. Where it is, a handler may
/// name its own runtime.
pub const HANDLERS: &core::ffi::CStr = c"/etc/seccomp-shim-handlers";

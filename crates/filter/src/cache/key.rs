//! What a finished filter depends on.
#![forbid(unsafe_code)]

use profile::Arch;
use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use crate::arch::audit_arch;
use crate::runtime::Runtime;

/// A digest of everything that a filter depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    digest: [u8; 32],
}

/// One file as it is now: another content means that one of these changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId([u64; 5]);

impl FileId {
    /// Of a file that was looked at.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "a number to tell files by")]
    pub fn of(stat: &Stat) -> Self {
        let time = |seconds: i64, nanoseconds: u64| {
            (seconds as u64)
                .wrapping_mul(1_000_000_000)
                .wrapping_add(nanoseconds)
        };
        Self([
            stat.st_dev,
            stat.st_ino,
            stat.st_size as u64,
            time(stat.st_mtime, stat.st_mtime_nsec),
            time(stat.st_ctime, stat.st_ctime_nsec),
        ])
    }
}

impl Key {
    /// The key of a filter for `profile`, the digest of the text that the runtime reads, as
    /// `runtime` compiles it on a machine of `native` with a `kernel` (uname(2)). `files` are the
    /// programs that would have compiled it. This compiler and its libseccomp are part of it.
    #[must_use]
    pub fn new(
        profile: &[u8; 32],
        native: Arch,
        runtime: Runtime,
        kernel: [&[u8]; 2],
        files: &[FileId],
    ) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        };
        part(COMPILER.as_bytes());
        let (major, minor, micro) = libseccomp_version();
        for number in [major, minor, micro, audit_arch(native), native as u32] {
            part(&number.to_le_bytes());
        }
        part(match runtime {
            Runtime::Runc => b"runc",
            Runtime::Crun => b"crun",
        });
        part(kernel[0]);
        part(kernel[1]);
        for file in files {
            for number in file.0 {
                part(&number.to_le_bytes());
            }
        }
        part(profile);
        Self {
            digest: hash.finalize().into(),
        }
    }

    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The name of its file.
    pub(super) fn name(&self) -> String {
        let mut name = String::with_capacity(64);
        for byte in self.digest {
            for half in [byte >> 4, byte & 0xf] {
                name.extend(char::from_digit(half.into(), 16));
            }
        }
        name
    }
}

/// The version of the libseccomp in this program.
#[must_use]
pub fn libseccomp_version() -> (u32, u32, u32) {
    let version = libseccomp::ScmpVersion::current();
    version.map_or((0, 0, 0), |version| {
        (version.major, version.minor, version.micro)
    })
}

/// This compiler: to be raised with whatever changes what comes out of it.
const COMPILER: &str = concat!("seccomp-shim ", env!("CARGO_PKG_VERSION"), " filter 2");

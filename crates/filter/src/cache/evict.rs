//! Keeping the folder within bounds.
#![forbid(unsafe_code)]

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

/// How many filters are kept; one is a few KiB, at most 32.
pub(super) const MOST: usize = 256;
/// How many bytes are kept.
const MOST_BYTES: u64 = 2 << 20;
/// What files that are being written are named by.
pub(super) const BESIDE: &str = ".new.";
/// After how many seconds such a file is one that nobody writes any more.
const ABANDONED: i64 = 60;

/// Throws out the oldest while there are too many, and what was never finished.
pub(super) fn oldest(folder: &OwnedFd) -> Result<(), Errno> {
    let mut files: Vec<(i64, u64, u64, CString)> = Vec::new();
    let mut bytes = 0_u64;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = now.and_then(|now| i64::try_from(now.as_secs()).ok());
    for found in Dir::read_from(folder)? {
        let name = found?.file_name().to_owned();
        // Another create may have been quicker to throw it out.
        let Ok(stat) = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        if name.as_bytes().starts_with(BESIDE.as_bytes()) {
            if now.is_some_and(|now| now.saturating_sub(stat.st_mtime) > ABANDONED) {
                gone(folder, &name);
            }
        } else if !name.as_bytes().starts_with(b".") {
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            bytes = bytes.saturating_add(size);
            files.push((stat.st_mtime, stat.st_mtime_nsec, size, name));
        }
    }
    if files.len() <= MOST && bytes <= MOST_BYTES {
        return Ok(());
    }
    files.sort();
    let mut count = files.len();
    for (_, _, size, name) in files {
        if count <= MOST && bytes <= MOST_BYTES {
            break;
        }
        gone(folder, &name);
        count = count.saturating_sub(1);
        bytes = bytes.saturating_sub(size);
    }
    Ok(())
}

fn gone(folder: &OwnedFd, name: &CString) {
    // Whether this or another create threw it out is the same.
    let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
}

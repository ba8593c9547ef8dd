//! Extended attributes: labels, access lists, and whatever else a file carries (xattr(7)).

use std::os::fd::AsFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

/// A file's access list (acl(5)). A new file has one if its folder hands one down.
const ACCESS_LIST: &[u8] = b"system.posix_acl_access";

/// Gives `to` the attributes of `from`, and takes from it an access list that `from` does not have.
/// What `to` has alike already is not set: not everybody may set a security label.
///
/// # Errors
/// As fgetxattr(2) and fsetxattr(2).
pub fn copy(from: impl AsFd, to: impl AsFd) -> Result<(), Errno> {
    let list_of = |file: &dyn Fn(&mut [u8]) -> Result<usize, Errno>| match whole(file) {
        // A file system without attributes has none to keep.
        Err(Errno::NOTSUP) => Ok(Vec::new()),
        other => other,
    };
    let wanted = list_of(&|room| rustix::fs::flistxattr(&from, room))?;
    for name in names(&wanted).filter(|name| !OF_THE_CONTENT.contains(name)) {
        let old = whole(&|room| rustix::fs::fgetxattr(&from, name, room))?;
        let new = whole(&|room| rustix::fs::fgetxattr(&to, name, room));
        if new.as_ref() != Ok(&old) {
            rustix::fs::fsetxattr(&to, name, &old, XattrFlags::empty())?;
        }
    }
    let found = list_of(&|room| rustix::fs::flistxattr(&to, room))?;
    let has = |list: &[u8]| names(list).any(|name| name == ACCESS_LIST);
    if has(&found) && !has(&wanted) {
        rustix::fs::fremovexattr(&to, ACCESS_LIST)?;
    }
    Ok(())
}

/// Fingerprints of the old content, which would be wrong for the new (evm(7) calls them integrity
/// labels).
const OF_THE_CONTENT: &[&[u8]] = &[b"security.ima", b"security.evm"];

/// The names of a list, each of which a NUL ends.
fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
}

/// All that `read` has to give: a label is short, and nothing is longer than the kernel's limit.
fn whole(read: &dyn Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut room = [0_u8; SHORT];
    match read(&mut room) {
        Ok(length) => Ok(room.get(..length).unwrap_or(b"").to_vec()),
        Err(Errno::RANGE) => {
            let mut room = vec![0_u8; LONGEST];
            let length = read(&mut room)?;
            room.truncate(length);
            Ok(room)
        }
        Err(errno) => Err(errno),
    }
}

/// More than any label.
const SHORT: usize = 1024;

/// XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h.
const LONGEST: usize = 64 * 1024;

//! How a failed system call is told to an engine's user.
//!
//! Podman and Docker read meaning into the C library's words: `permission denied` becomes exit
//! code 126, `no such file or directory` becomes 127, "command not found". Our messages therefore
//! have words of their own.

use rustix::io::Errno;

/// The error's name and what it means, in words that no engine takes for its own.
#[must_use]
pub(crate) fn words(errno: Errno) -> String {
    let (name, meaning) = match errno {
        Errno::ACCESS => ("EACCES", "access refused"),
        Errno::BUSY => ("EBUSY", "it is busy, a mount point perhaps"),
        Errno::DQUOT => ("EDQUOT", "disk quota exceeded"),
        Errno::EXIST => ("EEXIST", "it exists already"),
        Errno::FBIG => ("EFBIG", "file too large"),
        Errno::INVAL => ("EINVAL", "invalid argument"),
        Errno::IO => ("EIO", "input/output error"),
        Errno::ISDIR => ("EISDIR", "it is a folder"),
        Errno::LOOP => ("ELOOP", "too many links"),
        Errno::MFILE => ("EMFILE", "too many open files"),
        Errno::NAMETOOLONG => ("ENAMETOOLONG", "name too long"),
        Errno::NOENT => ("ENOENT", "it is missing"),
        Errno::NOEXEC => ("ENOEXEC", "not a program"),
        Errno::NOMEM => ("ENOMEM", "out of memory"),
        Errno::NOSPC => ("ENOSPC", "no space left on the device"),
        Errno::NOSYS => (
            "ENOSYS",
            "this kernel lacks the call; Linux 5.6 or later is needed",
        ),
        Errno::NOTDIR => ("ENOTDIR", "a part of the path is no folder"),
        Errno::NOTSUP => ("EOPNOTSUPP", "not supported there"),
        Errno::NXIO => ("ENXIO", "no such device"),
        Errno::PERM => ("EPERM", "the kernel does not let us"),
        Errno::ROFS => ("EROFS", "read-only file system"),
        Errno::TXTBSY => ("ETXTBSY", "it is being written"),
        Errno::XDEV => ("EXDEV", "it leads out of its folder"),
        other => return format!("errno {}", other.raw_os_error()),
    };
    format!("{meaning} ({name})")
}

/// An error and its causes as one text, errnos in [`words`].
#[must_use]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(errno) = error.downcast_ref::<Errno>() {
            text.push_str(": ");
            text.push_str(&words(*errno));
        }
        cause = error.source();
    }
    text
}

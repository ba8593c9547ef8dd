//! Files by their paths: what they are called, who owns them, what they say of themselves.

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "open files",
        reason: "Every program opens files. A filter sees a pointer to the path, not the path: which \
                 files may be opened is for mounts, owners and LSMs to say.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![open openat openat2 creat name_to_handle_at],
    },
    Group {
        name: "open files by handle",
        reason: "A handle is an inode number that anyone can make up. With it a process reaches \
                 every file of the filesystem, past its own root directory.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_DAC_READ_SEARCH"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![open_by_handle_at],
    },
    Group {
        name: "directories, links and names",
        reason: "Walking and changing trees of files; the kernel checks permissions on each step.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            chdir fchdir getcwd getdents getdents64 link linkat mkdir mkdirat readlink readlinkat
            rename renameat renameat2 rmdir symlink symlinkat umask unlink unlinkat
        ],
    },
    Group {
        name: "device nodes and fifos",
        reason: "Package managers make them. Making a device needs CAP_MKNOD, and opening one is \
                 for the device cgroup to allow.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![mknod mknodat],
    },
    Group {
        name: "status and access",
        reason: "Questions about files that the caller can reach anyway.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            access faccessat faccessat2 fstat fstat64 fstatat64 fstatfs fstatfs64 lstat lstat64
            newfstatat stat stat64 statfs statfs64 statx
        ],
    },
    Group {
        name: "the list of mounts",
        reason: "Tells of mounts what /proc/self/mountinfo tells, one by one.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![listmount statmount],
    },
    Group {
        name: "owner, mode and times",
        reason: "Ordinary work on one's own files. Doing it to the files of others needs \
                 capabilities that the kernel checks.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat futimesat lchown
            lchown32 utime utimensat utimensat_time64 utimes
        ],
    },
    Group {
        name: "length and storage",
        reason: "Databases and package managers size files and wait for the disk.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            cachestat fadvise64 fadvise64_64 fallocate fdatasync fsync ftruncate ftruncate64
            readahead sync sync_file_range syncfs truncate truncate64
        ],
    },
    Group {
        name: "watching files",
        reason: "inotify, and marks on a fanotify group that someone entitled has opened.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
        ],
    },
    Group {
        name: "watching whole mounts",
        reason: "A fanotify group can watch whole filesystems, which a container shares with others, \
                 and can hold up every open on them.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![fanotify_init],
    },
    Group {
        name: "disk quotas",
        reason: "Quotas are those of the filesystem, and the node's own containers share it.",
        on: Arches::All,
        verdict: Verdict::Needs {
            any_of: &["CAP_SYS_ADMIN"],
            or_since: None,
            otherwise: Errno::NotPermitted,
        },
        syscalls: names![quotactl quotactl_fd],
    },
];

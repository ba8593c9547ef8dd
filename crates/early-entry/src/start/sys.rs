//! Raw system calls.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::slice;

use syscalls::{Errno, Sysno, syscall};

/// Goes on only where the binary is not set-user-ID or set-group-ID.
#[inline(always)]
pub(super) fn same_rights() -> Option<()> {
    // SAFETY: these calls take nothing and touch no memory.
    let ids = unsafe {
        [
            syscall!(Sysno::getuid).ok()?,
            syscall!(Sysno::geteuid).ok()?,
            syscall!(Sysno::getgid).ok()?,
            syscall!(Sysno::getegid).ok()?,
        ]
    };
    let [user, effective_user, group, effective_group] = ids;
    (user == effective_user && group == effective_group).then_some(())
}

/// The user whose rights count.
#[inline(always)]
pub(super) fn caller() -> Option<u32> {
    // SAFETY: it takes nothing and touches no memory.
    let user = unsafe { syscall!(Sysno::geteuid) };
    u32::try_from(user.ok()?).ok()
}

/// The time, in seconds since 1970.
#[inline(always)]
pub(super) fn now() -> Option<i64> {
    let mut now = MaybeUninit::<[i64; 2]>::uninit();
    // SAFETY: the kernel writes a time there, which is two such numbers. It has written it where
    // the call succeeds.
    unsafe {
        syscall!(Sysno::clock_gettime, REAL_TIME, now.as_mut_ptr()).ok()?;
        Some(now.assume_init()[0])
    }
}

/// access(2) with the real user's rights.
#[inline(always)]
pub(super) fn access(path: &CStr, how: usize) -> Result<usize, Errno> {
    // SAFETY: the path ends in a NUL; the call writes nothing.
    unsafe { syscall!(Sysno::faccessat, HERE, path.as_ptr(), how) }
}

/// An open file, closed when dropped: the ordinary path finds the fds as they came.
pub(super) struct File {
    fd: usize,
}

impl File {
    #[inline(always)]
    pub(super) fn open(path: &CStr, flags: u64) -> Result<Self, Errno> {
        // SAFETY: the path ends in a NUL, and the call only reads it.
        let fd = unsafe { syscall!(Sysno::openat, HERE, path.as_ptr(), flags, 0) };
        Ok(Self { fd: fd? })
    }

    /// Opens a file in this folder for reading; links may lead to places below it alone.
    #[inline(always)]
    pub(super) fn open_below(&self, name: &CStr) -> Result<Self, Errno> {
        let how = OpenHow {
            flags: READ,
            mode: 0,
            resolve: BENEATH | NO_MAGIC_LINKS,
        };
        let (how, size) = (&raw const how, size_of::<OpenHow>());
        // SAFETY: the name ends in a NUL, and `how` is as large as said; the call only reads both.
        let fd = unsafe { syscall!(Sysno::openat2, self.fd, name.as_ptr(), how, size) };
        Ok(Self { fd: fd? })
    }

    #[inline(always)]
    pub(super) fn look(&self) -> Option<About> {
        statx(self.fd, c"", EMPTY_PATH).ok()
    }

    /// Reads once, from `offset` on.
    #[inline(always)]
    pub(super) fn read_at<'a, const N: usize>(
        &self,
        to: &'a mut MaybeUninit<[u8; N]>,
        offset: usize,
    ) -> Option<&'a [u8]> {
        let start = to.as_mut_ptr().cast::<u8>();
        let room = N.checked_sub(offset)?;
        // SAFETY: the kernel writes at most `room` bytes from `offset` on, which the array has.
        let got = unsafe { syscall!(Sysno::pread64, self.fd, start.add(offset), room, offset) };
        // SAFETY: as many bytes are written, and the array is borrowed for as long as the slice.
        Some(unsafe { slice::from_raw_parts(start.add(offset), got.ok()?) })
    }

    /// Reads it to its end; none if it has no end within the array.
    #[inline(always)]
    pub(super) fn read_all<'a, const N: usize>(
        &self,
        to: &'a mut MaybeUninit<[u8; N]>,
    ) -> Option<&'a [u8]> {
        let mut length = 0;
        while length < N {
            let got = self.read_at(to, length)?.len();
            if got == 0 {
                // SAFETY: as many bytes were written, from the start on and without a gap.
                return Some(unsafe { slice::from_raw_parts(to.as_ptr().cast(), length) });
            }
            length += got;
        }
        None
    }
}

impl Drop for File {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the fd is ours, and nobody has it after this.
        let _ = unsafe { syscall!(Sysno::close, self.fd) };
    }
}

/// What is asked of a file. It is small: a larger one would be copied by `memcpy`.
pub(super) struct About {
    pub(super) owner: u32,
    pub(super) group: u32,
    pub(super) mode: u16,
    inode: u64,
    device: (u32, u32),
    /// When it was changed last, in seconds.
    pub(super) modified: i64,
}

impl About {
    #[inline(always)]
    pub(super) fn is_regular(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    #[inline(always)]
    pub(super) fn same_file(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

/// statx(2)'s answer, the same on every architecture (linux/stat.h, `struct statx`).
#[repr(C)]
struct Statx {
    before: [u32; 5],
    owner: u32,
    group: u32,
    mode: u16,
    spare: u16,
    inode: u64,
    sizes_and_times: [u64; 9],
    modified: i64,
    nanoseconds: u64,
    device_of_it: [u32; 2],
    device: [u32; 2],
    rest: [u64; 14],
}

const _: () = assert!(size_of::<Statx>() == 256, "as linux/stat.h has it");

/// What is at a path, links followed; none where that cannot be told.
#[inline(always)]
pub(super) fn look(path: &CStr) -> Option<About> {
    statx(HERE, path, 0).ok()
}

/// Whether there is nothing at a path, nor a link to nothing.
#[inline(always)]
pub(super) fn is_nothing(path: &CStr) -> bool {
    matches!(statx(HERE, path, NO_FOLLOW), Err(Errno::ENOENT))
}

#[inline(always)]
fn statx(folder: usize, path: &CStr, flags: usize) -> Result<About, Errno> {
    let mut answer = MaybeUninit::<Statx>::uninit();
    let to = answer.as_mut_ptr();
    // SAFETY: the path ends in a NUL, and the answer is as large as the kernel's structure.
    unsafe { syscall!(Sysno::statx, folder, path.as_ptr(), flags, BASIC, to) }?;
    // SAFETY: the call has succeeded, and then it has written all of it.
    Ok(unsafe {
        About {
            owner: (*to).owner,
            group: (*to).group,
            mode: (*to).mode,
            inode: (*to).inode,
            device: ((*to).device[0], (*to).device[1]),
            modified: (*to).modified,
        }
    })
}

/// openat2(2)'s `struct open_how`.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

// linux/fcntl.h, linux/stat.h, linux/openat2.h and asm-generic/fcntl.h.
const HERE: usize = (-100_isize).cast_unsigned();
/// `X_OK`.
pub(super) const MAY_EXECUTE: usize = 1;

/// `CLOCK_REALTIME`.
const REAL_TIME: usize = 0;

/// `F_OK`.
pub(super) const IS_THERE: usize = 0;
const NO_FOLLOW: usize = 0x100;
const EMPTY_PATH: usize = 0x1000;
const BASIC: usize = 0x7FF;
const NO_MAGIC_LINKS: u64 = 0x02;
const BENEATH: u64 = 0x08;
const CLOSE_ON_EXEC: u64 = 0o2_000_000;
/// Read, without blocking and without becoming anybody's terminal.
pub(super) const READ: u64 = 0o4_000 | 0o400 | CLOSE_ON_EXEC;
/// A folder, to look things up in. x86 and arm number O_DIRECTORY differently.
pub(super) const FOLDER: u64 = 0o10_000_000 | CLOSE_ON_EXEC | DIRECTORY;
#[cfg(target_arch = "x86_64")]
const DIRECTORY: u64 = 0o200_000;
#[cfg(target_arch = "aarch64")]
const DIRECTORY: u64 = 0o40_000;

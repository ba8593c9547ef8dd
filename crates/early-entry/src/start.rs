//! Where the kernel starts the program (`-e shim_entry`, shim/build.rs): hands on what is certainly
//! not ours, and otherwise goes on to the C library's `_start` with everything as it came.
//!
//! Nothing is initialised here: no thread-local storage, no relocated function pointers, no heap. So
//! all of it is raw system calls on the stack, and whatever does not go as expected is left to
//! the ordinary path, which does the same again and says what is wrong. All unsafe code is here.
#![allow(unsafe_code)]

use core::arch::naked_asm;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::slice;

use syscalls::{Errno, Sysno, syscall};

use crate::note::{HEAD, carries_note};
use crate::places::{DEFAULT_POLICY, FOLDERS, HANDLERS, NAMES};
use crate::plain_policy::{Plain, runtime_path};
use crate::words::{self, Passing};

/// The first instruction of the program. The kernel leaves the words of the call where the stack
/// pointer points, and whatever else `_start` expects in a register that is kept here.
// SAFETY: `_start` finds the stack pointer and its one register argument (rdx, x0: System V ABI,
// "Process Initialization") as the kernel left them; in between, `hand_on` is called as the ABI wants
// it, with an aligned stack. Nothing else has this symbol. WHY: no other language construct has
// neither prologue nor caller.
#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = "early_entry")]
unsafe extern "C" fn shim_entry() -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "mov r12, rdx",
        "mov r13, rsp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {hand_on}",
        "mov rsp, r13",
        "mov rdx, r12",
        "jmp _start",
        hand_on = sym hand_on,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x19, x0",
        "mov x20, sp",
        "mov x0, sp",
        "bl {hand_on}",
        "mov sp, x20",
        "mov x0, x19",
        "b _start",
        hand_on = sym hand_on,
    );
}

/// Execs the runtime if the call is certainly its own; comes back otherwise, with the stack as it was.
///
/// # Safety
/// `stack` is the process's first stack pointer: the count of words, the words, a null, the
/// environment, a null, each word ending in a NUL, all of it writable and nobody else's.
#[unsafe(link_section = "early_entry")]
unsafe extern "C" fn hand_on(stack: *mut usize) {
    // SAFETY: by the contract the count is there, and as many pointers after it as it says.
    let (count, argv) = unsafe { (stack.read(), stack.add(1).cast::<*const u8>()) };
    // SAFETY: `at` is below the count, so that the pointer is there and leads to a word.
    let word = |at: usize| unsafe { bytes_of(argv.add(at).read()) };
    let Some(passing) = words::passing((1..count).map(word)) else {
        return;
    };
    let mut room = Path::new();
    let Some(()) = same_rights() else {
        return;
    };
    let Some(name) = find(&passing, &mut room) else {
        return;
    };
    // SAFETY: `taken` is below the count, as a word follows those that were taken; after the
    // words stands their null, and after that the environment.
    let (place, environment) = unsafe { (argv.add(passing.taken), argv.add(count + 1)) };
    // SAFETY: the place is one of the pointers, which are ours to change; it gets its own back
    // before anybody else looks. The three arguments are a path that ends in a NUL, and two lists
    // that end in a null. A successful exec does not come back.
    unsafe {
        let before = place.read();
        place.write(name.as_ptr().cast());
        let _ = syscall!(Sysno::execve, name.as_ptr(), place, environment);
        place.write(before);
    }
}

/// The bytes before the NUL.
///
/// # Safety
/// `start` leads to bytes that end in a NUL and stay as they are.
#[inline(always)]
unsafe fn bytes_of<'a>(start: *const u8) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: up to the NUL, which is there by the contract, every byte may be read.
    unsafe {
        while start.add(length).read() != 0 {
            length += 1;
        }
        slice::from_raw_parts(start, length)
    }
}

/// Goes on only where the binary is not set-user-ID or set-group-ID.
#[inline(always)]
fn same_rights() -> Option<()> {
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

/// Finds the runtime as `Runtime::find` of the ordinary path does, and leaves its path in `room`.
#[inline(always)]
fn find<'a>(passing: &Passing<'_>, room: &'a mut Path) -> Option<&'a CStr> {
    if let Some(named) = passing.runtime {
        return only(named, room);
    }
    // A handler of this name may have its own runtime; the ordinary path reads its links.
    // SAFETY: the path ends in a NUL; the call writes nothing.
    let handlers = unsafe { syscall!(Sysno::faccessat, HERE, HANDLERS.as_ptr(), IS_THERE) };
    if handlers != Err(Errno::ENOENT) {
        return None;
    }
    let folder = passing.policy.unwrap_or(DEFAULT_POLICY);
    let mut text = MaybeUninit::<[u8; LONGEST_POLICY]>::uninit();
    match named_by(folder, &mut text)? {
        Some(named) => only(named, room),
        None => first(room),
    }
}

/// A longer policy.toml is left to the ordinary path.
const LONGEST_POLICY: usize = 16 * 1024;

/// The runtime that was named: an absolute path, and a program to be believed.
#[inline(always)]
fn only<'a>(named: &[u8], room: &'a mut Path) -> Option<&'a CStr> {
    let name = room.set(&[named])?;
    let absolute = matches!(named, [b'/', ..]);
    (absolute && !check(name)?).then_some(name)
}

/// The first of the usual runtimes in the usual places.
#[inline(always)]
fn first(room: &mut Path) -> Option<&CStr> {
    for place in 0..NAMES.len() * FOLDERS.len() {
        let runtime = NAMES.get(place / FOLDERS.len())?;
        let folder = FOLDERS.get(place % FOLDERS.len())?;
        if is_there(room.set(&[folder.as_bytes(), b"/", runtime.as_bytes()])?)? {
            return room.set(&[folder.as_bytes(), b"/", runtime.as_bytes()]);
        }
    }
    None
}

/// Whether there is a program at `name`, and not this one.
#[inline(always)]
fn is_there(name: &CStr) -> Option<bool> {
    // SAFETY: the path ends in a NUL; the call writes nothing.
    let access = unsafe { syscall!(Sysno::faccessat, HERE, name.as_ptr(), MAY_EXECUTE) };
    Some(access.is_ok() && look(HERE, name, 0).ok()?.is_regular() && !check(name)?)
}

/// Whether the program at `name` is this one. None where it is not to be believed, or cannot be
/// looked at.
// SAFETY: a section of code like `.text`, only apart. WHY: a test looks at it.
#[inline(never)]
#[unsafe(link_section = "early_entry")]
fn check(name: &CStr) -> Option<bool> {
    let file = File::open(HERE, name, READ).ok()?;
    let about = file.look()?;
    if !about.is_regular() {
        return None;
    }
    let own = look(HERE, c"/proc/self/exe", 0).ok()?;
    if about.same_file(&own) {
        return Some(true);
    }
    let mut head = MaybeUninit::<[u8; HEAD]>::uninit();
    if carries_note(file.read_at(&mut head, 0)?) {
        return Some(true);
    }
    let root = look(HERE, c"/", 0).ok()?;
    // SAFETY: it takes nothing and touches no memory.
    let caller = unsafe { syscall!(Sysno::geteuid) }.ok()?;
    let owned = [0, root.owner, u32::try_from(caller).ok()?].contains(&about.owner);
    let by_group = about.mode & 0o020 != 0 && about.group != 0;
    let by_others = about.mode & 0o002 != 0;
    (owned && !by_group && !by_others).then_some(false)
}

/// The runtime that policy.toml names, if any. None where it takes the ordinary path to tell.
#[inline(always)]
fn named_by<'a, const N: usize>(
    folder: &[u8],
    text: &'a mut MaybeUninit<[u8; N]>,
) -> Option<Option<&'a [u8]>> {
    let mut room = Path::new();
    let path = room.set(&[folder])?;
    let folder = match File::open(HERE, path, FOLDER) {
        Ok(folder) => folder,
        // Nothing there, nor a link to nothing.
        Err(Errno::ENOENT) if is_nothing(look(HERE, path, NO_FOLLOW)) => {
            // It may be one that is being replaced, and the ordinary path waits for that.
            return (!changed_just_now(folder)?).then_some(None);
        }
        Err(_) => return None,
    };
    let how = OpenHow {
        flags: READ,
        mode: 0,
        resolve: BENEATH | NO_MAGIC_LINKS,
    };
    // SAFETY: the path ends in a NUL, and `how` is as large as said; the call only reads both.
    let opened = unsafe {
        let how = (&raw const how, size_of::<OpenHow>());
        let file = c"policy.toml".as_ptr();
        syscall!(Sysno::openat2, folder.fd, file, how.0, how.1)
    };
    let file = match opened {
        Ok(fd) => File { fd },
        // Also where it is not there: its generation may have been deleted just now.
        Err(_) => return None,
    };
    if !file.look()?.is_regular() {
        return None;
    }
    match runtime_path(file.read_all(text)?) {
        Plain::Absent => Some(None),
        Plain::Path(path) => Some(Some(path)),
        Plain::Unsure => None,
    }
}

/// Whether what `folder` is in was changed within the last second. None where that cannot be told.
#[inline(always)]
fn changed_just_now(folder: &[u8]) -> Option<bool> {
    let mut length = folder.len();
    while folder.get(length.checked_sub(1)?)? != &b'/' {
        length -= 1;
    }
    let parent = match length {
        1 => b"/",
        _ => folder.get(..length - 1)?,
    };
    let modified = look(HERE, Path::new().set(&[parent])?, 0).ok()?.modified;
    let mut now = MaybeUninit::<[i64; 2]>::uninit();
    // SAFETY: the kernel writes a time there, which is two such numbers. It has written it where
    // the call succeeds.
    let now = unsafe {
        syscall!(Sysno::clock_gettime, REAL_TIME, now.as_mut_ptr()).ok()?;
        now.assume_init()[0]
    };
    Some(now.abs_diff(modified) <= 1)
}

/// Room for a path and the NUL that the kernel wants after it. With a length beside it, the compiler
/// would call `memset` to make it.
struct Path {
    bytes: MaybeUninit<[u8; LONGEST_PATH]>,
}

/// Longer paths are left to the ordinary path.
const LONGEST_PATH: usize = 256;

impl Path {
    #[inline(always)]
    fn new() -> Self {
        Self {
            bytes: MaybeUninit::uninit(),
        }
    }

    /// Becomes these parts one after the other; none if they do not fit.
    #[inline(always)]
    fn set(&mut self, parts: &[&[u8]]) -> Option<&CStr> {
        let start = self.bytes.as_mut_ptr().cast::<u8>();
        let mut length = 0;
        for part in parts {
            for byte in *part {
                if length + 1 == LONGEST_PATH || *byte == 0 {
                    return None;
                }
                // SAFETY: `length` is below the array's last place, by the line above.
                unsafe { start.add(length).write(*byte) };
                length += 1;
            }
        }
        // SAFETY: `length` is at most the array's last place. All bytes up to there are written
        // then, and of them the last alone is a NUL.
        unsafe {
            start.add(length).write(0);
            let bytes = slice::from_raw_parts(start, length + 1);
            Some(CStr::from_bytes_with_nul_unchecked(bytes))
        }
    }
}

/// An open file, closed when dropped: the ordinary path finds the fds as they came.
struct File {
    fd: usize,
}

impl File {
    #[inline(always)]
    fn open(folder: usize, path: &CStr, flags: u64) -> Result<Self, Errno> {
        // SAFETY: the path ends in a NUL, and the call only reads it.
        let fd = unsafe { syscall!(Sysno::openat, folder, path.as_ptr(), flags, 0) };
        Ok(Self { fd: fd? })
    }

    #[inline(always)]
    fn look(&self) -> Option<About> {
        look(self.fd, c"", EMPTY_PATH).ok()
    }

    /// Reads once, from `offset` on.
    #[inline(always)]
    fn read_at<'a, const N: usize>(
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
    fn read_all<'a, const N: usize>(&self, to: &'a mut MaybeUninit<[u8; N]>) -> Option<&'a [u8]> {
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
struct About {
    owner: u32,
    group: u32,
    mode: u16,
    inode: u64,
    device: (u32, u32),
    /// When it was changed last, in seconds.
    modified: i64,
}

impl About {
    #[inline(always)]
    fn is_regular(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    #[inline(always)]
    fn same_file(&self, other: &Self) -> bool {
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

/// statx(2).
#[inline(always)]
fn look(folder: usize, path: &CStr, flags: usize) -> Result<About, Errno> {
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

/// Whether there is nothing at a path.
#[inline(always)]
fn is_nothing(looked: Result<About, Errno>) -> bool {
    matches!(looked, Err(Errno::ENOENT))
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
const MAY_EXECUTE: usize = 1;

/// `CLOCK_REALTIME`.
const REAL_TIME: usize = 0;

/// `F_OK`.
const IS_THERE: usize = 0;
const NO_FOLLOW: usize = 0x100;
const EMPTY_PATH: usize = 0x1000;
const BASIC: usize = 0x7FF;
const NO_MAGIC_LINKS: u64 = 0x02;
const BENEATH: u64 = 0x08;
const CLOSE_ON_EXEC: u64 = 0o2_000_000;
/// Read, without blocking and without becoming anybody's terminal.
const READ: u64 = 0o4_000 | 0o400 | CLOSE_ON_EXEC;
/// A folder, to look things up in. x86 and arm number O_DIRECTORY differently.
const FOLDER: u64 = 0o10_000_000 | CLOSE_ON_EXEC | DIRECTORY;
#[cfg(target_arch = "x86_64")]
const DIRECTORY: u64 = 0o200_000;
#[cfg(target_arch = "aarch64")]
const DIRECTORY: u64 = 0o40_000;

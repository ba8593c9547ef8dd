//! The one place with unsafe code: seccomp's ioctls (include/uapi/linux/seccomp.h), a mapped file,
//! fds that are ours from the start, and kcmp(2).

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use memmap2::{MmapMut, MmapOptions};
use rustix::ioctl::{Opcode, opcode};

/// A notification, `struct seccomp_notif`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notification {
    /// By which it is answered.
    pub(crate) id: u64,
    /// The calling thread, by its number in our pid namespace; 0 if it has none there.
    pub(crate) pid: u32,
    flags: u32,
    /// The syscall's number; the kernel's type is an int.
    pub(crate) nr: u32,
    /// The audit number of the ABI.
    pub(crate) arch: u32,
    /// Where the calling instruction was.
    pub(crate) instruction_pointer: u64,
    /// The argument registers.
    pub(crate) args: [u64; 6],
}

/// An answer, `struct seccomp_notif_resp`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Response {
    id: u64,
    val: i64,
    error: i32,
    flags: u32,
}

const RECV: Opcode = opcode::read_write::<Notification>(b'!', 0);
const SEND: Opcode = opcode::read_write::<Response>(b'!', 1);
const SET_FLAGS: Opcode = opcode::write::<u64>(b'!', 4);

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
const CONTINUE: u32 = 1;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`.
const SYNC_WAKE_UP: u64 = 1;

/// Room for what this kernel writes as a notification, which may be more than we know of.
///
/// The kernel writes a notification there in the same step in which it takes it for received. So a
/// file as the room always holds the call that is to be answered, even if we are killed.
#[derive(Debug)]
pub(crate) struct Room(MmapMut);

impl Room {
    /// Room that goes with the process.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(MmapMut::map_anon(Self::size()?)?))
    }

    /// Room in a file, which keeps what it holds.
    pub(crate) fn in_file(file: &File) -> io::Result<Self> {
        let size = Self::size()?;
        // What has no page yet would kill us when the disk is full.
        let length = u64::try_from(size).unwrap_or(u64::MAX);
        rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length)?;
        // SAFETY: the file is in a folder that only we and root enter, and nobody makes it shorter
        // while it is mapped. The kernel alone writes to it beside us, in calls of ours. WHY: no
        // crate can know that.
        let map = unsafe { MmapOptions::new().len(size).map_mut(file)? };
        Ok(Self(map))
    }

    /// The size that the kernel tells.
    fn size() -> io::Result<usize> {
        let mut sizes = libc::seccomp_notif_sizes {
            seccomp_notif: 0,
            seccomp_notif_resp: 0,
            seccomp_data: 0,
        };
        // SAFETY: the operation takes no flags and a pointer to a `seccomp_notif_sizes`, which it
        // fills in; `sizes` is one and outlives the call. WHY: rustix and nix have no seccomp(2).
        let done = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_GET_NOTIF_SIZES,
                0,
                &raw mut sizes,
            )
        };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
        // A kernel that writes larger answers reads the rest of ours as zeros only if we give it.
        if usize::from(sizes.seccomp_notif_resp) > size_of::<Response>() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(usize::from(sizes.seccomp_notif).max(size_of::<Notification>()))
    }

    /// What was last received, answered or not; none if nothing was.
    pub(crate) fn last(&self) -> Option<Notification> {
        // SAFETY: a map starts at a page and is at least as long as the type (`size`), and every bit
        // pattern is one of its values. WHY: a cast of plain data.
        let last = unsafe { self.0.as_ptr().cast::<Notification>().read() };
        // Linux 6.18, kernel/seccomp.c: ids count up from a random number.
        (last.id != 0).then_some(last)
    }
}

/// Waits for the next notification.
pub(crate) fn receive(fd: BorrowedFd<'_>, room: &mut Room) -> io::Result<Notification> {
    // The kernel refuses a buffer that is not zeroed.
    room.0.fill(0);
    // SAFETY: the ioctl writes `sizes.seccomp_notif` bytes to the pointer, and `room` is at least as
    // long and starts at a page; the fd is borrowed and so open. WHY: there is no safe wrapper.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), RECV as _, room.0.as_mut_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    room.last().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes over an fd that the service manager left open for us.
pub(crate) fn adopt(fd: RawFd) -> OwnedFd {
    // SAFETY: the caller took the number from the service manager's list, once, at the start; nobody
    // else in this process knows of it. WHY: a number alone has no owner.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The call fails with this errno; with 0 it does nothing and succeeds.
    Errno(u16),
    /// The call goes on as if there were no filter.
    Continue,
}

/// Answers a notification. ENOENT is of a task that is gone.
pub(crate) fn send(fd: BorrowedFd<'_>, id: u64, reply: Reply) -> io::Result<()> {
    let (error, flags) = match reply {
        Reply::Errno(errno) => (-i32::from(errno), 0),
        Reply::Continue => (0, CONTINUE),
    };
    let mut response = Response {
        id,
        val: 0,
        error,
        flags,
    };
    // SAFETY: the ioctl reads a `seccomp_notif_resp` from the pointer, which `response` is, of at
    // least the kernel's size (`Room::new`); the fd is borrowed and so open. WHY: as above.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), SEND as _, &raw mut response) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Asks for the listener to be woken on the caller's processor (Linux 6.6). Older kernels refuse.
pub(crate) fn wake_in_step(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the ioctl takes a number in the place of a pointer; the fd is borrowed and so open.
    // WHY: as above.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), SET_FLAGS as _, SYNC_WAKE_UP) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether two fds are of one open file, kcmp(2).
pub(crate) fn is_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> io::Result<bool> {
    // include/uapi/linux/kcmp.h
    const KCMP_FILE: libc::c_int = 0;
    let own = rustix::process::getpid().as_raw_pid();
    // SAFETY: kcmp takes numbers alone and changes nothing; both fds are borrowed and so open. WHY:
    // rustix and nix have no kcmp(2).
    let order = unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            own,
            own,
            KCMP_FILE,
            one.as_raw_fd(),
            other.as_raw_fd(),
        )
    };
    if order < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(order == 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::JoinHandle;

    use rustix::io::Errno;

    use super::*;

    pub(crate) fn call(nr: u32, args: [u64; 6]) -> Notification {
        Notification {
            id: 1,
            pid: 1,
            flags: 0,
            nr,
            arch: 0xc000_003e,
            instruction_pointer: 0,
            args,
        }
    }

    /// A thread with a filter of its own, which asks about one call.
    pub(crate) struct Asker {
        pub(crate) listener: Option<OwnedFd>,
        questions: Sender<()>,
        answers: Receiver<Errno>,
        thread: Option<JoinHandle<()>>,
    }

    impl Asker {
        pub(crate) fn start() -> Self {
            let (questions, asked) = channel();
            let (said, answers) = channel();
            let (made, listener) = channel();
            let thread = std::thread::spawn(move || {
                made.send(filter_this_thread()).unwrap();
                while let Ok(()) = asked.recv() {
                    // SAFETY: getpgid takes a number. WHY: rustix would not let it fail.
                    let done = unsafe { libc::syscall(libc::SYS_getpgid, 0) };
                    let errno = io::Error::last_os_error().raw_os_error().unwrap();
                    assert!(done < 0, "it went on");
                    said.send(Errno::from_raw_os_error(errno)).unwrap();
                }
            });
            Self {
                listener: Some(listener.recv().unwrap()),
                questions,
                answers,
                thread: Some(thread),
            }
        }

        /// Makes the call; gives its errno.
        pub(crate) fn ask(&self) -> Errno {
            self.questions.send(()).unwrap();
            let patience = std::time::Duration::from_secs(20);
            self.answers.recv_timeout(patience).expect("it hangs")
        }
    }

    impl Drop for Asker {
        fn drop(&mut self) {
            self.questions = channel().0;
            // One that hangs is to be told of.
            if !std::thread::panicking() {
                let _ = self.thread.take().unwrap().join();
            }
        }
    }

    fn filter_this_thread() -> OwnedFd {
        rustix::thread::set_no_new_privs(true).unwrap();
        let load = libc::sock_filter {
            code: 0x20,
            jt: 0,
            jf: 0,
            k: 0,
        };
        let is_it = libc::sock_filter {
            code: 0x15,
            jt: 0,
            jf: 1,
            k: u32::try_from(libc::SYS_getpgid).unwrap(),
        };
        let ask = libc::sock_filter {
            code: 0x06,
            jt: 0,
            jf: 0,
            k: libc::SECCOMP_RET_USER_NOTIF,
        };
        let allow = libc::sock_filter {
            k: libc::SECCOMP_RET_ALLOW,
            ..ask
        };
        let mut steps = [load, is_it, ask, allow];
        let program = libc::sock_fprog {
            len: 4,
            filter: steps.as_mut_ptr(),
        };
        // SAFETY: the program is four instructions, and both outlive the call; the fd that it gives
        // is nobody else's. The filter is this thread's alone. WHY: a test needs a listener.
        unsafe {
            let fd = libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            );
            assert!(fd >= 0, "{}", io::Error::last_os_error());
            OwnedFd::from_raw_fd(i32::try_from(fd).unwrap())
        }
    }

    #[test]
    fn a_copy_of_an_fd_is_the_same_file() {
        let (one, other) = (File::open("/").unwrap(), File::open("/").unwrap());
        let copy = one.try_clone().unwrap();
        use std::os::fd::AsFd;
        assert!(is_same(one.as_fd(), copy.as_fd()).unwrap());
        assert!(!is_same(one.as_fd(), other.as_fd()).unwrap());
    }

    #[test]
    fn the_layouts_are_the_kernels() {
        assert_eq!(size_of::<Notification>(), 80);
        assert_eq!(size_of::<Response>(), 24);
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        assert_eq!(
            [RECV, SEND, SET_FLAGS],
            [0xc050_2100, 0xc018_2101, 0x4008_2104]
        );
    }
}

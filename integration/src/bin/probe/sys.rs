//! The unsafe part of the probe: filters, signals and raw calls.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// The kernel's `struct sock_filter` is 8 bytes.
const INSTRUCTION: usize = 8;

static TRAPPED: AtomicBool = AtomicBool::new(false);

/// Has SIGSYS set a mark from now on, where a filter sends it; a kill is not caught.
pub(crate) fn mark_traps() -> io::Result<()> {
    // SAFETY: zero is a valid `sigaction`: no flags, an empty mask. The handler has the signature
    // of one without SA_SIGINFO, and does no more than store to an atomic, which is
    // async-signal-safe. WHY: nix's wrapper is unsafe too.
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_trap as extern "C" fn(libc::c_int) as libc::sighandler_t;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut())
    };
    result(done.into())
}

/// It does not return: rt_sigreturn(2) may be denied as well.
extern "C" fn on_trap(_signal: libc::c_int) {
    TRAPPED.store(true, Ordering::Release);
    loop {
        std::hint::spin_loop();
    }
}

/// Whether a filter trapped a call.
pub(crate) fn trapped() -> bool {
    TRAPPED.load(Ordering::Acquire)
}

/// Gives up what a set-user-ID program would gain, so that filters may be loaded.
pub(crate) fn no_new_privs() -> io::Result<()> {
    // SAFETY: prctl(PR_SET_NO_NEW_PRIVS) takes numbers alone. WHY: nix has it with a feature alone.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1_u64, 0_u64, 0_u64, 0_u64) };
    result(done.into())
}

/// Loads programs for this thread alone, the last on top, each an array of `struct sock_filter`.
/// Each must let the next be loaded, by seccomp(2) and nothing else.
pub(crate) fn load(programs: &[Vec<u8>]) -> io::Result<()> {
    let mut instructions: Vec<_> = programs.iter().map(|one| instructions(one)).collect();
    let loaded = instructions.iter_mut().map(|one| {
        Ok(libc::sock_fprog {
            len: u16::try_from(one.len()).map_err(io::Error::other)?,
            filter: one.as_mut_ptr(),
        })
    });
    let loaded = loaded.collect::<io::Result<Vec<_>>>()?;
    for program in &loaded {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        // SAFETY: `program` is a `sock_fprog` whose pointer and length are those of one of
        // `instructions`, which outlive the call. WHY: rustix and nix have no seccomp(2).
        let done = unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, program) };
        result(done)?;
    }
    // Giving the memory back may take calls that are denied now.
    std::mem::forget((loaded, instructions));
    Ok(())
}

fn instructions(program: &[u8]) -> Vec<libc::sock_filter> {
    let chunks = program.chunks_exact(INSTRUCTION);
    let instruction = |bytes: &[u8]| {
        let [c0, c1, jt, jf, k0, k1, k2, k3] = *bytes else {
            return None;
        };
        Some(libc::sock_filter {
            code: u16::from_ne_bytes([c0, c1]),
            jt,
            jf,
            k: u32::from_ne_bytes([k0, k1, k2, k3]),
        })
    };
    chunks.filter_map(instruction).collect()
}

/// Makes call `nr`. Its result is an errno, or none.
///
/// # Safety
/// The call must be harmless for this program whatever the kernel makes of it: its pointers null,
/// its fds closed, and it must not end, stop or unmap anything.
pub(crate) unsafe fn call(nr: u32, args: [u64; 6]) -> io::Result<()> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller promises it. WHY: this program is for making any call at all.
    let done = unsafe { libc::syscall(i64::from(nr), a, b, c, d, e, f) };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// This thread.
pub(crate) fn thread() -> i64 {
    // SAFETY: gettid(2) takes nothing and cannot fail. WHY: nix has it with a feature alone.
    unsafe { libc::syscall(libc::SYS_gettid) }
}

/// Whether a thread of this process still runs.
pub(crate) fn runs(thread: i64) -> bool {
    // SAFETY: tgkill(2) takes numbers alone, and signal 0 is none. WHY: as above.
    unsafe { libc::syscall(libc::SYS_tgkill, i64::from(std::process::id()), thread, 0) == 0 }
}

fn result(done: i64) -> io::Result<()> {
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

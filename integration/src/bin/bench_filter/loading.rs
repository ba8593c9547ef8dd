//! How long the kernel takes to take a filter.

use std::io::{Read, Write};
use std::time::Instant;

use filter::Instruction;

/// The median over children that each load the program once, in microseconds.
pub(crate) fn median_us(program: &[Instruction]) -> f64 {
    let mut times: Vec<f64> = (0..61).filter_map(|_| once(program)).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn once(program: &[Instruction]) -> Option<f64> {
    let mut code: Vec<libc::sock_filter> = program
        .iter()
        .map(|instruction| libc::sock_filter {
            code: instruction.code,
            jt: instruction.jt,
            jf: instruction.jf,
            k: instruction.k,
        })
        .collect();
    let (mut reader, mut writer) = std::io::pipe().ok()?;
    let program = libc::sock_fprog {
        len: u16::try_from(code.len()).ok()?,
        filter: code.as_mut_ptr(),
    };
    // SAFETY: this program has one thread, so its child may do anything.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: plain numbers.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        let start = Instant::now();
        // SAFETY: `program` points to `code`, which is still there.
        let loaded = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                &raw const program,
            )
        };
        let taken = start.elapsed().as_secs_f64() * 1e6;
        if loaded == 0 {
            // What cannot be told is not counted.
            let _ = writer.write_all(&taken.to_le_bytes());
        }
        // SAFETY: nothing of this process's may run again in the child.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut bytes = [0; 8];
    let read = reader.read_exact(&mut bytes);
    // SAFETY: the child that was just made; null is allowed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    read.ok().map(|()| f64::from_le_bytes(bytes))
}

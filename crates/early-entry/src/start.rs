//! Where the kernel starts the program (`-e shim_entry`, shim/build.rs): hands on what is certainly
//! not ours, and otherwise goes on to the C library's `_start` with everything as it came.
//!
//! Nothing is initialised here: no thread-local storage, no relocated function pointers, no heap. So
//! all of it is raw system calls on the stack ([`sys`]), and whatever does not go as expected is left
//! to the ordinary path, which does the same again and says what is wrong.
#![allow(unsafe_code, reason = "no other code runs before the C library starts")]

mod find;
mod room;
mod sys;

use core::arch::naked_asm;
use core::slice;

use syscalls::{Sysno, syscall};

use crate::words;
use find::find;
use room::Room;

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
    let mut room = Room::new();
    let Some(()) = sys::same_rights() else {
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

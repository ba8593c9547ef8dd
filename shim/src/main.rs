//! The binary `shim`.
//!
//! `main` is C's, not Rust's: the standard library's own start-up sets SIGPIPE to be ignored and
//! looks at the standard fds, and the runtime must find signals and fds as they came.
#![no_main]

mod heap;

/// Where the C library's start-up code hands over (the arguments are read by `std::env` itself).
// SAFETY: the symbol has the signature that C's start-up expects of `main` (C17 5.1.2.2.1), and
// nothing else in the program defines it. WHY: there is no safe way to have a `main` that the
// standard library does not wrap.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(_argc: i32, _argv: *const *const u8) -> i32 {
    shim::main()
}

/// By this note any copy of the program knows another, and does not take it for a real runtime.
// SAFETY: `.note.*` sections are only ever read, by their own layout, which `Note` has. WHY: an ELF
// note can only be had by naming its section.
#[allow(unsafe_code)]
#[used]
#[unsafe(link_section = ".note.seccomp-shim")]
static NOTE: shim::runtime::Note = shim::runtime::NOTE;

/// All memory of the program.
#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

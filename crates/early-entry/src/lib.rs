//! What is known of a call before the C library has started: that it is certainly not ours.
//!
//! glibc's start-up asks the processor for its features some seventy times, which on a virtual
//! machine costs half a millisecond, as much as all that the shim does for a `state` or a `kill`. So
//! the program starts in `start`, ahead of glibc: it reads argv on the raw stack, and where the
//! call certainly goes to a known runtime it execs that at once. Everything else, every doubt and
//! every failure goes on to the ordinary start as if nothing had been.
//!
//! Promised: what is handed on here, the ordinary path would have handed on in the same way, to the
//! same runtime (`shim/src/argv/tests/early.rs`, `integration/tests/invisible/early.rs`). The tables that
//! decide are here, and the ordinary path reads the same ones.
//! Not promised: that all calls that could be handed on early are.
//!
//! Nothing here allocates, and nothing may call into the C library: in a static binary even `memcpy`
//! is reached through a pointer that glibc's start-up has yet to fill in. Hence `no_std`,
//! `no_builtins`, an optimised build in every profile (Cargo.toml), comparisons written as loops, and
//! a test that looks for calls in the machine code.
#![no_std]
#![no_builtins]

pub mod bytes;
pub mod note;
pub mod places;
pub mod plain_policy;
pub mod words;

#[cfg(all(
    feature = "start",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod start;

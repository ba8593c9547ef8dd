//! Starts the binary at `shim_entry` instead of the C library's `_start`, where that can work, and
//! puts the functions of the runtime path together.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let has = |name: &str, word: &str| {
        let value = var(name).unwrap_or_default();
        value.split([',', '\u{1f}']).any(|found| found == word)
    };
    let arch = var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    // In a position-independent binary, tables hold no addresses before the start-up relocates them.
    let works = var("CARGO_FEATURE_EARLY_ENTRY").is_ok()
        && has("CARGO_CFG_TARGET_OS", "linux")
        && ["x86_64", "aarch64"].contains(&arch.as_str())
        && has("CARGO_CFG_TARGET_FEATURE", "crt-static")
        && has("CARGO_ENCODED_RUSTFLAGS", "relocation-model=static");
    if works {
        println!("cargo::rustc-link-arg-bins=-Wl,-e,shim_entry");
    }
    println!("cargo::rerun-if-changed=runtime-path.ld");
    if arch == "x86_64" && has("CARGO_CFG_TARGET_OS", "linux") {
        let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/runtime-path.ld");
    }
}

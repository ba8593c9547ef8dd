//! A program that panics as the shim would: with its hook, told where errors go.

use std::ffi::OsString;

use shim::argv::{Log, LogFormat};

#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what this program is for"
)]
fn main() {
    let mut args = std::env::args_os().skip(1);
    let how = args.next().unwrap_or_default();
    let file: Option<OsString> = args.next();
    shim::panic_line::install(Log {
        file,
        format: LogFormat::Json,
    });
    match how.to_str() {
        Some("index") => {
            let empty: Vec<u8> = Vec::new();
            std::process::exit(i32::from(empty[how.len()]));
        }
        Some("thread") => {
            let inner = std::thread::spawn(|| panic!("in a thread"));
            // The hook ends the process before there is anything to join.
            let _ = inner.join();
        }
        Some("value") => std::panic::panic_any(7),
        _ => panic!("with\nno such file or directory\u{1b}[31m in it"),
    }
}

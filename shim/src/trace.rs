//! Tracing for whoever looks into the shim itself: off unless `SECCOMP_SHIM_TRACE` names a level
//! (`error`, `warn`, `info`, `debug`, `trace`), and then in a file of its own, since stdio belongs to
//! the container.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Mutex;

use tracing_subscriber::filter::LevelFilter;

use crate::state_dir;

/// The environment variable that sets the level.
pub const VARIABLE: &str = "SECCOMP_SHIM_TRACE";

/// The file's name below the run-time state folder ([`state_dir::run`]).
pub const FILE: &str = "trace.log";

/// Starts tracing if it is asked for. What cannot be traced is not, and nothing else changes.
pub fn start() {
    let Some(level) = std::env::var_os(VARIABLE) else {
        return;
    };
    let Some(level) = level
        .to_str()
        .and_then(|level| LevelFilter::from_str(level).ok())
    else {
        return;
    };
    let open = |folder: PathBuf| {
        state_dir::make(&folder).ok()?;
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(folder.join(FILE)).ok()
    };
    if let Some(file) = state_dir::run().find_map(open) {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .init();
    }
}

//! Long answers on a terminal go through a pager.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

/// Prints `text`; on a terminal that it does not fit, through `$PAGER`, or else `less`.
pub(super) fn page(text: &str) {
    if std::io::stdout().is_terminal() && text.lines().count() >= rows() && paged(text) {
        return;
    }
    super::print(text);
}

/// Whether a pager took the text.
fn paged(text: &str) -> bool {
    let pager = std::env::var_os("PAGER").unwrap_or_else(|| "less".into());
    if pager.is_empty() || pager == "cat" {
        return false;
    }
    // `$PAGER` may hold options, so a shell reads it.
    let child = Command::new("sh")
        .args(["-c", "exec $0"])
        .arg(&pager)
        .env(
            "LESS",
            std::env::var_os("LESS").unwrap_or_else(|| "FRX".into()),
        )
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Who quits the pager wants no more of it.
        let _ = stdin.write_all(text.as_bytes());
    }
    child
        .wait()
        .is_ok_and(|status| status.code() != Some(NOT_FOUND))
}

/// How many lines the terminal has.
fn rows() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    match size {
        Ok(size) if size.ws_row > 0 => size.ws_row.into(),
        _ => DEFAULT_ROWS,
    }
}

/// The rows of a terminal that does not tell: those of the oldest ones.
const DEFAULT_ROWS: usize = 24;

/// The shell's exit status where there is no such program.
const NOT_FOUND: i32 = 127;

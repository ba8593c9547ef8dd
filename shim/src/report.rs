//! Telling the engine's user why a container was not created.
//!
//! Exactly one line in the runtime's `--log` file, in the `--log-format` asked for: containerd takes
//! the last line whose level is `error`, Podman parses the whole file as one JSON value. And the
//! plain message on stderr, which conmon passes on. On success nothing is written to either: both
//! may belong to the container.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;

use nix::sys::signal::{SigSet, Signal};

use crate::argv::{Log, LogFormat};
use crate::errno_words;
use crate::refusal::Refusal;
use crate::size_signal;

/// Says why, everywhere where the caller may look. Never fails itself: a reason that cannot be
/// told does not make the refusal less of one.
pub fn refuse(log: &Log, refusal: &Refusal) {
    say(log, &errno_words::chain(refusal));
}

/// [`refuse`] for a text.
pub fn say(log: &Log, text: &str) {
    let _held = size_signal::hold();
    let message = one_line(&format!("seccomp-shim: {text}"));
    if let Some(path) = &log.file {
        let time = humantime::format_rfc3339_seconds(SystemTime::now());
        let line = if log.format == LogFormat::Json {
            let line = serde_json::json!({
                "level": "error",
                "msg": message,
                "time": time.to_string(),
            });
            format!("{line}\n")
        } else {
            format!("time=\"{time}\" level=error msg={message:?}\n")
        };
        // O_NONBLOCK: a fifo that nobody reads must not hold us.
        let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .custom_flags(nonblock)
            .open(path);
        if let Ok(mut file) = file {
            // The message goes to stderr all the same.
            let _ = file.write_all(line.as_bytes());
        }
    }
    // Where stderr is gone there is nobody to tell, and no signal to die of.
    let _ = pipe_signal().thread_block();
    let _ = std::io::stderr().write_all(format!("{message}\n").as_bytes());
}

/// SIGPIPE, which ends a process that writes to a pipe without a reader.
fn pipe_signal() -> SigSet {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGPIPE);
    signals
}

/// Words in which Podman and Docker see something else than a refused container.
const MISREAD: &[&str] = &[
    "no such file or directory",
    "permission denied",
    "operation not permitted",
    "not a directory",
    "executable file not found",
    "does not exist",
    "container not running",
    "no such process",
];

/// Characters that end lines or turn text around in a terminal (Unicode's bidirectional controls).
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}

/// The longest message, in bytes: it travels through engines' logs and terminals.
const MAX: usize = 2_000;

/// The text as one line without control characters, in words that engines do not misread.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        if line.len() > MAX {
            line.push('…');
            break;
        }
    }
    for words in MISREAD {
        while let Some(at) = line.to_ascii_lowercase().find(words) {
            let end = at.saturating_add(words.len());
            let dashed = line.get(at..end).unwrap_or("").replace(' ', "-");
            line.replace_range(at..end, &dashed);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_plain_line() {
        assert_eq!(
            one_line("a\nb\u{1b}[31m\u{202E}"),
            "a\\nb\\u{1b}[31m\\u{202e}"
        );
        assert_eq!(
            one_line("x: Permission denied twice"),
            "x: Permission-denied twice"
        );
        assert!(one_line(&"é".repeat(5_000)).len() < MAX + 10);
    }

    #[test]
    fn the_log_gets_one_json_value() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("log.json");
        let log = Log {
            file: Some(path.clone().into_os_string()),
            format: LogFormat::Json,
        };
        say(&log, "it \"broke\"");
        let text = std::fs::read_to_string(&path).expect("log");
        let value: serde_json::Value = serde_json::from_str(&text).expect("one JSON value");
        assert_eq!(value["level"], "error");
        assert_eq!(value["msg"], "seccomp-shim: it \"broke\"");
        assert!(value["time"].as_str().expect("time").ends_with('Z'));
        let text_log = Log {
            file: Some(folder.path().join("log.txt").into()),
            format: LogFormat::Text,
        };
        say(&text_log, "it broke");
        let text = std::fs::read_to_string(folder.path().join("log.txt")).expect("log");
        assert!(
            text.contains("level=error msg=\"seccomp-shim: it broke\""),
            "{text}"
        );
    }
}

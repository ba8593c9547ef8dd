//! One entry to journald, in its native protocol (systemd's "Native Journal Protocol").

use std::os::unix::net::UnixDatagram;

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Sends `line` as an entry; `refused` makes it a warning. Whether journald took it. Never waits:
/// a full queue is as good as no journald.
#[must_use]
pub fn send(line: &str, refused: bool) -> bool {
    // A JSON line holds no newline, so the simple form of a field will do.
    let priority = if refused { 4 } else { 6 };
    let entry = format!("MESSAGE={line}\nPRIORITY={priority}\nSYSLOG_IDENTIFIER=seccomp-shim\n");
    let Ok(socket) = UnixDatagram::unbound() else {
        return false;
    };
    socket.set_nonblocking(true).is_ok() && socket.send_to(entry.as_bytes(), SOCKET).is_ok()
}

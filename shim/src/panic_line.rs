//! A panic is a refused create like any other: one line, exit 1, the bundle as it was.

use crate::argv::Log;
use crate::report;

/// From now on a panic says where it happened, as [`report::say`] says everything, and ends the
/// process with exit code 1, before any unwinding or abort.
pub fn install(log: Log) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        let payload = panic.payload();
        let words = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no words");
        let text = format!("a bug in seccomp-shim stopped it{place}: {words}; please report it");
        report::say(&log, &text);
        leave();
    }));
}

#[expect(
    clippy::exit,
    reason = "the process must not go on, nor abort with a core dump"
)]
fn leave() -> ! {
    std::process::exit(1)
}

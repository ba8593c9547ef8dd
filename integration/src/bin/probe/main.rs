//! Makes one call and prints what came of it: `probe [--filter FILE]… NR [ARG]…`.
//!
//! Each FILE is a compiled program, loaded in turn, the last on top. The call is made by a second
//! thread, which alone has the filters: so the first can tell a killed thread (`killed the thread`)
//! from a killed process, which prints nothing. Else it prints `ok`, `errno N`, `trap`, or, of a
//! call that is still waiting after some seconds, `stuck`.
//!
//! It may also be run under a filter that it inherited, which must let it print and exit.
#![expect(clippy::print_stdout, reason = "what this program is for")]

#[allow(unsafe_code, reason = "seccomp(2), signals and raw calls")]
mod sys;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// The second thread, once it runs.
static THREAD: AtomicI64 = AtomicI64::new(0);
/// What came of the call: an errno, 0, or a word of those below.
static CAME: AtomicI64 = AtomicI64::new(PENDING);

const PENDING: i64 = -1;
const NOT_LOADED: i64 = -2;

const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run() {
        Ok(said) => {
            println!("{said}");
            // The second thread must not get to run anything at exit.
            let _ = io::stdout().flush();
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("not probed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<String> {
    let mut filters = Vec::new();
    let mut numbers = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--filter" {
            let file = words.next().ok_or(io::ErrorKind::InvalidInput)?;
            filters.push(std::fs::read(file)?);
        } else {
            numbers.push(word.parse::<u64>().map_err(io::Error::other)?);
        }
    }
    let (nr, given) = numbers.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let nr = u32::try_from(*nr).map_err(io::Error::other)?;
    let mut args = [0; 6];
    for (to, from) in args.iter_mut().zip(given) {
        *to = *from;
    }
    sys::mark_traps()?;
    if !filters.is_empty() {
        sys::no_new_privs()?;
    }
    std::thread::spawn(move || call(&filters, nr, args));
    Ok(wait())
}

/// The second thread: never ends by itself, as ending takes calls that may be denied.
fn call(filters: &[Vec<u8>], nr: u32, args: [u64; 6]) {
    THREAD.store(sys::thread(), Ordering::Release);
    let came = if sys::load(filters).is_err() {
        NOT_LOADED
    } else {
        // SAFETY: those who run this program choose calls that do nothing to it.
        #[allow(unsafe_code, reason = "its caller's promise")]
        let made = unsafe { sys::call(nr, args) };
        let errno = made.err().and_then(|error| error.raw_os_error());
        errno.unwrap_or(0).into()
    };
    CAME.store(came, Ordering::Release);
    loop {
        std::hint::spin_loop();
    }
}

/// The first thread: waits for one of the ends that a call can come to.
fn wait() -> String {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let thread = THREAD.load(Ordering::Acquire);
        let ended = thread != 0 && !sys::runs(thread);
        match CAME.load(Ordering::Acquire) {
            NOT_LOADED => return "not loaded".to_owned(),
            0 => return "ok".to_owned(),
            PENDING if sys::trapped() => return "trap".to_owned(),
            PENDING if ended => return "killed the thread".to_owned(),
            PENDING => std::thread::sleep(Duration::from_micros(100)),
            errno => return format!("errno {errno}"),
        }
    }
    "stuck".to_owned()
}

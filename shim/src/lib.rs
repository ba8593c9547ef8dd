//! `shim`: an OCI runtime that decides a container's seccomp profile, then execs the real runtime.
//!
//! The runtime path reads top to bottom in [`create`]: argv → bundle → policy → profile → rewritten
//! bundle → exec. Calls that are not `create`, `run` or `restore` never get there: [`main`] execs
//! the runtime for them at once. The tools for people (`shim explain` and its like) are behind it in
//! [`tools`], on their own command line.
//!
//! Promised: a create either runs the real runtime on a bundle that says what the policy decided,
//! or fails with one line that says why; nothing is ever written on a container's stdio; arguments,
//! environment, fds and signal dispositions reach the runtime as they came.
//! Not promised: anything about a bundle that others can write to after it was rewritten.
#![deny(unsafe_code)]

pub mod argv;
pub mod compiler;
pub mod create;
pub mod errno_words;
pub mod files;
mod filter_flags;
pub mod handler;
pub mod handover;
pub mod journal;
pub mod judged;
mod kept;
mod lacks_seccomp;
pub mod listener;
pub mod node;
pub mod panic_line;
pub mod record;
pub mod refusal;
pub mod report;
pub mod runtime;
mod size_signal;
pub mod state_dir;
pub mod stdio;
mod swapped_masks;
pub mod tools;
pub mod trace;
mod watchdog;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Instant;

use argv::{Call, Flavor, Log, Own};
use policy::Directory;
use refusal::Refusal;
use runtime::Runtime;

/// The program: what the process's exit status is to be, if it comes back at all.
#[must_use]
pub fn main() -> i32 {
    let started = Instant::now();
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    if more_rights_than_the_caller() {
        return refuse(
            &log_of(&argv::scan(&args, Flavor::Unknown)),
            &Refusal::SetUserId,
        );
    }
    let (mut own, args) = match argv::take_own(args) {
        Ok(taken) => taken,
        Err(error) => return refuse(&error.log, &Refusal::Own(error.fault)),
    };
    if args.first().is_some_and(|word| tools::is_own_word(word)) {
        return tools::main(&own, args);
    }
    panic_line::install(Log::default());
    stdio::plug();
    hand_over(started, &name, &mut own, &args)
}

/// Whether the binary is set-user-ID or set-group-ID.
fn more_rights_than_the_caller() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

/// Finds the real runtime, does what is ours to do, and execs it. Comes back only with a failure.
fn hand_over(started: Instant, name: &OsString, own: &mut Own, args: &[OsString]) -> i32 {
    let handler = own.handler.clone();
    let handler = handler.as_deref().unwrap_or_else(|| base_name(name));
    let settings = match handler::fill_in(own, handler) {
        Ok(settings) => settings,
        Err(refusal) => return refuse(&log_of(&argv::scan(args, Flavor::Unknown)), &refusal),
    };
    let directory = Directory::open(policy_directory(own));
    let runtime = match Runtime::find(own, directory.as_ref().ok().and_then(Option::as_ref)) {
        Ok(runtime) => runtime,
        Err(refusal) => return refuse(&log_of(&argv::scan(args, Flavor::Unknown)), &refusal),
    };
    let request = match argv::scan(args, runtime.flavor()) {
        Call::PassThrough => return refuse(&Log::default(), &runtime.exec(args)),
        Call::Refused { reason, log } => return refuse(&log, &Refusal::Arguments(reason)),
        Call::Ours(request) => request,
    };
    panic_line::install(request.log.clone());
    let held = size_signal::hold();
    trace::start();
    if let Some(Err(refusal)) = settings.as_ref().map(handler::Policy::check) {
        return refuse(&request.log, &refusal);
    }
    let handler = handler.to_string_lossy();
    let job = create::Job {
        started,
        own,
        handler: &handler,
        settings: settings.as_ref(),
        runtime: &runtime,
        request: &request,
    };
    let refusal = match job.prepare(directory) {
        Ok(mut undo) => {
            drop(held);
            let refusal = match undo.watch(&runtime) {
                Ok(()) => runtime.exec(args),
                Err(refusal) => refusal,
            };
            let _held = size_signal::hold();
            job.take_back(undo, &refusal);
            refusal
        }
        Err(refusal) => refusal,
    };
    refuse(&request.log, &refusal)
}

/// Says why, and gives the exit status of a refused call.
fn refuse(log: &Log, refusal: &Refusal) -> i32 {
    report::refuse(log, refusal);
    1
}

/// Where a call wants its errors; nowhere for one that is not ours.
fn log_of(call: &Call) -> Log {
    match call {
        Call::Ours(request) => request.log.clone(),
        Call::Refused { log, .. } => log.clone(),
        Call::PassThrough => Log::default(),
    }
}

/// The policy's folder: `--shim-policy`, else the usual one.
fn policy_directory(own: &Own) -> &Path {
    own.policy
        .as_deref()
        .map_or(Path::new(policy::DEFAULT_DIRECTORY), Path::new)
}

/// The name that the program was started by, which may be a runtime handler's.
fn base_name(argv0: &OsString) -> &OsStr {
    Path::new(argv0).file_name().unwrap_or(argv0)
}

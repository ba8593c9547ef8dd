//! `make fuzz`: inputs made at random for what reads untrusted bytes.
//!
//! ```text
//! fuzz TARGET|all [--seconds N] [--seed S] [--keep FOLDER]
//! fuzz TARGET FILE…
//! ```
//!
//! The first makes inputs for N seconds of every target, after all seeds; the second runs files. An
//! input that fails is written to integration/fuzz/found, and the exit status is 1.

#[path = "../fuzz/mod.rs"]
mod fuzz;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use fuzz::{Job, Target, memory, supervise, worker};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

const USAGE: &str =
    "fuzz argv|config|policy|reader|restrict|all [--seconds N] [--seed S] [--keep FOLDER] [FILE…]";

#[expect(clippy::print_stderr, reason = "what the program is asked for")]
fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let current = if args.first().is_some_and(|word| word == supervise::WORKER) {
        let current = args.drain(..args.len().min(2)).next_back();
        current.map(PathBuf::from)
    } else {
        None
    };
    let Some(jobs) = jobs(args) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match (current, jobs.as_slice()) {
        (Some(current), [job]) => match worker::run(job, &current, &mut std::io::stdout()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}: {error}", job.target);
                ExitCode::from(worker::FOUND)
            }
        },
        _ => supervised(&jobs),
    }
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the program is asked for"
)]
fn supervised(jobs: &[Job]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let mut before = std::time::Duration::ZERO;
    for job in jobs {
        match supervise::run(job) {
            Ok(report) => {
                let cpu = report.cpu.saturating_sub(before).as_secs_f64();
                before = report.cpu;
                println!(
                    "{}: {}, {cpu:.1} CPU seconds, seed {}",
                    job.target, report.words, job.seed
                );
                if report.failed {
                    code = ExitCode::FAILURE;
                }
            }
            Err(error) => {
                eprintln!("{}: {error}", job.target);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// The jobs that the words ask for; none if they cannot be read.
fn jobs(args: Vec<OsString>) -> Option<Vec<Job>> {
    let mut words = args.into_iter().map(|word| word.into_string());
    let target = words.next()?.ok()?;
    let targets = match target.as_str() {
        "all" => Target::ALL.to_vec(),
        name => vec![Target::from_name(name)?],
    };
    let (mut seconds, mut seed, mut keep, mut replay) = (60, 1, None, Vec::new());
    while let Some(word) = words.next() {
        let word = word.ok()?;
        match word.as_str() {
            "--seconds" => seconds = words.next()?.ok()?.parse().ok()?,
            "--seed" => seed = words.next()?.ok()?.parse().ok()?,
            "--keep" => keep = Some(words.next()?.ok()?),
            option if option.starts_with("--") => return None,
            _ => replay.push(word),
        }
    }
    let job = |target| Job {
        target,
        seconds,
        seed,
        replay: replay.clone(),
        keep: keep.clone(),
    };
    Some(targets.into_iter().map(job).collect())
}

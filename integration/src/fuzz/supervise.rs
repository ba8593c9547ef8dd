//! The parent of a worker: watches its time, and keeps the input at which it ends badly.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::current::Current;
use super::{Job, corpus};

/// How much of its own CPU time one input may take.
const LIMIT: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(30)
} else {
    Duration::from_secs(2)
};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The word by which the program knows that it is a worker.
pub(crate) const WORKER: &str = "--worker";

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Report {
    /// The worker's own words, or what it failed at.
    pub(crate) words: String,
    /// Whether an input failed; it is in the folder of findings then, unless it was a replay.
    pub(crate) failed: bool,
    /// The CPU time of the worker and of all its children.
    pub(crate) cpu: Duration,
}

/// Runs `job` in a worker, and waits for it.
pub(crate) fn run(job: &Job) -> std::io::Result<Report> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("current");
    let current = Current::create(&file)?;
    let mut child = start(job, &file, folder.path())?;
    let hung = watch(&mut child, &current)?;
    let status = child.wait()?;
    let mut words = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut words)?;
    }
    let failed = hung || !status.success();
    if failed {
        words = why(job, &current, status, hung)?;
    }
    let cpu = children_cpu();
    Ok(Report {
        words: words.trim().to_owned(),
        failed,
        cpu,
    })
}

fn start(job: &Job, current: &Path, temporary: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(WORKER).arg(current).arg(job.target.name());
    command.arg("--seconds").arg(job.seconds.to_string());
    command.arg("--seed").arg(job.seed.to_string());
    if let Some(keep) = &job.keep {
        command.arg("--keep").arg(keep);
    }
    command.args(&job.replay);
    // A worker that is killed leaves nothing behind.
    command.env("TMPDIR", temporary);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

/// Waits for the end, or kills a worker that hangs.
fn watch(child: &mut Child, current: &Current) -> std::io::Result<bool> {
    let stat = format!("/proc/{}/stat", child.id());
    let mut since = (0, Duration::ZERO);
    while child.try_wait()?.is_none() {
        std::thread::sleep(LOOK_EVERY);
        let (at, used) = (current.count(), cpu(&stat, OWN));
        if at != since.0 {
            since = (at, used);
        } else if used.saturating_sub(since.1) > LIMIT {
            child.kill()?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn why(job: &Job, current: &Current, status: ExitStatus, hung: bool) -> std::io::Result<String> {
    let input = current.input();
    let what = if hung {
        format!("an input takes more than {LIMIT:?}")
    } else {
        format!("the worker ended with {status}")
    };
    if !job.replay.is_empty() {
        return Ok(format!("{what}; an input of {} bytes", input.len()));
    }
    let file = corpus::finding(job.target, &input);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&file, &input)?;
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(format!(
        "{what}; execution {}, {} bytes, in integration/fuzz/found/{name}",
        current.count(),
        input.len()
    ))
}

/// Which fields of /proc/PID/stat, counted after the name: user and system time of the process.
const OWN: [usize; 2] = [11, 12];
/// The same of its children that it has waited for, and of theirs.
const CHILDREN: [usize; 2] = [13, 14];

fn children_cpu() -> Duration {
    cpu("/proc/self/stat", CHILDREN)
}

fn cpu(stat: &str, fields: [usize; 2]) -> Duration {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let words: Vec<&str> = after.split_ascii_whitespace().collect();
    let ticks = fields
        .iter()
        .filter_map(|at| words.get(*at)?.parse::<u64>().ok());
    // USER_HZ is 100 on every architecture that we build for.
    Duration::from_millis(ticks.sum::<u64>().saturating_mul(10))
}

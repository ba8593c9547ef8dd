//! The process that runs the inputs. It has one thread, as compiling in a child needs.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::corpus::{self, Corpus};
use super::current::Current;
use super::rng::Rng;
use super::{Job, Target, argv, config, extremes, memory, mutate, policy, reader, restrict, shape};

/// How much an input may have allocated at once, beside what was there before it. A policy is read
/// from files that only root can write, and the TOML parser takes about a hundred bytes for each.
fn most_memory(target: Target) -> usize {
    match target {
        Target::Policy => 512 << 20,
        Target::Argv | Target::Config | Target::Reader | Target::Restrict => 64 << 20,
    }
}

/// The exit status of a worker that found something and said what.
pub(crate) const FOUND: u8 = 3;

struct Worker<'a> {
    target: Target,
    corpus: Corpus,
    current: Current,
    bench: policy::Bench,
    executions: u64,
    peak: usize,
    keep: Option<&'a Path>,
}

/// Runs the job. `Err` says what is wrong with the input that is in `current` now.
pub(crate) fn run(job: &Job, current: &Path, out: &mut impl Write) -> Result<(), String> {
    let mut worker = Worker {
        target: job.target,
        corpus: Corpus::default(),
        current: Current::open(current).map_err(|error| error.to_string())?,
        bench: policy::Bench::new()?,
        executions: 0,
        peak: 0,
        keep: job.keep.as_deref().map(Path::new),
    };
    if job.replay.is_empty() {
        worker.fuzz(job)?;
    } else {
        for file in &job.replay {
            let input = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
            worker.execute(&input)?;
        }
    }
    let more = match job.target {
        Target::Restrict => restrict::counted(),
        _ => String::new(),
    };
    let done = writeln!(
        out,
        "{} executions, {} kept, {} shapes, peak {} KiB{more}",
        worker.executions,
        worker.corpus.len(),
        worker.corpus.shapes(),
        worker.peak >> 10
    );
    done.map_err(|error| error.to_string())
}

impl Worker<'_> {
    fn fuzz(&mut self, job: &Job) -> Result<(), String> {
        for seed in corpus::seeds(job.target) {
            let shapes = self.execute(&seed)?;
            self.corpus.note(shapes);
            self.corpus.keep(&seed);
        }
        for extreme in extremes::inputs(job.target) {
            let shapes = self.execute(&extreme)?;
            self.corpus.note(shapes);
        }
        let end = Instant::now().checked_add(Duration::from_secs(job.seconds));
        let mut rng = Rng::new(job.seed);
        while end.is_some_and(|end| Instant::now() < end) {
            let input = self.next(&mut rng);
            let shapes = self.execute(&input)?;
            if self.corpus.note(shapes) {
                self.corpus.keep(&input);
                self.write(&input);
            }
        }
        Ok(())
    }

    fn next(&self, rng: &mut Rng) -> Vec<u8> {
        if self.target == Target::Restrict && rng.one_in(3) {
            let length = 16_usize.saturating_add(rng.below(240));
            return (0..length).map(|_| rng.byte()).collect();
        }
        let (base, other) = (self.corpus.pick(rng), self.corpus.pick(rng));
        mutate::mutate(rng, base, other, self.target.words())
    }

    fn execute(&mut self, input: &[u8]) -> Result<Vec<u64>, String> {
        self.executions = self.executions.saturating_add(1);
        self.current
            .put(self.executions, input)
            .map_err(|error| error.to_string())?;
        let before = memory::start();
        let shapes = match self.target {
            Target::Argv => argv::check(input),
            Target::Config => config::check(input),
            Target::Policy => self.bench.check(input),
            Target::Reader => reader::check(input),
            Target::Restrict => restrict::check(input),
        }?;
        let used = memory::peak().saturating_sub(before);
        self.peak = self.peak.max(used);
        if used > most_memory(self.target) {
            return Err(format!("{} MiB of memory", used >> 20));
        }
        Ok(shapes)
    }

    /// Writes what was kept beside the run, if that was asked for; best effort.
    fn write(&self, input: &[u8]) {
        if let Some(folder) = self.keep {
            let _ = std::fs::write(folder.join(format!("{:016x}", shape::of(&input))), input);
        }
    }
}

//! Timing commands side by side: interleaved rounds, medians, raw numbers kept.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One thing to time: its name, what to run, and what to run afterwards, untimed.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'static str,
    pub(crate) make: Box<dyn Fn() -> Command + 'a>,
    pub(crate) after: Box<dyn Fn() + 'a>,
}

/// The times of some commands, round by round, in milliseconds; NaN where one failed.
pub(crate) struct Times {
    rows: Vec<(&'static str, Vec<f64>)>,
}

impl Times {
    pub(crate) fn new(names: &[&'static str]) -> Self {
        let rows = names.iter().map(|name| (*name, Vec::new())).collect();
        Self { rows }
    }

    pub(crate) fn add(&mut self, which: usize, milliseconds: f64) {
        if let Some((_, times)) = self.rows.get_mut(which) {
            times.push(milliseconds);
        }
    }

    /// Keeps the raw numbers.
    #[expect(clippy::print_stderr, reason = "a benchmark prints")]
    pub(crate) fn keep(&self, path: &Path) {
        let mut csv = String::from("entry,milliseconds\n");
        for (name, times) in &self.rows {
            for time in times {
                // Writing to a String cannot fail.
                let _ = writeln!(csv, "{},{time:.4}", name.replace(',', ""));
            }
        }
        if let Err(error) = std::fs::write(path, csv) {
            eprintln!("cannot keep {}: {error}", path.display());
        }
    }
}

/// Times all entries in rounds and gives the table.
pub(crate) fn table(entries: &[Entry<'_>], rounds: usize, raw: &Path) -> String {
    let names: Vec<&'static str> = entries.iter().map(|entry| entry.name).collect();
    let mut times = Times::new(&names);
    for round in 0..rounds.saturating_add(WARM_UP) {
        for turn in 0..entries.len() {
            let which = round.wrapping_mul(7).wrapping_add(turn) % entries.len();
            let Some(entry) = entries.get(which) else {
                continue;
            };
            let mut command = (entry.make)();
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let start = Instant::now();
            let status = command.status();
            let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
            (entry.after)();
            if round >= WARM_UP {
                times.add(
                    which,
                    if status.is_ok() {
                        milliseconds
                    } else {
                        f64::NAN
                    },
                );
            }
        }
    }
    times.keep(raw);
    summary(&times)
}

/// Rounds that are run and not counted: files and pages come into the cache.
const WARM_UP: usize = 5;

/// Medians, and medians of what each round says against the first command of that round.
pub(crate) fn summary(times: &Times) -> String {
    let mut text = String::new();
    let Some((_, base)) = times.rows.first() else {
        return text;
    };
    for (name, times) in &times.rows {
        let pairs = || times.iter().zip(base);
        let difference: Vec<f64> = pairs().map(|(time, base)| time - base).collect();
        let ratio: Vec<f64> = pairs().map(|(time, base)| time / base).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {name:<28} {:>8.3} ms  x {:.3}  paired x {:.3}, {:+.3} ms",
            median(times),
            median(times) / median(base),
            median(&ratio),
            median(&difference),
        );
    }
    text
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|one| !one.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

//! What `docker run` costs through the shim: pairs with the bare runtime, their order changing from
//! pair to pair; raw numbers in target/bench/docker_run.csv.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use integration::engine::{Docker, Wrapped};
use integration::run;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]
fn main() -> ExitCode {
    let pairs = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(60);
    match measure(pairs) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("not measured: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(pairs: usize) -> Result<String, String> {
    let runtimes: Vec<Wrapped> = Wrapped::all();
    // A program for the image; it is not run.
    let docker = Docker::start(&runtimes, &[], "/bin/busybox")?;
    let time = |runtime: &str| {
        let mut command: Command = docker.run(runtime, &["--rm"], &["true"]);
        let start = Instant::now();
        let outcome = run(&mut command);
        let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
        if outcome.ok() {
            Ok(milliseconds)
        } else {
            Err(outcome.text())
        }
    };
    let (mut bare, mut shimmed) = (Vec::new(), Vec::new());
    for pair in 0..pairs.saturating_add(WARM_UP) {
        let (first, second) = if pair % 2 == 0 {
            ("bare-runc", "shim-runc")
        } else {
            ("shim-runc", "bare-runc")
        };
        let times = (time(first)?, time(second)?);
        let (without, with) = if pair % 2 == 0 {
            times
        } else {
            (times.1, times.0)
        };
        if pair >= WARM_UP {
            bare.push(without);
            shimmed.push(with);
        }
    }
    let mut csv = "runc,shim\n".to_owned();
    for (without, with) in bare.iter().zip(&shimmed) {
        // Writing to a String cannot fail.
        let _ = writeln!(csv, "{without:.3},{with:.3}");
    }
    let kept = std::fs::create_dir_all("target/bench")
        .and_then(|()| std::fs::write("target/bench/docker_run.csv", csv));
    kept.map_err(|error| error.to_string())?;
    let paired: Vec<f64> = bare
        .iter()
        .zip(&shimmed)
        .map(|(without, with)| with - without)
        .collect();
    Ok(format!(
        "`docker run --rm true`, {}, {pairs} pairs\n  runc alone {:.1} ms, through the shim {:.1} ms, x {:.3}, paired {:+.2} ms ({:+.2} %)\n",
        docker.version,
        median(&bare),
        median(&shimmed),
        median(&shimmed) / median(&bare),
        median(&paired),
        median(&paired) / median(&bare) * 100.0,
    ))
}

/// Pairs that are run and not counted.
const WARM_UP: usize = 3;

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

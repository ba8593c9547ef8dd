//! What `docker run` costs through the shim: interleaved with the bare runtime, in an order that
//! changes from round to round; raw numbers in target/bench/docker_run.csv.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use integration::engine::{CommandLine as _, Docker, Wrapped};
use integration::{PolicyDir, run};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]
fn main() -> ExitCode {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(60);
    match measure(rounds) {
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

/// The runtimes that are held against each other: runc alone; behind the shim with the embedded policy;
/// with a policy that keeps what was asked for, so that what the shim itself takes is told from what
/// runc takes for another profile; with one for the native architecture alone.
const RUNTIMES: [&str; 4] = ["bare-runc", "shim-runc", "kept", "native"];

fn measure(rounds: usize) -> Result<String, String> {
    let runtimes: Vec<Wrapped> = Wrapped::all();
    let runc = runtimes.iter().find(|runtime| runtime.name == "runc");
    let runc = runc.ok_or("there is no runc")?.path.display().to_string();
    let policies = [
        "[defaults]\nprofile = \"Requested\"\n",
        "[defaults]\nprofile = \"RuntimeDefault\"\ncombine = \"restrict\"\narchitectures = \"native\"\n",
    ];
    let policies = policies.map(PolicyDir::new);
    let folders = policies
        .each_ref()
        .map(|policy| policy.path().display().to_string());
    let [keeps, native] = &folders;
    let others: [(&str, &[&str]); 2] = [
        ("kept", &["--shim-runtime", &runc, "--shim-policy", keeps]),
        (
            "native",
            &["--shim-runtime", &runc, "--shim-policy", native],
        ),
    ];
    // A program for the image; it is not run.
    let docker = Docker::start(&runtimes, &others, "/bin/busybox")?;
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
    let mut times = RUNTIMES.map(|_| Vec::with_capacity(rounds));
    for round in 0..rounds.saturating_add(WARM_UP) {
        for turn in 0..RUNTIMES.len() {
            let which = round.wrapping_add(turn) % RUNTIMES.len();
            if let (Some(runtime), Some(times)) = (RUNTIMES.get(which), times.get_mut(which)) {
                let milliseconds = time(runtime)?;
                if round >= WARM_UP {
                    times.push(milliseconds);
                }
            }
        }
    }
    let [bare, ..] = &times;
    let mut csv = "runtime,milliseconds\n".to_owned();
    let mut text = format!(
        "`docker run --rm true`, {}, {rounds} rounds\n",
        docker.version
    );
    for (runtime, own) in RUNTIMES.iter().zip(&times) {
        let paired: Vec<f64> = own.iter().zip(bare).map(|(own, bare)| own - bare).collect();
        let (middle, more) = (median(own), median(&paired));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {runtime:<10} {middle:.1} ms, x {:.3}, paired {more:+.2} ms ({:+.2} %)",
            middle / median(bare),
            more / median(bare) * 100.0,
        );
        for milliseconds in own {
            let _ = writeln!(csv, "{runtime},{milliseconds:.3}");
        }
    }
    std::fs::create_dir_all("target/bench")
        .and_then(|()| std::fs::write("target/bench/docker_run.csv", csv))
        .map_err(|error| error.to_string())?;
    Ok(text)
}

/// Rounds that are run and not counted.
const WARM_UP: usize = 3;

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

//! What a create costs as the policy grows: 10 to 10,000 rules and as many profiles, of which the last
//! rule matches, in one file and in a file each.
//!
//! All sizes are interleaved in an order that changes from round to round, in front of a program that
//! does nothing; medians and the medians of the differences within a round are printed, and the raw
//! numbers are kept as CSV.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use integration::{PolicyDir, StandIn};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]
fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let rounds: usize = args.next().and_then(|word| word.parse().ok()).unwrap_or(60);
    let raw = args.next().unwrap_or_else(|| "target/bench".to_owned());
    let path = Path::new(&raw).join("policy-scale.csv");
    let mut csv = String::from("layout,rules,milliseconds\n");
    for layout in ["one file", "a file each"] {
        println!("{layout}, {rounds} rounds");
        let policies = SIZES.map(|size| policy(size, layout == "a file each"));
        let stand_in = StandIn::new();
        let mut times = SIZES.map(|_| Vec::with_capacity(rounds));
        for round in 0..rounds.saturating_add(WARM_UP) {
            for turn in 0..SIZES.len() {
                let which = round.wrapping_add(turn) % SIZES.len();
                let (Some(size), Some(policy), Some(times)) =
                    (SIZES.get(which), policies.get(which), times.get_mut(which))
                else {
                    continue;
                };
                let Some(time) = create(&stand_in, policy, *size) else {
                    eprintln!("a create under {size} rules failed");
                    return ExitCode::FAILURE;
                };
                if round >= WARM_UP {
                    times.push(time);
                    // Writing to a String cannot fail.
                    let _ = writeln!(csv, "{layout},{size},{time:.4}");
                }
            }
        }
        let [base, ..] = &times;
        for (size, own) in SIZES.iter().zip(&times) {
            let paired: Vec<f64> = own.iter().zip(base).map(|(own, base)| own - base).collect();
            println!(
                "  {size:>6} rules {:>8.3} ms  paired {:+.3} ms",
                median(own),
                median(&paired)
            );
        }
    }
    let kept = std::fs::create_dir_all(&raw).and_then(|()| std::fs::write(&path, csv));
    if let Err(error) = kept {
        eprintln!("cannot keep {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    println!("raw numbers: {}", path.display());
    ExitCode::SUCCESS
}

/// Rounds that are run and not counted: files and pages come into the cache.
const WARM_UP: usize = 5;

/// A policy of `size` rules that each name a profile of their own.
fn policy(size: usize, spread: bool) -> PolicyDir {
    let rule = |number: usize| {
        format!(
            "[[rule]]\nname = \"team {number}\"\n\
             when = {{ namespace = \"team-{number}\", image = [\"*/app-{number}:*\"] }}\n\
             profile = {{ type = \"Localhost\", localhostProfile = \"team-{number}.json\" }}\n\n"
        )
    };
    let policy = if spread {
        PolicyDir::new("")
    } else {
        PolicyDir::new(&(0..size).map(rule).collect::<String>())
    };
    for number in 0..size {
        if spread {
            let text = format!("version = 1\n{}", rule(number));
            policy.write(&format!("policy.d/{number:05}.toml"), text);
        }
        policy.write(&format!("profiles/team-{number}.json"), PROFILE);
    }
    policy
}

const PROFILE: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

/// The milliseconds that a create takes for a container that only the last rule matches.
fn create(stand_in: &StandIn, policy: &PolicyDir, size: usize) -> Option<f64> {
    let last = size.saturating_sub(1);
    let config = format!(
        r#"{{"ociVersion":"1.0.2","annotations":{{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-namespace":"team-{last}","io.kubernetes.cri.image-name":"x/app-{last}:1"}},"linux":{{}}}}"#
    );
    std::fs::write(stand_in.config(), config).ok()?;
    let words = stand_in.create_words(policy.path());
    let mut command = Command::new(words.first()?);
    command.args(words.iter().skip(1)).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().ok()?;
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    status.success().then_some(milliseconds)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

//! `make bench`: what the shim costs, as ratios against the bare runtime in the same run.
//!
//! All commands of a table are interleaved in an order that changes from round to round; medians
//! and the medians of paired differences are printed, and the raw numbers are kept as CSV.

mod peers;
mod timing;

use std::path::Path;
use std::process::{Command, ExitCode};

use integration::{PolicyDir, RealRuntime, TestBundle, docker_sized, run, shim_binary};
use serde_json::Value;
use timing::{Entry, median, table};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]
fn main() -> ExitCode {
    let rounds: usize = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(300);
    let raw = std::env::args()
        .nth(2)
        .unwrap_or_else(|| "target/bench".to_owned());
    let Some(runtime) = RealRuntime::find("bench", "runc") else {
        return ExitCode::FAILURE;
    };
    if let Err(error) = std::fs::create_dir_all(&raw) {
        eprintln!("cannot keep the raw numbers in {raw}: {error}");
        return ExitCode::FAILURE;
    }
    let policy = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"\ncombine = \"restrict\"");
    // Not in the policy directory, nor anywhere that changes: there a create waits for a policy that might
    // be on its way.
    let still = match tempfile::tempdir() {
        Ok(still) => still,
        Err(error) => {
            eprintln!("no folder: {error}");
            return ExitCode::FAILURE;
        }
    };
    let missing = still.path().join("none");

    println!("`state nope`, {rounds} rounds");
    let nothing = || Box::new(|| ()) as Box<dyn Fn()>;
    let state = |mut command: Command| {
        command.args(["state", "nope"]);
        command
    };
    let passing = vec![
        Entry {
            name: "runc",
            make: Box::new(|| state(runtime.bare())),
            after: nothing(),
        },
        Entry {
            name: "shim, no policy directory",
            make: Box::new(|| state(runtime.shimmed(&missing))),
            after: nothing(),
        },
        Entry {
            name: "shim, policy directory",
            make: Box::new(|| state(runtime.shimmed(policy.path()))),
            after: nothing(),
        },
    ];
    print!(
        "{}",
        table(
            &passing,
            rounds,
            Path::new(&raw).join("state.csv").as_path()
        )
    );

    let rounds = (rounds / 3).max(20);
    println!("\n`create`, Docker-like bundle with a Docker-sized profile, {rounds} rounds");
    let bundle = TestBundle::new(&["true"]);
    bundle.edit(|config| {
        if let Some(seccomp) = config.pointer_mut("/linux").and_then(Value::as_object_mut) {
            seccomp.insert("seccomp".to_owned(), docker_sized());
        }
    });
    let original = bundle.text();
    let id = bundle.id();
    let create = |mut command: Command| {
        bundle.write_text(&original);
        command
            .args(["create", "--bundle"])
            .arg(bundle.path())
            .arg(&id);
        command
    };
    let delete =
        || Box::new(|| drop(run(runtime.bare().args(["delete", "--force", &id])))) as Box<dyn Fn()>;
    let creating = vec![
        Entry {
            name: "runc",
            make: Box::new(|| create(runtime.bare())),
            after: delete(),
        },
        Entry {
            name: "shim, embedded policy",
            make: Box::new(|| create(runtime.shimmed(&missing))),
            after: delete(),
        },
        Entry {
            name: "shim, policy directory",
            make: Box::new(|| create(runtime.shimmed(policy.path()))),
            after: delete(),
        },
    ];
    print!(
        "{}",
        table(
            &creating,
            rounds,
            Path::new(&raw).join("create.csv").as_path()
        )
    );

    let own: Vec<f64> = policy
        .decisions()
        .iter()
        .filter_map(|decision| decision.get("microseconds")?.as_f64())
        .collect();
    println!(
        "\nthe shim's own part of create: {:.0} µs (median of {})",
        median(&own),
        own.len()
    );
    let peak = peak_memory(policy.path(), &bundle, &original);
    println!(
        "peak memory of its own part: {}",
        peak.as_deref().unwrap_or("not measured: no /usr/bin/time")
    );
    print!("{}", peers::tables(rounds, policy.path(), Path::new(&raw)));
    println!("raw numbers: {raw}/*.csv");
    ExitCode::SUCCESS
}

/// The shim's own high-water mark. The kernel keeps it over an exec (getrusage(2), ru_maxrss), so
/// the runtime behind it is a busybox, which is smaller; GNU time reads it.
fn peak_memory(policy: &Path, bundle: &TestBundle, original: &[u8]) -> Option<String> {
    bundle.write_text(original);
    let small = bundle.path().join("runc");
    std::fs::copy("/bin/busybox", &small).ok()?;
    let mut command = Command::new("/usr/bin/time");
    command
        .args(["-f", "%M KiB"])
        .arg(shim_binary())
        .arg("--shim-runtime")
        .arg(&small);
    command
        .arg("--shim-policy")
        .arg(policy)
        .args(["create", "--bundle"])
        .arg(bundle.path());
    let said = run(command.arg("id")).stderr;
    said.lines()
        .find(|line| line.ends_with(" KiB"))
        .map(str::to_owned)
}

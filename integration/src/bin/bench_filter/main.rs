//! `bench_filter [ROUNDS] [FOLDER]`: what filters cost: creating a container with one, and every
//! system call under one.
//!
//! Commands of a table are interleaved in an order that changes from round to round; the raw numbers
//! are kept as CSV in FOLDER.

#[allow(unsafe_code, reason = "fork and seccomp(2)")]
mod loading;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use filter::{Call, Instruction, Program, Runtime, compact, compile, nr};
use integration::{RealRuntime, TestBundle, run};
use profile::{Arch, Seccomp};
use serde_json::Value;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]
fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let rounds: usize = rounds.unwrap_or(100);
    let raw = std::env::args().nth(2);
    let raw = PathBuf::from(raw.unwrap_or_else(|| "target/bench".to_owned()));
    if let Err(error) = std::fs::create_dir_all(&raw) {
        eprintln!("cannot keep the raw numbers in {}: {error}", raw.display());
        return ExitCode::FAILURE;
    }
    print!("{}", instructions());
    for (name, newer) in [
        ("crun", default_profile::Newer::Profile),
        ("runc", default_profile::Newer::Runtime),
    ] {
        let Some(runtime) = RealRuntime::find("bench_filter", name) else {
            continue;
        };
        println!("\n`create` under {name}, {rounds} rounds");
        let profile = default(newer).to_json();
        let file = raw.join(format!("create-{name}.csv"));
        print!("{}", creates(&runtime, &profile, rounds, &file));
    }
    ExitCode::SUCCESS
}

/// The embedded default as a container without any capability gets it.
fn default(newer: default_profile::Newer) -> Seccomp {
    let target = profile::Target {
        capabilities: std::collections::BTreeSet::new(),
        arch: NATIVE,
        kernel: profile::Kernel { major: 6, minor: 1 },
    };
    default_profile::resolve_for(&target, newer)
}

/// The programs, by instructions executed.
fn instructions() -> String {
    let mut text = String::new();
    let profile = default(default_profile::Newer::Profile);
    let (Ok(linear), Some(tree)) = (compile(&profile, NATIVE, Runtime::Crun), tree(&profile))
    else {
        return "the default profile does not compile\n".to_owned();
    };
    let Some(ours) = compact(&linear.program, NATIVE) else {
        return "the default profile is not compacted\n".to_owned();
    };
    let programs = [
        ("libseccomp", &linear.program),
        ("its tree", &tree),
        ("ours", &ours),
    ];
    let mut row = |name: &str, value: &dyn Fn(&Program) -> f64| {
        let values = programs.map(|(_, program)| value(program));
        let [first, second, third] = values;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{name:<34} {first:>10.1} {second:>10.1} {third:>10.1}   {:.3}",
            third / first
        );
    };
    row("length", &|program| as_number(program.instructions().len()));
    for (name, args) in CHECKED {
        row(name, &|program| executed(program, name, *args));
    }
    for name in filter::HOT {
        row(name, &|program| executed(program, name, [0; 6]));
    }
    row("the 30 together, mean", &|program| {
        let all = filter::HOT
            .iter()
            .map(|name| executed(program, name, [0; 6]));
        all.sum::<f64>() / 30.0
    });
    row("loading, µs", &|program| load(program));
    text
}

fn executed(program: &Program, name: &str, args: [u64; 6]) -> f64 {
    let number = nr(name, NATIVE).unwrap_or(u32::MAX);
    as_number(program.executed(&Call::new(NATIVE, number, args)))
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn as_number(count: usize) -> f64 {
    count as f64
}

/// libseccomp's tree, which only runc asks for: without runc's stub, for it has none where the
/// default allows; so the actions are turned around, and back.
fn tree(profile: &Seccomp) -> Option<Program> {
    let mut turned = profile.clone();
    turned.default_action = profile::Action::ScmpActAllow;
    turned.default_errno = None;
    turned.flags = None;
    for rule in &mut turned.rules {
        rule.action = match rule.action {
            profile::Action::ScmpActAllow => profile::Action::ScmpActTrap,
            other => other,
        };
    }
    let compiled = compile(&turned, NATIVE, Runtime::Runc).ok()?;
    let instructions = compiled.program.instructions().iter().map(|instruction| {
        let k = match (instruction.code, instruction.k) {
            (RETURN, ALLOW) => ERRNO | 1,
            (RETURN, TRAP) => ALLOW,
            (_, k) => k,
        };
        Instruction { k, ..*instruction }
    });
    Program::new(instructions.collect()).ok()
}

/// Microseconds that seccomp(2) takes for the program.
fn load(program: &Program) -> f64 {
    loading::median_us(program.instructions())
}

/// Creates of one bundle, with and without the profile, with and without the shim.
fn creates(runtime: &RealRuntime, profile: &str, rounds: usize, raw: &Path) -> String {
    let bundle = TestBundle::new(&["true"]);
    let plain = bundle.text();
    bundle.edit(|config| {
        if let Some(linux) = config.pointer_mut("/linux").and_then(Value::as_object_mut) {
            let profile = serde_json::from_str(profile).unwrap_or_default();
            linux.insert("seccomp".to_owned(), profile);
        }
    });
    let with = bundle.text();
    // Not beside the bundle: where a folder above has just changed, a create waits for a policy that
    // might be on its way.
    let Ok(still) = tempfile::tempdir() else {
        return "no folder\n".to_owned();
    };
    let nowhere = still.path().join("no-policy");
    let id = bundle.id();
    let once = |shim: bool, text: &[u8]| {
        bundle.write_text(text);
        let mut command = if shim {
            runtime.shimmed(&nowhere)
        } else {
            runtime.bare()
        };
        quiet(
            command
                .args(["create", "--bundle"])
                .arg(bundle.path())
                .arg(&id),
        );
        let start = Instant::now();
        let made = command.status().is_ok_and(|status| status.success());
        let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
        drop(run(runtime.bare().args(["delete", "--force", &id])));
        if made { milliseconds } else { f64::NAN }
    };
    let handed = |config: &[u8]| {
        let _ = once(true, config);
        std::thread::sleep(std::time::Duration::from_secs(1));
    };
    handed(&with);
    type Entry<'a> = (&'static str, Box<dyn Fn(usize) -> f64 + 'a>);
    let entries: [Entry<'_>; 5] = [
        ("bare, default profile", Box::new(|_| once(false, &with))),
        ("shim, default profile", Box::new(|_| once(true, &with))),
        (
            "shim, a profile never seen",
            Box::new(|round| once(true, &unseen(&with, round))),
        ),
        ("bare, no profile", Box::new(|_| once(false, &plain))),
        (
            "bare, a profile never seen",
            Box::new(|round| once(false, &unseen(&with, round))),
        ),
    ];
    let mut times = vec![Vec::new(); entries.len()];
    let mut csv = String::from("entry,milliseconds\n");
    for round in 0..rounds.saturating_add(WARM_UP) {
        for turn in 0..entries.len() {
            let which = round.wrapping_mul(7).wrapping_add(turn) % entries.len();
            let (Some((name, make)), Some(times)) = (entries.get(which), times.get_mut(which))
            else {
                continue;
            };
            let milliseconds = make(round);
            if round >= WARM_UP && !milliseconds.is_nan() {
                times.push(milliseconds);
                // Writing to a String cannot fail.
                let _ = writeln!(csv, "{},{milliseconds:.4}", name.replace(',', ""));
            }
        }
    }
    // Without the raw numbers the table is still true.
    let _ = std::fs::write(raw, csv);
    let base = times.first().map_or(f64::NAN, |times| median(times));
    let mut text = String::new();
    for ((name, _), times) in entries.iter().zip(&times) {
        let middle = median(times);
        let _ = writeln!(
            text,
            "  {name:<30} {middle:>8.3} ms  x {:.3}",
            middle / base
        );
    }
    text
}

/// The configuration with a profile that means the same and reads otherwise.
fn unseen(with: &[u8], round: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(with);
    let own = std::process::id();
    let rule = format!(
        r#""syscalls":[{{"action":"SCMP_ACT_ERRNO","errnoRet":1,"names":["none_{own}_{round}"]}},"#
    );
    text.replacen(r#""syscalls":["#, &rule, 1).into_bytes()
}

fn quiet(command: &mut Command) {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Calls of which the default profile looks at the arguments.
const CHECKED: &[(&str, [u64; 6])] = &[
    ("socket", [2, 1, 0, 0, 0, 0]),
    ("clone", [0x0120_0011, 0, 0, 0, 0, 0]),
    ("personality", [0, 0, 0, 0, 0, 0]),
];
/// `BPF_RET | BPF_K`, and what is returned (include/uapi/linux/seccomp.h).
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const TRAP: u32 = 0x0003_0000;
const ERRNO: u32 = 0x0005_0000;
const NATIVE: Arch = Arch::ScmpArchX86_64;
/// Rounds that are run and not counted: files and pages come into the cache.
const WARM_UP: usize = 5;

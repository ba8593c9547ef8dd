//! argv as the real runtimes read it, against `shim::argv::scan`: wherever a runtime reads a
//! bundle's config.json, `scan` has found the same file, or refused.
#![forbid(unsafe_code)]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test: its helpers may fail as it does"
)]

mod lines;
mod world;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;

use shim::argv::{Call, Flavor, scan};

use lines::{CALLERS, Chance, TABLE, by_chance, words};
use world::World;

#[test]
fn what_runc_reads_is_found_or_refused() {
    differential(
        "what_runc_reads_is_found_or_refused",
        "runc",
        Flavor::Runc,
        1_200,
    );
}

#[test]
fn what_crun_reads_is_found_or_refused() {
    differential(
        "what_crun_reads_is_found_or_refused",
        "crun",
        Flavor::Crun,
        1_500,
    );
}

#[test]
fn what_youki_reads_is_found_or_refused() {
    differential(
        "what_youki_reads_is_found_or_refused",
        "youki",
        Flavor::Youki,
        400,
    );
}

/// Runs every line of the tables and `count` by chance.
fn differential(test: &str, name: &str, flavor: Flavor, count: u64) {
    let Some(runtime) = find(name) else {
        integration::skip(test, &format!("{name} is not installed"));
        return;
    };
    let seed = number("SHIM_TEST_ARGV_SEED").unwrap_or(0x5eed_0001);
    let count = number("SHIM_TEST_ARGV_LINES").unwrap_or(count);
    let mut chance = Chance(seed);
    let mut all: Vec<Vec<OsString>> = TABLE
        .iter()
        .chain(CALLERS)
        .map(|line| words(line))
        .collect();
    all.extend((0..count).map(|_| by_chance(&mut chance)));

    let (left, right) = all.split_at(all.len() / 2);
    let tally = thread::scope(|scope| {
        let left = scope.spawn(|| tally(&runtime, flavor, left));
        let right = scope.spawn(|| tally(&runtime, flavor, right));
        left.join().unwrap().plus(right.join().unwrap())
    });
    println!("{name}, {} lines: {tally:?}", all.len());
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    // The lines must put the question often enough, and refusing must not be the answer to all.
    assert!(tally.read_and_found > all.len() / 20, "{tally:?}");
    assert!(tally.read_and_refused < tally.read_and_found, "{tally:?}");

    callers(&runtime, flavor);
}

/// Every engine's lines are understood, and mean what the runtime takes them for.
fn callers(runtime: &Path, flavor: Flavor) {
    let world = World::new(runtime);
    let mut agreed = 0;
    for line in CALLERS {
        let args = words(line);
        for flavor in [flavor, Flavor::Unknown] {
            let Call::Ours(request) = scan(&args, flavor) else {
                panic!("{line} is not understood for {flavor:?}");
            };
            let meant = world.meant_by(&request);
            assert!(meant.is_some(), "{line} means no bundle for {flavor:?}");
            if let Some(read) = world.read_by_runtime(&rooted(&world, &args)) {
                assert_eq!(meant, Some(read), "{line} for {flavor:?}");
                agreed += 1;
            }
        }
    }
    // crun connects to a console socket before it reads, and here has no restore.
    assert!(agreed >= 8, "only {agreed} were read by {runtime:?}");
}

/// How often what happened.
#[derive(Debug, Default)]
struct Tally {
    /// The runtime read a config, and the scan had found it.
    read_and_found: usize,
    /// The runtime read a config, and the scan had refused.
    read_and_refused: usize,
    /// The runtime read none, and the scan had found one.
    unread_and_found: usize,
    /// The runtime read none, and the scan had refused.
    unread_and_refused: usize,
    /// The runtime read none, and the scan had passed it on.
    unread_and_passed: usize,
    /// Where the promise was broken.
    wrong: Vec<String>,
}

impl Tally {
    fn plus(mut self, other: Self) -> Self {
        self.read_and_found += other.read_and_found;
        self.read_and_refused += other.read_and_refused;
        self.unread_and_found += other.unread_and_found;
        self.unread_and_refused += other.unread_and_refused;
        self.unread_and_passed += other.unread_and_passed;
        self.wrong.extend(other.wrong);
        self
    }
}

fn tally(runtime: &Path, flavor: Flavor, lines: &[Vec<OsString>]) -> Tally {
    let world = World::new(runtime);
    let mut tally = Tally::default();
    for line in lines {
        let read = world.read_by_runtime(&rooted(&world, line));
        let args = rooted(&world, line);
        // An unknown runtime could be this one: the promise is the same, the counts are not.
        let unknown = scan(&args, Flavor::Unknown);
        if read.is_some() && !keeps_promise(&world, &unknown, read) {
            tally
                .wrong
                .push(format!("{line:?} unknown: {unknown:?}, read {read:?}"));
        }
        let call = scan(&args, flavor);
        match (&call, read) {
            (Call::Ours(_), Some(_)) if keeps_promise(&world, &call, read) => {
                tally.read_and_found += 1;
            }
            (Call::Refused { .. }, Some(_)) => tally.read_and_refused += 1,
            (_, Some(_)) => {
                tally
                    .wrong
                    .push(format!("{line:?}: {call:?}, read {read:?}"));
            }
            (Call::Ours(_), None) => tally.unread_and_found += 1,
            (Call::Refused { .. }, None) => tally.unread_and_refused += 1,
            (Call::PassThrough, None) => tally.unread_and_passed += 1,
        }
    }
    tally
}

fn keeps_promise(world: &World, call: &Call, read: Option<usize>) -> bool {
    match call {
        Call::Ours(request) => world.meant_by(request) == read,
        Call::PassThrough => false,
        Call::Refused { .. } => true,
    }
}

/// The line with the runtime's state kept in the world.
fn rooted(world: &World, line: &[OsString]) -> Vec<OsString> {
    let mut args = vec!["--root".into(), world.root()];
    args.extend_from_slice(line);
    args
}

/// A number in the environment, for longer runs by hand.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The runtime on PATH or in sbin, or where `SHIM_TEST_<NAME>` says.
fn find(name: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(format!("SHIM_TEST_{}", name.to_uppercase())) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([
            "/usr/sbin".into(),
            "/usr/bin".into(),
            "/usr/local/bin".into(),
        ])
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

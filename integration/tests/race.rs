//! An attacker swaps files while creates run: what is decided is decided on one whole file, and
//! what the runtime is given is that.
//!
//! Promised: a policy directory is one directory, whatever is renamed meanwhile; a profile comes from
//! below its root or not at all; the new config.json is the rewrite of one old one, whole, and a file
//! that somebody else has put there since it was read is refused. Not promised: anything about a
//! bundle that others write to *after* the last look at it. So the attacker here swaps by exchange,
//! and knows from what came back whether it was late: only then may the runtime have seen a file
//! that nobody decided on.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends here"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use integration::{Outcome, PolicyDir, StandIn, run};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

const TIME: Duration = Duration::from_secs(5);

/// A profile that tells which one it is by the call that it denies.
fn denies(call: &str) -> String {
    format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":["{call}"],"action":"SCMP_ACT_ERRNO"}}]}}"#
    )
}

fn config(name: &str, seccomp: &str) -> String {
    format!(r#"{{"ociVersion":"1.0.2","hostname":"{name}","linux":{{"seccomp":{seccomp}}}}}"#)
}

fn localhost(profile: &str) -> String {
    format!(r#"defaults.profile = {{ type = "Localhost", localhostProfile = "{profile}" }}"#)
}

fn exchange(a: &Path, b: &Path) {
    renameat2(AT_FDCWD, a, AT_FDCWD, b, RenameFlags::RENAME_EXCHANGE).expect("exchanged");
}

/// Tells the attacker to stop, also where an assertion ends the test: the scope waits for it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `attack` over and over while `create` runs for a while, and says how often that ran.
fn under_attack(attack: impl FnMut(u32) + Send, mut create: impl FnMut()) -> u32 {
    let done = AtomicBool::new(false);
    let mut attack = attack;
    std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                attack(rounds);
                rounds += 1;
            }
            rounds
        });
        let stop = Stop(&done);
        let until = Instant::now() + TIME;
        let mut creates = 0;
        while Instant::now() < until {
            create();
            creates += 1;
        }
        drop(stop);
        let rounds = attacker.join().expect("the attacker");
        assert!(rounds > creates, "{rounds} attacks on {creates} creates");
        creates
    })
}

/// Refused with one line, the runtime never reached.
fn is_refusal(outcome: &Outcome) -> bool {
    outcome.code == Some(1)
        && outcome.stdout.is_empty()
        && outcome.stderr.starts_with("seccomp-shim: ")
        && outcome.stderr.lines().count() == 1
}

#[test]
fn a_config_swapped_during_a_create_is_decided_on_or_refused() {
    let policy = PolicyDir::new(&localhost("a.json")).with_profile("a.json", &denies("mkdir"));
    let stand_in = StandIn::new();
    let spare = stand_in.bundle().join("spare");
    // One asks for freedom, the other tries to be read in two ways.
    let free = config("free", "null");
    let tricky = config(
        "tricky",
        r#"{"defaultAction":"SCMP_ACT_ALLOW"},"Seccomp":null"#,
    );
    let decided = config("free", &denies("mkdir"));

    let (mut refusals, mut reached, mut late, mut changed, mut overwritten) = (0, 0, 0, 0, 0);
    let start = Instant::now();
    let mut creates = 0_u64;
    while start.elapsed() < TIME {
        fs::write(stand_in.config(), &free).expect("config.json");
        fs::write(&spare, &tricky).expect("the spare");
        // One swap at some moment of a create, each time a little later.
        let delay = Duration::from_micros(creates * 37 % 4_000);
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(delay);
                exchange(&stand_in.config(), &spare);
            });
            run(&mut stand_in.create(&policy))
        });
        creates += 1;
        let came_back = fs::read_to_string(&spare).expect("the spare");
        let stands = fs::read_to_string(stand_in.config()).expect("config.json");
        if is_refusal(&outcome) {
            refusals += 1;
            changed += u32::from(outcome.stderr.contains("changed by somebody else"));
            // Refused on sight of the swapped one or because of the swap: nothing was written.
            assert_eq!((came_back.as_str(), stands.as_str()), (&*free, &*tricky));
            continue;
        }
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        reached += 1;
        if outcome.stdout == decided {
            overwritten += u32::from(came_back == free && stands == decided);
            continue;
        }
        // The runtime saw the other file: then the attacker has taken the decided one away.
        late += 1;
        assert_eq!(outcome.stdout, tricky, "never a mixture");
        assert_eq!(came_back, decided, "undecided without a late swap");
    }
    let names = stand_in.names();
    assert_eq!(names, ["config.json", "spare"], "nothing is left behind");
    println!(
        "{creates} creates: {refusals} refused ({changed} as changed), {reached} reached, \
         {late} late, {overwritten} overwritten"
    );
    // Only between the last look and the rename may another file be overwritten.
    assert!(changed > overwritten, "{changed} > {overwritten}");
    assert!(refusals > 0 && reached > 0);
}

#[test]
fn a_profile_swapped_with_a_link_out_of_its_root_is_never_used() {
    let policy = PolicyDir::new(&localhost("a.json")).with_profile("a.json", &denies("mkdir"));
    let outside = tempfile::tempdir().expect("a folder");
    let elsewhere = outside.path().join("free.json");
    fs::write(&elsewhere, denies("nothing_at_all")).expect("a profile elsewhere");
    let profile = policy.path().join("profiles/a.json");
    let link = policy.path().join("profiles/link");
    symlink(&elsewhere, &link).expect("a link");
    let stand_in = StandIn::new();
    let decided = config("x", &denies("mkdir"));

    let (mut refused, mut reached) = (0, 0);
    let creates = under_attack(
        |_| exchange(&profile, &link),
        || {
            fs::write(stand_in.config(), config("x", "null")).expect("config.json");
            let outcome = run(&mut stand_in.create(&policy));
            let stands = fs::read_to_string(stand_in.config()).expect("config.json");
            if is_refusal(&outcome) {
                refused += 1;
                assert_eq!(stands, config("x", "null"), "untouched");
            } else {
                reached += 1;
                assert_eq!(outcome.stdout, decided, "{}", outcome.stderr);
                assert_eq!(stands, decided);
            }
        },
    );
    println!("{creates} creates: {refused} refused, {reached} reached");
    assert!(refused > 0 && reached > 0, "the attacker never hit");
}

#[test]
fn a_policy_directory_swapped_during_a_create_is_one_directory() {
    // Each names its own profile; under the other's name it has one that must never be used.
    let one = PolicyDir::new(&localhost("one.json"))
        .with_profile("one.json", &denies("mkdir"))
        .with_profile("two.json", &denies("nothing_at_all"));
    let two = PolicyDir::new(&localhost("two.json"))
        .with_profile("two.json", &denies("chmod"))
        .with_profile("one.json", &denies("nothing_at_all"));
    let stand_in = StandIn::new();
    let decided = [config("x", &denies("mkdir")), config("x", &denies("chmod"))];
    let mut seen = [0, 0];
    let creates = under_attack(
        |_| exchange(one.path(), two.path()),
        || {
            fs::write(stand_in.config(), config("x", "null")).expect("config.json");
            let outcome = run(&mut stand_in.create(&one));
            // No file is missing at any time, so nothing is to be refused.
            assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
            let which = decided.iter().position(|text| *text == outcome.stdout);
            let which = which.unwrap_or_else(|| panic!("a mixture of two policies: {outcome:?}"));
            seen[which] += 1;
        },
    );
    println!("{creates} creates: {seen:?}");
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_bundle_folder_swapped_during_a_create_is_one_folder() {
    let policy = PolicyDir::new(&localhost("a.json")).with_profile("a.json", &denies("mkdir"));
    let stand_in = StandIn::new();
    let other: PathBuf = stand_in.bundle().with_file_name("other");
    fs::create_dir(&other).expect("another bundle");
    let texts = |name: &str| [config(name, "null"), config(name, &denies("mkdir"))];
    let (a, b) = (texts("a"), texts("b"));
    let mut rewritten = 0;
    under_attack(
        |_| {
            exchange(&stand_in.bundle(), &other);
            std::thread::sleep(Duration::from_micros(200));
        },
        || {
            let _ = run(&mut stand_in.create(&policy));
            for folder in [stand_in.bundle(), other.clone()] {
                let Ok(text) = fs::read_to_string(folder.join("config.json")) else {
                    continue;
                };
                let whole = a.contains(&text) || b.contains(&text);
                assert!(whole, "a mixture: {text}");
                rewritten += usize::from(text == a[1] || text == b[1]);
            }
            write_new(&stand_in.bundle(), &a[0]);
            write_new(&other, &b[0]);
        },
    );
    assert!(rewritten > 0);
}

/// Puts a whole new file there, as engines do.
fn write_new(folder: &Path, text: &str) {
    let path = folder.join("config.json");
    // The folder may have been exchanged in between: the other one gets the file, which is as good.
    let beside = folder.join("new");
    if fs::write(&beside, text).is_ok() {
        let _ = fs::rename(&beside, path);
    }
}

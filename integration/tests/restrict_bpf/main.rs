//! `restrict` and `merge`, held against the filters themselves: two profiles and their result are
//! compiled as crun does, and all three programs run on every call that the profiles tell apart.
//!
//! A program of its own, without the test harness: libseccomp does not end on some profiles, so it
//! compiles in a child, and a harness has threads.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says so by failing"
)]

mod calls;
mod generated;
#[path = "../oci/mod.rs"]
mod oci;
mod pair;

use std::io::Write;

use filter::Runtime;
use generated::FAMILIES;
use integration::{Random, shared_data};
use oci::{NATIVE, seccomp};
use pair::{Count, Pair, Rule};
use profile::{Seccomp, merge, restrict};
use serde_json::Value;

fn main() {
    let tests: [(&str, fn()); 4] = [
        (
            "a_restricted_profile_compiles_to_both_filters_stacked",
            a_restricted_profile_compiles_to_both_filters_stacked,
        ),
        (
            "a_merged_profile_compiles_to_what_either_filter_allows",
            a_merged_profile_compiles_to_what_either_filter_allows,
        ),
        (
            "generated_profiles_restrict_as_their_filters_stack",
            generated_profiles_restrict_as_their_filters_stack,
        ),
        (
            "generated_profiles_merge_as_either_filter_allows",
            generated_profiles_merge_as_either_filter_allows,
        ),
    ];
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| {
        let mut words = words
            .iter()
            .filter(|word| !word.starts_with('-'))
            .peekable();
        words.peek().is_none() || words.any(|word| name.contains(word.as_str()))
    };
    let mut passed = 0;
    for (name, test) in tests {
        if asked(name) {
            test();
            println!("test {name} ... ok");
            std::io::stdout().flush().unwrap();
            passed += 1;
        }
    }
    println!("\ntest result: ok. {passed} passed; 0 failed");
}

/// The pairs of the reference data.
fn pairs() -> Option<Vec<(String, Seccomp, Seccomp)>> {
    let data = shared_data("restrict_bpf")?;
    let text = std::fs::read_to_string(data.join("restrict.jsonl")).unwrap();
    let row = |line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let id = row["id"].as_str().unwrap().to_owned();
        (id, seccomp(&row["a"]), seccomp(&row["b"]))
    };
    Some(text.lines().map(row).collect())
}

fn a_restricted_profile_compiles_to_both_filters_stacked() {
    let mut count = Count::default();
    for (id, a, b) in pairs().unwrap_or_default() {
        let result = restrict(&a, &b, NATIVE).unwrap();
        restricted(&id, &a, &b, &result).compare(Runtime::Crun, 96, &mut count);
    }
    println!("{count:?}");
    sound(&count);
}

fn a_merged_profile_compiles_to_what_either_filter_allows() {
    let mut count = Count::default();
    for (id, a, b) in pairs().unwrap_or_default() {
        let b = [b];
        let result = match merge(&a, &b, NATIVE) {
            Ok(result) => result,
            Err(error) => {
                eprintln!("{id}: {error}");
                continue;
            }
        };
        let pair = Pair {
            id: &id,
            rule: Rule::Looser,
            both: [&a, &b[0]],
            result: &result.profile,
            notes: &result.rounded,
        };
        pair.compare(Runtime::Crun, 96, &mut count);
    }
    println!("{count:?}");
    sound(&count);
}

fn generated_profiles_restrict_as_their_filters_stack() {
    let mut count = Count::default();
    let mut unwritable = 0;
    for (id, a, b) in some_pairs(1, 400) {
        match restrict(&a, &b, NATIVE) {
            Ok(result) => {
                restricted(&id, &a, &b, &result).compare(Runtime::Crun, 200, &mut count);
            }
            Err(error) => {
                eprintln!("{id}: {error}");
                unwritable += 1;
            }
        }
    }
    println!("{unwritable} without a result, {count:?}");
    sound(&count);
}

fn generated_profiles_merge_as_either_filter_allows() {
    let mut count = Count::default();
    let mut unwritable = 0;
    for (id, a, b) in some_pairs(2, 400) {
        let b = [b];
        match merge(&a, &b, NATIVE) {
            Ok(result) => {
                let pair = Pair {
                    id: &id,
                    rule: Rule::Looser,
                    both: [&a, &b[0]],
                    result: &result.profile,
                    notes: &result.rounded,
                };
                pair.compare(Runtime::Crun, 200, &mut count);
            }
            Err(error) => {
                eprintln!("{id}: {error}");
                unwritable += 1;
            }
        }
    }
    println!("{unwritable} without a result, {count:?}");
    sound(&count);
}

fn some_pairs(seed: u64, some: usize) -> Vec<(String, Seccomp, Seccomp)> {
    let mut random = Random::new(seed);
    let pair = |at: usize| {
        let family = FAMILIES[at % FAMILIES.len()];
        let [a, b] = [(); 2].map(|()| generated::profile(family, &mut random));
        (format!("{family:?} {at}"), a, b)
    };
    (0..some).map(pair).collect()
}

fn restricted<'a>(
    id: &'a str,
    a: &'a Seccomp,
    b: &'a Seccomp,
    result: &'a profile::Restricted,
) -> Pair<'a> {
    Pair {
        id,
        rule: Rule::Stricter,
        both: [a, b],
        result: &result.profile,
        notes: &result.rounded,
    }
}

/// Never looser, and stricter only where that was said.
fn sound(count: &Count) {
    assert_eq!((count.looser, count.stricter), (0, 0), "{count:?}");
}

//! The model of what a profile means, held against what libseccomp compiled.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says so by failing"
)]

mod oci;

use integration::shared_data;
use oci::{abi, arguments, known_name, outcome, seccomp};
use profile::meaning::judge;
use profile::native_from_name;
use serde_json::Value;

/// How many queries of rows for `native` were asked, and of how many rules overlap.
fn compare(native: &str, compiled: &str, column: &str) -> Option<(usize, usize)> {
    let data = shared_data("meaning_data")?;
    let text = std::fs::read_to_string(data.join("simulate.jsonl")).unwrap();
    let (mut queries, mut wrong, mut open) = (0, 0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["native"] != native || !row[compiled]["error"].is_null() {
            continue;
        }
        let profile = seccomp(&row["seccomp"]);
        let node = native_from_name(native).unwrap();
        for query in row["queries"].as_array().unwrap() {
            let Some(expect) = query[column].as_str() else {
                continue;
            };
            queries += 1;
            let name = known_name(query);
            let answer = judge(&profile, node, abi(query), name, arguments(query));
            open += usize::from(answer.outcomes().len() > 1);
            if !answer.outcomes().contains(&outcome(expect)) {
                wrong += 1;
                eprintln!("{}: {answer:?} for {query}", row["id"]);
            }
        }
    }
    eprintln!("{native}: {queries} queries, {wrong} wrong, {open} with several possible answers");
    assert_eq!(wrong, 0);
    Some((queries, open))
}

#[test]
fn the_model_answers_as_the_compiled_filter() {
    if let Some((queries, _)) = compare("x86_64", "crun_like", "crun") {
        assert_eq!(queries, 28_685);
    }
}

#[test]
fn the_model_answers_as_a_filter_for_another_machine() {
    if let Some((queries, _)) = compare("aarch64", "libseccomp", "libseccomp") {
        assert_eq!(queries, 1_645);
    }
}

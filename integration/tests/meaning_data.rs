//! The model of what a profile means, held against what libseccomp compiled.

mod oci;

use integration::shared_data;
use oci::{NATIVE, abi, arguments, known_name, outcome, seccomp};
use profile::meaning::judge;
use serde_json::Value;

#[test]
fn the_model_answers_as_the_compiled_filter() {
    let Some(data) = shared_data("meaning_data") else {
        return;
    };
    let text = std::fs::read_to_string(data.join("simulate.jsonl")).unwrap();
    let (mut queries, mut wrong, mut open) = (0, 0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["native"] != "x86_64" || !row["crun_like"]["error"].is_null() {
            continue;
        }
        let profile = seccomp(&row["seccomp"]);
        for query in row["queries"].as_array().unwrap() {
            let Some(expect) = query["crun"].as_str() else {
                continue;
            };
            queries += 1;
            let name = known_name(query);
            let answer = judge(&profile, NATIVE, abi(query), name, arguments(query));
            open += usize::from(answer.outcomes().len() > 1);
            if !answer.outcomes().contains(&outcome(expect)) {
                wrong += 1;
                eprintln!("{}: {answer:?} for {query}", row["id"]);
            }
        }
    }
    eprintln!("{queries} queries, {wrong} wrong, {open} with several possible answers");
    assert!(queries > 10_000);
    assert_eq!(wrong, 0);
}

//! Restricted profiles, judged at the calls whose answer is known from both filters stacked.

mod oci;

use integration::shared_data;
use oci::{NATIVE, abi, arguments, known_name, outcome, seccomp, texts};
use profile::meaning::{Outcome, judge};
use profile::{Note, restrict};
use serde_json::Value;

#[derive(Debug, Default)]
struct Count {
    pairs: usize,
    exact_pairs: usize,
    queries: usize,
    exact: usize,
    looser: usize,
    unstable: usize,
    rounded: usize,
}

#[test]
fn a_restricted_profile_answers_as_both_filters_stacked() {
    let Some(data) = shared_data("restrict_data") else {
        return;
    };
    let text = std::fs::read_to_string(data.join("restrict.jsonl")).unwrap();
    let (mut count, mut all, mut refused) = (Count::default(), 0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        all += 1;
        let (a, b) = (seccomp(&row["a"]), seccomp(&row["b"]));
        let result = match restrict(&a, &b, NATIVE) {
            Ok(result) => result,
            Err(error) => {
                eprintln!("{}: {error}", row["id"]);
                refused += 1;
                continue;
            }
        };
        for note in &result.rounded {
            eprintln!("{}: {note}", row["id"]);
        }
        count.rounded += usize::from(!result.rounded.is_empty());
        let again = restrict(&a, &result.profile, NATIVE).unwrap();
        count.unstable += usize::from(again.profile != result.profile);
        let Some(queries) = row["queries"].as_array() else {
            continue;
        };
        count.pairs += 1;
        let mut wrong = 0;
        for query in queries {
            let arch = abi(query);
            let args = arguments(query);
            let name = known_name(query);
            let expect = texts(&query["expect_any_of"]);
            let expect: Vec<Outcome> = expect.into_iter().map(outcome).collect();
            let answer = judge(&result.profile, NATIVE, arch, name, args);
            let needed = expect.iter().map(|one| one.strictness()).min().unwrap();
            let least = answer.outcomes().iter().map(|one| one.strictness()).min();
            count.queries += 1;
            if least.unwrap() < needed {
                count.looser += 1;
                eprintln!("{}: looser: {answer:?} for {query}", row["id"]);
            }
            if answer.outcomes().iter().all(|one| expect.contains(one)) {
                count.exact += 1;
            } else {
                wrong += 1;
                if wrong < 3 && !has_note(&result.rounded, name) {
                    eprintln!("{}: {answer:?} for {query}", row["id"]);
                }
            }
        }
        count.exact_pairs += usize::from(wrong == 0);
    }
    eprintln!("{all} pairs, {refused} refused, with answers: {count:?}");
    assert_eq!((all, refused), (90, 0));
    assert_eq!((count.looser, count.unstable), (0, 0));
    assert_eq!(count.pairs, 47);
    assert!(count.exact_pairs * 100 >= count.pairs * 100, "{count:?}");
}

fn has_note(notes: &[Note], name: &str) -> bool {
    let about = |note: &Note| matches!(note, Note::Stricter { syscall, .. } if syscall == name);
    notes.iter().any(about)
}

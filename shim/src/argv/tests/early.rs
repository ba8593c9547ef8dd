//! What the early entry hands on, the ordinary path would hand on, too (`early_entry::words`).
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use early_entry::words::passing;

use super::{FLAVORS, callers, differences, words};
use crate::argv::{Call, scan, take_own};
use crate::tools;

/// Whether the early entry hands the words on; if so, checks that the ordinary path does the same.
fn handed_on(words: &[OsString]) -> bool {
    let Some(passing) = passing(words.iter().map(|word| word.as_bytes())) else {
        return false;
    };
    let (own, rest) = take_own(words.to_vec()).expect("no fault where the early entry sees none");
    assert_eq!(rest, words[passing.taken..], "{words:?}");
    let value = |word: &Option<OsString>| word.as_deref().map(|word| word.as_bytes().to_vec());
    assert_eq!(value(&own.runtime).as_deref(), passing.runtime, "{words:?}");
    assert_eq!(value(&own.policy).as_deref(), passing.policy, "{words:?}");
    assert!(!tools::is_own_word(&rest[0]), "{words:?}");
    for flavor in FLAVORS {
        assert_eq!(
            scan(&rest, flavor),
            Call::PassThrough,
            "{words:?} for {flavor:?}"
        );
    }
    true
}

#[test]
fn every_line_of_the_tables_is_handed_on_as_the_ordinary_path_would() {
    let own = [
        "",
        "--shim-runtime /r",
        "--shim-policy=/p --shim-handler h --shim-runtime=/r",
        "--shim-runtime /q --shim-runtime /r",
    ];
    let lines = callers::lines().chain(differences::lines());
    for line in lines {
        for own in own {
            handed_on(&words(&format!("{own} {line}")));
        }
    }
}

#[test]
fn the_calls_that_engines_make_most_are_handed_on() {
    for line in [
        "--root R --log L --log-format json start ID",
        "--root R --log L --log-format json --systemd-cgroup state ID",
        "--root /run/containerd/runc/k8s.io kill --all ID 15",
        "--shim-runtime /usr/bin/crun --shim-policy=/p delete --force ID",
        "--systemd-cgroup --log-format=json --log F exec --process P -d ID",
        "exec ID sh -c echo",
        "features",
        "--version",
        "-v",
    ] {
        assert!(handed_on(&words(line)), "{line}");
    }
}

#[test]
fn what_is_not_certain_is_left_to_the_ordinary_path() {
    for line in [
        "",
        "create ID",
        "--root R create -b B ID",
        "exec ID run",
        "state create",
        "explain --bundle B",
        "profile check P",
        "no-such-command",
        "''",
        "--shim-runtime",
        "--shim-runtime= state ID",
        "--shim-runtime --root state ID",
        "--shim-runtime /r explain --bundle B",
        "--shim-nonsense state ID",
        "--shim-nonsense=1 state ID",
        "--shim-runtimes=/r state ID",
        "--debug --shim-runtime /r state ID",
        "exec ID prog --shim-runtime /r",
        "_create ID",
        "--log _run_ ID",
    ] {
        assert!(!handed_on(&words(line)), "{line}");
    }
    for space in ["\u{a0}", "\u{3000}", "\u{2028}", "\t", "\x0b", "\u{85}"] {
        let word = OsString::from(format!("{space}create{space}{space}"));
        assert!(!handed_on(&[word, "ID".into()]), "{space:?}");
    }
    // No tool of ours has a name that the early entry takes for a runtime's.
    for word in early_entry::words::OTHER {
        assert!(!tools::is_own_word(std::ffi::OsStr::from_bytes(word)));
    }
}

#[test]
fn lines_made_of_telling_words_are_handed_on_as_the_ordinary_path_would() {
    const WORDS: &[&str] = &[
        "create",
        "run",
        "_run",
        "state",
        "exec",
        "explain",
        "-",
        "--",
        "--log",
        "--debug",
        "-b",
        "--shim-runtime",
        "--shim-policy=/p",
        "--shim-x",
        "--bundle=create",
        "x",
    ];
    let mut handed = 0;
    for number in 0..WORDS.len().pow(4) {
        let line: Vec<&str> = (0..4_u32)
            .filter_map(|place| WORDS.get(number / WORDS.len().pow(place) % WORDS.len()))
            .copied()
            .collect();
        handed += usize::from(handed_on(&words(&line.join(" "))));
    }
    assert!(handed > 1000, "{handed}");
}

#[test]
fn the_seeds_of_the_fuzzer_are_handed_on_as_the_ordinary_path_would() {
    let seeds = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../integration/fuzz/seeds/argv"
    );
    let mut seen = 0;
    for seed in std::fs::read_dir(seeds).expect("the seeds") {
        let text = std::fs::read(seed.expect("a seed").path()).expect("its text");
        let words = text.split(|byte| *byte == b'\n');
        let words: Vec<OsString> = words
            .map(|word| word.iter().copied().filter(|byte| *byte != 0).collect())
            .map(OsString::from_vec)
            .collect();
        handed_on(&words);
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn both_look_for_the_policy_in_the_same_folder() {
    assert_eq!(
        Path::new(std::ffi::OsStr::from_bytes(
            early_entry::places::DEFAULT_POLICY
        )),
        Path::new(policy::DEFAULT_DIRECTORY)
    );
}

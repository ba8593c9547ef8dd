//! What linting says of public profiles: few things, and each of them was looked at and is true.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::collections::BTreeMap;
use std::fs;

use integration::shared_data;
use profile::{Arch, Source};

#[test]
fn public_profiles_have_few_warnings_and_half_have_none() {
    let Some(data) = shared_data("lint_data") else {
        return;
    };
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut read, mut silent, mut most) = (0, 0, 0);
    for entry in fs::read_dir(data.join("profiles")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let Ok(source) = Source::read(&bytes) else {
            continue;
        };
        let warnings = source.lint(Arch::ScmpArchX86_64);
        read += 1;
        silent += usize::from(warnings.is_empty());
        most = most.max(warnings.len());
        for warning in &warnings {
            assert!(warning.to_string().len() < 400, "{warning}");
            *count.entry(warning.kind.code()).or_default() += 1;
        }
    }
    println!("{read} read, {silent} silent, at most {most}: {count:?}");
    assert_eq!((read, silent, most), (101, 57, 4));
    let expected = [
        ("arch-map", 2),
        ("dropped-rule", 3),
        ("hidden-rule", 6),
        ("idle-errno", 1),
        ("int-argument", 32),
        ("multiplexed", 3),
        ("multiplexer-open", 18),
        ("native-only", 15),
        ("no-effect", 1),
        ("other-architecture", 3),
        ("unknown-syscall", 4),
    ];
    assert_eq!(count, expected.into());
}

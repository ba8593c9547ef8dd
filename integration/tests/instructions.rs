//! The hot path does not grow unseen: its instructions are counted, and docs/benchmarks.md says how
//! many there may be.
#![expect(clippy::expect_used, clippy::panic, reason = "a test ends here")]

use std::ffi::OsString;
use std::path::Path;

use integration::{
    PolicyDir, TestBundle, copy_program, docker_sized, shim_binary, skip, steps_to_exec, ten_rules,
};
use serde_json::Value;

/// How much more than the table says is still the same: libraries choose their code by the processor.
const MARGIN: f64 = 1.05;

#[test]
fn the_hot_path_takes_as_many_instructions_as_the_table_says() {
    const TEST: &str = "the_hot_path_takes_as_many_instructions_as_the_table_says";
    let shim = shim_binary();
    if shim.components().any(|part| part.as_os_str() == "debug") {
        return skip(TEST, "the binary under test is not a release build");
    }
    if !cfg!(target_arch = "x86_64") {
        return skip(TEST, "the table is for x86_64");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = folder.path().join("runc");
    copy_program(Path::new("/bin/true"), &runtime);
    let policy = PolicyDir::new(&ten_rules());
    let bundle = TestBundle::new(&["true"]);
    bundle.edit(|config| {
        let linux = config.pointer_mut("/linux").and_then(Value::as_object_mut);
        linux
            .expect("linux")
            .insert("seccomp".to_owned(), docker_sized());
    });
    let own: [OsString; 5] = [
        shim.into(),
        "--shim-runtime".into(),
        runtime.into(),
        "--shim-policy".into(),
        policy.path().into(),
    ];
    let create: [OsString; 4] = [
        "create".into(),
        "--bundle".into(),
        bundle.path().into(),
        "id".into(),
    ];
    let original = bundle.text();
    let mut grown = Vec::new();
    for (row, words) in [
        ("state", &["state".into(), "id".into()][..]),
        ("create", &create[..]),
    ] {
        bundle.write_text(&original);
        let Some(steps) = steps_to_exec(&[&own[..], words].concat()) else {
            return skip(TEST, "programs cannot be traced here");
        };
        let (count, stretches) = (steps.instructions, steps.stretches());
        let [table, most] = in_the_table(row);
        eprintln!(
            "{row}: {count} instructions in {stretches} stretches; the table says {table}, {most}"
        );
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        if count as f64 > table as f64 * MARGIN {
            grown.push(format!(
                "`{row}` takes {count} instructions, the table says {table}"
            ));
        }
        if u64::try_from(stretches).is_ok_and(|stretches| stretches > most) {
            grown.push(format!(
                "`{row}` is in {stretches} stretches of the program, the table says {most} \
                 (`make order` puts them together)"
            ));
        }
    }
    assert!(
        grown.is_empty(),
        "{}: make it less, or say it in docs/benchmarks.md, \"Instructions\"",
        grown.join("; ")
    );
}

/// The numbers in the row that begins so, below "Instructions" of docs/benchmarks.md.
fn in_the_table(row: &str) -> [u64; 2] {
    let page = include_str!("../../docs/benchmarks.md");
    let (_, section) = page.split_once("\n## Instructions").expect("the section");
    let line = section
        .lines()
        .find(|line| line.starts_with(&format!("| `{row}`")))
        .unwrap_or_else(|| panic!("no row for {row}"));
    let cells = line.trim_matches(['|', ' ']).split('|').skip(1);
    let numbers: Vec<u64> = cells
        .map(|cell| cell.replace(',', "").trim().parse().expect("a number"))
        .collect();
    numbers.try_into().expect("two numbers")
}

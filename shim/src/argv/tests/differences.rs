//! Where parsers differ: one line a row, one column a runtime.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::{FLAVORS, short, words};
use crate::argv::reading::{Outcome, Reading, read};
use crate::argv::{RUNC_V1, RUNC_V3};

/// A line, and what it comes to for runc, crun, youki, and an unknown runtime.
const ROWS: &[(&str, [&str; 4])] = &[
    // Flags after the id: all but crun.
    (
        "create ID --bundle X",
        ["create X ID", "pass", "create X ID", "create X ID"],
    ),
    ("run ID -b X", ["run X ID", "pass", "run X ID", "run X ID"]),
    (
        "create ID --bundle=X",
        ["create X ID", "pass", "create X ID", "create X ID"],
    ),
    // crun's restore takes a second operand; then it would be the working directory.
    (
        "restore ID --bundle=X",
        ["restore X ID", "restore . ID", "restore X ID", "refused"],
    ),
    // Global flags after the subcommand: runc 1.5.
    (
        "create --root R --bundle X ID",
        ["create X ID", "pass", "create X ID", "create X ID"],
    ),
    (
        "create --log L --bundle X ID",
        ["create X ID", "pass", "create X ID", "create X ID"],
    ),
    // Spellings.
    ("create -b X ID", ["create X ID"; 4]),
    (
        "create -bundle X ID",
        ["create X ID", "pass", "pass", "create X ID"],
    ),
    (
        "create --b X ID",
        ["create X ID", "create X ID", "refused", "create X ID"],
    ),
    (
        "create -b=X ID",
        ["create X ID", "create =X ID", "create X ID", "refused"],
    ),
    (
        "create -bX ID",
        ["refused", "create X ID", "create X ID", "refused"],
    ),
    (
        "create --bund X ID",
        ["refused", "create X ID", "refused", "refused"],
    ),
    (
        "create --bund=X ID",
        ["refused", "create X ID", "refused", "refused"],
    ),
    (
        "run -dbX ID",
        ["refused", "run X ID", "run X ID", "refused"],
    ),
    (
        "run -db=X ID",
        ["refused", "run =X ID", "run X ID", "refused"],
    ),
    // Repeated: the last one wins, or it is refused by the runtime.
    ("create --bundle=A --bundle=B ID", ["create B ID"; 4]),
    ("create --bundle A --bundle B ID", ["create B ID"; 4]),
    ("create -b A --bundle B ID", ["create B ID"; 4]),
    ("create --bundle A -b B ID", ["create B ID"; 4]),
    // Empty: the working directory for runc, an error for the others.
    (
        "create --bundle= ID",
        ["create . ID", "pass", "pass", "create . ID"],
    ),
    (
        "create -b '' ID",
        ["create . ID", "pass", "pass", "create . ID"],
    ),
    ("create --bundle= --bundle X ID", ["create X ID"; 4]),
    ("create ID", ["create . ID"; 4]),
    // Dashes.
    ("-- create --bundle X ID", ["create X ID"; 4]),
    ("create -- ID", ["create . ID"; 4]),
    ("create --bundle X -- ID", ["create X ID"; 4]),
    ("create -- --bundle", ["create . --bundle"; 4]),
    ("create -- --bundle X ID", ["pass"; 4]),
    (
        "create --bundle -- ID",
        ["refused", "create -- ID", "create -- ID", "refused"],
    ),
    (
        "create - --bundle X",
        ["refused", "pass", "create X -", "refused"],
    ),
    (
        "create --bundle - ID",
        ["refused", "create - ID", "create - ID", "refused"],
    ),
    (
        "create --bundle --no-pivot ID",
        [
            "refused",
            "create --no-pivot ID",
            "create --no-pivot ID",
            "refused",
        ],
    ),
    (
        "create --pid-file --keep W --bundle X",
        ["refused", "pass", "create X W", "refused"],
    ),
    ("--log --debug create --bundle X ID", ["create X ID"; 4]),
    ("--debug false create ID", ["pass"; 4]),
    ("- create ID", ["pass"; 4]),
    ("'' create ID", ["pass"; 4]),
    // runc up to 1.4 takes the id along with a switch before it.
    (
        "create --no-pivot ID --bundle X",
        ["create X ID", "pass", "create X ID", "create X ID"],
    ),
    // Switches with a value: Go's alone.
    (
        "--systemd-cgroup=false create -b X ID",
        ["create X ID", "pass", "pass", "create X ID"],
    ),
    ("--debug=maybe create -b X ID", ["pass"; 4]),
    (
        "create --no-pivot=1 -b X ID",
        ["create X ID", "pass", "pass", "create X ID"],
    ),
    (
        "create --no-pivot= -b X ID",
        ["create X ID", "pass", "pass", "create X ID"],
    ),
    (
        "-log L create -b X ID",
        ["create X ID", "create X ID", "pass", "create X ID"],
    ),
    // Shortened global flags: crun.
    ("--ro R create -b X ID", ["create X ID"; 4]),
    ("--debu create -b X ID", ["create X ID"; 4]),
    // crun's other file.
    (
        "create --config F --bundle X ID",
        ["refused", "create X+F ID", "refused", "create X+F ID"],
    ),
    (
        "create -f F -b X ID",
        ["refused", "create X+F ID", "refused", "create X+F ID"],
    ),
    (
        "create -fF -b X ID",
        ["refused", "create X+F ID", "refused", "refused"],
    ),
    (
        "create --config=F ID",
        ["refused", "create .+F ID", "refused", "create .+F ID"],
    ),
    (
        "create --config config.json -b X ID",
        ["refused", "create X ID", "refused", "create X ID"],
    ),
    (
        "create --config= -b X ID",
        ["refused", "pass", "refused", "pass"],
    ),
    // youki's letters.
    (
        "-l L -r R -s create -c S -p P -b X ID",
        ["refused", "refused", "create X ID", "create X ID"],
    ),
    (
        "-rcreate create -b X ID",
        ["create X ID", "create X ID", "create X ID", "create X ID"],
    ),
    // runc 1.5 cuts off space.
    (
        "create _--bundle=X ID",
        ["create X ID", "pass", "pass", "create X ID"],
    ),
    (
        "create --bundle=X_ ID",
        ["refused", "create X_ ID", "create X_ ID", "refused"],
    ),
    // Values that are our words.
    (
        "--root create run -b create restore",
        ["run create restore"; 4],
    ),
    (
        "--log=run --root restore create --pid-file create -b X run",
        ["create X run"; 4],
    ),
    ("create create", ["create . create"; 4]),
    // Surely refused by all.
    ("create", ["pass"; 4]),
    ("create --bundle", ["pass"; 4]),
    ("create --bundle X", ["pass"; 4]),
    ("create --bundle X ID more", ["pass"; 4]),
    ("create --pid-file", ["pass"; 4]),
    ("creat --bundle X create", ["pass"; 4]),
    ("Create --bundle X create", ["pass"; 4]),
    // Help.
    ("create --help", ["pass"; 4]),
    ("create --help ID", ["pass"; 4]),
    ("create -b X ID --help", ["pass"; 4]),
    (
        "create --help=false -b X ID",
        ["create X ID", "pass", "pass", "create X ID"],
    ),
    ("create -h", ["pass", "refused", "pass", "pass"]),
    ("--help create -b X ID", ["pass"; 4]),
    ("--version create -b X ID", ["pass"; 4]),
    ("-v create -b X ID", ["pass"; 4]),
    ("help create", ["pass"; 4]),
];

/// All lines of both tables.
pub(super) fn lines() -> impl Iterator<Item = &'static str> {
    let rows = ROWS.iter().map(|(line, _)| *line);
    rows.chain(RUNC.iter().map(|(line, _)| *line))
}

#[test]
fn each_runtime_is_read_by_its_own_rules() {
    let mut wrong = Vec::new();
    for (line, expected) in ROWS {
        for (flavor, expected) in FLAVORS.into_iter().zip(expected) {
            let expected = expected.replace('_', " ");
            let found = short(line, flavor);
            if found != expected {
                wrong.push(format!("{line} for {flavor:?}: {found}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A line, and the bundle that runc up to 1.4 and runc 1.5 each find: `-` for none, `?` for a
/// refusal of ours.
const RUNC: &[(&str, [&str; 2])] = &[
    ("create --bundle X ID", ["X", "X"]),
    ("create ID --bundle X", ["X", "X"]),
    ("create ID -b=X --no-pivot", ["X", "X"]),
    ("create -bundle X ID", ["X", "X"]),
    ("create --b X ID", ["X", "X"]),
    ("create -b=X ID", ["X", "X"]),
    ("create -bX ID", ["?", "?"]),
    ("create --bund X ID", ["?", "?"]),
    ("create --bundle=A --bundle=B ID", ["B", "B"]),
    ("create -b A --bundle B ID", ["-", "B"]),
    ("create -b A -b B ID", ["B", "B"]),
    ("create --bundle= ID", [".", "."]),
    ("create --root R --bundle X ID", ["-", "X"]),
    ("create --bundle X ID --log L", ["-", "X"]),
    ("-- create --bundle X ID", ["X", "X"]),
    ("create --bundle X -- ID", ["X", "X"]),
    ("create ID -- --bundle", ["-", "-"]),
    ("--debug false create", ["-", "-"]),
    ("--log --debug create ID", [".", "."]),
    // A switch takes the next word along, and the flags end there.
    ("create --no-pivot ID --bundle X", ["-", "X"]),
    ("create --no-pivot --bundle X ID", ["X", "X"]),
    ("create --no-pivot=true ID --bundle X", ["X", "X"]),
    // 1.22.1 never moves a dash as a value, later ones do; v3 ends at it as an operand.
    ("create --bundle - ID", ["?", "-"]),
    ("create - --bundle X", ["X", "."]),
    ("create --bundle --keep ID", ["?", "--keep"]),
    ("create ---bundle X ID", ["?", "?"]),
    ("create -=X ID", ["?", "-"]),
    // No letter after the dash: an operand to v3.
    ("create -1", ["?", "."]),
    ("create --no-pivot=maybe ID", ["-", "-"]),
    ("create --no-pivot= ID", ["-", "."]),
    ("create _--bundle=X_ ID", ["-", "X"]),
    ("_create -b X ID", ["-", "X"]),
    ("create --help=0 -b X ID", ["X", "X"]),
    ("create ID --help", ["-", "-"]),
    ("--version=false create ID", [".", "."]),
];

#[test]
fn both_parsers_of_runc_are_read_by_their_own_rules() {
    for (line, expected) in RUNC {
        for (reading, expected) in [RUNC_V1, RUNC_V3].iter().zip(expected) {
            let style = reading.style;
            assert_eq!(&bundle(reading, line), expected, "{line} for {style:?}");
        }
    }
}

fn bundle(reading: &Reading, line: &str) -> String {
    let args: Vec<OsString> = words(line);
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    match read(reading, &args) {
        Outcome::Makes(made) => String::from_utf8_lossy(made.bundle.unwrap_or(b".")).into_owned(),
        Outcome::Nothing | Outcome::Other => "-".to_owned(),
        Outcome::Unclear(..) => "?".to_owned(),
    }
}

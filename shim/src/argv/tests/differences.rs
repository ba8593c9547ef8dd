//! Where parsers differ: one line a row, one column a runtime.
#![forbid(unsafe_code)]

use super::{FLAVORS, short};

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

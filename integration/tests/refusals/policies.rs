//! Policies with something wrong in them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use integration::{PolicyDir, RealRuntime, TestBundle};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::attempt::Attempt;

/// What is wrong, the policy.toml, its line, and words of the message.
const TYPOS: &[(&str, &str, usize, &[&str])] = &[
    ("empty", "", 1, &["version"]),
    ("no version", "strict = true\n", 1, &["version = 1"]),
    (
        "version 2",
        "version = 2\n",
        1,
        &["version", "\"2\"", "version 1"],
    ),
    (
        "version a string",
        "version = \"1\"\n",
        1,
        &["string \"1\"", "expected i64"],
    ),
    ("no TOML", "version = 1\n{ json: 1 }\n", 2, &["expected"]),
    (
        "an open string",
        "version = 1\n[defaults]\nprofile = \"Unconf\n",
        3,
        &["string"],
    ),
    (
        "a key twice",
        "version = 1\nstrict = true\nstrict = false\n",
        3,
        &["duplicate key"],
    ),
    (
        "top key",
        "version = 1\ndefualts = 1\n",
        2,
        &["`defualts`", "`defaults`"],
    ),
    (
        "defaults key",
        "version = 1\n[defaults]\nprofil = \"Unconfined\"\n",
        3,
        &["`profil`", "`profile`"],
    ),
    (
        "runtime key",
        "version = 1\n[runtime]\npaht = \"/x\"\n",
        3,
        &["`paht`", "`path`"],
    ),
    (
        "log key",
        "version = 1\nlog.decision = \"off\"\n",
        2,
        &["`decision`", "`decisions`"],
    ),
    (
        "request key",
        "version = 1\n\nrequest.annotation = true\n",
        3,
        &["`annotation`", "`annotations`"],
    ),
    (
        "rule key",
        "version = 1\n[[rules]]\n",
        2,
        &["`rules`", "`rule`"],
    ),
    (
        "when key",
        "version = 1\n[[rule]]\nwhen.namepsace = \"x\"\n",
        3,
        &["`namepsace`", "`namespace`"],
    ),
    (
        "floor key",
        "version = 1\n[floor]\nprofile = \"RuntimeDefault\"\nexcpet = []\n",
        4,
        &["`excpet`", "`except`"],
    ),
    (
        "a type's word",
        "version = 1\n[defaults]\nprofile = \"RuntimeDefualt\"\n",
        3,
        &["`RuntimeDefualt`", "`RuntimeDefault`"],
    ),
    (
        "a type's case",
        "version = 1\n[defaults]\nprofile = \"unconfined\"\n",
        3,
        &["`unconfined`", "`Unconfined`"],
    ),
    (
        "a profile's key",
        "version = 1\n[defaults]\nprofile = { type = \"Localhost\", localhostprofile = \"a\" }\n",
        3,
        &["`localhostprofile`", "`localhostProfile`"],
    ),
    (
        "Localhost alone",
        "version = 1\n[defaults]\nprofile = \"Localhost\"\n",
        3,
        &["needs a localhostProfile"],
    ),
    (
        "Unconfined with a file",
        "version = 1\n[defaults]\nprofile = { type = \"Unconfined\", localhostProfile = \"a\" }\n",
        3,
        &["only"],
    ),
    (
        "combine",
        "version = 1\n[defaults]\ncombine = \"restirct\"\n",
        3,
        &["`restirct`", "`restrict`"],
    ),
    (
        "mode",
        "version = 1\n[defaults]\nmode = \"enfroce\"\n",
        3,
        &["`enfroce`", "`enforce`"],
    ),
    (
        "architectures",
        "version = 1\n[defaults]\narchitectures = \"x86\"\n",
        3,
        &["`x86`", "`native`"],
    ),
    (
        "engine",
        "version = 1\n[[rule]]\nwhen.engine = \"dokcer\"\n",
        3,
        &["when.engine", "\"dokcer\"", "docker"],
    ),
    (
        "requested",
        "version = 1\n[[rule]]\nwhen.requested = \"localhost\"\n",
        3,
        &["when.requested", "\"localhost\"", "Localhost"],
    ),
    (
        "a word for a switch",
        "version = 1\nstrict = \"yes\"\n",
        2,
        &["\"yes\"", "boolean"],
    ),
    (
        "a number for a glob",
        "version = 1\n[[rule]]\nwhen.pod = 7\n",
        3,
        &["a string or a list of strings"],
    ),
    (
        "a table for a list",
        "version = 1\n[rule]\nprofile = \"Unconfined\"\n",
        2,
        &["expected a sequence"],
    ),
    (
        "a relative runtime",
        "version = 1\n[runtime]\npath = \"runc\"\n",
        3,
        &["runtime.path", "\"runc\"", "absolute"],
    ),
    (
        "a relative root",
        "version = 1\n[localhost]\nroots = [\n\"etc\"]\n",
        4,
        &["profile root", "\"etc\"", "absolute"],
    ),
    (
        "a relative log",
        "version = 1\n[log]\ndecisions = \"jornald\"\n",
        3,
        &["log.decisions", "\"jornald\"", "journald"],
    ),
    (
        "a floor of nothing",
        "version = 1\n[floor]\nprofile = \"Requested\"\n",
        3,
        &["floor.profile", "\"Requested\""],
    ),
    (
        "shadow",
        "version = 1\n[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"../../etc/shadow\" }\n",
        3,
        &["\"../../etc/shadow\"", "leave out the .."],
    ),
    (
        "shadow by the middle",
        "version = 1\n[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"a/../../shadow\" }\n",
        3,
        &["leave out the .."],
    ),
    (
        "an absolute path",
        "version = 1\n[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"/etc/shadow\" }\n",
        3,
        &["\"/etc/shadow\"", "leave out the leading /"],
    ),
    (
        "an empty name",
        "version = 1\n[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"\" }\n",
        3,
        &["it is empty"],
    ),
    (
        "a NUL",
        "version = 1\n[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"a\\u0000b\" }\n",
        3,
        &["NUL"],
    ),
    (
        "RuntimeDefault outside",
        "version = 1\n[defaults]\nruntime_default = \"../x.json\"\n",
        3,
        &["../x.json", "leave out the .."],
    ),
];

#[test]
fn a_typo_in_the_policy_is_refused_with_its_line() {
    let Some(runtime) = RealRuntime::find("a_typo_in_the_policy_is_refused_with_its_line", "runc")
    else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    for (case, text, line, words) in TYPOS {
        let policy = PolicyDir::new("");
        policy.write("policy.toml", text);
        let file = policy.path().join("policy.toml");
        check(&runtime, &policy, &bundle, case, &file, *line, words);
    }
}

#[test]
fn a_typo_in_a_drop_in_is_refused_with_its_line() {
    let Some(runtime) = RealRuntime::find("a_typo_in_a_drop_in_is_refused_with_its_line", "runc")
    else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    let good = "version = 1\n[[rule]]\nprofile = \"Unconfined\"\n";
    let more: &[(&str, &str, usize, &[&str])] = &[
        (
            "a setting",
            "version = 1\nstrict = false\n",
            2,
            &["`strict`"],
        ),
        (
            "defaults",
            "version = 1\n[defaults]\nprofile = \"Unconfined\"\n",
            2,
            &["`defaults`"],
        ),
    ];
    // Keys that policy.toml alone may have are wrong here whatever is in them.
    let shared = TYPOS.iter().filter(|(_, text, ..)| {
        ![
            "strict",
            "[defaults]",
            "[runtime]",
            "[localhost]",
            "log",
            "request.",
            "defualts",
        ]
        .iter()
        .any(|key| text.contains(key))
    });
    for (case, text, line, words) in shared.chain(more) {
        let policy = PolicyDir::new("");
        policy.write("policy.d/10-good.toml", good);
        policy.write("policy.d/20-bad.toml", text);
        policy.write("policy.d/.30-hidden.toml", "no TOML");
        policy.write("policy.d/40-backup.toml~", "no TOML");
        let file = policy.path().join("policy.d/20-bad.toml");
        check(&runtime, &policy, &bundle, case, &file, *line, words);
    }
}

#[track_caller]
fn check(
    runtime: &RealRuntime,
    policy: &PolicyDir,
    bundle: &TestBundle,
    case: &str,
    file: &Path,
    line: usize,
    words: &[&str],
) {
    let message = Attempt::before(runtime, policy.path(), bundle.path()).refused(case);
    let start = format!("seccomp-shim: {}, line {line}: ", file.display());
    assert!(message.starts_with(&start), "{case}: {start}: {message}");
    for words in words {
        assert!(message.contains(words), "{case}: {words}: {message}");
    }
}

#[test]
fn a_policy_that_is_no_readable_file_is_refused() {
    let Some(runtime) = RealRuntime::find("a_policy_that_is_no_readable_file_is_refused", "runc")
    else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    type Make = fn(&Path);
    let cases: &[(&str, Make, &str)] = &[
        (
            "missing",
            |_| (),
            "it is missing; write one that says version = 1",
        ),
        (
            "a fifo",
            |path| mkfifo(path, Mode::S_IRWXU).expect("a fifo"),
            "not a regular file",
        ),
        (
            "a folder",
            |path| fs::create_dir(path).expect("a folder"),
            "not a regular file",
        ),
        (
            "a link out",
            |path| symlink("/etc/hostname", path).expect("a link"),
            "leads out of its folder",
        ),
        (
            "a circle",
            |path| symlink("policy.toml", path).expect("a link"),
            "too many links",
        ),
        (
            "too large",
            |path| fs::write(path, "#".repeat(1024 * 1024 + 1)).expect("a file"),
            "larger than",
        ),
        (
            "not UTF-8",
            |path| fs::write(path, b"version = 1\n# \xFF\n").expect("a file"),
            "line 2: not UTF-8",
        ),
    ];
    for (case, make, words) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("policy.toml");
        make(&file);
        let message = Attempt::before(&runtime, folder.path(), bundle.path()).refused(case);
        let start = format!("seccomp-shim: {}", file.display());
        assert!(
            message.starts_with(&start) && message.contains(words),
            "{case}: {message}"
        );
        if *case == "missing" {
            continue;
        }
        let policy = PolicyDir::new("");
        policy.write("policy.d/a.toml", "version = 1");
        let file = policy.path().join("policy.d/policy.toml");
        make(&file);
        let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused(case);
        let start = format!("seccomp-shim: {}", file.display());
        assert!(
            message.starts_with(&start) && message.contains(words),
            "drop-in, {case}: {message}"
        );
    }
}

#[test]
fn a_policy_folder_that_is_none_is_refused() {
    let Some(runtime) = RealRuntime::find("a_policy_folder_that_is_none_is_refused", "runc") else {
        return;
    };
    let bundle = TestBundle::new(&["true"]);
    let policy = PolicyDir::new("");
    let file = policy.path().join("policy.toml");
    let circle = policy.path().join("circle");
    symlink("circle", &circle).expect("a link");
    for (case, folder, words) in [
        ("a file", &file, "ENOTDIR"),
        ("a circle", &circle, "ELOOP"),
        ("below a file", &file.join("x"), "ENOTDIR"),
    ] {
        let message = Attempt::before(&runtime, folder, bundle.path()).refused(case);
        let start = format!(
            "seccomp-shim: {}: cannot open the folder: ",
            folder.display()
        );
        assert!(
            message.starts_with(&start) && message.contains(words),
            "{case}: {message}"
        );
    }
    let drop_ins = policy.path().join("policy.d");
    fs::write(&drop_ins, "version = 1").expect("a file");
    let message = Attempt::before(&runtime, policy.path(), bundle.path()).refused("policy.d");
    let start = format!(
        "seccomp-shim: {}: cannot open the folder: ",
        drop_ins.display()
    );
    assert!(message.starts_with(&start), "{message}");
}

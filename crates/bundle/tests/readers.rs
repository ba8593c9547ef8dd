//! Whatever is accepted is read alike by Go, by C and by serde: models of their readers against
//! configurations that try to be read differently.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends here"
)]

mod models;

use std::collections::BTreeMap;

use bundle::{Change, Config};
use models::readers::{self, Seen};
use models::tree::{Kind, Node, parse};
use models::{OURS, documents};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const DENY: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#;

const BUILT_IN: &str = r#"{
  "ociVersion": "1.0.2",
  "process": {"user": {"uid": 0}, "args": ["sh"], "cwd": "/", "noNewPrivileges": true,
    "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_KILL"]}},
  "root": {"path": "rootfs"},
  "annotations": {"io.kubernetes.cri.container-type": "container", "run.oci.seccomp.receiver": "/x", "k": "v"},
  "linux": {
    "namespaces": [{"type": "pid"}, {"type": "mount", "path": "/x"}],
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "maskedPaths": ["/proc/kcore"],
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
      "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}
  }
}"#;

/// Real configurations, where the reference data stands beside the checkout, and one that is
/// always there.
fn bases() -> Vec<String> {
    let mut bases = vec![BUILT_IN.to_owned()];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/bundles");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        bases.extend(std::fs::read_to_string(entry.path()));
    }
    bases
}

/// One attempt to be read differently.
#[derive(Debug, Clone)]
enum Trick {
    /// The member's key is written so.
    Key(Spelling),
    /// Another member stands beside it under such a key, with such a value.
    Sibling(Spelling, &'static str, bool),
    /// Its value is this.
    Value(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Spelling {
    Same,
    Upper,
    Title,
    LongS,
    Kelvin,
    EscapedLongS,
    Escaped,
    Nul,
    NulAndMore,
    Space,
    Dotless,
}

fn spell(key: &str, spelling: Spelling) -> String {
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{text}\"")
    };
    match spelling {
        Spelling::Same => quoted(key),
        Spelling::Upper => quoted(&key.to_uppercase()),
        Spelling::Title => {
            let mut chars = key.chars();
            let first = chars.next().map(|c| c.to_ascii_uppercase());
            quoted(&first.into_iter().chain(chars).collect::<String>())
        }
        Spelling::LongS => quoted(&key.replacen(['s', 'S'], "\u{17F}", 1)),
        Spelling::Kelvin => quoted(&key.replacen(['k', 'K'], "\u{212A}", 1)),
        Spelling::EscapedLongS => quoted(key).replacen('s', "\\u017f", 1),
        Spelling::Escaped => {
            let units: String = key
                .encode_utf16()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect();
            format!("\"{units}\"")
        }
        Spelling::Nul => format!("{}\\u0000\"", quoted(key).trim_end_matches('"')),
        Spelling::NulAndMore => format!("{}\\u0000x\"", quoted(key).trim_end_matches('"')),
        Spelling::Space => quoted(&format!("{key} ")),
        Spelling::Dotless => quoted(&key.replace('i', "\u{131}")),
    }
}

const SPELLINGS: &[Spelling] = &[
    Spelling::Same,
    Spelling::Upper,
    Spelling::Title,
    Spelling::LongS,
    Spelling::Kelvin,
    Spelling::EscapedLongS,
    Spelling::Escaped,
    Spelling::Nul,
    Spelling::NulAndMore,
    Spelling::Space,
    Spelling::Dotless,
];

const VALUES: &[&str] = &[
    "null",
    "{}",
    "[]",
    "true",
    "\"\"",
    r#"{"seccomp":null}"#,
    r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#,
    r#"{"bounding":["CAP_SYS_ADMIN"]}"#,
    r#"["CAP_SYS_ADMIN"]"#,
    r#"{"run.oci.seccomp_bpf_data":"x"}"#,
];

fn trick() -> impl Strategy<Value = Trick> {
    let sibling = (select(SPELLINGS), select(VALUES), any::<bool>());
    prop_oneof![
        2 => select(SPELLINGS).prop_map(Trick::Key),
        4 => sibling.prop_map(|(spelling, value, before)| Trick::Sibling(spelling, value, before)),
        1 => select(VALUES).prop_map(Trick::Value),
    ]
}

/// Where each member of the objects that a decision reads stands: key, then value.
fn targets(node: &Node, depth: usize, found: &mut Vec<(String, [usize; 4])>) {
    for entry in node.entries() {
        let (key, value) = (&entry.key_span, &entry.value.span);
        let place = [key.start, key.end, value.start, value.end];
        found.push((entry.key.clone(), place));
        // Twice as often where it matters most.
        if matches!(
            entry.key.as_str(),
            "linux" | "seccomp" | "annotations" | "process" | "bounding" | "capabilities"
        ) {
            found.push((entry.key.clone(), place));
        }
        if depth > 0 {
            targets(&entry.value, depth - 1, found);
        }
    }
}

fn play(text: &str, trick: &Trick, which: &Index) -> String {
    let Some(root) = parse(text) else {
        return text.to_owned();
    };
    let mut places = Vec::new();
    targets(&root, 2, &mut places);
    if places.is_empty() {
        return text.to_owned();
    }
    let (key, [key_start, key_end, value_start, value_end]) = which.get(&places);
    let mut text = text.to_owned();
    match trick {
        Trick::Key(spelling) => text.replace_range(*key_start..*key_end, &spell(key, *spelling)),
        Trick::Value(value) => text.replace_range(*value_start..*value_end, value),
        Trick::Sibling(spelling, value, true) => {
            text.insert_str(*key_start, &format!("{}:{value},", spell(key, *spelling)));
        }
        Trick::Sibling(spelling, value, false) => {
            text.insert_str(*value_end, &format!(",{}:{value}", spell(key, *spelling)));
        }
    }
    text
}

/// If the text is accepted, every reader sees the same, and exactly our profile after the rewrite.
/// Whether it was accepted.
fn all_agree(text: &str) -> bool {
    let Ok(config) = Config::parse(text.as_bytes()) else {
        return false;
    };
    let (go, c) = (readers::go(text), readers::c(text));
    assert_eq!(go, c, "before the rewrite: {text}");
    let facts = config.facts();
    let annotations = facts.annotations.iter();
    let annotations: BTreeMap<String, String> = annotations
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    assert_eq!(annotations, go.annotations, "{text}");
    let bounding = go.bounding.clone().unwrap_or_default();
    assert_eq!(facts.bounding, bounding.into_iter().collect(), "{text}");
    let asked = config
        .seccomp()
        .and_then(|value| parse(value.raw()))
        .map(|node| node.entries().to_vec());
    assert_eq!(asked, go.seccomp, "{text}");

    let ours = parse(OURS).expect("JSON");
    let set = config.rewrite(Change::Set(OURS));
    let set = set.map_or_else(
        || text.to_owned(),
        |bytes| String::from_utf8(bytes).expect("UTF-8"),
    );
    let mut stay = go.annotations.clone();
    stay.retain(|key, _| !key.starts_with("run.oci.seccomp"));
    let expected = Seen {
        seccomp: Some(ours.entries().to_vec()),
        bounding: go.bounding,
        annotations: stay,
    };
    assert_eq!(readers::go(&set), expected, "Go: {set}");
    assert_eq!(readers::c(&set), expected, "C: {set}");
    if let Some(seen) = readers::serde(&set) {
        let seccomp = Some(readers::sorted(&ours));
        assert_eq!(
            seen,
            Seen {
                seccomp,
                ..expected
            },
            "serde: {set}"
        );
    }
    let removed = config.rewrite(Change::Remove);
    let removed = removed.map_or_else(
        || text.to_owned(),
        |bytes| String::from_utf8(bytes).expect("UTF-8"),
    );
    assert_eq!(readers::go(&removed).seccomp, None, "Go: {removed}");
    assert_eq!(readers::c(&removed).seccomp, None, "C: {removed}");
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_trick_on_a_real_configuration_is_read_in_two_ways(
        base in select(bases()),
        tricks in prop::collection::vec((trick(), any::<Index>()), 1..4),
    ) {
        let text = tricks.iter().fold(base, |text, (trick, which)| play(&text, trick, which));
        all_agree(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_trick_on_a_generated_document_is_read_in_two_ways(
        document in documents::document(),
        trick in trick(),
        which in any::<Index>(),
    ) {
        all_agree(&play(&document.text, &trick, &which));
    }
}

#[test]
fn real_configurations_are_accepted() {
    for base in bases() {
        assert!(all_agree(&base), "{base}");
    }
}

/// `linux` with these members.
fn linux(members: &str) -> String {
    format!(r#"{{"ociVersion":"1.0.2","linux":{{{members}}}}}"#)
}

/// The texts that real runtimes were seen to read differently, and what they did with each: whether
/// a container had its filter under Go (runc) and under C (crun).
fn measured() -> Vec<(String, bool, bool)> {
    let allow = r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#;
    let after_linux =
        |more: &str| format!(r#"{{"ociVersion":"1.0.2","linux":{{"seccomp":{DENY}}},{more}}}"#);
    vec![
        (
            linux(&format!(r#""seccomp":{DENY},"seccomp":{allow}"#)),
            true,
            true,
        ),
        (
            linux(&format!(r#""seccomp":{allow},"seccomp":{DENY}"#)),
            true,
            false,
        ),
        (
            linux(&format!(r#""seccomp":{DENY},"seccomp":null"#)),
            false,
            true,
        ),
        (
            linux(&format!(r#""seccomp":null,"seccomp":{DENY}"#)),
            true,
            false,
        ),
        (linux(&format!(r#""Seccomp":{DENY}"#)), true, false),
        (linux(&format!(r#""SECCOMP":{DENY}"#)), true, false),
        (linux(&format!("\"\u{17F}eccomp\":{DENY}")), true, false),
        (linux(&format!(r#""\u017feccomp":{DENY}"#)), true, false),
        (
            linux(&format!(r#""seccomp":{DENY},"Seccomp":null"#)),
            false,
            true,
        ),
        (
            linux(&format!("\"seccomp\":{DENY},\"\u{17F}eccomp\":null")),
            false,
            true,
        ),
        (
            linux(&format!(r#""seccomp\u0000x":{allow},"seccomp":{DENY}"#)),
            true,
            false,
        ),
        (after_linux(r#""linux":{}"#), true, true),
        (after_linux(r#""linux":{"seccomp":null}"#), false, true),
        (after_linux(r#""LINUX":{"seccomp":null}"#), false, true),
        (
            format!(r#"{{"linux":{{}},"LINUX":{{"seccomp":{DENY}}}}}"#),
            true,
            false,
        ),
    ]
}

fn denies(seen: &Seen) -> bool {
    let entries = seen.seccomp.iter().flatten();
    entries.into_iter().any(|entry| {
        entry.key == "syscalls"
            && matches!(&entry.value.kind, Kind::Array(items) if !items.is_empty())
    })
}

#[test]
fn the_models_read_as_real_runtimes_were_measured_to() {
    for (text, go, c) in measured() {
        assert_eq!(denies(&readers::go(&text)), go, "Go: {text}");
        assert_eq!(denies(&readers::c(&text)), c, "C: {text}");
    }
}

#[test]
fn whatever_real_runtimes_read_differently_is_refused() {
    for (text, ..) in measured() {
        let error = Config::parse(text.as_bytes()).expect_err(&text).to_string();
        assert!(error.contains("the key"), "{text}: {error}");
    }
}

#[test]
fn a_refused_key_is_named_with_its_place() {
    let text = "{\n \"linux\": {},\n \"L\\u0069nux\": {}\n}";
    let error = Config::parse(text.as_bytes()).expect_err(text);
    assert_eq!((error.place.line, error.place.column), (3, 2));
    assert!(error.to_string().contains("\"Linux\""), "{error}");
}

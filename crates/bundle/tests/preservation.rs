//! Byte for byte: what a rewrite changes is exactly the value that was decided on.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends here"
)]

mod models;

use bundle::{Change, Config, SECCOMP_ANNOTATIONS, SECCOMP_FILTER};
use models::OURS;
use models::documents::{Document, document};
use models::readers;
use models::tree::{Entry, Kind, Node, parse};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn rewrite(text: &str, change: Change<'_>) -> Option<String> {
    let config = Config::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let bytes = config.rewrite(change)?;
    Some(String::from_utf8(bytes).expect("UTF-8"))
}

/// The text that there is afterwards, changed or not.
fn after(text: &str, change: Change<'_>) -> String {
    rewrite(text, change).unwrap_or_else(|| text.to_owned())
}

fn member<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.entries().iter().find(|entry| entry.key == key)
}

fn seccomp(root: &Node) -> Option<&Node> {
    Some(&member(&member(root, "linux")?.value, "seccomp")?.value)
}

/// The text with `value` as its profile and its annotations as they were. Where the value or its
/// parent stood is known from how the document was made.
fn with_profile(document: &Document, value: &str) -> String {
    let mut text = document.text.clone();
    let spans = &document.spans;
    let root = parse(&text).expect("JSON");
    let comma = |node: &Node| if node.entries().is_empty() { "" } else { "," };
    match (spans.get("seccomp"), spans.get("linux")) {
        (Some(span), _) => text.replace_range(span.clone(), value),
        (None, Some(span)) if &text[span.clone()] == "null" => {
            text.replace_range(span.clone(), &format!("{{\"seccomp\":{value}}}"));
        }
        (None, Some(span)) => {
            let comma = comma(&member(&root, "linux").expect("linux").value);
            text.insert_str(span.start + 1, &format!("\"seccomp\":{value}{comma}"));
        }
        (None, None) => {
            let member = format!("\"linux\":{{\"seccomp\":{value}}}{}", comma(&root));
            text.insert_str(spans["root"].start + 1, &member);
        }
    }
    text
}

/// Cuts a text around the value of its annotations.
fn around_annotations(text: &str) -> (&str, &str, &str) {
    let root = parse(text).expect("JSON");
    match member(&root, "annotations") {
        Some(entry) => {
            let span = entry.value.span.clone();
            (&text[..span.start], &text[span.clone()], &text[span.end..])
        }
        None => (text, "", ""),
    }
}

/// The annotations that nobody takes out, each from its key to the end of its value.
fn kept(text: &str) -> Vec<&str> {
    let Some(root) = parse(text) else {
        return Vec::new();
    };
    let entries = root.entries().iter();
    entries
        .filter(|entry| !entry.key.starts_with(SECCOMP_ANNOTATIONS))
        .map(|entry| &text[entry.key_span.start..entry.value.span.end])
        .collect()
}

/// Whether `less` is `more` with some characters left out.
fn is_left_of(less: &str, more: &str) -> bool {
    let mut rest = more.chars();
    less.chars().all(|wanted| rest.any(|c| c == wanted))
}

/// Everything but the annotations is `expected` to the byte; of the annotations those that steer
/// crun's seccomp are gone and the others stay to the byte, in their order.
fn assert_is(found: &str, expected: &str) {
    let (head, annotations, tail) = around_annotations(found);
    let (expected_head, before, expected_tail) = around_annotations(expected);
    assert_eq!(head, expected_head);
    assert_eq!(tail, expected_tail);
    let all = parse(before).map_or(0, |node| node.entries().len());
    let stay = kept(before);
    if stay.len() == all {
        assert_eq!(annotations, before, "nothing to take out");
        return;
    }
    assert_eq!(kept(annotations), stay);
    let left = parse(annotations).expect("still JSON");
    assert_eq!(left.entries().len(), stay.len());
    assert!(
        is_left_of(annotations, before),
        "{annotations}\nof {before}"
    );
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_profile_that_is_set_stands_there_and_every_other_byte_stays(document in document()) {
        let found = after(&document.text, Change::Set(OURS));
        assert_is(&found, &with_profile(&document, OURS));
        let ours = parse(OURS).expect("JSON");
        let root = parse(&found).expect("still JSON");
        prop_assert_eq!(seccomp(&root), Some(&ours));
        if let Some(seen) = readers::serde(&found) {
            prop_assert_eq!(seen.seccomp, Some(readers::sorted(&ours)));
        }
        let again = Config::parse(found.as_bytes()).expect("the shim's own writing is accepted");
        prop_assert_eq!(again.seccomp().map(|value| value.raw()), Some(OURS));
        prop_assert_eq!(again.rewrite(Change::Set(OURS)), None, "nothing is left to change");
    }

    #[test]
    fn a_filter_stands_among_the_annotations_and_every_other_byte_stays(document in document()) {
        const FILTER: &str = "IAAAAAQ+/w==";
        let set = |text: &str, filter: Option<&str>| {
            let config = Config::parse(text.as_bytes()).expect("accepted");
            let bytes = config.rewrite_with(Change::Set(OURS), filter)?;
            Some(String::from_utf8(bytes).expect("UTF-8"))
        };
        let found = set(&document.text, Some(FILTER)).expect("a change");
        let expected = with_profile(&document, OURS);
        let ours = format!("\"{SECCOMP_FILTER}\":\"{FILTER}\"");
        let root = parse(&found).expect("still JSON");
        let annotations = &member(&root, "annotations").expect("annotations").value;
        prop_assert_eq!(seccomp(&root), Some(&parse(OURS).expect("JSON")));
        let stands = member(annotations, SECCOMP_FILTER).and_then(|entry| entry.value.string());
        prop_assert_eq!(stands, Some(FILTER));
        let before = parse(&expected).expect("JSON");
        match member(&before, "annotations") {
            Some(entry) => {
                let (head, now, tail) = around_annotations(&found);
                let (expected_head, then, expected_tail) = around_annotations(&expected);
                prop_assert_eq!(head, expected_head);
                prop_assert_eq!(tail, expected_tail);
                prop_assert_eq!(kept(now), kept(then));
                prop_assert_eq!(annotations.entries().len(), kept(then).len() + 1);
                if entry.value.entries().is_empty() {
                    let start = format!("{{{ours}");
                    prop_assert!(now.starts_with(&start));
                }
            }
            None => {
                let whole = format!("\"annotations\":{{{ours}}}");
                let without = found.replacen(&format!("{whole},"), "", 1);
                prop_assert_eq!(without, expected.clone());
            }
        }
        prop_assert_eq!(set(&found, Some(FILTER)), None, "nothing is left to change");
        let other = set(&found, Some("AAAA")).expect("a change");
        prop_assert_eq!(other, found.replacen(FILTER, "AAAA", 1), "it is changed where it stands");
        let gone = set(&found, None).expect("a change");
        let (_, now, _) = around_annotations(&gone);
        prop_assert_eq!(kept(now).len(), parse(now).map_or(0, |node| node.entries().len()));
        prop_assert!(!gone.contains(FILTER));
    }

    #[test]
    fn a_kept_profile_stays_to_the_byte(document in document()) {
        let found = rewrite(&document.text, Change::Keep);
        let (_, annotations, _) = around_annotations(&document.text);
        let all = parse(annotations).map_or(0, |node| node.entries().len());
        prop_assert_eq!(found.is_some(), kept(annotations).len() < all);
        assert_is(&after(&document.text, Change::Keep), &document.text);
    }

    #[test]
    fn a_removed_profile_is_gone_with_one_comma_and_nothing_else(document in document()) {
        let found = after(&document.text, Change::Remove);
        let root = parse(&found).expect("still JSON");
        let there = seccomp(&root).is_some_and(|value| !matches!(value.kind, Kind::Null));
        prop_assert!(!there, "{}", found);
        let Some(span) = document.spans.get("seccomp") else {
            assert_is(&found, &document.text);
            return Ok(());
        };
        if &document.text[span.clone()] == "null" {
            assert_is(&found, &document.text);
            return Ok(());
        }
        // Nothing came in, and the other members are as they were, in their order.
        let others = |text: &str| -> Vec<String> {
            let root = parse(text).expect("JSON");
            let linux = &member(&root, "linux").expect("linux").value;
            let others = linux.entries().iter().filter(|entry| entry.key != "seccomp");
            others.map(|entry| text[entry.key_span.start..entry.value.span.end].to_owned()).collect()
        };
        prop_assert_eq!(others(&found), others(&document.text));
        let linux = &document.spans["linux"];
        let now = &member(&root, "linux").expect("linux").value.span;
        prop_assert!(is_left_of(&found[now.clone()], &document.text[linux.clone()]));
        // Around `linux` nothing has moved.
        let mut expected = document.text.clone();
        expected.replace_range(linux.clone(), &found[now.clone()]);
        assert_is(&found, &expected);
        prop_assert_eq!(rewrite(&found, Change::Remove), None);
    }

    #[test]
    fn set_after_remove_is_as_good_as_set(document in document()) {
        let removed = after(&document.text, Change::Remove);
        let set = after(&removed, Change::Set(OURS));
        let direct = after(&document.text, Change::Set(OURS));
        let seen = readers::go(&set);
        prop_assert_eq!(&seen, &readers::go(&direct));
        prop_assert_eq!(seen, readers::c(&set));
        let back = after(&set, Change::Remove);
        prop_assert_eq!(readers::go(&back).seccomp, None);
    }

    #[test]
    fn facts_are_what_every_reader_sees(document in document()) {
        let config = Config::parse(document.text.as_bytes()).expect("is accepted");
        let go = readers::go(&document.text);
        let c = readers::c(&document.text);
        prop_assert_eq!(&go, &c);
        let annotations = config.facts().annotations.iter();
        let pairs = annotations.map(|(key, value)| (key.to_string(), value.to_string()));
        prop_assert_eq!(pairs.collect::<std::collections::BTreeMap<_, _>>(), go.annotations);
    }
}

#[test]
fn the_documents_have_what_they_are_to_have() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let texts: Vec<Document> = (0..400)
        .map(|_| document().new_tree(&mut runner).expect("made").current())
        .collect();
    let count = |holds: &dyn Fn(&Document) -> bool| texts.iter().filter(|d| holds(d)).count();
    let first = |d: &Document, key: &str| {
        parse(&d.text).is_some_and(|root| root.entries().first().is_some_and(|e| e.key == key))
    };
    let last = |d: &Document, key: &str| {
        parse(&d.text).is_some_and(|root| root.entries().last().is_some_and(|e| e.key == key))
    };
    let is = |d: &Document, label: &str, text: &str| {
        let span = d.spans.get(label);
        span.is_some_and(|span| &d.text[span.clone()] == text)
    };
    type Holds<'a> = &'a dyn Fn(&Document) -> bool;
    let wanted: &[(&str, Holds<'_>)] = &[
        ("no linux", &|d| !d.spans.contains_key("linux")),
        ("linux: null", &|d| is(d, "linux", "null")),
        ("linux first", &|d| first(d, "linux")),
        ("linux last", &|d| last(d, "linux")),
        ("seccomp: null", &|d| is(d, "seccomp", "null")),
        ("no seccomp", &|d| !d.spans.contains_key("seccomp")),
        ("1e400", &|d| d.text.contains("1e400")),
        ("lone surrogates", &|d| d.text.contains("\\ud800")),
        ("deep nesting", &|d| d.text.contains(&"[".repeat(100))),
        ("no members", &|d| {
            parse(&d.text).is_some_and(|root| root.entries().is_empty())
        }),
        ("annotations to take out", &|d| {
            let (_, annotations, _) = around_annotations(&d.text);
            let all = parse(annotations).map_or(0, |node| node.entries().len());
            kept(annotations).len() < all
        }),
    ];
    for (what, holds) in wanted {
        assert!(count(holds) >= 3, "{what}: {} of 400", count(holds));
    }
}

//! A file read in pieces means what the whole means, whatever is in it.

use std::cell::Cell;
use std::fmt::Debug;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::document::PolicyDocument;

/// What begins a rule, or seems to.
const HEADERS: &[&str] = &[
    "[[rule]]",
    "[[rule]]",
    "[[rule]]",
    "  [[rule]] # why",
    "[[rule]]#",
    "\t[[rule]]\t",
    "[[ rule ]]",
    "[[\"rule\"]]",
    "[[rule]] x",
    "[rule]",
    "[rule.when]",
    "[rule.when.annotation]",
    "[[rule.when]]",
    "[floor]",
    "[defaults]",
    "# [[rule]]",
    "x = [",
    "]",
    "when = { annotation = {",
    "}}",
];

/// What keys there are, and seem to be.
const KEYS: &[&str] = &[
    "name",
    "when",
    "when",
    "profile",
    "profile",
    "combine",
    "mode",
    "architectures",
    "without_agent",
    "when.pod",
    "when.annotation.\"a/b\"",
    "\"name\"",
    "'name'",
    "\"n\\u0061me\"",
    "nam\u{e9}",
    "pod",
    "rule",
    "version",
    "",
];

/// What values there are, and seem to be.
const VALUES: &[&str] = &[
    "\"a\"",
    "\"a\" # why",
    "\"a\"#\u{e9} [[rule]]",
    "'a'",
    "'a\\'",
    "\"\"",
    "\"a\\tb\"",
    "\"a\\\"b\"",
    "\"a\\e\"",
    "\"\\u0041\"",
    "\"#\"",
    "\"[[rule]]\"",
    "\"\u{e9}\u{85}\u{2028}\u{10ffff}\u{feff}\"",
    "\"a\tb\"",
    "\"RuntimeDefault\"",
    "\"Unconfined\"",
    "\"Requested\"",
    "\"restrict\"",
    "\"replace\"",
    "\"enforce\"",
    "\"audit\"",
    "\"observe\"",
    "\"native\"",
    "true",
    "1",
    "1979-05-27",
    "{ type = \"Localhost\", localhostProfile = \"a/b.json\" }",
    "{ type = \"Localhost\", localhostProfile = \"../b.json\" }",
    "{ type = \"Localhost\", type = \"Localhost\" }",
    "{type=\"RuntimeDefault\"}",
    "{ namespace = \"a-*\", pod = [\"b\", \"c\"] }",
    "{ namespace = \"a\", \"pod\" = [ \"b\",\t\"c\" , ] }",
    "{ privileged = true, host_network = false}",
    "{ privileged = true, privileged = true }",
    "{ privileged = \"true\" }",
    "{ engine = \"docker\", requested = [\"spec\"] }",
    "{ engine = \"dcker\" }",
    "{ pod = [] }",
    "{ pod = [[\"a\"]] }",
    "{ pod = \"a\", }",
    "{ }",
    "{}",
    "{ annotation = { \"a/b\" = \"*\", c = [\"1\"] }, image = \"x\" }",
    "{ annotation = { c = \"1\", \"c\" = \"1\" } }",
    "{ annotation = {} }",
    "{ annotation.c = \"1\" }",
    "{ annotation = { c.d = \"1\" } }",
    "[\"a\",",
    "[\n[[rule]]\n]",
    "{\n\"pod\" = \"a\"\n}",
    "\"\"\"\n[[rule]]\n\"\"\"",
    "'''\n[[rule]]\n'''",
    "\"a",
    "",
];

/// What is thrown in anywhere.
const DUST: &[&str] = &[
    "\"",
    "'",
    "\\",
    "#",
    "=",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\x07",
    "\x7f",
    "\u{85}",
    "\u{a0}",
    "\u{feff}",
    "\u{2028}",
    "\"\"\"",
    "'''",
    "[[rule]]\n",
    "rule",
    "e",
];

fn line() -> impl Strategy<Value = String> {
    let field = (
        select(KEYS),
        select(&[" = ", "=", "\t=  "][..]),
        select(VALUES),
    );
    let indent = select(&["", "", "  ", "\t"][..]);
    prop_oneof![
        2 => select(HEADERS).prop_map(str::to_owned),
        4 => (indent, field).prop_map(|(indent, (key, mark, value))| format!("{indent}{key}{mark}{value}")),
        1 => select(&["", "# \u{e9}", "   "][..]).prop_map(str::to_owned),
    ]
}

/// A rule that is all right, more often than not.
fn rule() -> impl Strategy<Value = String> {
    let fields = [
        "name = \"a b\"",
        "when = { namespace = \"a-*\", pod = [\"b\", \"c\"] }",
        "when = { annotation = { \"a/b\" = \"*\" } } # \"",
        "when.pod = 'x'",
        "profile = \"RuntimeDefault\"",
        "profile = { type = \"Localhost\", localhostProfile = \"a.json\" }",
        "combine = \"restrict\"",
        "mode = \"audit\"",
        "architectures = \"native\"",
        "without_agent = \"enforce\"",
        "[rule.when]\nimage = \"x\"",
    ];
    let fields = proptest::sample::subsequence(fields.to_vec(), 0..5);
    fields.prop_map(|fields| format!("[[rule]]\n{}", fields.join("\n")))
}

fn text() -> impl Strategy<Value = String> {
    let head = select(
        &[
            "version = 1",
            "version = 1\n[defaults]\nprofile = \"RuntimeDefault\"",
            "version = 1\n[floor]\nprofile = \"RuntimeDefault\"",
            "# rules\nversion = 1 # r\nstrict = true",
            "version = 1\n\"\\u0072ule\" = []",
            "\u{feff}version = 1",
            "",
        ][..],
    );
    let body = prop::collection::vec(prop_oneof![3 => rule(), 1 => line()], 1..6);
    let end = select(&["\n", "\n", "\n", "\r\n", "\n\n"][..]);
    let dust = (any::<prop::sample::Index>(), select(DUST), any::<bool>());
    let dust = prop::collection::vec(dust, 0..3);
    let whole = (head, body, end).prop_map(|(head, body, end)| {
        let lines = std::iter::once(head.to_owned()).chain(body);
        lines
            .map(|line| line.replace('\n', end) + end)
            .collect::<String>()
    });
    (whole, dust).prop_map(|(mut text, dust)| {
        for (at, what, instead) in dust {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            if places.is_empty() {
                continue;
            }
            let place = *at.get(&places);
            if instead {
                text.remove(place);
            }
            text.insert_str(place, what);
        }
        text
    })
}

/// What is shown of it, without where it stands: that is counted from each piece's own start.
fn shown(value: &impl Debug) -> String {
    let all = format!("{value:?}");
    let mut parts = all.split("span: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
    })
}

/// What the whole says, as the parser alone reads it.
fn whole(at: &Lines<'_>) -> Result<(String, Vec<Rule>), PolicyError> {
    at.base.set(0);
    let mut document: PolicyDocument = at.parse()?;
    let rules = std::mem::take(&mut document.rule);
    let rules = rules.into_iter().map(|rule| at.rule(rule));
    Ok((shown(&document), rules.collect::<Result<_, _>>()?))
}

#[test]
fn pieces_mean_what_the_whole_means() {
    let (split, plain) = (Cell::new(0), Cell::new(0));
    let cases = std::env::var("PROPTEST_CASES").map_or(20_000, |cases| cases.parse().unwrap());
    let mut config = Config::with_cases(cases);
    config.failure_persistence = None;
    // Always the same ones, unless more are asked for.
    let mut runner = TestRunner::new_with_rng(
        config.clone(),
        proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm),
    );
    let result = runner.run(&text(), |text| {
        let at = Lines::new(Arc::from(Path::new("policy.toml")), &text);
        let Some((document, rules)) = at.in_pieces::<PolicyDocument>() else {
            return Ok(());
        };
        split.set(split.get() + 1);
        let (_, pieces) = pieces::split(&text).unwrap();
        let read = |(_, piece): &(usize, &str)| plain_rule::read(piece).is_some();
        plain.set(plain.get() + pieces.iter().filter(|piece| read(piece)).count());
        let (settings, all) =
            whole(&at).map_err(|error| TestCaseError::fail(format!("read, and is {error}")))?;
        prop_assert_eq!(shown(&document), settings);
        prop_assert_eq!(shown(&rules), shown(&all));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (split, plain) = (split.get(), plain.get());
    assert!(
        split > 1_000 && plain > 1_000,
        "{split} split, {plain} plain"
    );
}

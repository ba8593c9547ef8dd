//! Documents as text, with every byte chosen: space, order, escapes, numbers beyond any type.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::select;

/// A document and where its named parts stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    pub(crate) text: String,
    /// The values of members that have a label.
    pub(crate) spans: BTreeMap<&'static str, Range<usize>>,
}

/// A member: space, key, space, colon, space, value, space.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    label: Option<&'static str>,
    key: String,
    space: [&'static str; 4],
    value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Raw(String),
    Object(&'static str, Vec<Member>),
}

impl Document {
    fn render(before: &str, root: &Value, after: &str) -> Self {
        let mut document = Self::default();
        document.text.push_str(before);
        document.push("root", root);
        document.text.push_str(after);
        document
    }

    fn push(&mut self, label: &'static str, value: &Value) {
        let start = self.text.len();
        match value {
            Value::Raw(text) => self.text.push_str(text),
            Value::Object(space, members) => {
                self.text.push('{');
                if members.is_empty() {
                    self.text.push_str(space);
                }
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    let [before, after_key, after_colon, after] = member.space;
                    self.text.push_str(before);
                    self.text.push_str(&member.key);
                    self.text.push_str(after_key);
                    self.text.push(':');
                    self.text.push_str(after_colon);
                    self.push(member.label.unwrap_or("-"), &member.value);
                    self.text.push_str(after);
                }
                self.text.push('}');
            }
        }
        self.spans.insert(label, start..self.text.len());
    }
}

fn space() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\n", "\t", "\r\n    ", " \n\t "])
}

/// Pieces of a string between its quotes, none of which ends it.
const PIECES: &[&str] = &[
    "a",
    "Z",
    "seccomp",
    "linux",
    "é",
    "ſ",
    "\u{212A}",
    "\u{1F600}",
    "\u{2028}",
    "\u{7F}",
    "\\u0041",
    "\\u017f",
    "\\u212A",
    "\\ud800",
    "\\udc00",
    "\\ud83d\\ude00",
    "\\/",
    "/",
    "\\\"",
    "\\\\",
    "\\n",
    "\\b",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "/*",
    "//",
    "'",
];

fn inside_string() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 0..6).prop_map(|pieces| pieces.concat())
}

fn string() -> impl Strategy<Value = String> {
    (inside_string(), any::<bool>()).prop_map(|(inside, nul)| {
        let nul = if nul { "\\u0000" } else { "" };
        format!("\"{inside}{nul}\"")
    })
}

const WORDS: &[&str] = &[
    "0",
    "-0",
    "1e400",
    "-1E-400",
    "18446744073709551616",
    "1.0e-7",
    "0.10000000000000000000001",
    "9007199254740993",
    "1E+2",
    "true",
    "false",
    "null",
    "{}",
    "[ ]",
    "\"\"",
];

/// Any value; keys may even stand twice in it: nobody reads it.
fn anything() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => select(WORDS).prop_map(str::to_owned),
        8 => string(),
        1 => (1_usize..300).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth)),
        1 => (1_usize..300).prop_map(|depth| "{\"linux\":".repeat(depth) + "7" + &"}".repeat(depth)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let item = (space(), inner, space())
            .prop_map(|(a, value, b)| format!("{a}{value}{b}"))
            .boxed();
        let member = (space(), string(), space(), item.clone())
            .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
        prop_oneof![
            prop::collection::vec(item, 1..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 1..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn spaces() -> impl Strategy<Value = [&'static str; 4]> {
    [space(), space(), space(), space()]
}

fn member(
    label: &'static str,
    key: &'static str,
    value: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Member> {
    // Half of the known keys are written with an escape, which every reader undoes.
    (spaces(), value, any::<bool>()).prop_map(move |(space, value, escaped)| {
        let (first, rest) = key.split_at(1);
        let code = u32::from(first.chars().next().unwrap_or('?'));
        let key = if escaped {
            format!("\"\\u{code:04x}{rest}\"")
        } else {
            format!("\"{key}\"")
        };
        Member {
            label: Some(label),
            key,
            space,
            value,
        }
    })
}

/// Members that nobody knows, each under a key of its own.
fn unknown(most: usize) -> impl Strategy<Value = Vec<Member>> {
    let one = (spaces(), inside_string(), anything());
    prop::collection::vec(one, 0..=most).prop_map(|members| {
        let numbered = members.into_iter().enumerate();
        numbered
            .map(|(index, (space, key, value))| Member {
                label: None,
                key: format!("\"{index}{key}\""),
                space,
                value: Value::Raw(value),
            })
            .collect()
    })
}

/// An object of unknown members with some others among them, in any order.
fn object(known: impl Strategy<Value = Vec<Member>>, most: usize) -> impl Strategy<Value = Value> {
    (space(), known, unknown(most))
        .prop_flat_map(|(space, known, unknown)| {
            let all: Vec<Member> = known.into_iter().chain(unknown).collect();
            (Just(space), Just(all).prop_shuffle())
        })
        .prop_map(|(space, members)| Value::Object(space, members))
}

fn null() -> impl Strategy<Value = Value> {
    Just(Value::Raw("null".to_owned()))
}

fn maybe(member: impl Strategy<Value = Member>) -> impl Strategy<Value = Vec<Member>> {
    prop::option::weighted(0.8, member).prop_map(|member| member.into_iter().collect())
}

fn profile() -> impl Strategy<Value = Value> {
    let action = Just(Value::Raw("\"SCMP_ACT_ERRNO\"".to_owned()));
    let action = member("-", "defaultAction", action).prop_map(|member| vec![member]);
    object(action, 3)
}

fn linux() -> impl Strategy<Value = Value> {
    let seccomp = member(
        "seccomp",
        "seccomp",
        prop_oneof![3 => profile(), 1 => null()],
    );
    prop_oneof![
        6 => object(maybe(seccomp), 3),
        1 => null(),
    ]
}

/// Annotations, those that steer crun's seccomp among them (those begin with `run.oci.seccomp`).
fn annotations() -> impl Strategy<Value = Value> {
    let key = select(vec![
        "run.oci.seccomp_bpf_data",
        "run.oci.\\u0073eccomp.receiver",
        "run.oci.seccomp",
        "run.oci.handler",
        "Run.oci.seccomp",
        "a\\/b",
        "é",
        "\\ud800",
        "",
    ]);
    let members = prop::collection::btree_map(key, (spaces(), string()), 0..8);
    let members = members.prop_map(|members| {
        let pairs = members.into_iter();
        pairs
            .map(|(key, (space, value))| Member {
                label: None,
                key: format!("\"{key}\""),
                space,
                value: Value::Raw(value),
            })
            .collect::<Vec<_>>()
    });
    let members = members.prop_flat_map(|members| Just(members).prop_shuffle());
    (space(), members).prop_map(|(space, members)| Value::Object(space, members))
}

/// A whole config.json that is to be accepted.
pub(crate) fn document() -> impl Strategy<Value = Document> {
    let known = (
        maybe(member("linux", "linux", linux())),
        maybe(member(
            "annotations",
            "annotations",
            prop_oneof![5 => annotations(), 1 => null()],
        )),
    );
    let known = known.prop_map(|(linux, annotations)| [linux, annotations].concat());
    (space(), object(known, 4), space())
        .prop_map(|(before, root, after)| Document::render(before, &root, after))
}

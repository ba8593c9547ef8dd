//! How the runtimes' own readers take a document: models, written from what they were seen to do
//! and not from the code under test.

use std::collections::BTreeMap;

use super::tree::{Entry, Kind, Node, parse};

/// What matters to seccomp in a configuration, as one reader sees it.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// `linux.seccomp`; none if the container would run without a filter.
    pub(crate) seccomp: Option<Vec<Entry>>,
    pub(crate) bounding: Option<Vec<String>>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Go's `encoding/json` into the runtime spec's structs, as runc does it: keys match in any case
/// under Unicode's simple folding, a later key is decoded over an earlier one (objects merge), null
/// clears what was there.
pub(crate) fn go(text: &str) -> Seen {
    let root = parse(text).expect("JSON");
    let linux = go_struct(root.entries(), "linux");
    let process = go_struct(root.entries(), "process");
    let sets = go_struct(&process.unwrap_or_default(), "capabilities");
    let map = go_struct(root.entries(), "annotations").unwrap_or_default();
    Seen {
        seccomp: go_struct(&linux.unwrap_or_default(), "seccomp"),
        bounding: go_last(&sets.unwrap_or_default(), "bounding").and_then(|node| strings(&node)),
        // A map's keys are taken as they are; of two alike the later one stays.
        annotations: strings_of(&map),
    }
}

fn go_takes(key: &str, field: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        other => other.to_lowercase().next().unwrap_or(other),
    };
    key.chars().map(fold).eq(field.chars().map(fold))
}

fn go_struct(entries: &[Entry], field: &str) -> Option<Vec<Entry>> {
    let mut seen: Option<Vec<Entry>> = None;
    for entry in entries.iter().filter(|entry| go_takes(&entry.key, field)) {
        match &entry.value.kind {
            Kind::Null => seen = None,
            // Decoding into a struct that is there already: as if its members had come first.
            Kind::Object(more) => seen.get_or_insert_default().extend(more.iter().cloned()),
            _ => {}
        }
    }
    seen
}

fn go_last(entries: &[Entry], field: &str) -> Option<Node> {
    let found = entries
        .iter()
        .rfind(|entry| go_takes(&entry.key, field))
        .map(|entry| entry.value.clone());
    found.filter(|value| !matches!(value.kind, Kind::Null))
}

/// yajl's tree as crun reads it: keys end at a NUL, match to the byte, and the first one counts.
pub(crate) fn c(text: &str) -> Seen {
    let root = parse(text).expect("JSON");
    let linux = c_get(root.entries(), "linux");
    let process = c_get(root.entries(), "process");
    let sets = process.and_then(|process| c_get(process.entries(), "capabilities"));
    let bounding = sets.and_then(|sets| c_get(sets.entries(), "bounding"));
    let seccomp = linux.and_then(|linux| c_get(linux.entries(), "seccomp"));
    let mut annotations = BTreeMap::new();
    let map = c_get(root.entries(), "annotations");
    for entry in map.map_or(&[][..], Node::entries) {
        if let Some(value) = entry.value.string() {
            let key = c_key(&entry.key).to_owned();
            annotations.entry(key).or_insert(value.to_owned());
        }
    }
    Seen {
        seccomp: seccomp.and_then(|node| match &node.kind {
            Kind::Object(entries) => Some(entries.clone()),
            // Another type is silently no filter.
            _ => None,
        }),
        bounding: bounding.and_then(strings),
        annotations,
    }
}

fn c_key(key: &str) -> &str {
    key.split('\0').next().unwrap_or("")
}

fn c_get<'a>(entries: &'a [Entry], field: &str) -> Option<&'a Node> {
    let found = entries.iter().find(|entry| c_key(&entry.key) == field);
    found.map(|entry| &entry.value)
}

/// serde, where it can read the text at all (lone surrogates and 1e400 are beyond it).
pub(crate) fn serde(text: &str) -> Option<Seen> {
    let root: serde_json::Value = serde_json::from_str(text).ok()?;
    let list = |pointer: &str| {
        let list = root.pointer(pointer)?.as_array()?;
        list.iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let map = root.get("annotations").and_then(|map| map.as_object());
    let annotations = map.into_iter().flatten();
    Some(Seen {
        seccomp: root
            .pointer("/linux/seccomp")
            .filter(|value| value.is_object())
            .map(|value| sorted(&parse(&value.to_string()).expect("JSON"))),
        bounding: list("/process/capabilities/bounding"),
        annotations: annotations
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    })
}

/// The members in the order in which serde's map gives them.
pub(crate) fn sorted(node: &Node) -> Vec<Entry> {
    let text = |node: &Node| {
        let mut entries = node.entries().to_vec();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        for entry in &mut entries {
            sort(&mut entry.value);
        }
        entries
    };
    text(node)
}

fn sort(node: &mut Node) {
    match &mut node.kind {
        Kind::Array(items) => items.iter_mut().for_each(sort),
        Kind::Object(entries) => {
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            entries.iter_mut().for_each(|entry| sort(&mut entry.value));
        }
        _ => {}
    }
}

fn strings(node: &Node) -> Option<Vec<String>> {
    match &node.kind {
        Kind::Array(items) => items
            .iter()
            .map(|item| item.string().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

fn strings_of(entries: &[Entry]) -> BTreeMap<String, String> {
    let pairs = entries.iter();
    pairs
        .filter_map(|entry| Some((entry.key.clone(), entry.value.string()?.to_owned())))
        .collect()
}

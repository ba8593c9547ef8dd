//! Where a profile's rules, names and conditions stand. Reading keeps only where rules begin, so
//! that no container waits for what warnings alone need; this walks the file once more.

use strict_json::{MAX_DEPTH, Text, Value};

/// Offsets into the file.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) start: usize,
    pub(super) architectures: Option<usize>,
    pub(super) listener_path: Option<usize>,
    pub(super) listener_metadata: Option<usize>,
    pub(super) rules: Vec<RulePlaces>,
}

/// Those of one rule.
#[derive(Debug, Default)]
pub(super) struct RulePlaces {
    pub(super) names: Vec<usize>,
    pub(super) args: Vec<usize>,
}

impl Places {
    /// The places in `text`, a profile that was found sound.
    pub(super) fn of(text: &str) -> Self {
        let Ok(text) = Text::check(text.as_bytes(), MAX_DEPTH) else {
            return Self::default();
        };
        let root = text.root();
        let mut places = Self {
            start: root.range().start,
            ..Self::default()
        };
        for member in root.members() {
            let at = member.value.range().start;
            match member.key.as_ref() {
                "architectures" | "archMap" => places.architectures = Some(at),
                "listenerPath" => places.listener_path = Some(at),
                "listenerMetadata" => places.listener_metadata = Some(at),
                "syscalls" => places.rules = member.value.elements().map(rule).collect(),
                _ => {}
            }
        }
        places
    }
}

fn rule(value: Value<'_>) -> RulePlaces {
    let mut places = RulePlaces::default();
    let mut name = None;
    let each = |value: &Value<'_>| value.elements().map(|one| one.range().start).collect();
    for member in value.members() {
        match member.key.as_ref() {
            "names" => places.names = each(&member.value),
            "name" => name = Some(member.value.range().start),
            "args" => places.args = each(&member.value),
            _ => {}
        }
    }
    if places.names.is_empty() {
        places.names.extend(name);
    }
    places
}

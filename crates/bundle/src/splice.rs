//! Changing a JSON text by byte ranges.

use std::ops::Range;

use strict_json::{Member, Value};

/// Bytes to put in the place of others.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) range: Range<usize>,
    pub(crate) with: String,
}

impl Edit {
    /// Whether the edit puts anything else there than stands there.
    pub(crate) fn changes(&self, bytes: &[u8]) -> bool {
        bytes.get(self.range.clone()) != Some(self.with.as_bytes())
    }
}

/// The bytes with all edits made. They must not overlap.
pub(crate) fn apply(bytes: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.range.start);
    let longer: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(bytes.len().saturating_add(longer));
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(bytes.get(at..edit.range.start).unwrap_or(b""));
        out.extend_from_slice(edit.with.as_bytes());
        at = edit.range.end;
    }
    out.extend_from_slice(bytes.get(at..).unwrap_or(b""));
    out
}

/// Puts a member before the others of an object.
pub(crate) fn insert_first(object: Value<'_>, member: &str) -> Edit {
    let after_brace = object.range().start.saturating_add(1);
    let comma = if object.members().next().is_some() {
        ","
    } else {
        ""
    };
    Edit {
        range: after_brace..after_brace,
        with: format!("{member}{comma}"),
    }
}

/// Takes out the members of an object whose key is `unwanted`, each with the comma that set it off.
pub(crate) fn remove_members(object: Value<'_>, unwanted: impl Fn(&str) -> bool) -> Vec<Edit> {
    let members: Vec<Member<'_>> = object.members().collect();
    let keep: Vec<bool> = members
        .iter()
        .map(|member| !unwanted(&member.key))
        .collect();
    let last_kept = keep.iter().rposition(|kept| *kept);
    let mut edits = Vec::new();
    let mut previous_end = object.range().start.saturating_add(1);
    for (index, member) in members.iter().enumerate() {
        let end = member.value.range().end;
        if keep.get(index) == Some(&false) {
            let next = members.get(index.saturating_add(1));
            let range = match (last_kept, next) {
                // Another that stays follows: up to its key, comma and space included.
                (Some(last), Some(next)) if last > index => {
                    member.key_range.start..next.key_range.start
                }
                // Only others that go follow: from the end of what stands before.
                (Some(_), _) => previous_end..end,
                // Nothing stays: commas go with the member that they follow.
                (None, Some(next)) => member.key_range.start..next.key_range.start,
                (None, None) => member.key_range.start..end,
            };
            edits.push(Edit {
                range,
                with: String::new(),
            });
        }
        previous_end = end;
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use strict_json::{MAX_DEPTH, Text};

    fn without(text: &str, gone: &[&str]) -> String {
        let root = Text::check(text.as_bytes(), MAX_DEPTH)
            .expect("JSON")
            .root();
        let edits = remove_members(root, |key| gone.contains(&key));
        let out = String::from_utf8(apply(text.as_bytes(), edits)).expect("UTF-8");
        Text::check(out.as_bytes(), MAX_DEPTH).expect("still JSON");
        out
    }

    #[test]
    fn members_go_with_their_commas() {
        let text = r#"{ "a": 1, "b": 2, "c": 3 }"#;
        assert_eq!(without(text, &[]), text);
        assert_eq!(without(text, &["a"]), r#"{ "b": 2, "c": 3 }"#);
        assert_eq!(without(text, &["b"]), r#"{ "a": 1, "c": 3 }"#);
        assert_eq!(without(text, &["c"]), r#"{ "a": 1, "b": 2 }"#);
        assert_eq!(without(text, &["a", "b"]), r#"{ "c": 3 }"#);
        assert_eq!(without(text, &["b", "c"]), r#"{ "a": 1 }"#);
        assert_eq!(without(text, &["a", "c"]), r#"{ "b": 2 }"#);
        assert_eq!(without(text, &["a", "b", "c"]), "{  }");
        assert_eq!(without("{}", &["a"]), "{}");
    }
}

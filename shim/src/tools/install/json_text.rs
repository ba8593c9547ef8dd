//! Editing JSON as text: what is not meant stays to the byte.

use std::ops::Range;

use serde_json::Value as Json;
use strict_json::{Member, Value};

/// The text with one more member at the end of `object`, laid out as its neighbours are.
pub(super) fn insert(text: &str, object: Value<'_>, key: &str, value: &Json) -> String {
    let members: Vec<Member<'_>> = object.members().collect();
    let mut layout = Layout::of(text);
    if !members.is_empty() && !object.raw().contains('\n') {
        layout.unit.clear();
    }
    let range = object.range();
    let (at, before, after) = match members.last() {
        Some(last) => {
            let gap = text
                .get(gap_before(text, last.key_range.start))
                .unwrap_or_default();
            (last.value.range().end, format!(",{gap}"), String::new())
        }
        None if layout.unit.is_empty() => {
            (range.start.saturating_add(1), String::new(), String::new())
        }
        None => {
            let outer = indentation(text, range.start);
            let line = layout.line;
            let unit = &layout.unit;
            let end = range.start.saturating_add(1)..range.end.saturating_sub(1);
            return splice(
                text,
                end,
                &format!(
                    "{line}{outer}{unit}{}{line}{outer}",
                    layout.member(key, value, &format!("{outer}{unit}"))
                ),
            );
        }
    };
    // In a document on one line a member follows the comma after a space.
    let before = if layout.unit.is_empty() && !members.is_empty() {
        ", ".to_owned()
    } else {
        before
    };
    let own = before.rsplit('\n').next().unwrap_or_default();
    let own = own.trim_start_matches(',').to_owned();
    let member = layout.member(key, value, &own);
    splice(text, at..at, &format!("{before}{member}{after}"))
}

/// The text without the member `key` of `object`, its comma and the space that came with it.
pub(super) fn remove(text: &str, object: Value<'_>, key: &str) -> String {
    let members: Vec<Member<'_>> = object.members().collect();
    let Some(index) = members.iter().position(|member| member.key == key) else {
        return text.to_owned();
    };
    let end_of = |index: usize| members.get(index).map(|member| member.value.range().end);
    let previous = index.checked_sub(1).and_then(end_of);
    let next = members
        .get(index.saturating_add(1))
        .map(|member| member.key_range.start);
    let own = members.get(index).map(|member| member.key_range.start);
    let range = match (previous, own, end_of(index), next) {
        (Some(previous), _, Some(end), _) => previous..end,
        (None, Some(own), _, Some(next)) => own..next,
        _ => object.range().start.saturating_add(1)..object.range().end.saturating_sub(1),
    };
    splice(text, range, "")
}

/// The text with something else in a range.
pub(super) fn splice(text: &str, range: Range<usize>, new: &str) -> String {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    format!("{before}{new}{after}")
}

/// How a document is laid out: what one level is indented by (nothing for one on a single line) and
/// what ends a line.
struct Layout {
    unit: String,
    line: &'static str,
}

impl Layout {
    fn of(text: &str) -> Self {
        let line = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let indented = text.lines().skip(1).find_map(|line| {
            let rest = line.trim_start_matches([' ', '\t']);
            let space = line.get(..line.len().saturating_sub(rest.len()))?;
            (!space.is_empty() && rest.starts_with('"')).then(|| space.to_owned())
        });
        let several = text.trim().contains('\n');
        let empty = text
            .trim()
            .strip_prefix('{')
            .is_some_and(|rest| rest.trim() == "}");
        let unit = indented.unwrap_or_else(|| {
            if several || empty {
                DEFAULT_UNIT.to_owned()
            } else {
                String::new()
            }
        });
        Self { unit, line }
    }

    /// A member whose own line is indented by `indent`.
    fn member(&self, key: &str, value: &Json, indent: &str) -> String {
        let key = Json::from(key);
        format!("{key}: {}", self.value(value, indent))
    }

    fn value(&self, value: &Json, indent: &str) -> String {
        let Json::Object(members) = value else {
            return value.to_string();
        };
        let inner = format!("{indent}{}", self.unit);
        let lines = members
            .iter()
            .map(|(key, value)| self.member(key, value, &inner));
        let lines: Vec<String> = lines.collect();
        if self.unit.is_empty() {
            return format!("{{{}}}", lines.join(", "));
        }
        let line = self.line;
        format!(
            "{{{line}{inner}{}{line}{indent}}}",
            lines.join(&format!(",{line}{inner}"))
        )
    }
}

const DEFAULT_UNIT: &str = "  ";

/// The space before a byte.
fn gap_before(text: &str, at: usize) -> Range<usize> {
    let before = text.get(..at).unwrap_or_default();
    before.trim_end_matches([' ', '\t', '\r', '\n']).len()..at
}

/// What the line that holds a byte is indented by.
fn indentation(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.chars()
        .take_while(|space| " \t".contains(*space))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use strict_json::{MAX_DEPTH, Text};

    fn inserted(text: &str) -> String {
        let root = Text::check(text.as_bytes(), MAX_DEPTH).unwrap().root();
        insert(text, root, "k", &json!({"p": "/x"}))
    }

    fn removed(text: &str) -> String {
        let root = Text::check(text.as_bytes(), MAX_DEPTH).unwrap().root();
        remove(text, root, "k")
    }

    #[test]
    fn a_member_is_laid_out_like_its_neighbours() {
        for (before, after) in [
            ("{}", "{\n  \"k\": {\n    \"p\": \"/x\"\n  }\n}"),
            ("{ \n }\n", "{\n  \"k\": {\n    \"p\": \"/x\"\n  }\n}\n"),
            ("{\"a\":1}", "{\"a\":1, \"k\": {\"p\": \"/x\"}}"),
            (
                "{\n\t\"a\": 1\n}",
                "{\n\t\"a\": 1,\n\t\"k\": {\n\t\t\"p\": \"/x\"\n\t}\n}",
            ),
            (
                "{\r\n  \"a\": 1\r\n}\r\n",
                "{\r\n  \"a\": 1,\r\n  \"k\": {\r\n    \"p\": \"/x\"\r\n  }\r\n}\r\n",
            ),
        ] {
            assert_eq!(inserted(before), after, "{before:?}");
            if before.contains('a') {
                assert_eq!(removed(after), before);
            }
        }
    }

    #[test]
    fn a_member_goes_with_its_comma() {
        assert_eq!(removed("{\"k\": 1, \"b\": 2}"), "{\"b\": 2}");
        assert_eq!(
            removed("{\"a\": 0, \"k\": 1, \"b\": 2}"),
            "{\"a\": 0, \"b\": 2}"
        );
        assert_eq!(removed("{ \"k\": 1 }"), "{}");
        assert_eq!(removed("{\"a\": 1}"), "{\"a\": 1}");
    }
}

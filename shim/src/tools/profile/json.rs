//! A profile's JSON, printed.

use profile::Seccomp;

use crate::tools::{Format, page::page, print};

/// Prints a profile: indented for people, on one line otherwise.
pub(super) fn print_profile(seccomp: &Seccomp, format: Format) {
    let json = seccomp.to_json();
    match format {
        Format::Text => page(&indented(&json)),
        Format::Json => print(&format!("{json}\n")),
    }
}

/// JSON without white space, as lines. Lists of plain values, and small objects, stay on one.
fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len().saturating_mul(2));
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    let mut flat = 0_usize;
    let new_line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    };
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let here = rest;
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if quoted {
            text.push(c);
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                text.push(c);
            }
            '{' | '[' => {
                text.push(c);
                if flat > 0 || is_plain(here) {
                    flat = flat.saturating_add(1);
                } else {
                    depth = depth.saturating_add(1);
                    new_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                if flat > 0 {
                    flat = flat.saturating_sub(1);
                } else {
                    depth = depth.saturating_sub(1);
                    new_line(&mut text, depth);
                }
                text.push(c);
            }
            ',' if flat > 0 => {
                let start = text.rfind('\n').map_or(0, |at| at.saturating_add(1));
                text.push(',');
                if text.len().saturating_sub(start) > WIDTH {
                    new_line(&mut text, depth.saturating_add(1));
                } else {
                    text.push(' ');
                }
            }
            ',' => {
                text.push(c);
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => text.push(c),
        }
    }
    text.push('\n');
    text
}

/// Whether the object or list that begins here holds no other, or is short.
fn is_plain(json: &str) -> bool {
    let end = json.find([']', '}']).unwrap_or(json.len());
    let inside = json.get(1..end).unwrap_or_default();
    !inside.contains(['{', '['])
}

/// Lists go on in the next line after so many characters.
const WIDTH: usize = 88;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_changes_white_space_alone() {
        let json = r#"{"a":"x{,\":[","b":[],"syscalls":[{"names":["read","write"],"args":[{"index":0}]}]}"#;
        let text = indented(json);
        let expect = "{\n  \"a\": \"x{,\\\":[\",\n  \"b\": [],\n  \"syscalls\": [\n    {\n      \
                      \"names\": [\"read\", \"write\"],\n      \"args\": [\n        {\"index\": 0}\n      \
                      ]\n    }\n  ]\n}\n";
        assert_eq!(text, expect);
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&text), value(json));
    }
}

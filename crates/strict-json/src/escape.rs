//! Strings as they are meant, from strings as they are written (RFC 8259 section 7).

use std::borrow::Cow;

/// Undoes JSON's escapes.
pub(crate) fn unescape(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    let mut high: Option<u32> = None;
    while let Some(c) = chars.next() {
        let unit = if c == '\\' {
            match chars.next() {
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    u32::from_str_radix(&digits, 16).unwrap_or(REPLACEMENT)
                }
                Some('b') => 0x08,
                Some('f') => 0x0C,
                Some('n') => 0x0A,
                Some('r') => 0x0D,
                Some('t') => 0x09,
                Some(other) => u32::from(other),
                None => REPLACEMENT,
            }
        } else {
            u32::from(c)
        };
        if let Some(first) = high.take() {
            if let 0xDC00..=0xDFFF = unit {
                let code = 0x10000 + ((first & 0x3FF) << 10) + (unit & 0x3FF);
                out.push(char::from_u32(code).unwrap_or('\u{FFFD}'));
                continue;
            }
            out.push('\u{FFFD}');
        }
        if let 0xD800..=0xDBFF = unit {
            high = Some(unit);
        } else {
            out.push(char::from_u32(unit).unwrap_or('\u{FFFD}'));
        }
    }
    if high.is_some() {
        out.push('\u{FFFD}');
    }
    Cow::Owned(out)
}

const REPLACEMENT: u32 = 0xFFFD;

#[cfg(test)]
mod tests {
    use crate::{MAX_DEPTH, Text};

    #[test]
    fn strings_are_unescaped_as_go_does() {
        let read = |text: &str| {
            Text::check(text.as_bytes(), MAX_DEPTH)
                .expect("JSON")
                .root()
                .as_str()
                .expect("string")
                .into_owned()
        };
        assert_eq!(
            read(r#""\u0041\/\"\\\b\f\n\r\t""#),
            "A/\"\\\u{8}\u{c}\n\r\t"
        );
        assert_eq!(read(r#""\ud83d\ude00""#), "\u{1F600}");
        assert_eq!(read(r#""\ud800""#), "\u{FFFD}");
        assert_eq!(read(r#""\ud800x""#), "\u{FFFD}x");
        assert_eq!(read(r#""\ud800\ud83d\ude00""#), "\u{FFFD}\u{1F600}");
        assert_eq!(read(r#""\udc00""#), "\u{FFFD}");
    }
}

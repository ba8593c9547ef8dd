//! Stepping through the members of arrays and objects in checked text.

use crate::{Member, Value};

/// Steps through the members of an array or object of checked text.
pub(crate) struct Walk<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn into(value: Value<'a>, bracket: u8) -> Self {
        let opens = value.raw().as_bytes().first() == Some(&bracket);
        let (at, end) = (
            value.range().start.saturating_add(1),
            value.range().end.saturating_sub(1),
        );
        Self {
            text: value.document(),
            at: if opens { at } else { end },
            end,
        }
    }

    fn skip_to_token(&mut self) -> Option<u8> {
        loop {
            if self.at >= self.end {
                return None;
            }
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') => {
                    self.at = self.at.saturating_add(1);
                }
                found => return found.copied(),
            }
        }
    }

    pub(crate) fn next_value(&mut self) -> Option<Value<'a>> {
        self.skip_to_token()?;
        let start = self.at;
        self.at = end_of_value(self.text.as_bytes(), start);
        Some(Value::new(self.text, start, self.at))
    }

    pub(crate) fn next_member(&mut self) -> Option<Member<'a>> {
        let key = self.next_value()?;
        let value = self.next_value()?;
        Some(Member {
            key: key.as_str()?,
            key_range: key.range(),
            value,
        })
    }
}

/// Where the value that starts at `start` ends. The text is known to be JSON.
fn end_of_value(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'"') => end_of_string(bytes, start),
        Some(b'{' | b'[') => end_of_container(bytes, start),
        _ => find(bytes, start, AFTER_WORD),
    }
}

/// Only strings and brackets matter on the way to the bracket that closes the first.
fn end_of_container(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut depth = 0_usize;
    loop {
        at = find(bytes, at, QUOTE | BRACKET);
        match bytes.get(at) {
            Some(b'"') => {
                at = end_of_string(bytes, at);
                continue;
            }
            Some(b'{' | b'[') => depth = depth.saturating_add(1),
            Some(_) => depth = depth.saturating_sub(1),
            None => return at,
        }
        at = at.saturating_add(1);
        if depth == 0 {
            return at;
        }
    }
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start.saturating_add(1);
    loop {
        at = find(bytes, at, QUOTE | BACKSLASH);
        match bytes.get(at) {
            Some(b'"') => return at.saturating_add(1),
            Some(_) => at = at.saturating_add(2),
            None => return at,
        }
    }
}

/// The first byte at or after `from` that is of one of the `wanted` classes, or the end.
fn find(bytes: &[u8], from: usize, wanted: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or(b"");
    let found = rest.iter().position(|byte| class(*byte) & wanted != 0);
    from.saturating_add(found.unwrap_or(rest.len()))
}

/// The classes of a byte. Every byte of a profile is asked for several times: a table is quickest.
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

const QUOTE: u8 = 1;
const BACKSLASH: u8 = 2;
const BRACKET: u8 = 4;
/// What ends a number or a word.
const AFTER_WORD: u8 = 8;

#[expect(clippy::indexing_slicing, reason = "the compiler does it")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    classes[b'"' as usize] = QUOTE;
    classes[b'\\' as usize] = BACKSLASH;
    classes[b'{' as usize] = BRACKET;
    classes[b'[' as usize] = BRACKET;
    classes[b'}' as usize] = BRACKET | AFTER_WORD;
    classes[b']' as usize] = BRACKET | AFTER_WORD;
    classes[b',' as usize] = AFTER_WORD;
    classes[b':' as usize] = AFTER_WORD;
    classes[b' ' as usize] = AFTER_WORD;
    classes[b'\t' as usize] = AFTER_WORD;
    classes[b'\n' as usize] = AFTER_WORD;
    classes[b'\r' as usize] = AFTER_WORD;
    classes
};

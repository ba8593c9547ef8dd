//! Line and column of a byte, for people.

use std::fmt;

/// A place in a text as editors count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters (bytes where the line is not UTF-8).
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The place of the byte at `offset`; past the end it is the place after the last byte.
#[must_use]
pub fn place(bytes: &[u8], offset: usize) -> Place {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.split(|byte| *byte == b'\n').count();
    let last = before.rsplit(|byte| *byte == b'\n').next().unwrap_or(b"");
    let column = std::str::from_utf8(last).map_or(last.len(), |text| text.chars().count());
    Place {
        line,
        column: column.saturating_add(1),
    }
}

/// The places of many bytes of one text, in about the time of one if they come in order.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    bytes: &'a [u8],
    at: usize,
    place: Place,
}

impl<'a> Places<'a> {
    /// Of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let place = Place { line: 1, column: 1 };
        let bytes = text.as_bytes();
        Self {
            bytes,
            at: 0,
            place,
        }
    }

    /// As [`place`]. A byte before the last one that was asked for begins anew.
    pub fn of(&mut self, offset: usize) -> Place {
        let offset = offset.min(self.bytes.len());
        if offset < self.at {
            self.at = 0;
            self.place = Place { line: 1, column: 1 };
        }
        for byte in self.bytes.get(self.at..offset).unwrap_or(b"") {
            if *byte == b'\n' {
                self.place.line = self.place.line.saturating_add(1);
                self.place.column = 1;
            } else if byte & 0xC0 != 0x80 {
                // Each character has one byte that does not go on another.
                self.place.column = self.place.column.saturating_add(1);
            }
        }
        self.at = offset;
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_places_are_those_of_each() {
        let text = "{\n  \"é\": x\n\n\u{1F600}}";
        let mut places = Places::new(text);
        let starts = || text.char_indices().map(|(at, _)| at);
        for at in starts().chain([text.len(), 999, 3]).chain(starts()) {
            assert_eq!(places.of(at), place(text.as_bytes(), at), "{at}");
        }
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "{\n  \"é\": x".as_bytes();
        assert_eq!(place(text, 0), Place { line: 1, column: 1 });
        let x = text.len() - 1;
        assert_eq!(place(text, x), Place { line: 2, column: 8 });
        assert_eq!(place(text, 999), Place { line: 2, column: 9 });
    }
}

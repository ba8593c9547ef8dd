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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "{\n  \"é\": x".as_bytes();
        assert_eq!(place(text, 0), Place { line: 1, column: 1 });
        let x = text.len() - 1;
        assert_eq!(place(text, x), Place { line: 2, column: 8 });
        assert_eq!(place(text, 999), Place { line: 2, column: 9 });
    }
}

//! The whole text, checked once: grammar, encoding, depth, and that nothing follows.

use crate::{Fault, FaultKind, Value, number};

/// A text that is known to be one JSON value.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

impl<'a> Text<'a> {
    /// Checks `bytes` from the first to the last, without recursion.
    ///
    /// `max_depth` is how many arrays and objects may be open at once.
    ///
    /// # Errors
    /// Whatever RFC 8259 does not allow, a byte order mark, bytes that are not UTF-8, anything but
    /// space after the value, too deep a nesting. Lone surrogate escapes (`\ud800`) pass: every
    /// reader accepts them.
    pub fn check(bytes: &'a [u8], max_depth: usize) -> Result<Self, Fault> {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err(Fault::at(0, FaultKind::ByteOrderMark));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Fault::at(error.valid_up_to(), FaultKind::NotUtf8))?;
        let mut checker = Checker {
            bytes,
            at: 0,
            open: Vec::new(),
            max_depth,
        };
        checker.space();
        let start = checker.at;
        if start == bytes.len() {
            return Err(Fault::at(start, FaultKind::Empty));
        }
        let end = checker.value()?;
        checker.space();
        if checker.at < bytes.len() {
            return Err(Fault::at(checker.at, FaultKind::Trailing));
        }
        Ok(Self { text, start, end })
    }

    /// The value that the text is.
    #[must_use]
    pub fn root(&self) -> Value<'a> {
        Value::new(self.text, self.start, self.end)
    }
}

/// What the checker stands in: an array or an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Array,
    Object,
}

struct Checker<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    max_depth: usize,
}

impl Checker<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn step(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step(1);
        }
    }

    /// The fault of meeting whatever stands here.
    fn unexpected(&self) -> Fault {
        let rest = self.bytes.get(self.at..).unwrap_or(b"");
        let kind = match std::str::from_utf8(rest)
            .ok()
            .and_then(|text| text.chars().next())
        {
            Some(found) => FaultKind::Unexpected(found),
            None => FaultKind::EndsEarly,
        };
        Fault::at(self.at, kind)
    }

    /// Checks the value that starts here and returns the offset just after it.
    fn value(&mut self) -> Result<usize, Fault> {
        let floor = self.open.len();
        'value: loop {
            self.space();
            match self.peek() {
                Some(b'{') => {
                    self.enter(Open::Object)?;
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    self.enter(Open::Array)?;
                    if self.peek() != Some(b']') {
                        continue 'value;
                    }
                }
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.unexpected()),
            }
            // A value has ended here, or the bracket that ends an empty one comes next.
            loop {
                if self.open.len() == floor {
                    return Ok(self.at);
                }
                self.space();
                match (self.open.last(), self.peek()) {
                    (Some(Open::Array), Some(b']')) | (Some(Open::Object), Some(b'}')) => {
                        self.step(1);
                        self.open.pop();
                    }
                    (Some(Open::Array), Some(b',')) if !self.just_opened() => {
                        self.step(1);
                        continue 'value;
                    }
                    (Some(Open::Object), Some(b',')) if !self.just_opened() => {
                        self.step(1);
                        self.space();
                        self.key()?;
                        continue 'value;
                    }
                    _ => return Err(self.unexpected()),
                }
            }
        }
    }

    /// Whether nothing but space stands between here and the bracket that opened.
    fn just_opened(&self) -> bool {
        let before = self.bytes.get(..self.at).unwrap_or(b"");
        let last = before
            .iter()
            .rev()
            .find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        matches!(last, Some(b'{' | b'['))
    }

    fn enter(&mut self, what: Open) -> Result<(), Fault> {
        if self.open.len() >= self.max_depth {
            return Err(Fault::at(self.at, FaultKind::TooDeep(self.max_depth)));
        }
        self.open.push(what);
        self.step(1);
        self.space();
        Ok(())
    }

    fn key(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.step(1);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        self.step(1);
        loop {
            match self.peek() {
                None => return Err(Fault::at(self.at, FaultKind::EndsEarly)),
                Some(b'"') => {
                    self.step(1);
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..=0x1F) => return Err(Fault::at(self.at, FaultKind::ControlCharacter)),
                Some(_) => self.step(1),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.step(1);
        match self.peek() {
            None => Err(Fault::at(self.at, FaultKind::EndsEarly)),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.step(1);
                Ok(())
            }
            Some(b'u') => {
                self.step(1);
                for _ in 0..4 {
                    match self.peek() {
                        None => return Err(Fault::at(self.at, FaultKind::EndsEarly)),
                        Some(digit) if digit.is_ascii_hexdigit() => self.step(1),
                        Some(_) => return Err(Fault::at(start, FaultKind::BadEscape)),
                    }
                }
                Ok(())
            }
            Some(_) => Err(Fault::at(start, FaultKind::BadEscape)),
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or(b"");
        let length =
            number::length(rest).ok_or_else(|| Fault::at(self.at, FaultKind::BadNumber))?;
        if matches!(
            rest.get(length),
            Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')
        ) {
            return Err(Fault::at(self.at, FaultKind::BadNumber));
        }
        self.step(length);
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        for expected in word {
            match self.peek() {
                Some(found) if found == *expected => self.step(1),
                _ => return Err(self.unexpected()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_DEPTH;

    fn fault(text: &[u8]) -> FaultKind {
        Text::check(text, MAX_DEPTH)
            .expect_err("must be refused")
            .kind
    }

    #[test]
    fn json_is_accepted_whole() {
        for good in [
            "{}",
            "[]",
            " \t\r\n{ } ",
            "[1,2]",
            r#"{"a":[{},[],"",null,true,false,-1.5e3]}"#,
            r#""\ud800 \" \\ \/ \b\f\n\r\t""#,
            "1e400",
            "[[[]]]",
            r#"{"a":{},"b":[ ]}"#,
        ] {
            let text = Text::check(good.as_bytes(), MAX_DEPTH).expect(good);
            assert_eq!(text.root().raw(), good.trim());
        }
    }

    #[test]
    fn what_parsers_differ_on_is_refused() {
        assert_eq!(fault(b"\xEF\xBB\xBF{}"), FaultKind::ByteOrderMark);
        assert_eq!(fault(b"{\"a\":\"\xff\"}"), FaultKind::NotUtf8);
        assert_eq!(fault(b"{}\0"), FaultKind::Trailing);
        assert_eq!(fault(b"{} {}"), FaultKind::Trailing);
        assert_eq!(fault(b"/* c */ {}"), FaultKind::Unexpected('/'));
        assert_eq!(fault(b"[1,]"), FaultKind::Unexpected(']'));
        assert_eq!(fault(b"[,1]"), FaultKind::Unexpected(','));
        assert_eq!(fault(b"[ , ]"), FaultKind::Unexpected(','));
        assert_eq!(fault(b"{,}"), FaultKind::Unexpected(','));
        assert_eq!(fault(b"{\"a\":1,}"), FaultKind::Unexpected('}'));
        assert_eq!(fault(b"{\"a\" 1}"), FaultKind::Unexpected('1'));
        assert_eq!(fault(b"{a:1}"), FaultKind::Unexpected('a'));
        assert_eq!(fault(b"[01]"), FaultKind::BadNumber);
        assert_eq!(fault(b"[1 2]"), FaultKind::Unexpected('2'));
        assert_eq!(fault(b"[NaN]"), FaultKind::Unexpected('N'));
        assert_eq!(fault(b"['a']"), FaultKind::Unexpected('\''));
        assert_eq!(fault(b"[\"\\x\"]"), FaultKind::BadEscape);
        assert_eq!(fault(b"[\"\\u12G4\"]"), FaultKind::BadEscape);
        assert_eq!(fault(b"[\"\n\"]"), FaultKind::ControlCharacter);
        assert_eq!(fault(b""), FaultKind::Empty);
        assert_eq!(fault(b" \n"), FaultKind::Empty);
        assert_eq!(fault(b"[}"), FaultKind::Unexpected('}'));
        assert_eq!(fault(b"{]"), FaultKind::Unexpected(']'));
        assert_eq!(fault(b"]"), FaultKind::Unexpected(']'));
    }

    #[test]
    fn every_cut_of_a_text_is_refused() {
        let text = br#"{"a":[1,{"b":"\u00e9x"},true,null],"c":-1.5e3}"#;
        for end in 0..text.len() {
            let cut = text.get(..end).expect("in range");
            assert!(Text::check(cut, MAX_DEPTH).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn depth_is_limited_without_recursion() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(Text::check(deep(MAX_DEPTH).as_bytes(), MAX_DEPTH).is_ok());
        assert_eq!(
            fault(deep(MAX_DEPTH + 1).as_bytes()),
            FaultKind::TooDeep(MAX_DEPTH)
        );
        assert_eq!(
            fault("[".repeat(1_000_000).as_bytes()),
            FaultKind::TooDeep(MAX_DEPTH)
        );
    }
}

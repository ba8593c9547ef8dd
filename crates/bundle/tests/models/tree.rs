//! A JSON reader that shares no code with the one under test. It takes only whole, correct texts.

use std::ops::Range;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Null,
    /// Booleans and numbers, as written.
    Word(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Entry>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Node,
}

/// Equal as values: where they stand does not matter.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Word(a), Kind::Word(b)) | (Kind::String(a), Kind::String(b)) => a == b,
            (Kind::Array(a), Kind::Array(b)) => a == b,
            (Kind::Object(a), Kind::Object(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Node {
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Object(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn string(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads a whole text; none if it is not JSON.
pub(crate) fn parse(text: &str) -> Option<Node> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value()?;
    reader.space();
    (reader.at == text.len()).then_some(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, word: &str) -> Option<()> {
        self.space();
        self.rest().starts_with(word).then_some(())?;
        self.at += word.len();
        Some(())
    }

    fn value(&mut self) -> Option<Node> {
        self.space();
        let start = self.at;
        let kind = match self.rest().as_bytes().first()? {
            b'{' => Kind::Object(self.list("{", "}", Self::entry)?),
            b'[' => Kind::Array(self.list("[", "]", Self::value)?),
            b'"' => Kind::String(self.string()?),
            _ => {
                let rest = self.rest();
                let stop = |c: char| matches!(c, ',' | ']' | '}') || c.is_whitespace();
                let word = rest[..rest.find(stop).unwrap_or(rest.len())].to_owned();
                self.at += word.len();
                match word.as_str() {
                    "null" => Kind::Null,
                    "" => return None,
                    _ => Kind::Word(word),
                }
            }
        };
        Some(Node {
            span: start..self.at,
            kind,
        })
    }

    fn list<T>(
        &mut self,
        open: &str,
        close: &str,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.take(open)?;
        let mut items = Vec::new();
        if self.take(close).is_some() {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(close).is_some() {
                return Some(items);
            }
            self.take(",")?;
        }
    }

    fn entry(&mut self) -> Option<Entry> {
        self.space();
        let start = self.at;
        let key = self.string()?;
        let key_span = start..self.at;
        self.take(":")?;
        let value = self.value()?;
        Some(Entry {
            key,
            key_span,
            value,
        })
    }

    /// A string in UTF-16, as its escapes are; what is no character becomes U+FFFD.
    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut units = Vec::new();
        loop {
            let c = self.rest().chars().next()?;
            self.at += c.len_utf8();
            match c {
                '"' => return Some(String::from_utf16_lossy(&units)),
                '\\' => {
                    let escape = self.rest().chars().next()?;
                    self.at += escape.len_utf8();
                    units.push(match escape {
                        'u' => {
                            let digits = self.text.get(self.at..self.at + 4)?;
                            self.at += 4;
                            u16::from_str_radix(digits, 16).ok()?
                        }
                        'b' => 8,
                        'f' => 12,
                        'n' => 10,
                        'r' => 13,
                        't' => 9,
                        other => u16::try_from(u32::from(other)).ok()?,
                    });
                }
                other => units.extend(other.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }
}

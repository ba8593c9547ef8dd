//! A rule in the plain form that nearly all are written in, read without a TOML parser.
//!
//! Thousands of rules are parsed on every create, and the general parser's tree is most of the cost.
//! This reads only what has one meaning at first sight: a key, `=`, and on the same line a string
//! without escapes, a list of such, a boolean, or an inline table of these. All else (an escape, a
//! number, a dotted key, an unknown or repeated key, a wrong value) is not for it to judge: it gives
//! nothing, and the general parser reads the rule, or says what is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::value::Error;
use toml::Spanned;

use crate::document::{Architectures, Combine, Globs, ProfileDocument, RuleDocument, WhenDocument};
use crate::mode::Mode;

/// The rule in `piece`, which begins with the header `[[rule]]`; none if it is not plain.
pub(crate) fn read(piece: &str) -> Option<Spanned<RuleDocument>> {
    // No early way out: then the processor compares many bytes at once.
    let control = |byte: u8| (byte < b' ' && byte != b'\n' && byte != b'\t') || byte == 0x7f;
    if piece
        .bytes()
        .fold(false, |found, byte| found | control(byte))
    {
        return None;
    }
    let start = piece.bytes().position(|byte| byte == b'[')?;
    let mut lines = piece.split('\n');
    let mut offset = lines.next()?.len().saturating_add(1);
    let mut fields = Vec::with_capacity(6);
    for line in lines {
        let mut text = Text {
            rest: line,
            end: offset.saturating_add(line.len()),
        };
        offset = text.end.saturating_add(1);
        text.skip_blanks();
        if !text.is_at_end() {
            fields.push(text.field()?);
            text.skip_blanks();
            if !text.is_at_end() {
                return None;
            }
        }
    }
    rule(fields).map(|rule| Spanned::new(start..piece.len(), rule))
}

/// A value and where it stands in the piece.
struct Field<'a> {
    key: &'a str,
    value: Value<'a>,
    span: Range<usize>,
}

enum Value<'a> {
    String(&'a str),
    Strings(Vec<&'a str>),
    Bool(bool),
    Table(Vec<Field<'a>>),
}

/// The rest of a line.
struct Text<'a> {
    rest: &'a str,
    /// Where the line ends in the piece.
    end: usize,
}

impl<'a> Text<'a> {
    fn at(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    fn skip_blanks(&mut self) {
        let blanks = self.bytes(|byte| byte == b' ' || byte == b'\t');
        self.rest = self.rest.get(blanks..).unwrap_or("");
    }

    /// How many bytes come that are so. Asked of each byte of thousands of rules: bytes are compared
    /// several times as fast as characters, and all that is looked for here is ASCII.
    fn bytes(&self, so: impl Fn(u8) -> bool) -> usize {
        let length = self.rest.bytes().position(|byte| !so(byte));
        length.unwrap_or(self.rest.len())
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    /// Takes `mark` and the blanks around it.
    fn take(&mut self, mark: char) -> Option<()> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(mark)?;
        self.skip_blanks();
        Some(())
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let key = if self.rest.starts_with('"') {
            self.string()?
        } else {
            let length =
                self.bytes(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            let (key, rest) = self.rest.split_at_checked(length)?;
            self.rest = rest;
            (!key.is_empty()).then_some(key)?
        };
        self.take('=')?;
        let start = self.at();
        let value = self.value()?;
        Some(Field {
            key,
            value,
            span: start..self.at(),
        })
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.rest.bytes().next()? {
            b'"' => self.string().map(Value::String),
            b'[' => self.strings().map(Value::Strings),
            b'{' => self.table().map(Value::Table),
            _ => {
                let words = [("true", true), ("false", false)];
                let (word, value) = words
                    .into_iter()
                    .find(|(word, _)| self.rest.starts_with(word))?;
                self.rest = self.rest.get(word.len()..)?;
                Some(Value::Bool(value))
            }
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        self.rest = self.rest.strip_prefix('"')?;
        let length = self.bytes(|byte| byte != b'"' && byte != b'\\');
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }

    fn strings(&mut self) -> Option<Vec<&'a str>> {
        self.take('[')?;
        let mut all = Vec::new();
        while !self.rest.starts_with(']') {
            all.push(self.string()?);
            self.skip_blanks();
            if !self.rest.starts_with(']') {
                self.take(',')?;
            }
        }
        self.rest = self.rest.strip_prefix(']')?;
        Some(all)
    }

    fn table(&mut self) -> Option<Vec<Field<'a>>> {
        self.take('{')?;
        let mut all = Vec::with_capacity(4);
        loop {
            all.push(self.field()?);
            self.skip_blanks();
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Some(all);
            }
            self.take(',')?;
        }
    }
}

/// Puts `value` where nothing is yet: a key given twice is an error.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value?);
    Some(())
}

fn rule(fields: Vec<Field<'_>>) -> Option<RuleDocument> {
    let (mut name, mut when, mut profile) = (None, None, None);
    let (mut combine, mut mode, mut architectures) = (None, None, None);
    for Field { key, value, .. } in fields {
        match (key, value) {
            ("name", Value::String(text)) => once(&mut name, Some(text.to_owned()))?,
            ("when", Value::Table(fields)) => once(&mut when, self::when(fields))?,
            ("profile", Value::String(kind)) => once(&mut profile, profile_of(kind, None))?,
            ("profile", Value::Table(fields)) => once(&mut profile, profile_in(fields))?,
            ("combine", Value::String("replace")) => once(&mut combine, Some(Combine::Replace))?,
            ("combine", Value::String("restrict")) => once(&mut combine, Some(Combine::Restrict))?,
            ("mode", Value::String("enforce")) => once(&mut mode, Some(Mode::Enforce))?,
            ("mode", Value::String("audit")) => once(&mut mode, Some(Mode::Audit))?,
            ("architectures", Value::String("native")) => {
                once(&mut architectures, Some(Architectures::Native))?;
            }
            _ => return None,
        }
    }
    Some(RuleDocument {
        name,
        when: when.unwrap_or_default(),
        profile,
        combine,
        mode,
        architectures,
        without_agent: None,
        learned: None,
    })
}

fn profile_of(kind: &str, file: Option<&str>) -> Option<ProfileDocument> {
    ProfileDocument::from_parts::<Error>(kind, file).ok()
}

fn profile_in(fields: Vec<Field<'_>>) -> Option<ProfileDocument> {
    let (mut kind, mut file) = (None, None);
    for field in fields {
        match (field.key, field.value) {
            ("type", Value::String(text)) => once(&mut kind, Some(text))?,
            ("localhostProfile", Value::String(text)) => once(&mut file, Some(text))?,
            _ => return None,
        }
    }
    profile_of(kind?, file)
}

fn when(fields: Vec<Field<'_>>) -> Option<WhenDocument> {
    let mut when = WhenDocument::default();
    let mut annotation = None;
    for Field { key, value, span } in fields {
        match (key, value) {
            ("annotation", Value::Table(fields)) => {
                let mut keys = BTreeMap::new();
                for Field { key, value, .. } in fields {
                    if keys.insert(key.to_owned(), globs(value)?).is_some() {
                        return None;
                    }
                }
                once(&mut annotation, Some(keys))?;
            }
            ("privileged", Value::Bool(is)) => once(&mut when.privileged, Some(is))?,
            ("host_network", Value::Bool(is)) => once(&mut when.host_network, Some(is))?,
            ("host_pid", Value::Bool(is)) => once(&mut when.host_pid, Some(is))?,
            ("host_ipc", Value::Bool(is)) => once(&mut when.host_ipc, Some(is))?,
            ("user_namespace", Value::Bool(is)) => once(&mut when.user_namespace, Some(is))?,
            ("handler", value) => once(&mut when.handler, globs(value))?,
            ("namespace", value) => once(&mut when.namespace, globs(value))?,
            ("pod", value) => once(&mut when.pod, globs(value))?,
            ("container", value) => once(&mut when.container, globs(value))?,
            ("image", value) => once(&mut when.image, globs(value))?,
            ("engine", value) => {
                once(
                    &mut when.engine,
                    globs(value).map(|globs| Spanned::new(span, globs)),
                )?;
            }
            ("requested", value) => {
                once(
                    &mut when.requested,
                    globs(value).map(|globs| Spanned::new(span, globs)),
                )?;
            }
            _ => return None,
        }
    }
    when.annotation = annotation.unwrap_or_default();
    Some(when)
}

fn globs(value: Value<'_>) -> Option<Globs> {
    match value {
        Value::String(text) => Some(Globs::One(text.to_owned())),
        Value::Strings(all) => Some(Globs::Any(all.into_iter().map(str::to_owned).collect())),
        Value::Bool(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::document::RulesDocument;

    /// Values, keys and breaks in many orders; what is read plainly must be what TOML reads.
    #[test]
    fn what_is_read_is_what_toml_reads() {
        let values = [
            "\"a\"",
            "\"\"",
            "\"a\\\\n\"",
            "\"ü # =\"",
            "'a'",
            "[\"a\", \"b\"]",
            "[ \"a\" ,]",
            "[]",
            "[,]",
            "true",
            "false",
            "falsey",
            "1",
            "{}",
            "{ a = \"b\" }",
            "{ namespace = \"a\", pod = [\"b\"] }",
            "{ namespace = \"a\", namespace = \"a\" }",
            "{ namespace = \"a\", }",
            "{ privileged = true }",
            "{ annotation = { \"x/y\" = \"*\", z = [\"1\"] } }",
            "{ annotation.x = \"1\" }",
            "{ type = \"Localhost\", localhostProfile = \"a.json\" }",
            "{ type = \"Localhost\" }",
            "{ type = \"Localhost\", localhostProfile = \"../a\" }",
            "\"RuntimeDefault\"",
            "\"Requested\"",
            "\"restrict\"",
            "\"replace\"",
            "\"audit\"",
            "\"native\"",
            "\"a\" # why",
            "\"a\" x",
            "\"a",
            "{ a = \"b\"",
            "{ engine = \"docker\", requested = [\"spec\"] }",
            "",
            "{ namespace = \"a\" \"b\" }",
            "\"\"\"a\"\"\"",
        ];
        let keys = [
            "name",
            "when",
            "profile",
            "combine",
            "mode",
            "architectures",
            "without_agent",
            "learned",
            "nam",
            "\"name\"",
            "when.pod",
            "na me",
            "",
            "[rule.when]\npod",
        ];
        let mut plain = 0;
        for key in keys {
            for value in values {
                for (before, after) in [
                    ("", ""),
                    ("# b\n\n  ", "\n\t"),
                    ("name = \"x\"\n", "\n"),
                    ("", "\r\n"),
                    ("", "\nname = \"y\""),
                ] {
                    let text = format!("  [[rule]] # head\n{before}{key} = {value}{after}");
                    let Some(found) = read(&text) else { continue };
                    plain += 1;
                    let whole = toml::from_str::<RulesDocument>(&text);
                    let whole = whole.map_err(|error| format!("{text:?}: {error}"));
                    let rules = whole.map(|document| document.rule);
                    let shown = rules
                        .map(|rules| format!("{:?}", rules.first().map(toml::Spanned::get_ref)));
                    assert_eq!(
                        shown,
                        Ok(format!("{:?}", Some(found.get_ref()))),
                        "{text:?}"
                    );
                }
            }
        }
        assert!(plain > 50, "{plain}");
    }
}

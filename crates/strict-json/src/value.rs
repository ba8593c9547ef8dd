//! Values of a checked text, and the two ways in which readers take an object.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::escape::unescape;
use crate::walk::Walk;
use crate::{Fault, FaultKind, fold};

/// One value of a [`crate::Text`]: a range of its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

/// The JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number of any size.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The type's name with its article, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// A key of an object with its value.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The key, unescaped; lone surrogates are U+FFFD, as Go reads them.
    pub key: Cow<'a, str>,
    /// The bytes of the key with its quotes.
    pub key_range: Range<usize>,
    /// The value.
    pub value: Value<'a>,
}

impl<'a> Value<'a> {
    pub(crate) fn new(text: &'a str, start: usize, end: usize) -> Self {
        Self { text, start, end }
    }

    /// The value's own text, without the space around it.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or("")
    }

    /// The whole text that it is part of, for [`crate::place`].
    #[must_use]
    pub fn document(&self) -> &'a str {
        self.text
    }

    /// Where it stands in the whole text, in bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.raw().as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// The boolean that it is, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.raw() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The whole number that it is, if it is one of 0 to 2^64-1 written without point or exponent
    /// (`1.0` and `1e1` are no integers to Go and serde).
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        let raw = self.raw();
        if raw.bytes().all(|byte| byte.is_ascii_digit()) {
            raw.parse().ok()
        } else {
            None
        }
    }

    /// The string that it is, unescaped, if it is one; lone surrogates become U+FFFD, as in Go.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        let inner = self.raw().strip_prefix('"')?.strip_suffix('"')?;
        Some(unescape(inner))
    }

    /// The elements of the array that it is; none if it is not an array.
    pub fn elements(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut walk = Walk::into(*self, b'[');
        std::iter::from_fn(move || walk.next_value())
    }

    /// The object's members as written, nothing checked; none if it is not an object.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        let mut walk = Walk::into(*self, b'{');
        std::iter::from_fn(move || walk.next_member())
    }

    /// The members of an object that readers decode into a struct whose fields are `known`.
    ///
    /// # Errors
    /// [`FaultKind::Twice`] and [`FaultKind::TwiceFolded`] where Go would take two keys for one,
    /// [`FaultKind::OtherSpelling`] where it would take a key for a known one and others would
    /// not, [`FaultKind::NulInKey`] where a parser in C would see a shorter key.
    pub fn fields(&self, known: &[&str]) -> Result<Vec<Member<'a>>, Fault> {
        let members: Vec<Member<'a>> = self.members().collect();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, member) in members.iter().enumerate() {
            let key = member.key.as_ref();
            no_nul(member)?;
            if !known.contains(&key)
                && let Some(known) = known.iter().find(|known| fold::same(known, key))
            {
                let (found, known) = (key.to_owned(), (*known).to_owned());
                let kind = FaultKind::OtherSpelling { found, known };
                return Err(Fault::at(member.key_range.start, kind));
            }
            let earlier = if members.len() <= FEW {
                members
                    .iter()
                    .take(index)
                    .find(|earlier| fold::same(&earlier.key, key))
            } else {
                seen.insert(fold::folded(key), index)
                    .and_then(|earlier| members.get(earlier))
            };
            if let Some(earlier) = earlier {
                return Err(twice(earlier, member));
            }
        }
        Ok(members)
    }

    /// The members of an object that readers decode into a map: keys are taken as they are.
    ///
    /// # Errors
    /// [`FaultKind::Twice`] where a key stands twice, [`FaultKind::NulInKey`] as in
    /// [`Value::fields`].
    pub fn entries(&self) -> Result<Vec<Member<'a>>, Fault> {
        let members: Vec<Member<'a>> = self.members().collect();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (index, member) in members.iter().enumerate() {
            no_nul(member)?;
            let earlier = if members.len() <= FEW {
                members
                    .iter()
                    .take(index)
                    .find(|earlier| earlier.key == member.key)
            } else {
                seen.insert(&member.key, index)
                    .and_then(|earlier| members.get(earlier))
            };
            if let Some(earlier) = earlier {
                return Err(twice(earlier, member));
            }
        }
        Ok(members)
    }

    /// The fault of this value's having another type than `wanted` (with its article).
    #[must_use]
    pub fn wrong_kind(&self, what: &'static str, wanted: &'static str) -> Fault {
        let found = self.kind().name();
        Fault::at(
            self.start,
            FaultKind::WrongKind {
                what,
                wanted,
                found,
            },
        )
    }
}

/// Up to this many members, comparing them all costs less than hashing them.
const FEW: usize = 16;

fn no_nul(member: &Member<'_>) -> Result<(), Fault> {
    if member.key.contains('\0') {
        let kind = FaultKind::NulInKey(member.key.clone().into_owned());
        return Err(Fault::at(member.key_range.start, kind));
    }
    Ok(())
}

fn twice(earlier: &Member<'_>, later: &Member<'_>) -> Fault {
    let (first, second) = (
        earlier.key.clone().into_owned(),
        later.key.clone().into_owned(),
    );
    let kind = if first == second {
        FaultKind::Twice(second)
    } else {
        FaultKind::TwiceFolded(first, second)
    };
    Fault::at(later.key_range.start, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_DEPTH, Text};

    fn root(text: &str) -> Value<'_> {
        Text::check(text.as_bytes(), MAX_DEPTH)
            .expect("JSON")
            .root()
    }

    #[test]
    fn members_and_elements_are_found_by_range() {
        let text = r#" { "a" : [ 1 ,"x,]" , {"b":{}} ] ,"c\n":null } "#;
        let members: Vec<_> = root(text).members().collect();
        assert_eq!(members.len(), 2);
        assert_eq!(members[0].value.raw(), r#"[ 1 ,"x,]" , {"b":{}} ]"#);
        assert_eq!(members[1].key, "c\n");
        let elements: Vec<_> = members[0].value.elements().map(|v| v.raw()).collect();
        assert_eq!(elements, ["1", r#""x,]""#, r#"{"b":{}}"#]);
        assert_eq!(root("[]").elements().count(), 0);
        assert_eq!(root("{}").members().count(), 0);
        assert_eq!(root("[1]").members().count(), 0);
        assert_eq!(root(r#"{"a":1}"#).elements().count(), 0);
    }

    #[test]
    fn a_value_knows_the_document_around_it() {
        let text = r#" {"a":[1]} "#;
        let member = root(text).members().next().expect("a member");
        assert_eq!(member.value.document(), text);
        assert_eq!(&text[member.value.range()], "[1]");
    }

    #[test]
    fn numbers_are_whole_or_none() {
        assert_eq!(root("18446744073709551615").as_u64(), Some(u64::MAX));
        for other in ["18446744073709551616", "1.0", "1e1", "-1", "\"1\"", "null"] {
            assert_eq!(root(other).as_u64(), None, "{other}");
        }
    }

    #[test]
    fn struct_fields_fold_as_in_go() {
        let fault = |text: &str| root(text).fields(&["seccomp", "x"]).expect_err(text).kind;
        assert!(
            root(r#"{"seccomp":1,"other":2}"#)
                .fields(&["seccomp"])
                .is_ok()
        );
        assert_eq!(
            fault(r#"{"seccomp":1,"seccomp":2}"#),
            FaultKind::Twice("seccomp".into())
        );
        assert_eq!(
            fault(r#"{"seccomp":1,"\u0073eccomp":2}"#),
            FaultKind::Twice("seccomp".into())
        );
        for other in ["Seccomp", "SECCOMP", "\u{17F}eccomp", "\\u017feccomp"] {
            let text = format!(r#"{{"{other}":1}}"#);
            assert!(
                matches!(fault(&text), FaultKind::OtherSpelling { .. }),
                "{other}"
            );
        }
        assert!(matches!(
            fault(r#"{"y":1,"Y":2}"#),
            FaultKind::TwiceFolded(..)
        ));
        assert!(matches!(
            fault(r#"{"seccomp\u0000":1}"#),
            FaultKind::NulInKey(_)
        ));
        let many: Vec<String> = (0..40).map(|n| format!(r#""k{n}":{n}"#)).collect();
        let text = format!(r#"{{{},"K7":0}}"#, many.join(","));
        assert!(matches!(fault(&text), FaultKind::TwiceFolded(..)));
    }

    #[test]
    fn map_entries_keep_their_case() {
        assert!(root(r#"{"a":1,"A":2}"#).entries().is_ok());
        assert!(root(r#"{"a":1,"a":2}"#).entries().is_err());
        let many: Vec<String> = (0..40).map(|n| format!(r#""k{n}":{n}"#)).collect();
        assert!(root(&format!("{{{}}}", many.join(","))).entries().is_ok());
        assert!(
            root(&format!(r#"{{{},"k9":0}}"#, many.join(",")))
                .entries()
                .is_err()
        );
    }
}

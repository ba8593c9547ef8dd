//! What can be wrong with a text, and where.

/// Why a text was refused, and the byte at which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Fault {
    /// Offset of the byte that the message is about, from the start of the text.
    pub offset: usize,
    /// What is wrong there.
    pub kind: FaultKind,
}

impl Fault {
    pub(crate) fn at(offset: usize, kind: FaultKind) -> Self {
        Self { offset, kind }
    }
}

/// The kinds of fault. Messages are lower case, without a full stop, and hold no raw control
/// characters of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// Nothing but space.
    #[error("the file is empty")]
    Empty,
    /// The text ends inside a value.
    #[error("the JSON ends too early")]
    EndsEarly,
    /// A byte that RFC 8259 does not allow where it stands.
    #[error("not JSON: unexpected {0:?}")]
    Unexpected(char),
    /// A byte order mark: Go and yajl refuse it, others skip it.
    #[error("the file starts with a byte order mark; save it without one")]
    ByteOrderMark,
    /// Bytes that are not UTF-8: Go replaces them, yajl refuses them.
    #[error("not UTF-8")]
    NotUtf8,
    /// A raw control character inside a string.
    #[error("a string holds a raw control character")]
    ControlCharacter,
    /// A backslash and something that is no escape.
    #[error("a string holds an escape that JSON does not have")]
    BadEscape,
    /// Something that starts like a number and is none.
    #[error("not a JSON number")]
    BadNumber,
    /// More after the value: runc ignores it, crun refuses it.
    #[error("more text follows the end of the JSON value; parsers differ on it, remove it")]
    Trailing,
    /// Deeper than the limit given.
    #[error("nested more than {0} levels deep")]
    TooDeep(usize),
    /// Two keys of one object that some reader takes for the same.
    #[error("the key {0:?} stands twice; parsers differ on which one counts, keep one")]
    Twice(String),
    /// Two keys that differ, but not for Go.
    #[error("the keys {0:?} and {1:?} are the same to Go's parser and not to others, keep one")]
    TwiceFolded(String, String),
    /// A known key in a spelling that only Go accepts.
    #[error(
        "the key {found:?} is {known:?} to Go's parser and unknown to others; spell it {known:?}"
    )]
    OtherSpelling {
        /// The key as it stands.
        found: String,
        /// The key that Go takes it for.
        known: String,
    },
    /// A key with U+0000 inside, which ends it for a parser in C.
    #[error("the key {0:?} holds a NUL character, which ends it for parsers in C")]
    NulInKey(String),
    /// Another type of value than the reader needs.
    #[error("{what} must be {wanted}, not {found}")]
    WrongKind {
        /// What the value is for, e.g. `linux`.
        what: &'static str,
        /// What it should have been, with its article.
        wanted: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
}

//! What an outcome looks like, as a number: inputs with a new one are kept.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The number of a message without what it quotes and counts.
pub(crate) fn message(place: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    let (mut quoted, mut escaped) = (false, false);
    let text = text.split('\'').next().unwrap_or_default();
    for c in text.chars().take(160) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' | '`' => quoted = !quoted,
            ' ' | 'a'..='z' | 'A'..='Z' if !quoted => c.hash(&mut hasher),
            _ => {}
        }
    }
    hasher.finish()
}

/// The number of how much there is of something: each doubling is new.
pub(crate) fn size(place: &str, count: usize) -> u64 {
    let bucket = usize::BITS.saturating_sub(count.leading_zeros());
    of(&(place, bucket))
}

/// The number of anything.
pub(crate) fn of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

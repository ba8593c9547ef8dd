//! Comparing bytes without the C library's `memcmp`, which `==` on slices calls.

/// Whether both are the same bytes.
#[inline(always)]
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && begins(one, other)
}

/// Whether `text` begins with `start`.
#[inline(always)]
#[must_use]
pub fn begins(text: &[u8], start: &[u8]) -> bool {
    text.len() >= start.len() && text.iter().zip(start).all(|(a, b)| *a == *b)
}

/// Whether `part` stands somewhere in `text`.
#[inline(always)]
#[must_use]
pub fn holds(text: &[u8], part: &[u8]) -> bool {
    let mut rest = text;
    while rest.len() >= part.len() {
        if begins(rest, part) {
            return true;
        }
        let Some((_, after)) = rest.split_first() else {
            return false;
        };
        rest = after;
    }
    false
}

/// `text` without the bytes at both ends that `cut` takes.
#[inline(always)]
pub(crate) fn trim(text: &[u8], cut: impl Fn(u8) -> bool) -> &[u8] {
    let mut text = text;
    while let [first, rest @ ..] = text
        && cut(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && cut(*last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_compared_as_the_standard_library_does() {
        const SOME: [&[u8]; 8] = [b"", b"a", b"ab", b"abc", b"bc", b"b", b"abd", b"xabcx"];
        for one in SOME {
            for other in SOME {
                assert_eq!(same(one, other), one == other);
                assert_eq!(begins(one, other), one.starts_with(other));
                let windows = other.is_empty() || one.windows(other.len()).any(|w| w == other);
                assert_eq!(holds(one, other), windows);
            }
        }
        assert_eq!(trim(b"  a b ", |byte| byte == b' '), b"a b");
        assert_eq!(trim(b"   ", |byte| byte == b' '), b"");
    }
}

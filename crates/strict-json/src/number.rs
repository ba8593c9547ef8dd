//! Numbers: their grammar, and the whole ones.

/// The length of the JSON number that `text` starts with, if it starts with one
/// (RFC 8259 section 6).
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        text.get(from..)
            .unwrap_or(b"")
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    match text.get(at) {
        Some(b'0') => at = at.checked_add(1)?,
        Some(b'1'..=b'9') => at = at.checked_add(digits(at))?,
        _ => return None,
    }
    if text.get(at) == Some(&b'.') {
        let count = digits(at.checked_add(1)?);
        if count == 0 {
            return None;
        }
        at = at.checked_add(1)?.checked_add(count)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at = at.checked_add(1)?;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at = at.checked_add(1)?;
        }
        let count = digits(at);
        if count == 0 {
            return None;
        }
        at = at.checked_add(count)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_rfc_8259s() {
        for good in [
            "0",
            "-0",
            "10",
            "1.5",
            "1e9",
            "1E+400",
            "-0.0e-1",
            "18446744073709551616",
        ] {
            assert_eq!(length(good.as_bytes()), Some(good.len()), "{good}");
        }
        for bad in ["", "-", "+1", ".5", "1.", "1e", "1e+", "x", "--1"] {
            assert_eq!(length(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(
            length(b"01"),
            Some(1),
            "the caller refuses the 1 that follows"
        );
    }
}

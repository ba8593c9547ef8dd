//! Globs of rules: `*` is any run of characters, `?` any one.

use wildmatch::WildMatch;

/// Whether `text` is of the form of `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    if pattern.contains(['*', '?']) {
        WildMatch::new(pattern).matches(text)
    } else {
        pattern == text
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_cross_slashes_and_words_are_literal() {
        assert!(matches("team-a", "team-a"));
        assert!(!matches("team-a", "team-ab"));
        assert!(matches("team-*", "team-"));
        assert!(matches("*/nginx:*", "docker.io/library/nginx:1.29"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("a?c", "ac"));
        assert!(!matches("team-*", "xteam-a"));
    }
}

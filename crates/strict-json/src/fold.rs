//! Case folding of keys, as Go's `encoding/json` does it for struct fields
//! (`foldName` in go/src/encoding/json/fold.go).
//!
//! All keys of the OCI and Docker formats are ASCII. Besides A to Z, two characters fold into
//! ASCII under Unicode's simple folding: U+017F (long s) and U+212A (Kelvin sign).

/// The character that Go compares `c` as, for a key that is meant to be ASCII.
fn fold_char(c: char) -> char {
    match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

/// Whether Go would take the key `a` for the key `b`.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || a.chars().map(fold_char).eq(b.chars().map(fold_char))
}

/// A key in the form under which Go compares it.
pub(crate) fn folded(key: &str) -> String {
    key.chars().map(fold_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_letters_outside_ascii_fold_as_in_go() {
        assert!(same("seccomp", "\u{17F}eccomp"));
        assert!(same("SECCOMP", "\u{17F}ECCOMP"));
        assert!(same("maskedPaths", "MAS\u{212A}EDPATHS"));
        assert!(!same("seccomp", "seccom"));
        assert!(!same("linux", "l\u{131}nux"));
        assert_eq!(folded("Lin\u{212A}X"), "linkx");
    }
}

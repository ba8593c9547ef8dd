//! Whether one `when` matches all that another does.

use crate::document::{Globs, WhenDocument};
use crate::identity::ENGINES;
use crate::request::TYPES;

/// The engines that tell of pods (`Identity::read`).
pub(super) const POD_ENGINES: &[&str] = &["containerd", "cri-o"];

/// The field of a `when` that only the engines of pods tell.
pub(super) fn pod_field(when: &WhenDocument) -> Option<&'static str> {
    let mut texts = when.texts().into_iter();
    let field = texts.find(|(field, globs)| {
        globs.is_some() && ["namespace", "pod", "container", "image"].contains(field)
    });
    field.map(|(field, _)| field)
}

/// The engines whose containers a `when` can match.
pub(super) fn engines(when: &WhenDocument) -> Vec<&'static str> {
    let asked = when.engine.as_ref().map(toml::Spanned::get_ref);
    let pods = pod_field(when).is_some();
    let fits = |engine: &&str| {
        asked.is_none_or(|globs| matches(globs, engine)) && (!pods || POD_ENGINES.contains(engine))
    };
    ENGINES.iter().copied().filter(fits).collect()
}

pub(super) fn matches(globs: &Globs, text: &str) -> bool {
    let mut globs = globs.as_slice().iter();
    globs.any(|glob| crate::glob::matches(glob, text))
}

/// Whether a `when` lets through a container of that engine that asked for that type.
pub(super) fn admits(when: &WhenDocument, engine: &str, requested: &str) -> bool {
    let lets = |globs: Option<&Globs>, word| globs.is_none_or(|globs| matches(globs, word));
    lets(when.engine.as_ref().map(toml::Spanned::get_ref), engine)
        && lets(
            when.requested.as_ref().map(toml::Spanned::get_ref),
            requested,
        )
}

/// Whether every container that `specific` matches is matched by `general` too, whether it is
/// privileged or not left aside.
pub(super) fn covers(general: &WhenDocument, specific: &WhenDocument) -> bool {
    let engines = engines(specific);
    let words = || {
        let pairs = |engine| TYPES.iter().map(move |word| (engine, *word));
        engines.iter().copied().flat_map(pairs)
    };
    let admitted = |(engine, word): (&str, &str)| {
        !admits(specific, engine, word) || admits(general, engine, word)
    };
    covers_but_for_words(general, specific) && words().all(admitted)
}

/// The same, with the engine and the type of the request left aside as well.
pub(super) fn covers_but_for_words(general: &WhenDocument, specific: &WhenDocument) -> bool {
    let texts = general.texts().into_iter().zip(specific.texts());
    for ((field, wide), (_, narrow)) in texts {
        let covered = match (wide, narrow) {
            (None, _) => true,
            _ if field == "engine" || field == "requested" => true,
            (Some(wide), Some(narrow)) => all_covered(wide, narrow),
            // A handler is always told; the others may be missing.
            (Some(wide), None) => field == "handler" && all_covered(wide, &Globs::One("*".into())),
        };
        if !covered {
            return false;
        }
    }
    for (key, wide) in &general.annotation {
        let narrow = specific.annotation.get(key);
        if !narrow.is_some_and(|narrow| all_covered(wide, narrow)) {
            return false;
        }
    }
    let flags = general.flags().into_iter().zip(specific.flags());
    flags
        .filter(|((field, _), _)| *field != "privileged")
        .all(|((_, wide), (_, narrow))| wide.is_none() || wide == narrow)
}

fn all_covered(wide: &Globs, narrow: &Globs) -> bool {
    narrow.as_slice().iter().all(|narrow| {
        let mut wide = wide.as_slice().iter();
        wide.any(|wide| glob_covers(wide, narrow))
    })
}

/// Whether `wide` matches whatever `narrow` does: `narrow` is matched as if it were a text in which
/// `*` and `?` are letters that only their like, or `*`, match.
fn glob_covers(wide: &str, narrow: &str) -> bool {
    let narrow: Vec<char> = narrow.chars().collect();
    // Which of the beginnings of `narrow` the part of `wide` so far can match.
    let mut reach = vec![false; narrow.len().saturating_add(1)];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for token in wide.chars() {
        let mut next = vec![false; reach.len()];
        let mut before = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let letter = at.checked_sub(1).and_then(|index| narrow.get(index));
            let came = at
                .checked_sub(1)
                .is_some_and(|index| reach.get(index) == Some(&true));
            *slot = match token {
                '*' => reach.get(at) == Some(&true) || before,
                '?' => came && letter.is_some_and(|letter| *letter != '*'),
                token => came && letter == Some(&token),
            };
            before = *slot;
        }
        reach = next;
    }
    reach.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cover_globs() {
        for (wide, narrow) in [
            ("*", ""),
            ("*", "a*b?"),
            ("team-*", "team-a"),
            ("team-*", "team-a*"),
            ("*/nginx:*", "docker.io/*/nginx:1.?"),
            ("a?", "a?"),
            ("a?", "ab"),
            ("?*", "ab*"),
            ("a*c", "ab*bc"),
        ] {
            assert!(glob_covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("a", "a*"),
            ("a?", "a*"),
            ("team-*", "team*"),
            ("*a", "a*"),
            ("", "*"),
            ("ab", "a?"),
            ("a*c", "a*"),
        ] {
            assert!(!glob_covers(wide, narrow), "{wide} {narrow}");
        }
    }

    /// The claim held against the matcher itself, over all short texts of a small alphabet.
    #[test]
    fn what_is_covered_never_matches_without() {
        let letters = ['a', 'b', '*', '?'];
        let words = |letters: &[char], longest: usize| {
            let mut all = vec![String::new()];
            let mut last = all.clone();
            for _ in 0..longest {
                last = last
                    .iter()
                    .flat_map(|word| letters.iter().map(move |letter| format!("{word}{letter}")))
                    .collect();
                all.extend(last.clone());
            }
            all
        };
        let texts = words(&['a', 'b', 'c'], 4);
        for wide in words(&letters, 3) {
            for narrow in words(&letters, 3) {
                if glob_covers(&wide, &narrow) {
                    for text in &texts {
                        let leaks = crate::glob::matches(&narrow, text)
                            && !crate::glob::matches(&wide, text);
                        assert!(!leaks, "{wide} {narrow} {text}");
                    }
                }
            }
        }
    }
}

//! Rules that come first and leave a later one nothing, one alone or several together.
//!
//! Of what a rule asks for, the engine and the type of the request are always told and have few
//! values. So a rule is out of reach, too, if for each pair of them some earlier rule matches all
//! that it matches. Other fields may go untold, and then neither of two opposite rules matches.

use crate::identity::ENGINES;
use crate::policy::Rule;
use crate::request::TYPES;

use super::cover::{admits, covers_but_for_words, engines};

/// The rules among `earlier` that together match whatever `rule` does, in their order; none if some
/// container can get past them.
pub(super) fn shadows<'p>(earlier: &'p [Rule], rule: &Rule) -> Vec<&'p Rule> {
    // Only rules that say privileged = true are tried for a privileged container.
    let class = |rule: &Rule| rule.when.privileged == Some(true);
    let all: Vec<&Rule> = earlier
        .iter()
        .filter(|one| class(one) == class(rule) && covers_but_for_words(&one.when, &rule.when))
        .collect();
    let told = engines(&rule.when);
    let told = ENGINES.iter().filter(|engine| told.contains(engine));
    let pairs = told.flat_map(|engine| TYPES.iter().map(move |word| (*engine, *word)));
    let pairs: Vec<_> = pairs
        .filter(|(engine, word)| admits(&rule.when, engine, word))
        .collect();
    let takes = |one: &Rule| {
        pairs
            .iter()
            .all(|(engine, word)| admits(&one.when, engine, word))
    };
    if let Some(one) = all.iter().find(|one| takes(one)) {
        return vec![*one];
    }
    let mut first = Vec::new();
    for (engine, word) in pairs {
        let Some(at) = all.iter().position(|one| admits(&one.when, engine, word)) else {
            return Vec::new();
        };
        first.push(at);
    }
    first.sort_unstable();
    first.dedup();
    first
        .into_iter()
        .filter_map(|at| all.get(at).copied())
        .collect()
}

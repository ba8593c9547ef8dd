//! Every syscall of a node beside what two profiles do to it: what the page of a difference shows.

use std::collections::{BTreeMap, BTreeSet};

use profile::meaning::Outcome;
use profile::{Arch, CallChange, Diff, Seccomp};

use super::summary::{Fate, Summary};
use super::syscalls;

/// One syscall.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Square<'a> {
    pub(super) name: String,
    /// What the first profile does, as letters.
    pub(super) before: String,
    /// What the second does.
    pub(super) after: String,
    pub(super) kind: Kind,
    /// What changed, if it is more than the default.
    pub(super) change: Option<&'a CallChange>,
}

/// How a square is coloured and marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The second profile allows more.
    Looser,
    /// The second profile allows less.
    Stricter,
    /// It allows more for some arguments and less for others, or denies in another way.
    Otherwise,
    /// Both allow it.
    Allowed,
    /// Both decide by its arguments.
    Arguments,
    /// Both deny it.
    Denied,
}

/// The squares, by name: all syscalls of `native` that this libseccomp knows, and all others that
/// either profile names.
pub(super) fn squares<'a>(
    before: &Seccomp,
    after: &Seccomp,
    diff: &'a Diff,
    native: Arch,
) -> Vec<Square<'a>> {
    let summaries = [Summary::of(before), Summary::of(after)];
    let [a, b] = &summaries;
    let mut names: BTreeSet<String> = syscalls::names(native);
    for summary in &summaries {
        names.extend(summary.calls.keys().map(|name| (*name).to_owned()));
    }
    let changes: BTreeMap<&str, &CallChange> = diff
        .calls
        .iter()
        .map(|call| (call.syscall.as_str(), call))
        .collect();
    let default = diff.default.as_ref().map(|one| (one.from, one.to));
    let square = |name: String| {
        let change = changes.get(name.as_str()).copied();
        let named = a.calls.contains_key(name.as_str()) || b.calls.contains_key(name.as_str());
        let pairs: Vec<(Outcome, Outcome)> = match (change, default) {
            (Some(call), _) => call.changes.iter().map(|one| (one.from, one.to)).collect(),
            (None, Some(pair)) if !named => vec![pair],
            _ => Vec::new(),
        };
        let fates = [a.fate(&name), b.fate(&name)];
        Square {
            before: letters(&fates[0]),
            after: letters(&fates[1]),
            kind: kind(&pairs, &fates[0]),
            change,
            name,
        }
    };
    names.into_iter().map(square).collect()
}

fn kind(pairs: &[(Outcome, Outcome)], fate: &Fate<'_>) -> Kind {
    let any = |test: fn(u8, u8) -> bool| {
        let mut pairs = pairs.iter();
        pairs.any(|(from, to)| test(from.strictness(), to.strictness()))
    };
    match (any(|from, to| to < from), any(|from, to| to > from), fate) {
        (true, false, _) => Kind::Looser,
        (false, true, _) => Kind::Stricter,
        _ if !pairs.is_empty() => Kind::Otherwise,
        (_, _, Fate::Cases(_)) => Kind::Arguments,
        // LOG lets the call pass, too.
        (_, _, Fate::Always(outcome)) if outcome.strictness() <= 1 => Kind::Allowed,
        _ => Kind::Denied,
    }
}

/// What happens, as a letter, with an errno's number; `?` where it depends on arguments.
fn letters(fate: &Fate<'_>) -> String {
    let Fate::Always(outcome) = fate else {
        return "?".to_owned();
    };
    let letter = match outcome.strictness() {
        0 => "A",
        1 => "L",
        2 => "T",
        3 => "N",
        4 => "E",
        5 => "S",
        6 => "K",
        _ => "P",
    };
    let number = outcome.errno().map(|number| number.to_string());
    format!("{letter}{}", number.unwrap_or_default())
}

/// What the letters stand for.
pub(super) const LETTERS: [(&str, &str); 9] = [
    ("A", "ALLOW"),
    ("L", "LOG"),
    ("T", "TRACE"),
    ("N", "NOTIFY"),
    ("E", "ERRNO"),
    ("S", "TRAP (SIGSYS)"),
    ("K", "KILL_THREAD"),
    ("P", "KILL_PROCESS"),
    ("?", "by arguments"),
];

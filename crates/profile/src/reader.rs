//! Reading JSON values one by one, noting all that is wrong on the way.
//!
//! `null` is taken as Go does: as if the field were absent or, in a list, as the empty value.

use std::borrow::Cow;

use strict_json::{FaultKind, Kind, Member, Places, Value, place};

use crate::problem::shown;
use crate::read_profile::ADD_DEFAULT;
use crate::words::{self, Word};
use crate::{Dialect, Problem, ProblemKind, Problems, Warning, WarningKind};

/// Something found at an offset of the text.
#[derive(Debug)]
struct Found<K> {
    offset: usize,
    kind: K,
    mend: Option<String>,
}

/// What has been found so far while reading by the rules of one dialect.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) dialect: Dialect,
    /// Read as the dialect's engine does, which leaves the range of an errno to the runtime.
    pub(crate) as_engine: bool,
    problems: Vec<Found<ProblemKind>>,
    warnings: Vec<Found<WarningKind>>,
    ignored: Vec<&'static str>,
    more: usize,
    guesses: usize,
}

impl Reader {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            as_engine: false,
            problems: Vec::new(),
            warnings: Vec::new(),
            ignored: Vec::new(),
            more: 0,
            guesses: 0,
        }
    }

    /// Notes a problem.
    pub(crate) fn problem(&mut self, offset: usize, kind: ProblemKind, mend: Option<String>) {
        if self.problems.len() < NOTED {
            self.problems.push(Found { offset, kind, mend });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Notes an oddity.
    pub(crate) fn warning(&mut self, offset: usize, kind: WarningKind, mend: Option<String>) {
        if self.warnings.len() < NOTED {
            self.warnings.push(Found { offset, kind, mend });
        }
    }

    /// What `near` finds, as a question; looked for a limited number of times, because comparing
    /// words is slow and a file may have very many wrong ones.
    pub(crate) fn guess(&mut self, near: impl FnOnce() -> Option<&'static str>) -> Option<String> {
        if !self.may_guess() {
            return None;
        }
        near().map(|near| format!("did you mean {near:?}?"))
    }

    /// Whether another near word may be looked for.
    pub(crate) fn may_guess(&mut self) -> bool {
        self.guesses = self.guesses.saturating_add(1);
        self.guesses <= KEPT
    }

    /// The one problem that there is, if there is exactly one.
    pub(crate) fn only_problem(&self) -> Option<&ProblemKind> {
        match self.problems.as_slice() {
            [one] => Some(&one.kind),
            _ => None,
        }
    }

    /// The warnings, or the problems if there are any, with their places in `text`.
    pub(crate) fn finish(mut self, text: &str) -> Result<Vec<Warning>, Problems> {
        let mut places = Places::new(text);
        if self.problems.is_empty() {
            self.warnings.sort_by_key(|found| found.offset);
            let warnings = self.warnings.into_iter().take(KEPT);
            return Ok(warnings
                .map(|found| Warning {
                    place: places.of(found.offset),
                    kind: found.kind,
                    mend: found.mend,
                    also: Vec::new(),
                })
                .collect());
        }
        self.problems.sort_by_key(|found| found.offset);
        let more = self.problems.len().saturating_sub(KEPT);
        let more = more.saturating_add(self.more);
        let kept = self.problems.into_iter().take(KEPT);
        let kept = kept.map(|found| Problem {
            place: places.of(found.offset),
            kind: found.kind,
            mend: found.mend,
        });
        Err(Problems::new(kept.collect(), more))
    }

    /// The members of the object `value`, fields of a struct with the keys `known`.
    pub(crate) fn fields<'a>(
        &mut self,
        value: &Value<'a>,
        what: &'static str,
        known: &[&str],
    ) -> Vec<Member<'a>> {
        if !self.is(value, Kind::Object, what) {
            return Vec::new();
        }
        value.fields(known).unwrap_or_else(|fault| {
            self.problem(fault.offset, ProblemKind::Json(fault.kind), None);
            value.members().collect()
        })
    }

    /// The elements of the array `value`.
    pub(crate) fn elements<'a>(&mut self, value: &Value<'a>, what: &'static str) -> Vec<Value<'a>> {
        if self.is(value, Kind::Array, what) {
            value.elements().collect()
        } else {
            Vec::new()
        }
    }

    /// The string `value`; `null` is the empty one. None may hold a NUL: libseccomp would read what
    /// stands before it, and take `"mount\0"`, which names nothing, for mount(2).
    pub(crate) fn string<'a>(
        &mut self,
        value: &Value<'a>,
        what: &'static str,
    ) -> Option<Cow<'a, str>> {
        if value.is_null() {
            return Some(Cow::Borrowed(""));
        }
        self.is(value, Kind::String, what);
        let string = value.as_str()?;
        if string.contains('\0') {
            self.problem(value.range().start, ProblemKind::Nul { what }, None);
        }
        Some(string)
    }

    /// The strings of the array `value`.
    pub(crate) fn strings<'a>(
        &mut self,
        value: &Value<'a>,
        what: &'static str,
        each: &'static str,
    ) -> Vec<(usize, Cow<'a, str>)> {
        let elements = self.elements(value, what);
        let mut strings = Vec::with_capacity(elements.len());
        for element in elements {
            if let Some(string) = self.string(&element, each) {
                strings.push((element.range().start, string));
            }
        }
        strings
    }

    /// The whole number `value`; `null` is none.
    pub(crate) fn whole(&mut self, value: &Value<'_>, what: &'static str) -> Option<u64> {
        if !self.is(value, Kind::Number, what) {
            return None;
        }
        let number = value.as_u64();
        if number.is_none() {
            let found = shown(value.raw());
            self.problem(
                value.range().start,
                ProblemKind::NotWhole { what, found },
                None,
            );
        }
        number
    }

    /// The word `found` of a set.
    pub(crate) fn word<W: Word>(&mut self, offset: usize, found: &str) -> Option<W> {
        let meaning = words::meaning(found);
        if meaning.is_none() {
            let mend = self.guess(|| words::near::<W>(found));
            let (what, found) = (W::WHAT, shown(found));
            self.problem(offset, ProblemKind::Unknown { what, found }, mend);
        }
        meaning
    }

    /// Whether `key` counts in this dialect; says once that it does not.
    pub(crate) fn obeys(&mut self, key: &'static str, member: &Member<'_>) -> bool {
        let obeyed = self.dialect.knows(key);
        if !obeyed && key != "comment" && !member.value.is_null() && !self.ignored.contains(&key) {
            self.ignored.push(key);
            let reader = self.dialect;
            let other = if Dialect::Docker.knows(key) {
                Dialect::Docker
            } else {
                Dialect::Podman
            };
            let kind = WarningKind::Ignored { key, reader, other };
            self.warning(member.key_range.start, kind, None);
        }
        obeyed
    }

    /// Whether `value` has the type `kind`. Null has none, without being wrong.
    fn is(&mut self, value: &Value<'_>, kind: Kind, what: &'static str) -> bool {
        let found = value.kind();
        if found == kind {
            return true;
        }
        if found != Kind::Null {
            self.wrong_kind(value, kind, what);
        }
        false
    }

    /// Notes that `value` should have had the type `kind`.
    pub(crate) fn wrong_kind(&mut self, value: &Value<'_>, kind: Kind, what: &'static str) {
        let (wanted, found) = (kind.name(), value.kind().name());
        let kind = ProblemKind::WrongKind {
            what,
            wanted,
            found,
        };
        self.problem(value.range().start, kind, None);
    }
}

/// The problem of a text that is no JSON.
pub(crate) fn not_json(bytes: &[u8], fault: strict_json::Fault) -> Problems {
    let (kind, mend) = match fault.kind {
        FaultKind::Empty => (ProblemKind::DecidesNothing, Some(ADD_DEFAULT.to_owned())),
        kind => (ProblemKind::Json(kind), None),
    };
    let problem = Problem {
        place: place(bytes, fault.offset),
        kind,
        mend,
    };
    Problems::new(vec![problem], 0)
}

/// How many problems, and how many warnings, are handed out.
const KEPT: usize = 100;

/// How many are remembered, to hand out the first of them; the others are counted.
const NOTED: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_guessed_at_a_hundred_times() {
        let mut reader = Reader::new(Dialect::Oci);
        let guesses = (0..150).filter_map(|_| reader.guess(|| Some("a")));
        assert_eq!(guesses.count(), 100);
    }

    #[test]
    fn all_problems_are_kept_by_place_up_to_a_hundred() {
        let mut reader = Reader::new(Dialect::Oci);
        for offset in (0..150).rev().chain([200; 1_000]) {
            reader.problem(offset, ProblemKind::EmptyName, None);
        }
        let problems = reader.finish(&"x".repeat(200)).expect_err("problems");
        assert_eq!(problems.iter().len(), 100);
        assert_eq!(problems.more(), 1_050);
        let columns: Vec<usize> = problems.iter().map(|p| p.place.column).collect();
        assert_eq!(columns, (1..=100).collect::<Vec<_>>());
    }
}

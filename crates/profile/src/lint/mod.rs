//! What loads and then surprises: a profile that is sound, but does not do what it seems to say.
//!
//! Reading notes what it stumbles over; the rest is found here, where a person asks for it and no
//! container waits. A rule with filters is compared with those alone that apply wherever it does
//! (or, where two need only meet once, with those that can), so that a warning is true whatever
//! container gets the profile.

mod abis;
mod names;
mod overlap;
mod pairs;
mod places;
mod together;
mod whole;
mod width;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use strict_json::{Place, place};

use crate::meaning::Outcome;
use crate::parsed::{Parsed, ParsedRule};
use crate::{Arch, Dialect, Names, Source, Warning, WarningKind};
use places::Places;

impl Source {
    /// All that is odd about the profile on a node of architecture `native`: what
    /// [`Source::warnings`] has, and what shows only when rules are held against each other, names
    /// against the tables of syscalls, and conditions against what the kernel does with arguments.
    /// By place, the same oddity once; at most a hundred.
    ///
    /// What libseccomp makes of the rules is not asked.
    #[must_use]
    pub fn lint(&self, native: Arch) -> Vec<Warning> {
        let mut lint = Lint::new(self, native);
        for check in [
            Lint::names,
            Lint::whole,
            Lint::hidden,
            Lint::overlaps,
            Lint::wide_arguments,
            Lint::multiplexers,
        ] {
            lint.left = COMPARISONS;
            check(&mut lint);
        }
        let warnings = self.warnings.iter().cloned().chain(lint.found);
        gather(warnings.collect())
    }
}

/// A profile under inspection.
struct Lint<'a> {
    text: &'a str,
    dialect: Dialect,
    parsed: &'a Parsed,
    default: Outcome,
    rules: Vec<Rule<'a>>,
    /// The rules that name a syscall, in the order of the file, each once; the first of them.
    by_name: HashMap<&'a str, Vec<usize>>,
    places: Places,
    native: Arch,
    found: Vec<Warning>,
    /// How many more comparisons are made: a file may have very many rules.
    left: usize,
}

/// A rule, and what it says where its conditions hold.
#[derive(Clone, Copy)]
struct Rule<'a> {
    rule: &'a ParsedRule,
    outcome: Outcome,
    index: usize,
}

impl<'a> Rule<'a> {
    fn is_conditional(self) -> bool {
        !self.rule.args.is_empty()
    }
}

impl<'a> Lint<'a> {
    fn new(source: &'a Source, native: Arch) -> Self {
        let parsed = &source.parsed;
        let rules = parsed.rules.iter().enumerate();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.clone() {
            for name in &rule.names {
                let naming = by_name.entry(name).or_default();
                if naming.last() != Some(&index) && naming.len() < OF_ONE_NAME {
                    naming.push(index);
                }
            }
        }
        Self {
            text: &source.text,
            dialect: source.dialect,
            parsed,
            default: Outcome::new(parsed.default_action, parsed.default_errno),
            rules: rules
                .map(|(index, rule)| Rule {
                    rule,
                    outcome: Outcome::new(rule.action, rule.errno),
                    index,
                })
                .collect(),
            by_name,
            places: Places::of(&source.text),
            native,
            found: Vec::new(),
            left: COMPARISONS,
        }
    }

    fn warn(&mut self, offset: usize, kind: WarningKind, mend: Option<String>) {
        if self.found.len() < NOTED {
            self.found.push(Warning {
                place: self.place(offset),
                kind,
                mend,
                also: Vec::new(),
            });
        }
    }

    fn place(&self, offset: usize) -> Place {
        place(self.text.as_bytes(), offset)
    }

    fn place_of(&self, rule: Rule<'_>) -> Place {
        self.place(rule.rule.offset)
    }

    /// Where the `at`th name of a rule stands, or else the rule.
    fn name_offset(&self, rule: Rule<'_>, at: usize) -> usize {
        let places = self.places.rules.get(rule.index);
        let offset = places.and_then(|places| places.names.get(at)).copied();
        offset.unwrap_or(rule.rule.offset)
    }

    /// Where the `at`th condition of a rule stands, or else the rule.
    fn arg_offset(&self, rule: Rule<'_>, at: usize) -> usize {
        let places = self.places.rules.get(rule.index);
        let offset = places.and_then(|places| places.args.get(at)).copied();
        offset.unwrap_or(rule.rule.offset)
    }

    /// The rules that name `name`.
    fn naming(&self, name: &str) -> Vec<Rule<'a>> {
        let indexes = self.by_name.get(name).into_iter().flatten();
        indexes
            .filter_map(|index| self.rules.get(*index))
            .copied()
            .collect()
    }

    /// Takes that many comparisons off what is left of them; false if nothing is.
    fn may_compare(&mut self, times: usize) -> bool {
        self.left = self.left.saturating_sub(times);
        self.left > 0
    }

    /// All ABIs that the profile speaks of: those listed and those of the node.
    fn abis(&self) -> Vec<Arch> {
        let mut abis = vec![self.native];
        abis.extend(&self.parsed.architectures);
        for entry in &self.parsed.arch_map {
            abis.push(entry.architecture);
            abis.extend(&entry.others);
        }
        abis
    }
}

/// Names of one rule that share a fate with one other rule, gathered into one warning.
#[derive(Default)]
struct Grouped(Vec<((usize, usize), Names)>);

impl Grouped {
    fn add(&mut self, rule: usize, other: usize, name: &str) {
        let key = (rule, other);
        let found = self.0.iter_mut().rev().find(|(found, _)| *found == key);
        if let Some((_, names)) = found {
            if names.0.iter().all(|found| found != name) {
                names.0.push(name.to_owned());
            }
        } else if self.0.len() < NOTED {
            self.0.push((key, Names(vec![name.to_owned()])));
        }
    }
}

/// The warnings by place, with those that say the same in one.
fn gather(mut warnings: Vec<Warning>) -> Vec<Warning> {
    warnings.sort_by_key(|warning| warning.place);
    let mut gathered: Vec<Warning> = Vec::new();
    for warning in warnings {
        let same = |one: &&mut Warning| one.kind == warning.kind && one.mend == warning.mend;
        match gathered.iter_mut().find(same) {
            Some(first) => first.also.push(warning.place),
            None => gathered.push(warning),
        }
    }
    gathered.truncate(KEPT);
    gathered
}

/// How many warnings are handed out.
const KEPT: usize = 100;
/// How many are remembered.
const NOTED: usize = 1_000;
/// How many pairs of rules each check looks at: tens of milliseconds.
const COMPARISONS: usize = 200_000;
/// How many rules for one syscall are held against each other.
const OF_ONE_NAME: usize = 200;

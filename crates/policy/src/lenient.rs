//! A policy file read past its errors, for saying all of them at once.
//!
//! A create stops at the first error; this goes on: what cannot be read is taken out of the
//! document, and the rest is read again.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use crate::document::{DropInDocument, FloorDocument, PolicyDocument, RuleDocument};
use crate::error::Problem;
use crate::lines::{Lines, NO_VERSION};
use crate::{Policy, PolicyError};

impl Policy {
    /// Takes from a policy.toml all that can be read, and adds what cannot to `errors`.
    pub(crate) fn take_policy(&mut self, at: &Lines<'_>, errors: &mut Vec<PolicyError>) {
        let Some(document) = read::<PolicyDocument>(at, errors) else {
            return;
        };
        let mut note = |error| errors.push(error);
        at.version(&document.version).unwrap_or_else(&mut note);
        self.strict = document.strict;
        self.honour_annotations = document.request.annotations;
        if let Some(path) = document.runtime.path {
            match at.runtime(path) {
                Ok(path) => self.runtime = Some(path),
                Err(error) => note(error),
            }
        }
        match at.log(document.log.decisions) {
            Ok(log) => self.log = log,
            Err(error) => note(error),
        }
        for root in document.localhost.roots {
            match at.roots(vec![root]) {
                Ok(roots) => self.roots.extend(roots),
                Err(error) => note(error),
            }
        }
        match at.defaults(document.defaults) {
            Ok(defaults) => self.defaults = defaults,
            Err(error) => note(error),
        }
        self.take(at, document.rule, document.floor, errors);
    }

    /// The same with a file of policy.d.
    pub(crate) fn take_drop_in(&mut self, at: &Lines<'_>, errors: &mut Vec<PolicyError>) {
        let Some(document) = read::<DropInDocument>(at, errors) else {
            return;
        };
        if let Err(error) = at.version(&document.version) {
            errors.push(error);
        }
        self.take(at, document.rule, document.floor, errors);
    }

    fn take(
        &mut self,
        at: &Lines<'_>,
        rules: Vec<Spanned<RuleDocument>>,
        floor: Option<Spanned<FloorDocument>>,
        errors: &mut Vec<PolicyError>,
    ) {
        for rule in rules {
            match at.rule(rule) {
                Ok(rule) => self.rules.push(rule),
                Err(error) => errors.push(error),
            }
        }
        if let Some(floor) = floor {
            match at.floor(floor) {
                Ok(floor) => self.floors.push(floor),
                Err(error) => errors.push(error),
            }
        }
    }
}

/// The document without the parts that cannot be read; none if its syntax is broken.
fn read<T: DeserializeOwned>(at: &Lines<'_>, errors: &mut Vec<PolicyError>) -> Option<T> {
    let (mut table, broken) = DeTable::parse_recoverable(at.text);
    if !broken.is_empty() {
        // One place may upset the parser more than once.
        let mut lines = Vec::new();
        for error in broken {
            let error = at.unread(&error);
            if !lines.contains(&error.line) {
                lines.push(error.line);
                errors.push(error);
            }
        }
        return None;
    }
    for _ in 0..MOST {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(document) => return Some(document),
            Err(error) => error,
        };
        let no_version = error.message() == NO_VERSION;
        if !no_version || !errors.iter().any(|known| is_about_version(known, at)) {
            errors.push(at.unread(&error));
        }
        if no_version {
            let version = DeTable::parse("version = 1").ok()?.into_inner();
            table.get_mut().extend(version);
        } else {
            let span = error.span()?;
            let taken = take_out(table.get_mut(), &|found| *found == span)
                || take_out(table.get_mut(), &|found| {
                    found.start <= span.start && span.end <= found.end
                });
            if !taken {
                return None;
            }
        }
    }
    None
}

/// Whether the version is at fault already, so that it must not be said to be missing too.
fn is_about_version(error: &PolicyError, at: &Lines<'_>) -> bool {
    let line = error.line.unwrap_or(0).saturating_sub(1);
    let text = at.text.lines().nth(line).unwrap_or("");
    *at.file == *error.file.as_deref().unwrap_or(&at.file)
        && matches!(error.problem, Problem::Toml(_))
        && text.trim_start().starts_with("version")
}

/// Takes out the first entry, the deepest first, whose key or value is at a place that `is` there.
fn take_out(table: &mut DeTable<'_>, is: &dyn Fn(&Range<usize>) -> bool) -> bool {
    for (_, value) in table.iter_mut() {
        if within(value.get_mut(), is) {
            return true;
        }
    }
    let found = table
        .iter()
        .find(|(key, value)| is(&key.span()) || is(&value.span()));
    let Some(key) = found.map(|(key, _)| key.get_ref().clone()) else {
        return false;
    };
    table.remove(&*key).is_some()
}

fn within(value: &mut DeValue<'_>, is: &dyn Fn(&Range<usize>) -> bool) -> bool {
    match value {
        DeValue::Table(table) => take_out(table, is),
        DeValue::Array(array) => {
            for element in array.iter_mut() {
                if within(element.get_mut(), is) {
                    return true;
                }
            }
            let Some(at) = array.iter().position(|element| is(&element.span())) else {
                return false;
            };
            let all = std::mem::replace(array, DeArray::new());
            for (index, element) in all.into_iter().enumerate() {
                if index != at {
                    array.push(element);
                }
            }
            true
        }
        _ => false,
    }
}

/// How many errors of one file are looked for.
const MOST: usize = 100;

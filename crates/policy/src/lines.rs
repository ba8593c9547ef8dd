//! A file of the policy, read and checked with the place of every word.

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use crate::document::{
    Architectures, Combine, DefaultsDocument, ExceptionDocument, FloorDocument, Globs,
    ProfileDocument, RootDocument, RuleDocument, RulesDocument, WhenDocument, WithoutAgent,
};
use crate::error::Problem;
use crate::identity::ENGINES;
use crate::mode::Mode;
use crate::policy::{Defaults, Floor, LogTo, Place, Policy, Root, Rule};
use crate::profile_name::{ProfileName, Wanted};
use crate::{PolicyError, pieces, plain_rule, request};

/// A file's text, for saying on which line something stands.
pub(crate) struct Lines<'a> {
    pub(crate) file: Arc<Path>,
    pub(crate) text: &'a str,
    /// Where lines end; found once, since every rule of thousands asks.
    ends: OnceCell<Vec<usize>>,
    /// Where the piece begins that is being read; 0 for the whole.
    base: Cell<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: Arc<Path>, text: &'a str) -> Self {
        let ends = OnceCell::new();
        let base = Cell::new(0);
        Self {
            file,
            text,
            ends,
            base,
        }
    }
}

impl Lines<'_> {
    fn line(&self, offset: usize) -> usize {
        let offset = self.base.get().saturating_add(offset);
        let ends = self.ends.get_or_init(|| {
            let ends = self.text.match_indices('\n');
            ends.map(|(end, _)| end).collect()
        });
        ends.partition_point(|end| *end < offset).saturating_add(1)
    }

    pub(crate) fn place(&self, offset: usize) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: self.line(offset),
        }
    }

    pub(crate) fn error(&self, offset: usize, problem: Problem) -> PolicyError {
        let before = self.text.get(..offset).unwrap_or("");
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        PolicyError {
            column: Some(column.saturating_add(1)),
            ..PolicyError::at(&*self.file, self.line(offset), problem)
        }
    }

    fn value(
        &self,
        offset: usize,
        what: &'static str,
        value: String,
        mend: &'static str,
    ) -> PolicyError {
        self.error(offset, Problem::Value { what, value, mend })
    }

    /// Reads the text: a document, and those of its rules that were read in pieces.
    pub(crate) fn document<T: serde::de::DeserializeOwned>(
        &self,
    ) -> Result<(T, Vec<Rule>), PolicyError> {
        let in_pieces = self.in_pieces();
        self.base.set(0);
        match in_pieces {
            Some(read) => Ok(read),
            None => Ok((self.parse()?, Vec::new())),
        }
    }

    /// The same in pieces, if it can be split and is free of errors.
    fn in_pieces<T: serde::de::DeserializeOwned>(&self) -> Option<(T, Vec<Rule>)> {
        let (head, pieces) = pieces::split(self.text)?;
        let document = toml::from_str(head).ok()?;
        let mut rules = Vec::with_capacity(pieces.len());
        for (start, piece) in pieces {
            self.base.set(start);
            if let Some(rule) = plain_rule::read(piece) {
                rules.push(self.rule(rule).ok()?);
                continue;
            }
            let document: RulesDocument = toml::from_str(piece).ok()?;
            for rule in document.rule {
                rules.push(self.rule(rule).ok()?);
            }
        }
        Some((document, rules))
    }

    fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, PolicyError> {
        toml::from_str(self.text).map_err(|error| self.unread(&error))
    }

    /// What the parser says, as an error of ours.
    pub(crate) fn unread(&self, error: &toml::de::Error) -> PolicyError {
        let offset = error.span().map_or(0, |span| span.start);
        if error.message() == NO_VERSION {
            let words = "the version of the format is missing; begin the file with version = 1";
            return self.error(offset, Problem::Toml(words.to_owned()));
        }
        let words: Vec<&str> = error.message().split_whitespace().collect();
        self.error(offset, Problem::Toml(words.join(" ")))
    }

    pub(crate) fn version(&self, version: &Spanned<i64>) -> Result<(), PolicyError> {
        if *version.get_ref() == 1 {
            return Ok(());
        }
        let value = version.get_ref().to_string();
        Err(self.value(
            version.span().start,
            "version",
            value,
            "this shim reads version 1",
        ))
    }

    pub(crate) fn runtime(&self, path: Spanned<PathBuf>) -> Result<PathBuf, PolicyError> {
        if path.get_ref().is_absolute() {
            return Ok(path.into_inner());
        }
        let value = path.get_ref().display().to_string();
        let mend = "give the absolute path of runc, crun or youki";
        Err(self.value(path.span().start, "runtime.path", value, mend))
    }

    pub(crate) fn log(&self, target: Option<Spanned<String>>) -> Result<LogTo, PolicyError> {
        let Some(target) = target else {
            return Ok(LogTo::Auto);
        };
        match target.get_ref().as_str() {
            "auto" => Ok(LogTo::Auto),
            "journald" => Ok(LogTo::Journald),
            "off" => Ok(LogTo::Off),
            path if path.starts_with('/') => Ok(LogTo::File(PathBuf::from(path))),
            other => {
                let mend = "write auto, journald, off, or the absolute path of a file";
                Err(self.value(target.span().start, "log.decisions", other.to_owned(), mend))
            }
        }
    }

    pub(crate) fn sockets(&self, path: Spanned<PathBuf>) -> Result<PathBuf, PolicyError> {
        let start = path.span().start;
        let path = path.into_inner();
        let value = path.display().to_string();
        if !path.is_absolute() {
            let mend = "give the absolute path of the folder that shim agent was given";
            return Err(self.value(start, "agent.sockets", value, mend));
        }
        // A socket's path has 107 bytes (unix(7)); its name in the folder takes up to 14.
        if value.len() > 90 {
            let mend = "a folder of sockets has at most 90 bytes; give a shorter path";
            return Err(self.value(start, "agent.sockets", value, mend));
        }
        Ok(path)
    }

    pub(crate) fn roots(
        &self,
        roots: Vec<Spanned<RootDocument>>,
    ) -> Result<Vec<Root>, PolicyError> {
        let check = |root: Spanned<RootDocument>| {
            let start = root.span().start;
            let (path, trust_links) = match root.into_inner() {
                RootDocument::Path(path) => (path, false),
                RootDocument::Table(table) => (table.path, table.trust_links),
            };
            if path.is_absolute() {
                return Ok(Root::new(path, trust_links));
            }
            let value = path.display().to_string();
            Err(self.value(start, "a profile root", value, "give an absolute path"))
        };
        roots.into_iter().map(check).collect()
    }

    pub(crate) fn defaults(&self, document: DefaultsDocument) -> Result<Defaults, PolicyError> {
        let embedded = Policy::embedded().defaults;
        let runtime_default = match document.runtime_default {
            None => None,
            Some(name) => {
                let start = name.span().start;
                let parsed = ProfileName::parse(name.get_ref()).map_err(|why| {
                    self.value(
                        start,
                        "defaults.runtime_default",
                        name.get_ref().clone(),
                        why,
                    )
                })?;
                Some((parsed, self.place(start)))
            }
        };
        // Naming a profile means that profile, here as in a rule.
        let combine = match (document.combine, &document.profile) {
            (Some(combine), _) => combine,
            (None, Some(_)) => Combine::Replace,
            (None, None) => embedded.combine,
        };
        let named = document.profile.as_ref();
        let mode = document.mode.unwrap_or(embedded.mode);
        let learned = self.learned(document.learned, Some(mode))?;
        let without_agent = self.without_agent(document.without_agent, Some(mode))?;
        Ok(Defaults {
            place: named.map(|profile| self.place(profile.span().start)),
            profile: document
                .profile
                .map_or(embedded.profile, Spanned::into_inner),
            combine,
            mode,
            without_agent: without_agent.unwrap_or(embedded.without_agent),
            learned,
            native_only: document.architectures == Some(Architectures::Native),
            runtime_default,
        })
    }

    fn without_agent(
        &self,
        without_agent: Option<Spanned<WithoutAgent>>,
        mode: Option<Mode>,
    ) -> Result<Option<WithoutAgent>, PolicyError> {
        let Some(word) = without_agent else {
            return Ok(None);
        };
        if mode == Some(Mode::Record) && *word.get_ref() == WithoutAgent::Enforce {
            let mend = "what is to be recorded cannot go unrecorded; leave it out, or use observe";
            let value = "enforce".to_owned();
            return Err(self.value(word.span().start, "without_agent", value, mend));
        }
        Ok(Some(word.into_inner()))
    }

    fn learned(
        &self,
        name: Option<Spanned<String>>,
        mode: Option<Mode>,
    ) -> Result<Option<(ProfileName, Place)>, PolicyError> {
        let Some(name) = name else { return Ok(None) };
        let start = name.span().start;
        let name = name.into_inner();
        let fail = |why| self.value(start, "learned", name.clone(), why);
        if mode != Some(Mode::Record) {
            return Err(fail("it means something beside mode = \"record\" alone"));
        }
        let parsed = ProfileName::parse(&name).map_err(fail)?;
        Ok(Some((parsed, self.place(start))))
    }

    pub(crate) fn rule(&self, rule: Spanned<RuleDocument>) -> Result<Rule, PolicyError> {
        let offset = rule.span().start;
        let place = self.place(offset);
        let rule = rule.into_inner();
        self.when(offset, &rule.when)?;
        let mode = rule.mode;
        Ok(Rule {
            name: rule.name.unwrap_or_else(|| format!("line {}", place.line)),
            place,
            mode,
            without_agent: self.without_agent(rule.without_agent, mode)?,
            learned: self.learned(rule.learned, mode)?,
            when: rule.when,
            profile: rule.profile,
            combine: rule.combine,
            native_only: rule.architectures.map(|Architectures::Native| true),
        })
    }

    pub(crate) fn floor(&self, floor: Spanned<FloorDocument>) -> Result<Floor, PolicyError> {
        let place = self.place(floor.span().start);
        let floor = floor.into_inner();
        let start = floor.profile.span().start;
        let profile = match floor.profile.into_inner() {
            ProfileDocument::Wanted(wanted) if wanted != Wanted::Unconfined => wanted,
            other => {
                let value = match other {
                    ProfileDocument::Wanted(wanted) => wanted.to_string(),
                    ProfileDocument::Requested => "Requested".to_owned(),
                };
                let mend = "a floor needs a profile that holds: RuntimeDefault or a Localhost one";
                return Err(self.value(start, "floor.profile", value, mend));
            }
        };
        let mut except = Vec::with_capacity(floor.except.len());
        for exception in floor.except {
            let offset = exception.span().start;
            let ExceptionDocument { name, when } = exception.into_inner();
            self.when(offset, &when)?;
            if !when.annotation.is_empty() || when.requested.is_some() {
                let mend = "annotations and requests are the container's own words, and must not \
                            let it out of a floor; name it by namespace, pod or image";
                return Err(self.value(offset, "floor.except.when", name, mend));
            }
            except.push((name, when));
        }
        Ok(Floor {
            profile,
            place,
            except,
        })
    }

    /// Words that can only be misspelt are errors, so that no rule fails to match by a typo.
    pub(crate) fn when(&self, offset: usize, when: &WhenDocument) -> Result<(), PolicyError> {
        if let Some(field) = when.empty_list() {
            let mend = "an empty list never matches; leave the field out, or name something";
            return Err(self.value(offset, "when", field.to_owned(), mend));
        }
        let engine = "it is buildkit, containerd, cri-o, docker, podman or unknown";
        self.words(when.engine.as_ref(), "when.engine", ENGINES, engine)?;
        let requested = "it is RuntimeDefault, Localhost, Unconfined or spec";
        self.words(
            when.requested.as_ref(),
            "when.requested",
            request::TYPES,
            requested,
        )
    }

    fn words(
        &self,
        globs: Option<&Spanned<Globs>>,
        what: &'static str,
        known: &[&str],
        mend: &'static str,
    ) -> Result<(), PolicyError> {
        let Some(globs) = globs else { return Ok(()) };
        for pattern in globs.get_ref().as_slice() {
            if !known.iter().any(|word| crate::glob::matches(pattern, word)) {
                return Err(self.value(globs.span().start, what, pattern.clone(), mend));
            }
        }
        Ok(())
    }
}

/// What the parser says of a document without a version.
pub(crate) const NO_VERSION: &str = "missing field `version`";

#[cfg(test)]
mod tests;

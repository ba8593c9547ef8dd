//! Names that no syscall has, or none on the architectures that the profile is for.

use std::collections::HashSet;

use super::{Lint, NOTED, Rule};
use crate::engine_arch::of_name;
use crate::problem::shown;
use crate::syscall_names::{has_syscall, near_syscall};
use crate::{Arch, Names, WarningKind, compat, is_syscall};

impl Lint<'_> {
    pub(super) fn names(&mut self) {
        let mut guessed = 0;
        let mut seen = HashSet::new();
        let (mut unknown, mut elsewhere) = (Group::default(), Group::default());
        let abis = self.abis();
        for rule in self.rules.clone() {
            if rule.rule.names.is_empty() {
                self.warn(rule.rule.offset, WarningKind::NoNames, None);
                continue;
            }
            for (at, name) in rule.rule.names.iter().enumerate() {
                if is_syscall(name) || !seen.insert(name.as_ref()) {
                    continue;
                }
                let offset = self.name_offset(rule, at);
                guessed += 1;
                let near = (guessed <= GUESSES).then(|| near_syscall(name)).flatten();
                match near {
                    Some(near) => {
                        let names = Names(vec![shown(name)]);
                        let mend = Some(format!("did you mean {near:?}?"));
                        self.warn(offset, WarningKind::UnknownSyscalls(names), mend);
                    }
                    None => unknown.add(offset, name),
                }
            }
            if self.is_elsewhere(rule, &abis) {
                for (at, name) in rule.rule.names.iter().enumerate() {
                    elsewhere.add(self.name_offset(rule, at), name);
                }
            }
        }
        if let Some((offset, names)) = elsewhere.finish() {
            self.warn(offset, WarningKind::Elsewhere(names), None);
        }
        if let Some((offset, names)) = unknown.finish() {
            self.warn(offset, WarningKind::UnknownSyscalls(names), None);
        }
    }

    /// Whether all names of a rule are other architectures'. One such name among others is no
    /// surprise: lists are made for many architectures, and nobody can make the call here.
    fn is_elsewhere(&self, rule: Rule<'_>, all: &[Arch]) -> bool {
        let abis = self.abis_of(rule, all);
        let here = |name: &str| abis.iter().any(|abi| has_syscall(*abi, name));
        let names = &rule.rule.names;
        names.iter().all(|name| is_syscall(name) && !here(name))
    }

    /// The ABIs that a rule is for: the profile's, or those of the nodes that it asks for.
    fn abis_of(&self, rule: Rule<'_>, all: &[Arch]) -> Vec<Arch> {
        let asked = &rule.rule.includes.arches;
        let mut abis: Vec<Arch> = all.to_vec();
        for native in asked.iter().filter_map(|name| of_name(self.dialect, name)) {
            abis.push(native);
            abis.extend(compat(native));
        }
        abis
    }
}

/// Names and where the first one stands.
#[derive(Default)]
struct Group {
    first: usize,
    names: Vec<String>,
}

impl Group {
    fn add(&mut self, offset: usize, name: &str) {
        if self.names.is_empty() {
            self.first = offset;
        }
        if self.names.len() >= NOTED {
            return;
        }
        if self.names.iter().all(|found| found != name) {
            self.names.push(name.to_owned());
        }
    }

    fn finish(self) -> Option<(usize, Names)> {
        (!self.names.is_empty()).then_some((self.first, Names(self.names)))
    }
}

/// How many near names are looked for: comparing words is slow.
const GUESSES: usize = 100;

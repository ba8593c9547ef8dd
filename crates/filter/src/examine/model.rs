//! A profile as the independent model is asked about it, one syscall at a time: with the rules of
//! that syscall alone, so that asking is cheap.
#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};

use profile::meaning::multiplexer;
use profile::{Arch, Rule, Seccomp};

use crate::runtime::Runtime;

/// A profile as `runtime` takes it.
pub(super) struct Model<'a> {
    profile: &'a Seccomp,
    /// How many conditions of a rule count.
    conditions: usize,
    by_name: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Model<'a> {
    pub(super) fn new(profile: &'a Seccomp, runtime: Runtime) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, rule) in profile.rules.iter().enumerate() {
            for name in &rule.names {
                by_name.entry(name).or_default().push(index);
            }
        }
        let conditions = match runtime {
            Runtime::Runc => usize::MAX,
            Runtime::Crun => 6,
        };
        Self {
            profile,
            conditions,
            by_name,
        }
    }

    /// The syscalls that the rules are about on `arch`, also those through which others are made.
    pub(super) fn names(&self, arch: Arch) -> BTreeSet<&'a str> {
        let mut names: BTreeSet<&str> = self.by_name.keys().copied().collect();
        let through = self
            .by_name
            .keys()
            .filter_map(|name| multiplexer(arch, name));
        names.extend(through.map(|(call, _)| call));
        names
    }

    /// The profile with those rules alone that say anything of `name` on `arch`, in their order,
    /// and which of them have conditions.
    pub(super) fn of(&self, arch: Arch, name: &str) -> (Seccomp, Vec<usize>) {
        let through = |other: &str| multiplexer(arch, other).is_some_and(|(call, _)| call == name);
        let others = self.by_name.keys().filter(|other| through(other));
        let all = self.by_name.get(name).into_iter();
        let all = all.chain(others.filter_map(|other| self.by_name.get(other)));
        let indexes: BTreeSet<usize> = all.flatten().copied().collect();
        let rules = indexes.iter().filter_map(|index| {
            let rule = self.profile.rules.get(*index)?;
            let names = rule.names.iter();
            let names = names.filter(|found| *found == name || through(found));
            Some(Rule {
                names: names.cloned().collect(),
                action: rule.action,
                errno: rule.errno,
                args: rule.args.iter().take(self.conditions).copied().collect(),
            })
        });
        let rules: Vec<Rule> = rules.collect();
        let conditional = indexes
            .iter()
            .zip(&rules)
            .filter(|(_, rule)| !rule.args.is_empty())
            .map(|(index, _)| *index);
        let conditional = conditional.collect();
        let small = Seccomp {
            default_action: self.profile.default_action,
            default_errno: self.profile.default_errno,
            architectures: self.profile.architectures.clone(),
            flags: None,
            listener_path: None,
            listener_metadata: None,
            rules,
        };
        (small, conditional)
    }
}

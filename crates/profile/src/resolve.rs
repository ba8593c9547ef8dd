//! From a profile and a target to what the dialect's engine would hand to the runtime.
//!
//! Docker: moby/profiles seccomp/seccomp_linux.go, `setupSeccomp`. Podman and CRI-O:
//! containers/common pkg/seccomp/seccomp_linux.go, `setupSeccomp`. OCI: containerd
//! contrib/seccomp/seccomp.go, which decodes and no more.

use strict_json::{Place, Places};

use crate::conflict::conflicts;
use crate::engine_arch;
use crate::parsed::{Filter, ParsedRule};
use crate::reader::Reader;
use crate::{Arch, Dialect, ProblemKind, Problems, Rule, Seccomp, Source, Target};

impl Source {
    /// The profile as the dialect's engine makes it of this file for `target`: rules and names in
    /// the file's order.
    ///
    /// An empty `flags` is kept in the OCI dialect alone, where it means "no flags" to runc and
    /// crun; Docker and Podman lose it on the way.
    ///
    /// # Errors
    /// What is wrong only for this target: the same condition with two actions, which libseccomp
    /// refuses, and rules that Podman refuses only where they apply.
    pub fn resolve(&self, target: &Target) -> Result<Seccomp, Problems> {
        let (seccomp, _) = self.resolve_with_offsets(target)?;
        Ok(seccomp)
    }

    /// As [`Source::resolve`], with the place in the file of each of the result's rules.
    ///
    /// # Errors
    /// As [`Source::resolve`].
    pub fn resolve_with_places(&self, target: &Target) -> Result<(Seccomp, Vec<Place>), Problems> {
        let (seccomp, offsets) = self.resolve_with_offsets(target)?;
        let mut places = Places::new(&self.text);
        let places = offsets.into_iter().map(|offset| places.of(offset));
        Ok((seccomp, places.collect()))
    }

    fn resolve_with_offsets(&self, target: &Target) -> Result<(Seccomp, Vec<usize>), Problems> {
        let parsed = &self.parsed;
        let mut reader = Reader::new(self.dialect);
        let mut rules = Vec::with_capacity(parsed.rules.len());
        let mut offsets = Vec::with_capacity(parsed.rules.len());
        let scope = Scope::new(self.dialect, target);
        for rule in parsed.rules.iter().filter(|rule| scope.applies(rule)) {
            if self.dialect == Dialect::Podman {
                refuse_as_podman(&mut reader, rule);
                if rule.names.is_empty() {
                    continue;
                }
            }
            offsets.push(rule.offset);
            rules.push(Rule {
                names: rule.names.clone(),
                action: rule.action,
                errno: rule.errno,
                args: rule.args.clone(),
            });
        }
        let flags = parsed.flags.clone();
        let keeps_empty = self.dialect == Dialect::Oci;
        let seccomp = Seccomp {
            default_action: parsed.default_action,
            default_errno: parsed.default_errno,
            architectures: self.architectures(target.arch),
            flags: flags.filter(|flags| keeps_empty || !flags.is_empty()),
            listener_path: parsed.listener_path.clone(),
            listener_metadata: parsed.listener_metadata.clone(),
            rules,
        };
        for (rule, name) in conflicts(&seccomp) {
            let offset = offsets.get(rule).copied().unwrap_or(0);
            let name = name.to_owned();
            reader.problem(offset, ProblemKind::Conflict { name }, None);
        }
        reader.finish(&self.text)?;
        Ok((seccomp, offsets))
    }

    /// Those listed, or of `archMap` the first entry for the native one.
    fn architectures(&self, native: Arch) -> Vec<Arch> {
        let mut architectures = self.parsed.architectures.clone();
        if engine_arch::maps(self.dialect, native) {
            let mut entries = self.parsed.arch_map.iter();
            if let Some(entry) = entries.find(|entry| entry.architecture == native) {
                architectures.push(native);
                architectures.extend(&entry.others);
            }
        }
        architectures
    }
}

/// What Podman finds wrong with a rule only once it applies.
fn refuse_as_podman(reader: &mut Reader, rule: &ParsedRule) {
    if let Some(at) = rule.name_too {
        reader.problem(at, ProblemKind::NameAndNames, None);
    }
    if let Some((at, found)) = &rule.bad_errno {
        let found = found.clone();
        reader.problem(*at, ProblemKind::UnknownErrno { found }, None);
    }
}

/// What filters ask about.
struct Scope<'a> {
    target: &'a Target,
    /// The native architecture as the engine calls it; empty where it has no name for it.
    arch: &'static str,
}

impl<'a> Scope<'a> {
    fn new(dialect: Dialect, target: &'a Target) -> Self {
        let arch = engine_arch::name(dialect, target.arch).unwrap_or("");
        Self { target, arch }
    }

    fn applies(&self, rule: &ParsedRule) -> bool {
        !self.excluded(&rule.excludes) && self.included(&rule.includes)
    }

    /// Whether anything that is listed holds.
    fn excluded(&self, filter: &Filter) -> bool {
        self.arch_among(filter)
            || filter.caps.iter().any(|cap| self.has(cap))
            || filter
                .min_kernel
                .is_some_and(|kernel| self.target.kernel >= kernel)
    }

    /// Whether everything that is asked for holds.
    fn included(&self, filter: &Filter) -> bool {
        (filter.arches.is_empty() || self.arch_among(filter))
            && filter.caps.iter().all(|cap| self.has(cap))
            && filter
                .min_kernel
                .is_none_or(|kernel| self.target.kernel >= kernel)
    }

    fn arch_among(&self, filter: &Filter) -> bool {
        filter.arches.iter().any(|arch| arch == self.arch)
    }

    fn has(&self, cap: &str) -> bool {
        self.target.capabilities.contains(cap)
    }
}

#[cfg(test)]
mod tests;

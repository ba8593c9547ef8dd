//! The profiles that containers will get, before there are any.

use std::collections::BTreeSet;
use std::rc::Rc;

use profile::Target;

use crate::decide::{Node, Stacker};
use crate::document::ProfileDocument;
use crate::profiles::Profiles;
use crate::{Mode, Policy, PolicyError, transform};

impl Policy {
    /// What `linux.seccomp` will be for a container with these `capabilities` that brings no profile
    /// of its own: for the defaults and for each rule, with every floor, each text once. What a
    /// container's own profile makes of it is not known ahead.
    ///
    /// # Errors
    /// A profile that is missing or wrong.
    pub fn texts_ahead(
        &self,
        capabilities: &BTreeSet<String>,
        node: Node,
    ) -> Result<Vec<String>, PolicyError> {
        let target = Target {
            capabilities: capabilities.clone(),
            arch: node.arch,
            kernel: node.kernel,
        };
        let profiles = Profiles {
            policy: self,
            target: &target,
            newer: node.newer,
        };
        let defaults = &self.defaults;
        let base = [(&defaults.profile, defaults.mode, defaults.native_only)];
        let rules = self.rules.iter().map(|rule| {
            (
                rule.profile.as_ref().unwrap_or(&defaults.profile),
                rule.mode.unwrap_or(defaults.mode),
                rule.native_only.unwrap_or(defaults.native_only),
            )
        });
        let mut texts = Vec::new();
        for (profile, mode, native_only) in base.into_iter().chain(rules) {
            let ProfileDocument::Wanted(wanted) = profile else {
                continue;
            };
            let mut result = profiles.resolve(wanted)?.map(|resolved| resolved.seccomp);
            if native_only {
                result = result.map(|profile| transform::native_only(profile, node.arch));
            }
            if mode == Mode::Audit {
                result = result.map(|profile| transform::audit(profile, node.arch));
            }
            let mut result = result.map(Rc::new);
            let mut rounded = Vec::new();
            let mut stacker = Stacker {
                native: node.arch,
                rounded: &mut rounded,
            };
            for floor in &self.floors {
                let least = profiles.resolve(&floor.profile)?;
                let least = least.map(|resolved| Rc::new(resolved.seccomp));
                result = stacker.both(least, result)?;
            }
            let text = result.map(|profile| profile.to_json());
            texts.extend(text.filter(|text| !texts.contains(text)));
        }
        Ok(texts)
    }
}

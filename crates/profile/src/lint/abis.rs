//! Calls that a program can also make through `socketcall` or `ipc`: there, arguments are in
//! memory, where no filter looks.

use super::together::always;
use super::{Lint, Rule};
use crate::meaning::multiplexer;
use crate::{Arch, Names, WarningKind};

impl Lint<'_> {
    pub(super) fn multiplexers(&mut self) {
        let abis = self.abis();
        let mut closed: Vec<(Rule<'_>, Arch, &'static str, Names)> = Vec::new();
        let mut open: Vec<(Rule<'_>, Rule<'_>, Arch, &'static str, Names)> = Vec::new();
        for rule in self.rules.clone() {
            if !rule.is_conditional() || rule.outcome == self.default {
                continue;
            }
            for name in &rule.rule.names {
                let through = abis
                    .iter()
                    .find_map(|arch| Some((*arch, multiplexer(*arch, name)?.0)));
                let Some((arch, through)) = through else {
                    continue;
                };
                let default = self.default;
                let counts = |other: &Rule<'_>| {
                    other.outcome != default
                        && !other.is_conditional()
                        && always(rule.rule, other.rule)
                };
                let rules = self.by_name.get(name.as_ref()).map_or(1, Vec::len);
                if !self.may_compare(rules) || self.naming(name).iter().any(counts) {
                    continue;
                }
                match self.naming(through).into_iter().find(counts) {
                    None => match closed.iter_mut().find(|one| one.0.index == rule.index) {
                        Some((_, _, _, names)) => names.0.push(name.to_string()),
                        None => closed.push((rule, arch, through, one(name))),
                    },
                    Some(by) if by.outcome.strictness() < STRICT => {
                        match open.iter_mut().find(|one| one.1.index == by.index) {
                            Some((_, _, _, _, names)) if names.0.iter().any(|n| n == name) => {}
                            Some((_, _, _, _, names)) => names.0.push(name.to_string()),
                            None => open.push((rule, by, arch, through, one(name))),
                        }
                    }
                    Some(_) => {}
                }
            }
        }
        for (rule, arch, through, names) in closed {
            let kind = WarningKind::Multiplexed {
                names,
                arch,
                through,
                own: rule.outcome,
                whole: rule.rule.args.iter().all(|arg| arg.index == 0),
            };
            self.warn(rule.rule.offset, kind, None);
        }
        for (rule, by, arch, through, names) in open {
            let kind = WarningKind::MultiplexerOpen {
                names,
                arch,
                through,
                by: self.place_of(by),
            };
            self.warn(rule.rule.offset, kind, None);
        }
    }
}

fn one(name: &str) -> Names {
    Names(vec![name.to_owned()])
}

/// From ERRNO on, the call is not made.
const STRICT: u8 = 4;

//! Comparisons of 64 bits with arguments of which the kernel takes 32.
//!
//! A program may set the upper half of such a register to anything: the kernel does not look, the
//! filter does. So a denial by EQ lets the same value through with one more bit, and so does what
//! allows by NE or GT all but some values. Denials by NE, GT or GE go wrong the other way: a value
//! that the kernel would take for an allowed one is denied.
//!
//! Whether a rule is of that kind is not told by its operator but tried: with values at the edges
//! of all its syscall's conditions, once as they are and once with an upper bit.

use std::borrow::Cow;

use super::overlap::value;
use super::together::always;
use super::{Grouped, Lint, Rule};
use crate::int_arguments::is_int;
use crate::meaning::{Outcome, compare, compares_32_bits, judge};
use crate::syscall_names::has_syscall;
use crate::{Condition, Operator, Seccomp, WarningKind};

impl<'a> Lint<'a> {
    pub(super) fn wide_arguments(&mut self) {
        let mut wide = self.abis();
        wide.retain(|abi| !compares_32_bits(*abi));
        let mut found = Grouped::default();
        let mut examples = Vec::new();
        for rule in self.rules.clone() {
            for name in &rule.rule.names {
                if !wide.iter().any(|abi| has_syscall(*abi, name)) {
                    continue;
                }
                for (at, condition) in rule.rule.args.iter().enumerate() {
                    if !is_int(name, condition.index) {
                        continue;
                    }
                    if let Some(wide) = self.wide(rule, name, *condition) {
                        found.add(rule.index, at, name);
                        examples.push(((rule.index, at), wide));
                    }
                }
            }
        }
        for (key, names) in found.0 {
            let example = examples.iter().find(|(found, _)| *found == key);
            let (Some((_, wide)), Some(rule)) = (example, self.rules.get(key.0).copied()) else {
                continue;
            };
            let loose = wide.gets.strictness() < wide.meant.strictness();
            let mend = loose
                .then(|| "deny by default and allow the wanted values by EQ, LT or LE".to_owned());
            let kind = WarningKind::WideArgument {
                names,
                index: wide.index,
                low: wide.low,
                wide: wide.wide,
                meant: wide.meant,
                gets: wide.gets,
            };
            self.warn(self.arg_offset(rule, key.1), kind, mend);
        }
    }

    /// A value of which `condition` makes the rules say something else when it has an upper bit.
    fn wide(&mut self, rule: Rule<'a>, name: &str, condition: Condition) -> Option<Wide> {
        let rules = self.by_name.get(name).map_or(1, Vec::len);
        if !self.may_compare(rules) {
            return None;
        }
        let seccomp = self.alone(rule, name);
        let of_index = seccomp.rules.iter().flat_map(|rule| &rule.args);
        let on: Vec<Condition> = of_index
            .filter(|other| other.index == condition.index)
            .copied()
            .take(EDGES)
            .collect();
        let mut args = [0; 6];
        for other in &rule.rule.args {
            let slot = usize::try_from(other.index).ok();
            let slot = slot.and_then(|at| args.get_mut(at));
            if let (Some(slot), Some(value)) = (slot, value(&[other])) {
                *slot = value;
            }
        }
        let at = usize::try_from(condition.index).ok()?;
        let denies = rule.outcome.strictness() > self.default.strictness();
        // What is beyond 32 bits anyway is meant.
        let upward = condition.value < u64::from(u32::MAX)
            && matches!(
                condition.op,
                Operator::ScmpCmpNe | Operator::ScmpCmpGt | Operator::ScmpCmpGe
            );
        for low in lows(&on) {
            let wide = low | UPPER;
            let holds = |value| compare(&condition, value, u64::MAX);
            if !self.may_compare(seccomp.rules.len()) || holds(low) == holds(wide) {
                continue;
            }
            let mut says = |value| {
                *args.get_mut(at)? = value;
                certain(&seccomp, self.native, name, args)
            };
            let (Some(meant), Some(gets)) = (says(low), says(wide)) else {
                continue;
            };
            let looser = gets.strictness() < meant.strictness();
            let stricter = denies && upward && gets.strictness() > meant.strictness();
            if looser || stricter {
                return Some(Wide {
                    index: condition.index,
                    low,
                    wide,
                    meant,
                    gets,
                });
            }
        }
        None
    }

    /// The profile for one syscall as it is wherever `rule` applies.
    fn alone(&self, rule: Rule<'a>, name: &str) -> Seccomp {
        let together = self
            .naming(name)
            .into_iter()
            .filter(|other| other.index == rule.index || always(rule.rule, other.rule));
        Seccomp {
            default_action: self.parsed.default_action,
            default_errno: self.parsed.default_errno,
            architectures: Vec::new(),
            flags: None,
            listener_path: None,
            listener_metadata: None,
            rules: together
                .map(|other| crate::Rule {
                    names: vec![Cow::Owned(name.to_owned())],
                    action: other.rule.action,
                    errno: other.rule.errno,
                    args: other.rule.args.clone(),
                })
                .collect(),
        }
    }
}

/// A value that the kernel and the filter take for two.
#[derive(Debug, Clone, Copy)]
struct Wide {
    index: u32,
    low: u64,
    wide: u64,
    meant: Outcome,
    gets: Outcome,
}

/// Values of 32 bits at and beside those of the conditions, without doubles.
fn lows(conditions: &[Condition]) -> Vec<u64> {
    let mut lows = Vec::new();
    for one in conditions {
        let value = match one.op {
            Operator::ScmpCmpMaskedEq => one.value & one.value_two,
            _ => one.value,
        };
        for value in [value, value.wrapping_add(1), value.wrapping_sub(1)] {
            let low = value & !UPPER_HALF;
            if !lows.contains(&low) {
                lows.push(low);
            }
        }
    }
    lows
}

/// What the rules say of a call, if there is one answer.
fn certain(seccomp: &Seccomp, native: crate::Arch, name: &str, args: [u64; 6]) -> Option<Outcome> {
    // On an ABI of 64 bits, whatever the node is.
    let wide = if compares_32_bits(native) {
        crate::Arch::ScmpArchX86_64
    } else {
        native
    };
    match judge(seccomp, wide, wide, name, args).outcomes() {
        [one] => Some(*one),
        _ => None,
    }
}

const UPPER: u64 = 1 << 32;
const UPPER_HALF: u64 = 0xffff_ffff_0000_0000;
/// How many conditions on one argument give values to try.
const EDGES: usize = 64;

//! Conditions that mean different things to architectures of 64 and of 32 bits, in a result for
//! both: they can be kept or dropped as they stand, but not computed with.

use super::combine::Side;
use super::effect::{Case, Effect};
use super::error::TooLarge;
use super::pick::Pick;
use super::set::Set;
use super::width::narrowed;
use crate::Condition;
use crate::meaning::Outcome;

/// What both sides come to where one has no conditions or both have the same.
pub(crate) fn verbatim(
    pick: Pick,
    policy: Side<'_>,
    request: Side<'_>,
    default: Outcome,
) -> Result<Effect, TooLarge> {
    let mut cases = match (policy.effect, request.effect) {
        (Effect::Always(outcome), Effect::Cases(cases)) => {
            if pick.of(*outcome, request.default) != default {
                return Err(TooLarge);
            }
            changed(cases, |case| pick.of(*outcome, case.outcome))
        }
        (Effect::Cases(cases), Effect::Always(outcome)) => {
            if pick.of(policy.default, *outcome) != default {
                return Err(TooLarge);
            }
            changed(cases, |case| pick.of(case.outcome, *outcome))
        }
        (Effect::Cases(one), Effect::Cases(other)) => same(pick, one, other).ok_or(TooLarge)?,
        (Effect::Always(one), Effect::Always(other)) => {
            return Ok(Effect::Always(pick.of(*one, *other)));
        }
    };
    // Of overlapping cases the strictest counts, which the looser of two pairs may not be.
    let sides = [policy.effect, request.effect];
    let of_sides = sides.into_iter().any(contradicts);
    if pick == Pick::Looser && of_sides || contradict(&cases) {
        return Err(TooLarge);
    }
    cases.retain(|case| case.outcome != default);
    if cases.is_empty() {
        return Ok(Effect::Always(default));
    }
    Ok(Effect::Cases(cases))
}

fn changed(cases: &[Case], outcome: impl Fn(&Case) -> Outcome) -> Vec<Case> {
    let cases = cases.iter().map(|case| Case {
        conditions: case.conditions.clone(),
        outcome: outcome(case),
    });
    sorted(cases.collect())
}

/// What each two cases come to, if both lists have the same conditions.
fn same(pick: Pick, one: &[Case], other: &[Case]) -> Option<Vec<Case>> {
    let (one, other) = (sorted(one.to_vec()), sorted(other.to_vec()));
    let pairs = one.iter().zip(&other);
    let both = pairs.map(|(one, other)| {
        (one.conditions == other.conditions).then(|| Case {
            conditions: one.conditions.clone(),
            outcome: pick.of(one.outcome, other.outcome),
        })
    });
    if one.len() == other.len() {
        both.collect()
    } else {
        None
    }
}

fn contradicts(effect: &Effect) -> bool {
    matches!(effect, Effect::Cases(cases) if contradict(cases))
}

/// Whether any two cases overlap and differ.
fn contradict(cases: &[Case]) -> bool {
    let mut others = cases.iter();
    while let Some(case) = others.next() {
        let mut rest = others.clone();
        if rest.any(|other| other.outcome != case.outcome && !apart(case, other)) {
            return true;
        }
    }
    false
}

/// Conditions in the order of their arguments, cases in the order of their conditions.
fn sorted(mut cases: Vec<Case>) -> Vec<Case> {
    let key = |one: &Condition| (one.index, one.value, one.value_two, one.op as u32);
    for case in &mut cases {
        case.conditions.sort_by_key(key);
    }
    cases.sort_by_key(|case| {
        let conditions: Vec<_> = case.conditions.iter().map(key).collect();
        (conditions, case.outcome.sort_key())
    });
    cases.dedup();
    cases
}

/// Whether no call fits both cases, at either width.
fn apart(one: &Case, other: &Case) -> bool {
    let exclude = |a: &Condition, b: &Condition| {
        let both = Set::of(a).and(&Set::of(b));
        both.is_ok_and(|both| both.is_empty())
    };
    let apart = |view: fn(&Condition) -> Condition| {
        one.conditions.iter().any(|a| {
            let mut others = other.conditions.iter().filter(|b| b.index == a.index);
            others.any(|b| exclude(&view(a), &view(b)))
        })
    };
    apart(|condition| *condition) && apart(narrowed)
}

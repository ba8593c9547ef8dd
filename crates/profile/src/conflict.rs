//! Rules that libseccomp refuses together: the same condition with another outcome (EEXIST, from
//! `_db_tree_add` in libseccomp src/db.c), on which the runtimes fail the container.
//!
//! Found here are the cases that can be told without building the filter: equal conditions. A
//! condition that is another one's beginning, or that becomes equal to it on a 32-bit ABI, shows
//! only when the filter is compiled.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::{Action, Condition, Operator, Rule, Seccomp};

/// The rules, by index, that conflict with an earlier one, with the syscall.
///
/// Of a profile with more than [`MOST_PAIRS`] pairs of a name and a condition that rules give
/// different outcomes to, not all need be found: libseccomp tells of the rest.
pub(crate) fn conflicts(seccomp: &Seccomp) -> Vec<(usize, &str)> {
    let default = outcome(seccomp.default_action, seccomp.default_errno);
    // Without conditions the first rule wins, silently, over what follows.
    let conditional: HashSet<&str> = seccomp
        .rules
        .iter()
        .filter(|rule| !rule.args.is_empty())
        .flat_map(|rule| rule.names.iter().map(AsRef::as_ref))
        .collect();
    if conditional.is_empty() {
        return Vec::new();
    }
    let contested = contested(&seccomp.rules, default);
    if contested.is_empty() {
        return Vec::new();
    }
    let mut pairs = 0_usize;
    let mut settled: HashSet<&str> = HashSet::new();
    let mut seen: HashMap<(&str, Vec<Test>), Outcome> = HashMap::new();
    let mut found = Vec::new();
    for (index, rule) in seccomp.rules.iter().enumerate() {
        let outcome = outcome(rule.action, rule.errno);
        if outcome == default {
            continue;
        }
        let mut alternatives = alternatives(rule);
        alternatives.retain(|conditions| contested.contains(conditions));
        let names = rule.names.iter().map(AsRef::as_ref);
        for name in names.filter(|name| conditional.contains(name)) {
            if settled.contains(name) {
                continue;
            }
            if rule.args.is_empty() {
                settled.insert(name);
                continue;
            }
            if pairs > MOST_PAIRS {
                return found;
            }
            pairs = pairs.saturating_add(alternatives.len());
            for conditions in &alternatives {
                let earlier = seen.entry((name, conditions.clone())).or_insert(outcome);
                if *earlier != outcome {
                    found.push((index, name));
                    break;
                }
            }
        }
    }
    found
}

/// How many pairs of a name and a condition are looked at; a rule of a megabyte can make a hundred
/// million of them, a real profile makes a few.
const MOST_PAIRS: usize = 50_000;

/// The conditions to which rules, whatever they name, give more than one outcome.
fn contested(rules: &[Rule], default: Outcome) -> HashSet<Vec<Test>> {
    let mut first: HashMap<Vec<Test>, Outcome> = HashMap::new();
    let mut contested = HashSet::new();
    for rule in rules.iter().filter(|rule| !rule.args.is_empty()) {
        let outcome = outcome(rule.action, rule.errno);
        if outcome == default {
            continue;
        }
        for conditions in alternatives(rule) {
            match first.get(&conditions) {
                Some(earlier) if *earlier != outcome => {
                    contested.insert(conditions);
                }
                Some(_) => {}
                None => {
                    first.insert(conditions, outcome);
                }
            }
        }
    }
    contested
}

/// An action with what it returns.
type Outcome = (Action, u32);

/// The outcome in a form in which equal ones are equal.
fn outcome(action: Action, errno: Option<u32>) -> Outcome {
    match action {
        Action::ScmpActErrno | Action::ScmpActTrace => (action, errno.unwrap_or(EPERM)),
        Action::ScmpActKillThread => (Action::ScmpActKill, 0),
        other => (other, 0),
    }
}

/// A condition in a form in which equal ones are equal: index, operator, value and, for
/// MASKED_EQ, what of `valueTwo` the mask leaves.
type Test = (u32, u32, u64, u64);

/// The conjunctions that the runtimes make of a rule: one, or, where two conditions look at the
/// same argument, one of each condition.
fn alternatives(rule: &Rule) -> Vec<Vec<Test>> {
    let mut tests: Vec<Test> = rule.args.iter().map(test).collect();
    tests.sort_unstable();
    let repeated = tests
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.0 == b.0));
    if repeated {
        tests.into_iter().map(|test| vec![test]).collect()
    } else {
        vec![tests]
    }
}

fn test(condition: &Condition) -> Test {
    let Condition {
        index,
        value,
        value_two,
        op,
    } = *condition;
    let masked = match op {
        Operator::ScmpCmpMaskedEq => value_two & value,
        _ => 0,
    };
    (index, op as u32, value, masked)
}

const EPERM: u32 = 1;

#[cfg(test)]
mod tests {
    use crate::{Dialect, Kernel, ProblemKind, Source, Target, native_from_name};

    fn conflicting(rules: &str) -> Vec<String> {
        let text = format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{rules}]}}"#);
        let source = Source::read_as(text.as_bytes(), Dialect::Oci).expect(&text);
        let target = Target {
            capabilities: std::collections::BTreeSet::new(),
            arch: native_from_name("amd64").expect("amd64"),
            kernel: Kernel { major: 6, minor: 1 },
        };
        let problems = source.resolve(&target).err();
        let problems = problems.iter().flatten();
        problems
            .map(|problem| match &problem.kind {
                ProblemKind::Conflict { name } => format!("{name}@{}", problem.place.column),
                other => panic!("{other}"),
            })
            .collect()
    }

    fn rule(names: &str, action: &str, args: &[(u32, u64)]) -> String {
        let args: Vec<String> = args
            .iter()
            .map(|(index, value)| {
                format!(r#"{{"index":{index},"value":{value},"op":"SCMP_CMP_EQ"}}"#)
            })
            .collect();
        let args = args.join(",");
        format!(r#"{{"names":["{names}"],"action":"SCMP_ACT_{action}","args":[{args}]}}"#)
    }

    #[test]
    fn one_condition_with_two_actions_is_a_conflict_at_the_later_rule() {
        let (allow, kill) = (rule("a", "ALLOW", &[(0, 1)]), rule("a", "KILL", &[(0, 1)]));
        let before = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#.len();
        let column = before + allow.len() + 2;
        assert_eq!(
            conflicting(&format!("{allow},{kill}")),
            [format!("a@{column}")]
        );
        assert!(conflicting(&format!("{allow},{allow}")).is_empty());
        let other = rule("b", "KILL", &[(0, 1)]);
        assert!(conflicting(&format!("{allow},{other}")).is_empty());
        let other = rule("a", "KILL", &[(0, 2)]);
        assert!(conflicting(&format!("{allow},{other}")).is_empty());
    }

    #[test]
    fn the_order_of_conditions_does_not_hide_a_conflict() {
        let (a, b) = (
            rule("a", "ALLOW", &[(0, 1), (1, 2)]),
            rule("a", "KILL", &[(1, 2), (0, 1)]),
        );
        assert_eq!(conflicting(&format!("{a},{b}")).len(), 1);
    }

    #[test]
    fn conditions_on_one_argument_conflict_each_for_itself() {
        let (a, b) = (
            rule("a", "ALLOW", &[(0, 1), (0, 2)]),
            rule("a", "KILL", &[(0, 2)]),
        );
        assert_eq!(conflicting(&format!("{a},{b}")).len(), 1);
    }

    #[test]
    fn what_libseccomp_drops_does_not_conflict() {
        let (allow, kill) = (rule("a", "ALLOW", &[(0, 1)]), rule("a", "KILL", &[(0, 1)]));
        let always = rule("a", "LOG", &[]);
        assert!(conflicting(&format!("{always},{allow},{kill}")).is_empty());
        assert!(conflicting(&format!("{allow},{always},{kill}")).is_empty());
        assert_eq!(conflicting(&format!("{allow},{kill},{always}")).len(), 1);
        let as_default = rule("a", "ERRNO", &[(0, 1)]);
        assert!(conflicting(&format!("{allow},{as_default}")).is_empty());
    }

    #[test]
    fn many_names_with_many_conditions_take_no_product_of_time_and_memory() {
        let args: Vec<(u32, u64)> = (0..2_000).map(|value| (0, value)).collect();
        let names = |first: usize| {
            let names: Vec<String> = (first..first + 20_000).map(|n| format!("n{n}")).collect();
            names.join(r#"",""#)
        };
        let (a, b) = (
            rule(&names(0), "ALLOW", &args),
            rule(&names(19_999), "KILL", &args),
        );
        // Which of them are found is not promised; that it ends is.
        let start = std::time::Instant::now();
        let _ = conflicting(&format!("{a},{b}"));
        assert!(start.elapsed().as_secs() < 20);
    }

    #[test]
    fn kill_and_kill_thread_are_one() {
        let (a, b) = (
            rule("a", "KILL", &[(0, 1)]),
            rule("a", "KILL_THREAD", &[(0, 1)]),
        );
        assert!(conflicting(&format!("{a},{b}")).is_empty());
    }
}

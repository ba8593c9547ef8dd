//! Effects written as rules, in an order that depends on nothing but them.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};

use super::effect::{Case, Effect};
use crate::meaning::Outcome;
use crate::{Action, Condition, Rule};

/// Rules under construction. Syscalls must come sorted by name.
#[derive(Debug)]
pub(crate) struct Rules {
    default: Outcome,
    always: Vec<(Outcome, Vec<Cow<'static, str>>)>,
    cases: Vec<(Outcome, Vec<Condition>, Vec<Cow<'static, str>>)>,
    /// Where in `cases` those with one outcome and one fingerprint of conditions stand.
    index: HashMap<((u8, u32), u64), Vec<usize>>,
    silent: Vec<Cow<'static, str>>,
}

impl Rules {
    pub(crate) fn new(default: Outcome) -> Self {
        Self {
            default,
            always: Vec::new(),
            cases: Vec::new(),
            index: HashMap::new(),
            silent: Vec::new(),
        }
    }

    /// Adds the effect on the syscall of the next name.
    pub(crate) fn add(&mut self, name: Cow<'static, str>, effect: Effect) {
        match effect {
            Effect::Always(outcome) => self.always(name, outcome),
            // A set that came to everything.
            Effect::Cases(cases) if cases.iter().all(|case| case.conditions.is_empty()) => {
                let outcome = cases.first().map_or(self.default, |case| case.outcome);
                self.always(name, outcome);
            }
            Effect::Cases(cases) => {
                for case in cases {
                    self.case(name.clone(), case);
                }
            }
        }
    }

    pub(crate) fn always(&mut self, name: Cow<'static, str>, outcome: Outcome) {
        if outcome == self.default {
            self.silent.push(name);
            return;
        }
        match self.always.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => self.always.push((outcome, vec![name])),
        }
    }

    fn case(&mut self, name: Cow<'static, str>, case: Case) {
        let key = (
            case.outcome.sort_key(),
            fingerprint(self.index.hasher(), &case.conditions),
        );
        let alike = self.index.entry(key).or_default();
        let same = alike.iter().find_map(|index| {
            let (outcome, args, _) = self.cases.get(*index)?;
            (*outcome == case.outcome && *args == case.conditions).then_some(*index)
        });
        match same.and_then(|index| self.cases.get_mut(index)) {
            Some((_, _, names)) => names.push(name),
            None => {
                alike.push(self.cases.len());
                self.cases.push((case.outcome, case.conditions, vec![name]));
            }
        }
    }

    /// The rules: the loosest first, those without conditions before those with some.
    pub(crate) fn finish(mut self) -> Vec<Rule> {
        let rule = |outcome: Outcome, args, names| Rule {
            names,
            action: outcome.action(),
            errno: outcome.errno(),
            args,
        };
        self.anchor();
        // The multiplexers come last and the anchor where it belongs: the order of the names must
        // not tell which of the two was there first.
        for (_, names) in &mut self.always {
            names.sort();
        }
        self.always.sort_by_key(|(outcome, _)| outcome.sort_key());
        let always = self.always.into_iter();
        let cases = self.cases.into_iter();
        let mut rules: Vec<Rule> = always
            .map(|(outcome, names)| rule(outcome, Vec::new(), names))
            .chain(cases.map(|(outcome, args, names)| rule(outcome, args, names)))
            .collect();
        if !self.silent.is_empty() && !is_mild(self.default) {
            rules.push(rule(self.default, Vec::new(), self.silent));
        }
        rules
    }

    /// Adds a rule without conditions, if need be, for a call that every architecture has a number
    /// for and no kernel has had since 3.1.
    ///
    /// libseccomp (2.5.4 and after) has the first of the calls that it sorts load the number that
    /// all are compared with; calls without conditions come first. Where that one is a call that
    /// the architecture does not have, such as `socketcall` on x86-64 or `open` on aarch64, it is
    /// left out, the number is never loaded, and every call of the architecture gets the default
    /// (src/gen_bpf.c, `_gen_bpf_arch`).
    fn anchor(&mut self) {
        let conditional = || self.cases.iter().flat_map(|(_, _, names)| names);
        let anchored = |names: &Vec<Cow<'static, str>>| {
            let known = |name: &Cow<'static, str>| EVERYWHERE.binary_search(&name.as_ref()).is_ok();
            names.iter().any(known)
        };
        let mut names: Vec<&Cow<'static, str>> = conditional().collect();
        names.extend(self.always.iter().flat_map(|(_, names)| names));
        let first = names.first();
        if self.cases.is_empty()
            || names.iter().all(|name| Some(name) == first)
            || conditional().any(|name| name == ANCHOR)
            || self.always.iter().any(|(_, names)| anchored(names))
        {
            return;
        }
        let Some(outcome) = at_least(self.default) else {
            return;
        };
        let name = Cow::Borrowed(ANCHOR);
        match self.always.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => {
                let at = names.partition_point(|other| *other < name);
                names.insert(at, name);
            }
            None => self.always.push((outcome, vec![name])),
        }
    }
}

/// An answer that differs from `default` and is not looser, mild if there is such; none is beyond
/// KILL_PROCESS, where a filter that gives the default alone is no looser either.
fn at_least(default: Outcome) -> Option<Outcome> {
    let new = |errno| Outcome::new(Action::ScmpActErrno, Some(errno));
    let (enosys, eperm) = (new(ENOSYS), new(EPERM));
    let kill = Outcome::new(Action::ScmpActKillProcess, None);
    let mut outcomes = [enosys, eperm, kill].into_iter();
    outcomes.find(|one| *one != default && one.strictness() >= default.strictness())
}

/// A number that equal conditions have in common.
fn fingerprint(hasher: &RandomState, conditions: &[Condition]) -> u64 {
    let tests = conditions.iter().map(|condition| {
        let Condition {
            index,
            value,
            value_two,
            op,
        } = *condition;
        (index, value, value_two, op as u32)
    });
    hasher.hash_one(tests.collect::<Vec<_>>())
}

/// Whether runc leaves numbers beyond the last one named to a default of this kind. Otherwise it
/// answers ENOSYS for them, so that names that get the default must stay named: runtimes make no
/// rule of those, but without them the stub would begin earlier, and might be looser
/// (runc libcontainer/seccomp/patchbpf/enosys_linux.go).
fn is_mild(default: Outcome) -> bool {
    matches!(
        default.action(),
        Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace
    )
}

/// A call that is nowhere implemented: `sys_ni_syscall` since Linux 3.1.
const ANCHOR: &str = "nfsservctl";

/// Some calls that every architecture has, sorted. Profiles that allow what programs need name
/// some of them, and so do most that deny.
const EVERYWHERE: [&str; 24] = [
    "add_key",
    "bpf",
    "close",
    "execve",
    "exit",
    "exit_group",
    "fchmodat",
    "fchownat",
    "futex",
    "getpid",
    "init_module",
    "keyctl",
    "mkdirat",
    "mount",
    "nfsservctl",
    "openat",
    "perf_event_open",
    "ptrace",
    "read",
    "reboot",
    "setns",
    "unlinkat",
    "unshare",
    "write",
];

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

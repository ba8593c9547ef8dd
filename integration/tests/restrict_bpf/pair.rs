//! Two profiles and what they were made to, compiled and executed side by side.

use filter::{Filter, GuardError, Limits, Outcome, Runtime, compile_guarded};
use profile::meaning::{self, judge, multiplexer};
use profile::{Note, Seccomp};

use crate::calls::{Asked, calls};
use crate::oci::NATIVE;

/// Which of two answers the result must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The stricter: `restrict`.
    Stricter,
    /// The looser: `merge`.
    Looser,
}

/// What was found, over many pairs.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) pairs: usize,
    /// Pairs that were not compared: libseccomp refuses one of the three.
    pub(crate) refused: usize,
    /// As before: libseccomp does not end.
    pub(crate) endless: usize,
    /// Pairs without a note.
    pub(crate) without_notes: usize,
    pub(crate) calls: usize,
    pub(crate) equal: usize,
    /// Stricter, as a note says.
    pub(crate) noted: usize,
    /// Stricter, where rules of one profile contradict each other: which wins is libseccomp's
    /// accident, and the strictest was taken.
    pub(crate) contradicted: usize,
    /// Merged: equally strict with another errno, as one list of rules serves all architectures.
    pub(crate) numbers: usize,
    /// Not judged: libseccomp compiled one of the two to something else than its rules say.
    pub(crate) unsound: usize,
    /// As before, but it is the result that was.
    pub(crate) miscompiled: usize,
    /// Those of them that are looser than the result's rules.
    pub(crate) miscompiled_looser: usize,
    pub(crate) looser: usize,
    pub(crate) stricter: usize,
}

/// Two profiles and their result.
pub(crate) struct Pair<'a> {
    pub(crate) id: &'a str,
    pub(crate) rule: Rule,
    pub(crate) both: [&'a Seccomp; 2],
    pub(crate) result: &'a Seccomp,
    pub(crate) notes: &'a [Note],
}

impl Pair<'_> {
    /// Compiles the three as `runtime` does and runs them on every call that they tell apart.
    pub(crate) fn compare(&self, runtime: Runtime, most: usize, count: &mut Count) {
        count.pairs += 1;
        let [a, b] = self.both;
        let mut filters = Vec::new();
        for (which, profile) in [
            ("the first", a),
            ("the second", b),
            ("the result", self.result),
        ] {
            match compile_guarded(profile, NATIVE, runtime, LIMITS) {
                Ok(filter) => filters.push(filter),
                Err(GuardError::Time { .. } | GuardError::Killed { .. }) => {
                    count.endless += 1;
                    return;
                }
                Err(GuardError::Compile(error)) => {
                    if which == "the result" {
                        eprintln!("{}: the result: {error}: {:?}", self.id, self.result);
                    }
                    count.refused += 1;
                    return;
                }
                Err(error) => panic!("{}: {which}: {error}", self.id),
            }
        }
        let [one, other, result] = filters.try_into().unwrap();
        count.without_notes += usize::from(self.notes.is_empty());
        for asked in calls(&[a, b, self.result], most) {
            let answers = [&one, &other, &result].map(|filter: &Filter| filter.run(&asked.call));
            count.calls += 1;
            self.judge(&asked, answers, count);
        }
    }

    fn judge(&self, asked: &Asked, answers: [Outcome; 3], count: &mut Count) {
        let [one, other, result] = answers;
        let needed = match self.rule {
            Rule::Stricter => one.rank().min(other.rank()),
            Rule::Looser => one.rank().max(other.rank()),
        };
        let equal = [one, other]
            .iter()
            .any(|answer| answer.rank() == needed && *answer == result);
        if equal || asked.name == ANCHOR && result.rank() <= needed {
            count.equal += 1;
            return;
        }
        let [a, b] = self.both;
        let judged = [a, b, self.result].map(|profile| {
            let Asked { call, arch, name } = asked;
            judge(profile, NATIVE, *arch, name, call.args)
        });
        let mut faithful = judged.iter().zip(answers).map(|(judgement, answer)| {
            let said = meaning::Outcome::new(answer.action(), Some(answer.data().into()));
            judgement.outcomes().contains(&said)
        });
        let sound = faithful.by_ref().take(2).all(|one| one);
        let looser = result.rank() > needed;
        let contradicted = judged[..2].iter().any(|one| one.outcomes().len() > 1);
        let counted = if !sound {
            &mut count.unsound
        } else if faithful.any(|one| !one) {
            count.miscompiled_looser += usize::from(looser);
            &mut count.miscompiled
        } else if self.has_note(asked, looser) {
            &mut count.noted
        } else if looser {
            &mut count.looser
        } else if contradicted {
            &mut count.contradicted
        } else if self.rule == Rule::Looser && result.rank() == needed {
            &mut count.numbers
        } else {
            &mut count.stricter
        };
        *counted += 1;
        if count.looser + count.stricter > 0 {
            self.tell(asked, answers);
        }
    }

    /// Says what was found from the first wrong answer on, with the rules that have to do with it.
    fn tell(&self, asked: &Asked, answers: [Outcome; 3]) {
        let Asked { call, arch, name } = asked;
        let [one, other, result] = answers;
        let Self { id, notes, .. } = self;
        let (nr, args) = (call.nr, call.args);
        eprintln!(
            "{id}: {arch} {name} {nr:#x} {args:x?}: {result} of {one} and {other}; {notes:?}"
        );
        let [a, b] = self.both;
        for profile in [a, b, self.result] {
            eprintln!(
                "  {} {:?} on {:?}",
                profile.default_action, profile.default_errno, profile.architectures
            );
            for rule in &profile.rules {
                let through =
                    |named: &str| multiplexer(*arch, named).is_some_and(|(by, _)| by == name);
                if rule
                    .names
                    .iter()
                    .any(|named| named == name || through(named))
                {
                    eprintln!("    {} {:?} {:?}", rule.action, rule.errno, rule.args);
                }
            }
        }
    }

    /// Whether a note says that the call gets something else than the rule would give it.
    fn has_note(&self, asked: &Asked, looser: bool) -> bool {
        self.notes.iter().any(|note| match note {
            Note::Stricter { syscall, .. } => {
                let through = multiplexer(asked.arch, syscall);
                !looser
                    && (*syscall == asked.name
                        || through.is_some_and(|(through, _)| through == asked.name))
            }
            Note::KillsThread { arch } => looser && *arch == asked.arch,
            Note::LeftOut { arch } | Note::KillsProcess { arch } => !looser && *arch == asked.arch,
            _ => false,
        })
    }
}

/// A call that no kernel has: results may deny it so that libseccomp compiles the rest.
const ANCHOR: &str = "nfsservctl";

const LIMITS: Limits = Limits {
    cpu_seconds: 1,
    memory_bytes: 1 << 30,
};

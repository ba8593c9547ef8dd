//! What a container was denied: the first of a kind at once, repeats as numbers.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Kinds of denials that are told apart in one container; the others are counted together.
pub(crate) const KINDS: usize = 1024;

/// Kinds of which repeats are told at a time, while the container runs: a loop of many kinds is not
/// to fill the log.
pub(crate) const AT_A_TIME: usize = 32;

/// The name of a thread, as the kernel keeps it (TASK_COMM_LEN, with its end).
pub(crate) type Comm = [u8; 16];

/// What makes denials be of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) arch: u32,
    pub(crate) nr: u32,
    pub(crate) errno: u16,
    pub(crate) comm: Comm,
    /// The plain arguments; the others are 0.
    pub(crate) args: [u64; 6],
}

/// How often a kind came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    all: u64,
    /// Of those, how many were told.
    told: u64,
    pid: u32,
}

/// All that a container was denied.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    kinds: HashMap<Kind, Tally, RandomState>,
    /// Denials of kinds beyond the limit, and how many of them were told.
    others: (u64, u64),
    all: u64,
}

/// Repeats of a kind since it was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeats {
    /// None stands for all kinds beyond the limit.
    pub(crate) kind: Option<Kind>,
    pub(crate) pid: u32,
    pub(crate) count: u64,
    pub(crate) total: u64,
}

impl Denials {
    /// Counts a denial. Whether it is the first of its kind, and to be told at once.
    pub(crate) fn note(&mut self, kind: Kind, pid: u32) -> bool {
        self.all = self.all.saturating_add(1);
        let room = self.kinds.len() < KINDS;
        if let Some(tally) = self.kinds.get_mut(&kind) {
            tally.all = tally.all.saturating_add(1);
            tally.pid = pid;
            return false;
        }
        if room {
            let tally = Tally {
                all: 1,
                told: 1,
                pid,
            };
            self.kinds.insert(kind, tally);
        } else {
            self.others.0 = self.others.0.saturating_add(1);
        }
        room
    }

    /// What came since the last time, which is told now: of `at_most` kinds, those that came most
    /// often. The others wait.
    pub(crate) fn repeats(&mut self, at_most: usize) -> Vec<Repeats> {
        let untold = self.kinds.iter().filter_map(|(kind, tally)| {
            let count = tally.all.saturating_sub(tally.told);
            (count > 0).then_some(Repeats {
                kind: Some(*kind),
                pid: tally.pid,
                count,
                total: tally.all,
            })
        });
        let mut repeats: Vec<_> = untold.collect();
        repeats.sort_by_key(|one| std::cmp::Reverse(one.count));
        repeats.truncate(at_most);
        for kind in repeats.iter().filter_map(|one| one.kind) {
            if let Some(tally) = self.kinds.get_mut(&kind) {
                tally.told = tally.all;
            }
        }
        let (all, told) = self.others;
        if all > told {
            self.others.1 = all;
            repeats.push(Repeats {
                kind: None,
                pid: 0,
                count: all.saturating_sub(told),
                total: all,
            });
        }
        repeats
    }

    /// The kinds that came most often.
    pub(crate) fn most_frequent(&self, at_most: usize) -> Vec<Repeats> {
        let all = self.kinds.iter().map(|(kind, tally)| Repeats {
            kind: Some(*kind),
            pid: tally.pid,
            count: tally.all,
            total: tally.all,
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.total));
        all.truncate(at_most);
        all
    }

    /// How many denials there were, of how many kinds.
    pub(crate) fn totals(&self) -> (u64, usize) {
        (self.all, self.kinds.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(nr: u32) -> Kind {
        Kind {
            arch: 1,
            nr,
            errno: 1,
            comm: [0; 16],
            args: [0; 6],
        }
    }

    #[test]
    fn repeats_are_counted_and_told_once() {
        let mut denials = Denials::default();
        assert!(denials.note(kind(1), 7));
        assert!(denials.repeats(KINDS).is_empty());
        for _ in 0..1000 {
            assert!(!denials.note(kind(1), 8));
        }
        let repeats = denials.repeats(KINDS);
        assert_eq!(repeats.len(), 1);
        assert_eq!(
            (repeats[0].count, repeats[0].total, repeats[0].pid),
            (1000, 1001, 8)
        );
        assert!(denials.repeats(KINDS).is_empty());
        assert_eq!(denials.totals(), (1001, 1));
    }

    #[test]
    fn those_that_are_not_told_yet_are_told_later() {
        let mut denials = Denials::default();
        for nr in 0..10 {
            for _ in 0..=nr + 1 {
                denials.note(kind(nr), 1);
            }
        }
        let mut told = |at_most| -> Vec<_> {
            let repeats = denials.repeats(at_most).into_iter();
            repeats
                .map(|one| (one.kind.unwrap().nr, one.count))
                .collect()
        };
        assert_eq!(told(3), [(9, 10), (8, 9), (7, 8)]);
        assert_eq!(told(1), [(6, 7)]);
        assert_eq!(told(KINDS).len(), 6);
        assert_eq!(told(KINDS), []);
    }

    #[test]
    fn kinds_beyond_the_limit_take_no_memory_and_are_counted() {
        let mut denials = Denials::default();
        let limit = u32::try_from(KINDS).unwrap();
        let told = (0..limit + 500)
            .filter(|nr| denials.note(kind(*nr), 1))
            .count();
        assert_eq!(told, KINDS);
        let repeats = denials.repeats(KINDS);
        assert_eq!(repeats.len(), 1);
        assert_eq!((repeats[0].kind, repeats[0].count), (None, 500));
        assert_eq!(denials.totals(), (u64::from(limit) + 500, KINDS));
    }
}

//! Two profiles from bytes: as JSON (`{"a":…,"b":…}`), or each byte a choice.

use profile::{Action, Arch, Condition, Flag, Operator, Rule, Seccomp};
use strict_json::{MAX_DEPTH, Text};

/// Two profiles and the node that they are for.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) policy: Seccomp,
    pub(crate) request: Seccomp,
    pub(crate) native: Arch,
}

impl Pair {
    /// The pair that `input` means; none if it is JSON that holds none.
    pub(crate) fn read(input: &[u8]) -> Option<Self> {
        if input.first() == Some(&b'{') {
            return Self::of_json(input);
        }
        let mut choices = Choices { rest: input };
        let native = *choices.pick(&NATIVES)?;
        Some(Self {
            policy: choices.profile(native),
            request: choices.profile(native),
            native,
        })
    }

    fn of_json(input: &[u8]) -> Option<Self> {
        let text = Text::check(input, MAX_DEPTH).ok()?;
        let member = |key: &str| text.root().members().find(|member| member.key == key);
        let mut policy = Seccomp::from_oci(&member("a")?.value).ok()?;
        let mut request = Seccomp::from_oci(&member("b")?.value).ok()?;
        policy.drop_idle_errnos();
        request.drop_idle_errnos();
        Some(Self {
            policy,
            request,
            native: Arch::ScmpArchX86_64,
        })
    }
}

struct Choices<'a> {
    rest: &'a [u8],
}

impl Choices<'_> {
    /// The next byte; 0 when there are no more.
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        usize::from(*first)
    }

    fn pick<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        let choice = self.next().checked_rem(all.len())?;
        all.get(choice)
    }

    fn profile(&mut self, native: Arch) -> Seccomp {
        let default_action = *self.pick(&DEFAULTS).unwrap_or(&Action::ScmpActErrno);
        let default_errno = self.errno(default_action);
        let mut architectures = Vec::new();
        for arch in std::iter::once(&native).chain(profile::compat(native)) {
            if self.next() & 1 == 1 {
                architectures.push(*arch);
            }
        }
        let flags = match self.next() % 8 {
            0 => Some(Vec::new()),
            1 => Some(vec![Flag::SeccompFilterFlagLog]),
            2 => Some(vec![
                Flag::SeccompFilterFlagSpecAllow,
                Flag::SeccompFilterFlagTsync,
            ]),
            _ => None,
        };
        let count = self.next() % 7;
        let rules: Vec<Rule> = (0..count).map(|_| self.rule()).collect();
        let notifies = rules
            .iter()
            .any(|rule| rule.action == Action::ScmpActNotify);
        Seccomp {
            default_action,
            default_errno,
            architectures,
            flags,
            listener_path: notifies.then(|| "/run/listener".to_owned()),
            listener_metadata: None,
            rules,
        }
    }

    fn rule(&mut self) -> Rule {
        let action = *self.pick(&ACTIONS).unwrap_or(&Action::ScmpActAllow);
        let names = (0..=self.next() % 3).filter_map(|_| self.pick(&NAMES));
        let names = names.filter(|name| action != Action::ScmpActNotify || **name != "write");
        let names = names.map(|name| (*name).into()).collect();
        let count = [0, 0, 1, 1, 1, 2, 2, 3];
        let count = *self.pick(&count).unwrap_or(&0);
        Rule {
            names,
            action,
            errno: self.errno(action),
            args: (0..count).map(|_| self.condition()).collect(),
        }
    }

    fn errno(&mut self, action: Action) -> Option<u32> {
        let errno = *self.pick(&[None, Some(1), Some(38), Some(0), Some(4094)])?;
        errno.filter(|_| matches!(action, Action::ScmpActErrno | Action::ScmpActTrace))
    }

    fn condition(&mut self) -> Condition {
        let op = *self.pick(&OPERATORS).unwrap_or(&Operator::ScmpCmpEq);
        let masked = op == Operator::ScmpCmpMaskedEq;
        let index = *self.pick(&[0, 0, 0, 1, 1, 2, 3, 5]).unwrap_or(&0);
        let value = self.value();
        let value_two = if masked { self.value() } else { 0 };
        Condition {
            index,
            value,
            value_two,
            op,
        }
    }

    fn value(&mut self) -> u64 {
        *self.pick(&VALUES).unwrap_or(&0)
    }
}

/// Half of them the one that most nodes are.
const NATIVES: [Arch; 8] = [
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX86_64,
    Arch::ScmpArchAarch64,
    Arch::ScmpArchS390x,
    Arch::ScmpArchPpc64le,
    Arch::ScmpArchMips64,
];

const DEFAULTS: [Action; 8] = [
    Action::ScmpActErrno,
    Action::ScmpActErrno,
    Action::ScmpActAllow,
    Action::ScmpActAllow,
    Action::ScmpActKillProcess,
    Action::ScmpActKillThread,
    Action::ScmpActLog,
    Action::ScmpActTrap,
];

const ACTIONS: [Action; 9] = [
    Action::ScmpActAllow,
    Action::ScmpActErrno,
    Action::ScmpActKill,
    Action::ScmpActKillProcess,
    Action::ScmpActKillThread,
    Action::ScmpActLog,
    Action::ScmpActNotify,
    Action::ScmpActTrace,
    Action::ScmpActTrap,
];

const OPERATORS: [Operator; 7] = [
    Operator::ScmpCmpNe,
    Operator::ScmpCmpLt,
    Operator::ScmpCmpLe,
    Operator::ScmpCmpEq,
    Operator::ScmpCmpGe,
    Operator::ScmpCmpGt,
    Operator::ScmpCmpMaskedEq,
];

const NAMES: [&str; 16] = [
    "read",
    "write",
    "clone",
    "personality",
    "ioctl",
    "socket",
    "socketcall",
    "bind",
    "ipc",
    "semop",
    "semtimedop",
    "openat2",
    "clone3",
    "accept4",
    "arm_fadvise64_64",
    "no_such_call",
];

const VALUES: [u64; 16] = [
    0,
    1,
    2,
    3,
    5,
    8,
    16,
    40,
    0x7e02_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0005,
    0xffff_ffff_ffff_fffe,
    u64::MAX,
];

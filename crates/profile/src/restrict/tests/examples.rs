use super::*;
use crate::meaning::Outcome;
use crate::{Flag, Note, RestrictError, Rounding, restrict};

use Action::*;
use Operator::*;

/// A default profile as engines ship it, in small.
fn engine(default: u32, families: &[Condition]) -> Seccomp {
    let mut rules = vec![
        rule(&["read", "write", "socketcall"], ScmpActAllow, &[]),
        rule(
            &["clone"],
            ScmpActAllow,
            &[when(0, ScmpCmpMaskedEq, 0x7e02_0000)],
        ),
    ];
    rules.extend(
        families
            .iter()
            .map(|one| rule(&["socket"], ScmpActAllow, &[*one])),
    );
    rules.extend([0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].map(|persona| {
        rule(
            &["personality"],
            ScmpActAllow,
            &[when(0, ScmpCmpEq, persona)],
        )
    }));
    profile((ScmpActErrno, Some(default)), rules)
}

fn families() -> Vec<Condition> {
    let single = [39, 41, 42, 43, 44, 45].map(|family| when(0, ScmpCmpEq, family));
    std::iter::once(when(0, ScmpCmpLt, 38))
        .chain(single)
        .collect()
}

/// The rules for one name, without it.
fn rules_for(profile: &Seccomp, name: &str) -> Vec<(Action, Option<u32>, Vec<Condition>)> {
    let rules = profile.rules.iter();
    let rules = rules.filter(|rule| rule.names.iter().any(|one| one == name));
    rules
        .map(|rule| (rule.action, rule.errno, rule.args.clone()))
        .collect()
}

#[test]
fn a_default_profile_by_itself_keeps_its_conditions_to_the_letter() {
    let policy = engine(38, &families());
    let result = restrict(&policy, &policy, X86_64).unwrap();
    assert_eq!(result.rounded, []);
    for name in ["clone", "socket", "personality", "read"] {
        assert_eq!(
            rules_for(&result.profile, name),
            rules_for(&policy, name),
            "{name}"
        );
    }
}

#[test]
fn each_side_keeps_the_errno_with_which_it_alone_refuses() {
    let mut request = engine(1, &[when(0, ScmpCmpLt, 38), when(0, ScmpCmpGt, 40)]);
    request.rules.push(rule(&["mount"], ScmpActAllow, &[]));
    let result = restrict(&engine(38, &families()), &request, X86_64).unwrap();
    assert_eq!(result.rounded, []);
    assert_eq!(result.profile.default_errno, Some(1));
    let mount = rules_for(&result.profile, "mount");
    assert_eq!(mount, [(ScmpActErrno, Some(38), vec![])]);
    let above = (ScmpActErrno, Some(38), vec![when(0, ScmpCmpGt, 45)]);
    assert!(rules_for(&result.profile, "socket").contains(&above));
}

#[test]
fn a_rule_of_two_arguments_meets_a_list_of_families() {
    // Podman's: audit needs a privilege, anything else is free.
    let audit = [when(0, ScmpCmpEq, 16), when(2, ScmpCmpEq, 9)];
    let request = profile(
        (ScmpActErrno, Some(38)),
        vec![
            rule(&["socketcall"], ScmpActAllow, &[]),
            errno(22, rule(&["socket"], ScmpActErrno, &audit)),
            rule(&["socket"], ScmpActAllow, &[when(2, ScmpCmpNe, 9)]),
            rule(&["socket"], ScmpActAllow, &[when(0, ScmpCmpNe, 16)]),
        ],
    );
    let result = restrict(&engine(38, &families()), &request, X86_64).unwrap();
    assert_eq!(result.rounded, []);
    let at = |family, protocol| {
        let args = [family, 0, protocol, 0, 0, 0];
        answer(&result.profile, X86_64, "socket", args)
    };
    let certain = |action, errno| Judgement::Certain(Outcome::new(action, errno));
    assert_eq!(at(16, 9), certain(ScmpActErrno, Some(22)));
    assert_eq!(at(16, 8), certain(ScmpActAllow, None));
    assert_eq!(at(2, 9), certain(ScmpActAllow, None));
    assert_eq!(at(40, 0), certain(ScmpActErrno, Some(38)));
    assert_eq!(at(1 << 40, 0), certain(ScmpActErrno, Some(38)));
    assert!(rules_for(&result.profile, "socket").len() < 20);
}

#[test]
fn a_deny_list_cuts_its_hole_into_an_allow_list() {
    let request = profile(
        (ScmpActAllow, None),
        vec![
            rule(&["write"], ScmpActErrno, &[]),
            rule(&["read"], ScmpActKillProcess, &[when(0, ScmpCmpEq, 7)]),
        ],
    );
    let result = restrict(&engine(38, &families()), &request, X86_64).unwrap();
    assert_eq!(result.rounded, []);
    assert_eq!(
        rules_for(&result.profile, "read"),
        [
            (ScmpActAllow, None, vec![when(0, ScmpCmpNe, 7)]),
            (ScmpActKillProcess, None, vec![when(0, ScmpCmpEq, 7)]),
        ]
    );
    let write = rules_for(&result.profile, "write");
    assert_eq!(write, [(ScmpActErrno, Some(1), vec![])]);
}

#[test]
fn socketcall_is_shut_where_a_rule_on_socket_would_open_it() {
    let policy = profile(
        (ScmpActErrno, None),
        vec![rule(&["socket"], ScmpActAllow, &[when(0, ScmpCmpLt, 38)])],
    );
    let request = profile(
        (ScmpActAllow, None),
        vec![rule(&["socketcall"], ScmpActErrno, &[])],
    );
    let result = restrict(&policy, &request, X86_64).unwrap();
    let socketcall = answer(&result.profile, X86, "socketcall", [1, 0, 0, 0, 0, 0]);
    assert_eq!(socketcall.outcomes()[0].action(), ScmpActErrno);
    let note = Note::Stricter {
        syscall: "socketcall".to_owned(),
        rounding: Rounding::Multiplexer,
    };
    assert_eq!(result.rounded, [note]);
}

#[test]
fn a_value_that_32_bits_cut_stays_as_it_is_or_is_refused_for_all() {
    let wide = |value| rule(&["read"], ScmpActAllow, &[when(0, ScmpCmpLt, value)]);
    let one = profile((ScmpActErrno, None), vec![wide(1 << 32)]);
    let kept = restrict(&engine(38, &[]), &one, X86_64).unwrap();
    assert_eq!(
        rules_for(&kept.profile, "read"),
        [(ScmpActAllow, None, vec![when(0, ScmpCmpLt, 1 << 32)])]
    );
    assert_eq!(kept.rounded, []);

    let other = profile((ScmpActErrno, None), vec![wide(1 << 33)]);
    let cut = restrict(&one, &other, X86_64).unwrap();
    assert_eq!(
        rules_for(&cut.profile, "read"),
        [(ScmpActErrno, Some(1), vec![])]
    );
    assert_eq!(cut.rounded.len(), 1);

    // No such trouble without an ABI of 32 bits.
    let narrow = |mut profile: Seccomp| {
        profile.architectures.clear();
        profile
    };
    let exact = restrict(&narrow(one), &narrow(other), X86_64).unwrap();
    assert_eq!(exact.rounded, []);
    assert_eq!(exact.profile.architectures, []);
}

#[test]
fn architectures_of_one_side_alone_are_left_out() {
    let mut request = engine(1, &families());
    request.architectures = vec![X86];
    let policy = engine(38, &families());
    let result = restrict(&policy, &request, X86_64).unwrap();
    assert_eq!(result.profile.architectures, [X86_64, X86]);
    request.architectures.clear();
    let result = restrict(&policy, &request, X86_64).unwrap();
    assert_eq!(result.profile.architectures, [X86_64]);
    assert_eq!(result.rounded, []);
}

#[test]
fn an_abi_that_kills_the_process_for_one_side_alone_is_noted() {
    let policy = profile((ScmpActKillProcess, None), vec![]);
    let mut request = engine(1, &[]);
    request.architectures.clear();
    let result = restrict(&policy, &request, X86_64).unwrap();
    let notes = [X86, X32].map(|arch| Note::KillsThread { arch });
    assert_eq!(result.rounded, notes);
}

#[test]
fn flags_add_up_but_for_the_one_that_loosens() {
    use Flag::*;
    let with = |flags: Option<&[Flag]>| {
        let mut profile = engine(1, &[]);
        profile.flags = flags.map(<[Flag]>::to_vec);
        profile
    };
    let flags = |policy: Option<&[Flag]>, request: Option<&[Flag]>| {
        let result = restrict(&with(policy), &with(request), X86_64);
        result.unwrap().profile.flags
    };
    let spec = SeccompFilterFlagSpecAllow;
    let log = SeccompFilterFlagLog;
    assert_eq!(flags(None, None), None);
    assert_eq!(flags(None, Some(&[spec])), Some(vec![spec]));
    assert_eq!(flags(Some(&[log]), None), Some(vec![log]));
    assert_eq!(flags(Some(&[log]), Some(&[spec])), Some(vec![log]));
    assert_eq!(flags(Some(&[spec, log]), None), Some(vec![log, spec]));
    assert_eq!(flags(Some(&[]), None), Some(vec![]));
}

#[test]
fn the_listener_stays_as_long_as_calls_go_to_it() {
    let mut policy = engine(38, &families());
    policy.listener_path = Some("/run/unused.sock".to_owned());
    let mut request = profile(
        (ScmpActAllow, None),
        vec![rule(&["read"], ScmpActNotify, &[])],
    );
    request.listener_path = Some("/run/agent.sock".to_owned());
    request.listener_metadata = Some("web".to_owned());
    let kept = restrict(&policy, &request, X86_64).unwrap().profile;
    assert_eq!(kept.listener_path.as_deref(), Some("/run/agent.sock"));
    assert_eq!(kept.listener_metadata.as_deref(), Some("web"));

    request.rules[0].names = vec!["bpf".into()]; // which the policy refuses
    let gone = restrict(&policy, &request, X86_64).unwrap().profile;
    assert_eq!((gone.listener_path, gone.listener_metadata), (None, None));
}

#[test]
fn two_listeners_are_refused() {
    let notify = |path: &str| {
        let rules = vec![rule(&["read"], ScmpActNotify, &[])];
        let mut profile = profile((ScmpActAllow, None), rules);
        profile.listener_path = Some(path.to_owned());
        profile
    };
    let result = restrict(&notify("/run/a"), &notify("/run/b"), X86_64);
    assert!(matches!(result, Err(RestrictError::TwoListeners { .. })));
    assert!(restrict(&notify("/run/a"), &notify("/run/a"), X86_64).is_ok());
}

#[test]
fn a_condition_on_a_seventh_argument_is_refused() {
    let bad = profile(
        (ScmpActAllow, None),
        vec![rule(&["read"], ScmpActErrno, &[when(6, ScmpCmpEq, 0)])],
    );
    let result = restrict(&bad, &bad, X86_64);
    assert!(matches!(
        result,
        Err(RestrictError::NoSuchArgument { index: 6, .. })
    ));
}

#[test]
fn an_errno_is_never_written_beside_allow() {
    let request = profile(
        (ScmpActErrno, Some(5)),
        vec![errno(3, rule(&["read"], ScmpActAllow, &[]))],
    );
    let result = restrict(&request, &request, X86_64).unwrap();
    assert_eq!(
        rules_for(&result.profile, "read"),
        [(ScmpActAllow, None, vec![])]
    );
}

#[test]
fn a_name_that_gets_the_default_stays_named() {
    // runc's stub for calls that are newer than the profile begins after the last name.
    let allow = |name| {
        let rules = vec![rule(&[name], ScmpActAllow, &[])];
        profile((ScmpActKillProcess, None), rules)
    };
    let result = restrict(&allow("read"), &allow("mseal"), X86_64).unwrap();
    assert_eq!(
        rules_for(&result.profile, "mseal"),
        [(ScmpActKillProcess, None, vec![])]
    );
}

#[test]
fn more_rules_than_a_filter_holds_are_refused_before_they_take_memory() {
    let args: Vec<Condition> = (0..5_000).map(|value| when(0, ScmpCmpEq, value)).collect();
    let mut many = rule(&[], ScmpActErrno, &args);
    many.names = (0..40_000).map(|n| format!("n{n}").into()).collect();
    let large = profile((ScmpActAllow, None), vec![many]);
    let small = profile((ScmpActAllow, None), vec![]);
    for (policy, request, whose) in [(&large, &small, "policy"), (&small, &large, "request")] {
        let pairs = 200_000_000;
        assert_eq!(
            restrict(policy, request, Arch::ScmpArchX86_64),
            Err(RestrictError::TooMany { whose, pairs })
        );
    }
}

#[test]
fn a_request_that_says_it_all_need_not_be_written_anew() {
    let policy = engine(1, &families());
    let says_it = |policy: &Seccomp, request: &Seccomp| {
        restrict(policy, request, X86_64).unwrap().request_says_it
    };
    assert!(says_it(&policy, &policy));
    // In another order, without a call that the policy allows, with a denial of its own.
    let mut request = policy.clone();
    request.rules.reverse();
    assert!(says_it(&policy, &request));
    request
        .rules
        .iter_mut()
        .for_each(|rule| rule.names.retain(|name| name != "write"));
    request
        .rules
        .push(errno(38, rule(&["clone3"], ScmpActErrno, &[])));
    assert!(says_it(&policy, &request));

    // Not where the policy denies more: a call, an argument, by another default, an architecture.
    let looser = |change: &dyn Fn(&mut Seccomp)| {
        let mut request = policy.clone();
        change(&mut request);
        assert!(!says_it(&policy, &request), "{request:?}");
    };
    looser(&|request| request.rules.push(rule(&["mount"], ScmpActAllow, &[])));
    looser(&|request| {
        let vsock = [when(0, ScmpCmpEq, 40)];
        request.rules.push(rule(&["socket"], ScmpActAllow, &vsock));
    });
    looser(&|request| {
        request.default_action = ScmpActLog;
        request.default_errno = None;
    });
    let mut native = policy.clone();
    native.architectures = vec![X86_64];
    assert!(!says_it(&native, &policy));

    // Nor where what it means hangs on who compiles it, or one that compiles it refuses it.
    looser(&|request| request.rules.push(rule(&["read"], ScmpActLog, &[])));
    looser(&|request| {
        let both = [when(0, ScmpCmpEq, 1), when(1, ScmpCmpEq, 1)];
        request.rules.push(rule(&["futex"], ScmpActAllow, &both));
    });
    looser(&|request| {
        request.rules[0] = errno(1, request.rules[0].clone());
    });

    // runc answers ENOSYS beyond the last call that is named, which is less than killing.
    let mut kills = policy.clone();
    (kills.default_action, kills.default_errno) = (ScmpActKillProcess, None);
    kills.rules.push(rule(&["ipc"], ScmpActAllow, &[]));
    assert!(says_it(&kills, &kills));
    let mut more = kills.clone();
    more.rules.push(rule(&["openat2"], ScmpActAllow, &[]));
    assert!(!says_it(&more, &kills));
}

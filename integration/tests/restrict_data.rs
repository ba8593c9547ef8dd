//! Restricted profiles, judged at the calls whose answer is known from both filters stacked.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers")]

use integration::shared_data;
use profile::meaning::{Outcome, judge};
use profile::{
    Action, Arch, Condition, Flag, Note, Operator, Rule, Seccomp, native_from_name, restrict,
};
use serde_json::Value;

const NATIVE: Arch = Arch::ScmpArchX86_64;

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().map(|number| u32::try_from(number).unwrap())
}

fn condition(value: &Value) -> Condition {
    let op = match value["op"].as_str().unwrap() {
        "SCMP_CMP_NE" => Operator::ScmpCmpNe,
        "SCMP_CMP_LT" => Operator::ScmpCmpLt,
        "SCMP_CMP_LE" => Operator::ScmpCmpLe,
        "SCMP_CMP_EQ" => Operator::ScmpCmpEq,
        "SCMP_CMP_GE" => Operator::ScmpCmpGe,
        "SCMP_CMP_GT" => Operator::ScmpCmpGt,
        "SCMP_CMP_MASKED_EQ" => Operator::ScmpCmpMaskedEq,
        other => panic!("{other}"),
    };
    Condition {
        index: number(&value["index"]).unwrap(),
        value: value["value"].as_u64().unwrap(),
        value_two: value["valueTwo"].as_u64().unwrap_or(0),
        op,
    }
}

fn action(text: &str) -> Action {
    match text.trim_start_matches("SCMP_ACT_") {
        "KILL_PROCESS" => Action::ScmpActKillProcess,
        "KILL_THREAD" => Action::ScmpActKillThread,
        "KILL" => Action::ScmpActKill,
        "TRAP" => Action::ScmpActTrap,
        "ERRNO" => Action::ScmpActErrno,
        "NOTIFY" => Action::ScmpActNotify,
        "TRACE" => Action::ScmpActTrace,
        "LOG" => Action::ScmpActLog,
        "ALLOW" => Action::ScmpActAllow,
        other => panic!("{other}"),
    }
}

fn rule(value: &Value) -> Rule {
    let args = value["args"].as_array().map(Vec::as_slice);
    Rule {
        names: texts(&value["names"])
            .into_iter()
            .map(|name| name.to_owned().into())
            .collect(),
        action: action(value["action"].as_str().unwrap()),
        errno: number(&value["errnoRet"]),
        args: args.unwrap_or_default().iter().map(condition).collect(),
    }
}

fn seccomp(value: &Value) -> Seccomp {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let rules = value["syscalls"].as_array().map(Vec::as_slice);
    let flags = value["flags"].as_array().map(|_| {
        let flag = |name| match name {
            "SECCOMP_FILTER_FLAG_LOG" => Flag::SeccompFilterFlagLog,
            other => panic!("{other}"),
        };
        texts(&value["flags"]).into_iter().map(flag).collect()
    });
    Seccomp {
        default_action: action(value["defaultAction"].as_str().unwrap()),
        default_errno: number(&value["defaultErrnoRet"]),
        architectures: texts(&value["architectures"])
            .into_iter()
            .map(|name| native_from_name(name).unwrap())
            .collect(),
        flags,
        listener_path: text("listenerPath"),
        listener_metadata: text("listenerMetadata"),
        rules: rules.unwrap_or_default().iter().map(rule).collect(),
    }
}

/// An answer as the data writes it, e.g. `ERRNO(1)`.
fn outcome(text: &str) -> Outcome {
    let (name, rest) = text.split_once('(').unwrap_or((text, ""));
    Outcome::new(action(name), rest.trim_end_matches(')').parse().ok())
}

fn argument(value: &Value) -> u64 {
    let text = value.as_str().unwrap();
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

/// The ABI of a query: numbers from 2^30 on are x32's, but for the last, which means no call.
fn abi(query: &Value) -> Arch {
    let arch = native_from_name(query["arch"].as_str().unwrap()).unwrap();
    match query["nr"].as_u64().unwrap() {
        0x4000_0000..0xffff_ffff if arch == NATIVE => Arch::ScmpArchX32,
        _ => arch,
    }
}

/// The name of a query's syscall, or one that no rule has where the library that the data was made
/// with (libseccomp 2.5.4) has none, so that its filters give the default.
fn known_name(query: &Value) -> &str {
    let name = query["name"].as_str().unwrap_or_default();
    let new =
        TOO_NEW.contains(&name) || (abi(query), name) == (Arch::ScmpArchX32, "map_shadow_stack");
    if new { "" } else { name }
}

const TOO_NEW: [&str; 11] = [
    "getxattrat",
    "listmount",
    "listxattrat",
    "lsm_get_self_attr",
    "lsm_list_modules",
    "lsm_set_self_attr",
    "mseal",
    "removexattrat",
    "setxattrat",
    "statmount",
    "uretprobe",
];

#[derive(Debug, Default)]
struct Count {
    pairs: usize,
    exact_pairs: usize,
    queries: usize,
    exact: usize,
    looser: usize,
    unstable: usize,
    rounded: usize,
}

#[test]
fn a_restricted_profile_answers_as_both_filters_stacked() {
    let Some(data) = shared_data("restrict_data") else {
        return;
    };
    let text = std::fs::read_to_string(data.join("restrict.jsonl")).unwrap();
    let (mut count, mut all, mut refused) = (Count::default(), 0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        all += 1;
        let (a, b) = (seccomp(&row["a"]), seccomp(&row["b"]));
        let result = match restrict(&a, &b, NATIVE) {
            Ok(result) => result,
            Err(error) => {
                eprintln!("{}: {error}", row["id"]);
                refused += 1;
                continue;
            }
        };
        for note in &result.rounded {
            eprintln!("{}: {note}", row["id"]);
        }
        count.rounded += usize::from(!result.rounded.is_empty());
        let again = restrict(&a, &result.profile, NATIVE).unwrap();
        count.unstable += usize::from(again.profile != result.profile);
        let Some(queries) = row["queries"].as_array() else {
            continue;
        };
        count.pairs += 1;
        let mut wrong = 0;
        for query in queries {
            let arch = abi(query);
            let mut args = [0; 6];
            for (arg, value) in args.iter_mut().zip(query["args"].as_array().unwrap()) {
                *arg = argument(value);
            }
            let name = known_name(query);
            let expect = texts(&query["expect_any_of"]);
            let expect: Vec<Outcome> = expect.into_iter().map(outcome).collect();
            let answer = judge(&result.profile, NATIVE, arch, name, args);
            let needed = expect.iter().map(|one| one.strictness()).min().unwrap();
            let least = answer.outcomes().iter().map(|one| one.strictness()).min();
            count.queries += 1;
            if least.unwrap() < needed {
                count.looser += 1;
                eprintln!("{}: looser: {answer:?} for {query}", row["id"]);
            }
            if answer.outcomes().iter().all(|one| expect.contains(one)) {
                count.exact += 1;
            } else {
                wrong += 1;
                if wrong < 3 && !has_note(&result.rounded, name) {
                    eprintln!("{}: {answer:?} for {query}", row["id"]);
                }
            }
        }
        count.exact_pairs += usize::from(wrong == 0);
    }
    eprintln!("{all} pairs, {refused} refused, with answers: {count:?}");
    assert_eq!((all, refused), (90, 0));
    assert_eq!((count.looser, count.unstable), (0, 0));
    assert_eq!(count.pairs, 47);
    assert!(count.exact_pairs * 100 >= count.pairs * 100, "{count:?}");
}

fn has_note(notes: &[Note], name: &str) -> bool {
    let about = |note: &Note| matches!(note, Note::Stricter { syscall, .. } if syscall == name);
    notes.iter().any(about)
}

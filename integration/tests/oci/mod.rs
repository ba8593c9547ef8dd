//! The reference data's profiles and queries, read.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers")]
#![allow(dead_code, reason = "each test uses some")]

use profile::meaning::Outcome;
use profile::{Action, Arch, Condition, Flag, Operator, Rule, Seccomp, native_from_name};
use serde_json::Value;

/// The architecture of the node that the data was made on.
pub(crate) const NATIVE: Arch = Arch::ScmpArchX86_64;

pub(crate) fn texts(list: &Value) -> Vec<&str> {
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

pub(crate) fn seccomp(value: &Value) -> Seccomp {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let rules = value["syscalls"].as_array().map(Vec::as_slice);
    let flags = value["flags"].as_array().map(|_| {
        let flag = |name| match name {
            "SECCOMP_FILTER_FLAG_LOG" => Flag::SeccompFilterFlagLog,
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Flag::SeccompFilterFlagSpecAllow,
            "SECCOMP_FILTER_FLAG_TSYNC" => Flag::SeccompFilterFlagTsync,
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
pub(crate) fn outcome(text: &str) -> Outcome {
    let (name, rest) = text.split_once('(').unwrap_or((text, ""));
    Outcome::new(action(name), rest.trim_end_matches(')').parse().ok())
}

/// The arguments of a query.
pub(crate) fn arguments(query: &Value) -> [u64; 6] {
    let number = |value: &Value| {
        let text = value.as_str().unwrap();
        u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
    };
    let numbers: Vec<u64> = query["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect();
    numbers.try_into().unwrap()
}

/// The ABI of a query: numbers from 2^30 on are x32's, but for the last, which means no call.
pub(crate) fn abi(query: &Value) -> Arch {
    let arch = native_from_name(query["arch"].as_str().unwrap()).unwrap();
    match query["nr"].as_u64().unwrap() {
        0x4000_0000..0xffff_ffff if arch == NATIVE => Arch::ScmpArchX32,
        _ => arch,
    }
}

/// The name of a query's syscall, or one that no rule has where the library that the data was made
/// with (libseccomp 2.5.4) has none, so that its filters give the default.
pub(crate) fn known_name(query: &Value) -> &str {
    // The library has a name for one number for which the data has none.
    let unnamed = match query["nr"].as_u64() {
        Some(450) => "set_mempolicy_home_node",
        _ => "",
    };
    let name = query["name"].as_str().unwrap_or(unnamed);
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

//! Rows of the reference data: OCI profiles with what the runtimes make of them.

use std::fs;
use std::path::Path;

use profile::{Arch, Condition, Rule, Seccomp};
use serde_json::Value;

/// The rows of a file of JSON lines.
pub(crate) fn rows(folder: &Path, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A field, which in some rows is JSON inside a string.
pub(crate) fn field(row: &Value, name: &str) -> Value {
    match &row[name] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        other => other.clone(),
    }
}

/// `linux.seccomp`, with null for what is absent and for no names.
pub(crate) fn seccomp(value: &Value) -> Seccomp {
    Seccomp {
        default_action: read(&value["defaultAction"]),
        default_errno: errno(&value["defaultErrnoRet"]),
        architectures: list(&value["architectures"]).map(read).collect(),
        flags: value["flags"]
            .as_array()
            .map(|flags| flags.iter().map(read).collect()),
        listener_path: value["listenerPath"].as_str().map(str::to_owned),
        listener_metadata: value["listenerMetadata"].as_str().map(str::to_owned),
        rules: list(&value["syscalls"]).map(rule).collect(),
    }
}

fn rule(value: &Value) -> Rule {
    Rule {
        names: list(&value["names"])
            .map(|name| name.as_str().unwrap().to_owned().into())
            .collect(),
        action: read(&value["action"]),
        errno: errno(&value["errnoRet"]),
        args: list(&value["args"]).map(condition).collect(),
    }
}

fn condition(value: &Value) -> Condition {
    Condition {
        index: read(&value["index"]),
        value: read(&value["value"]),
        value_two: value["valueTwo"].as_u64().unwrap_or_default(),
        op: read(&value["op"]),
    }
}

fn errno(value: &Value) -> Option<u32> {
    (!value.is_null()).then(|| read(value))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn read<T: for<'a> serde::Deserialize<'a>>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// A number written as `"0x…"`.
pub(crate) fn hex(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}

/// Up to six of them.
pub(crate) fn args(value: &Value) -> [u64; 6] {
    let mut args = [0; 6];
    for (arg, value) in args.iter_mut().zip(list(value)) {
        *arg = hex(value);
    }
    args
}

/// The architecture by the data's name.
pub(crate) fn arch(name: &Value) -> Arch {
    profile::native_from_name(name.as_str().unwrap()).unwrap()
}

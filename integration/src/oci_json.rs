//! Profiles as JSON, to be compared.

use serde_json::{Value, json};

/// `value` without what means the same absent: null, empty lists and strings, `valueTwo` of 0.
#[must_use]
pub fn plain(value: &Value) -> Value {
    const LOOSE: [&str; 7] = [
        "args",
        "flags",
        "architectures",
        "syscalls",
        "names",
        "listenerPath",
        "listenerMetadata",
    ];
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), plain(value)))
            .filter(|(key, value)| {
                let empty = [json!(null), json!([]), json!("")].contains(value);
                !(LOOSE.contains(&key.as_str()) && empty || key == "valueTwo" && *value == 0)
            })
            .collect(),
        Value::Array(values) => values.iter().map(plain).collect(),
        other => other.clone(),
    }
}

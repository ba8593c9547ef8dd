//! The JSON Schema of policies, made from the types that read them.
//!
//! Only tests know of it: the binary holds the finished text, so nothing of this is on any path.

use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::document::{DropInDocument, PolicyDocument, ProfileDocument, RootDocument};

impl JsonSchema for ProfileDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Profile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A seccomp profile, in Kubernetes' words.",
            "oneOf": [
                {
                    "type": "string",
                    "enum": ["RuntimeDefault", "Unconfined", "Requested"],
                },
                {
                    "type": "object",
                    "properties": {
                        "type": {"enum": ["RuntimeDefault", "Unconfined", "Requested"]},
                    },
                    "required": ["type"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": "Localhost"},
                        "localhostProfile": {
                            "description": "A file below a profile root: relative, without `..`.",
                            "type": "string",
                            "minLength": 1,
                            "pattern": "^[^/]",
                        },
                    },
                    "required": ["type", "localhostProfile"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

impl JsonSchema for RootDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Root".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A folder in which Localhost profiles are looked for.",
            "oneOf": [
                {"type": "string", "pattern": "^/"},
                {
                    "type": "object",
                    "properties": {
                        "path": {"type": "string", "pattern": "^/"},
                        "trust_links": {
                            "description": "Follow links that lead out of it to what is root's alone.",
                            "type": "boolean",
                        },
                    },
                    "required": ["path"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// The schema of one kind of file, as text.
fn text_of<T: JsonSchema>(title: &str, about: &str) -> String {
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), about.into());
    // In TOML nothing is null: a key that may be absent is just not required.
    let mut value = schema.to_value();
    drop_nulls(&mut value);
    format!("{value:#}\n")
}

fn drop_nulls(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|one| one != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    fields.insert("type".to_owned(), one);
                }
            }
            if fields.get("default") == Some(&Value::Null) {
                fields.remove("default");
            }
            if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
                choices.retain(|one| one["type"] != "null");
                if let [Value::Object(one)] = choices.as_slice() {
                    let one = one.clone();
                    fields.remove("anyOf");
                    fields.extend(one);
                }
            }
            fields.values_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}

/// `UPDATE_SCHEMA=1 cargo test -p policy schema` writes what this compares.
#[test]
fn the_schemas_in_docs_are_those_of_the_types() {
    let made = [
        (
            "policy.json",
            text_of::<PolicyDocument>("seccomp-shim policy.toml", "Settings, defaults and rules."),
        ),
        (
            "drop-in.json",
            text_of::<DropInDocument>("seccomp-shim policy.d/*.toml", "More rules, and a floor."),
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    for (name, text) in made {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(&folder).expect("docs/schema");
            std::fs::write(&path, &text).expect("written");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "{name} is out of date: UPDATE_SCHEMA=1 cargo test -p policy schema"
        );
    }
}

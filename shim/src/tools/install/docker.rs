//! Docker: `runtimes` and `default-runtime` of daemon.json (dockerd(8); moby daemon/config).
//!
//! There are no drop-in files, and people's own files have an order and a layout, so the text is
//! edited where it must be. No `runtimeArgs`: dockerd would put a shell in front of us.

use serde_json::json;
use strict_json::{Kind, MAX_DEPTH, Member, Text, Value};

use super::configuration::{Configuration, Wish};
use super::json_text;

/// daemon.json.
#[derive(Debug)]
pub(super) struct Docker;

const RUNTIMES: &str = "runtimes";
const DEFAULT: &str = "default-runtime";

impl Configuration for Docker {
    fn add(&self, before: Option<&str>, wish: &Wish<'_>) -> Result<String, String> {
        let empty = before.is_none_or(|text| text.trim().is_empty());
        let mut text = if empty {
            "{}\n"
        } else {
            before.unwrap_or_default()
        }
        .to_owned();
        let entry = json!({"path": wish.path});
        text = match member(&text, RUNTIMES)? {
            Some((_, value)) if value.kind() == Kind::Object => match of(value, wish.handler) {
                Some(old) => {
                    let path = old.members().find(|member| member.key == "path");
                    let new = json!(wish.path).to_string();
                    match path {
                        Some(path) if path.value.as_str().as_deref() == Some(wish.path) => text,
                        Some(path) => json_text::splice(&text, path.value.range(), &new),
                        None => json_text::insert(&text, old, "path", &json!(wish.path)),
                    }
                }
                None => json_text::insert(&text, value, wish.handler, &entry),
            },
            Some((_, value)) if value.is_null() => json_text::splice(
                &text,
                value.range(),
                &json!({wish.handler: entry}).to_string(),
            ),
            Some((_, value)) => {
                return Err(format!(
                    "\"runtimes\" is {}, not an object; mend it first",
                    value.kind().name()
                ));
            }
            None => {
                let (root, _) = root(&text)?;
                json_text::insert(&text, root, RUNTIMES, &json!({wish.handler: entry}))
            }
        };
        if wish.default {
            text = set_default(&text, wish.handler)?;
        }
        Ok(text)
    }

    fn remove(
        &self,
        now: &str,
        handler: &str,
        default: Option<Option<&str>>,
    ) -> Result<Option<String>, String> {
        let mut text = now.to_owned();
        if let Some((_, runtimes)) = member(now, RUNTIMES)? {
            text = if runtimes.members().count() == 1 {
                json_text::remove(now, root(now)?.0, RUNTIMES)
            } else {
                json_text::remove(now, runtimes, handler)
            };
        }
        match default {
            Some(Some(old)) => text = set_default(&text, old)?,
            Some(None) => {
                let changed = json_text::remove(&text, root(&text)?.0, DEFAULT);
                text = changed;
            }
            None => (),
        }
        Ok(Some(text))
    }

    fn handlers(&self, now: &str) -> Result<Vec<(String, String)>, String> {
        let Some((_, runtimes)) = member(now, RUNTIMES)? else {
            return Ok(Vec::new());
        };
        let path = |entry: Value<'_>| {
            let path = of(entry, "path").and_then(|path| path.as_str());
            path.map(std::borrow::Cow::into_owned).unwrap_or_default()
        };
        let all = runtimes.members();
        Ok(all
            .map(|member| (member.key.into_owned(), path(member.value)))
            .collect())
    }

    fn default_of(&self, now: &str) -> Result<Option<String>, String> {
        Ok(member(now, DEFAULT)?
            .and_then(|(_, value)| value.as_str().map(std::borrow::Cow::into_owned)))
    }
}

/// What the object and its members are; dockerd reads them into a struct.
fn root(text: &str) -> Result<(Value<'_>, Vec<Member<'_>>), String> {
    let say = |fault: strict_json::Fault| {
        let place = strict_json::place(text.as_bytes(), fault.offset);
        format!("{place}: {}; mend it first", fault.kind)
    };
    let root = Text::check(text.as_bytes(), MAX_DEPTH).map_err(say)?.root();
    if root.kind() != Kind::Object {
        return Err(format!(
            "it is {}, not an object; mend it first",
            root.kind().name()
        ));
    }
    let members = root.fields(&[RUNTIMES, DEFAULT]).map_err(say)?;
    if let Some(runtimes) = members.iter().find(|member| member.key == RUNTIMES) {
        runtimes.value.entries().map_err(say)?;
    }
    Ok((root, members))
}

fn member<'t>(text: &'t str, key: &str) -> Result<Option<(Value<'t>, Value<'t>)>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let (root, members) = root(text)?;
    let found = members.into_iter().find(|member| member.key == key);
    Ok(found.map(|member| (root, member.value)))
}

fn of<'t>(object: Value<'t>, key: &str) -> Option<Value<'t>> {
    let found = object.members().find(|member| member.key == key);
    found.map(|member| member.value)
}

fn set_default(text: &str, name: &str) -> Result<String, String> {
    Ok(match member(text, DEFAULT)? {
        Some((_, value)) if value.as_str().as_deref() == Some(name) => text.to_owned(),
        Some((_, value)) => json_text::splice(text, value.range(), &json!(name).to_string()),
        None => json_text::insert(text, root(text)?.0, DEFAULT, &json!(name)),
    })
}

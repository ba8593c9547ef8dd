//! Podman: a drop-in of containers.conf (containers.conf(5)).
//!
//! Without `runtime_supports_json` Podman asks a runtime for no log, and shows no reason when a
//! create is refused. The list replaces the built-in one (and in Podman 4 cannot append to it), so
//! ours repeats what was in force.

use toml_edit::{DocumentMut, Item};

use super::configuration::{Configuration, Wish};
use super::toml_text as text;

/// Our drop-in.
#[derive(Debug)]
pub(super) struct Podman {
    /// `runtime_supports_json` as the files before ours have it.
    pub(super) json: Vec<String>,
    /// `runtime_supports_nocgroups`, likewise.
    pub(super) nocgroups: Vec<String>,
    /// Whether the real runtime is crun, which alone does without cgroups.
    pub(super) crun: bool,
}

/// The built-in lists (containers/common pkg/config/default.go).
const JSON: &[&str] = &["crun", "runc", "kata", "runsc", "youki", "krun", "ocijail"];
const NOCGROUPS: &[&str] = &["crun", "krun"];

const SUPPORTS_JSON: &str = "runtime_supports_json";
const SUPPORTS_NOCGROUPS: &str = "runtime_supports_nocgroups";

impl Podman {
    /// After the files `earlier`, in the order in which Podman reads them.
    pub(super) fn after(earlier: &[String], crun: bool) -> Result<Self, String> {
        let mut lists = [owned(JSON), owned(NOCGROUPS)];
        for file in earlier {
            let document = text::parse(file)?;
            for (list, key) in lists.iter_mut().zip([SUPPORTS_JSON, SUPPORTS_NOCGROUPS]) {
                if let Some(item) = text::at(document.as_table(), &["engine", key]) {
                    // `{append=true}` at the end: then it adds to what was there.
                    let appends = item.as_array().is_some_and(|all| {
                        all.iter().any(|value| value.as_inline_table().is_some())
                    });
                    let more = text::strings_of(item);
                    if appends {
                        list.extend(more);
                    } else {
                        *list = more;
                    }
                }
            }
        }
        let [json, nocgroups] = lists;
        Ok(Self {
            json,
            nocgroups,
            crun,
        })
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Configuration for Podman {
    fn add(&self, before: Option<&str>, wish: &Wish<'_>) -> Result<String, String> {
        let mut document = text::parse_mut(before.unwrap_or_default())?;
        let engine = text::table(&mut document, &["engine"])?;
        include(engine, SUPPORTS_JSON, &self.json, wish.handler);
        if self.crun {
            include(engine, SUPPORTS_NOCGROUPS, &self.nocgroups, wish.handler);
        }
        if wish.default && engine.get(DEFAULT).and_then(Item::as_str) != Some(wish.handler) {
            engine.insert(DEFAULT, toml_edit::value(wish.handler));
        }
        let runtimes = text::table(&mut document, &["engine", "runtimes"])?;
        let there = runtimes.get(wish.handler).map(text::strings_of);
        if there.as_deref() != Some(&[wish.path.to_owned()]) {
            runtimes.insert(wish.handler, toml_edit::value(text::strings([wish.path])));
        }
        Ok(text::drop_in("podman", before, &document))
    }

    fn remove(
        &self,
        now: &str,
        handler: &str,
        default: Option<Option<&str>>,
    ) -> Result<Option<String>, String> {
        let mut document = text::parse_mut(now)?;
        let engine = text::table(&mut document, &["engine"])?;
        for key in [SUPPORTS_JSON, SUPPORTS_NOCGROUPS] {
            if let Some(list) = engine.get_mut(key).and_then(Item::as_array_mut) {
                list.retain(|value| value.as_str() != Some(handler));
            }
        }
        match default {
            Some(Some(old)) => {
                engine.insert(DEFAULT, toml_edit::value(old));
            }
            Some(None) => {
                engine.remove(DEFAULT);
            }
            None => (),
        }
        let runtimes = text::table(&mut document, &["engine", "runtimes"])?;
        runtimes.remove(handler);
        let last = runtimes.is_empty();
        Ok((!last || more_than_ours(&document)).then(|| document.to_string()))
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn handlers(&self, now: &str) -> Result<Vec<(String, String)>, String> {
        let document = text::parse(now)?;
        let runtimes = ["engine", "runtimes"];
        Ok(text::entries(document.as_table(), &runtimes, |item| {
            text::strings_of(item).into_iter().next()
        }))
    }

    fn default_of(&self, now: &str) -> Result<Option<String>, String> {
        let document = text::parse(now)?;
        Ok(text::word(document.as_table(), &["engine", DEFAULT]))
    }
}

/// Whether the file lists a handler as one that writes its errors as JSON.
pub(in crate::tools) fn supports_json(now: &str, handler: &str) -> Result<bool, String> {
    let document = text::parse(now)?;
    let list = text::at(document.as_table(), &["engine", SUPPORTS_JSON]).map(text::strings_of);
    Ok(list.unwrap_or_default().iter().any(|name| name == handler))
}

const DEFAULT: &str = "runtime";

/// Adds a name to a list, which begins as `base`.
fn include(engine: &mut toml_edit::Table, key: &str, base: &[String], name: &str) {
    let item = engine
        .entry(key)
        .or_insert_with(|| toml_edit::value(text::strings(base.iter().map(String::as_str))));
    if let Some(list) = item.as_array_mut()
        && !list.iter().any(|value| value.as_str() == Some(name))
    {
        list.push(name);
    }
}

fn more_than_ours(document: &DocumentMut) -> bool {
    let ours = ["runtimes", SUPPORTS_JSON, SUPPORTS_NOCGROUPS];
    let engine = document.get("engine").and_then(Item::as_table);
    document.iter().any(|(key, _)| key != "engine")
        || engine.is_some_and(|engine| engine.iter().any(|(key, _)| !ours.contains(&key)))
}

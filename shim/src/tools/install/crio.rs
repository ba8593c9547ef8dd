//! CRI-O: a drop-in of crio.conf (crio.conf(5), crio.conf.d(5)).

use toml_edit::Item;

use super::configuration::{Configuration, Wish};
use super::toml_text as text;

/// Our drop-in.
#[derive(Debug)]
pub(super) struct Crio {
    copied: Vec<(String, Item)>,
}

/// What a handler has in common with the node's other one.
const COPIED: &[&str] = &[
    "monitor_path",
    "monitor_cgroup",
    "monitor_exec_cgroup",
    "monitor_env",
    "allowed_annotations",
    "privileged_without_host_devices",
];

const RUNTIMES: &[&str] = &["crio", "runtime", "runtimes"];

impl Crio {
    /// After the files `earlier`, in the order in which CRI-O reads them.
    pub(super) fn after(earlier: &[String]) -> Result<Self, String> {
        let mut copied: Vec<(String, Item)> = Vec::new();
        for file in earlier {
            let document = text::parse(file)?;
            for name in ["crun", "runc"] {
                let mut path = RUNTIMES.to_vec();
                path.push(name);
                let entry = text::at(document.as_table(), &path).and_then(Item::as_table_like);
                let Some(entry) = entry else { continue };
                for key in COPIED {
                    if let Some(value) = entry.get(key).and_then(Item::as_value) {
                        let mut value = value.clone();
                        value.decor_mut().clear();
                        copied.retain(|(old, _)| old != key);
                        copied.push(((*key).to_owned(), Item::Value(value)));
                    }
                }
            }
        }
        Ok(Self { copied })
    }
}

impl Configuration for Crio {
    fn add(&self, before: Option<&str>, wish: &Wish<'_>) -> Result<String, String> {
        let mut document = text::parse_mut(before.unwrap_or_default())?;
        if wish.default {
            let runtime = text::table(&mut document, &["crio", "runtime"])?;
            if runtime.get(DEFAULT).and_then(Item::as_str) != Some(wish.handler) {
                runtime.insert(DEFAULT, toml_edit::value(wish.handler));
            }
        }
        let mut path = RUNTIMES.to_vec();
        path.push(wish.handler);
        let known = text::at(document.as_table(), &path).is_some();
        let entry = text::table(&mut document, &path)?;
        if entry.get(PATH).and_then(Item::as_str) != Some(wish.path) {
            entry.insert(PATH, toml_edit::value(wish.path));
        }
        if !known {
            entry.insert("runtime_type", toml_edit::value("oci"));
            for (key, value) in &self.copied {
                entry.insert(key, value.clone());
            }
        }
        Ok(text::drop_in("crio", before, &document))
    }

    fn remove(
        &self,
        now: &str,
        handler: &str,
        default: Option<Option<&str>>,
    ) -> Result<Option<String>, String> {
        let mut path = RUNTIMES.to_vec();
        path.push(handler);
        let mut new = text::without(now, &path, 1)?;
        if let Some(old) = default {
            new = match old {
                Some(old) => text::set(&new, &["crio", "runtime"], DEFAULT, old)?,
                None => text::without(&new, &["crio", "runtime", DEFAULT], 1)?,
            };
        }
        Ok((!text::parse(&new)?.as_table().is_empty()).then_some(new))
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn handlers(&self, now: &str) -> Result<Vec<(String, String)>, String> {
        let document = text::parse(now)?;
        Ok(text::entries(document.as_table(), RUNTIMES, |item| {
            text::word(item.as_table_like()?, &[PATH])
        }))
    }

    fn default_of(&self, now: &str) -> Result<Option<String>, String> {
        let document = text::parse(now)?;
        let path = ["crio", "runtime", DEFAULT];
        Ok(text::word(document.as_table(), &path))
    }
}

const PATH: &str = "runtime_path";
const DEFAULT: &str = "default_runtime";

//! containerd's `imports`: that the main file reads our drop-in.

use std::path::Path;

use wildmatch::WildMatch;

use super::configuration::{Configuration, Wish};
use super::{containerd, toml_text};

/// The main file, as far as it imports the drop-in.
#[derive(Debug)]
pub(super) struct Imports<'a> {
    /// Where the main file is.
    pub(super) main: &'a Path,
    /// Where the drop-in is.
    pub(super) drop_in: &'a Path,
}

impl Configuration for Imports<'_> {
    fn add(&self, before: Option<&str>, _wish: &Wish<'_>) -> Result<String, String> {
        let before = before.unwrap_or_default();
        let folder = self.main.parent().unwrap_or(self.main);
        let drop_in = self.drop_in.to_string_lossy();
        let all = containerd::imports(before)?;
        let read = all.iter().any(|pattern| {
            let pattern = folder.join(pattern);
            WildMatch::new(&pattern.to_string_lossy()).matches(&drop_in)
        });
        if read {
            return Ok(before.to_owned());
        }
        toml_text::push_top(before, "imports", &drop_in)
    }

    fn remove(
        &self,
        now: &str,
        _handler: &str,
        _default: Option<Option<&str>>,
    ) -> Result<Option<String>, String> {
        let mut document = toml_text::parse_mut(now)?;
        let drop_in = self.drop_in.to_string_lossy();
        let imports = document
            .get_mut("imports")
            .and_then(toml_edit::Item::as_array_mut);
        let Some(imports) = imports else {
            return Ok(Some(now.to_owned()));
        };
        imports.retain(|value| value.as_str() != Some(&drop_in));
        if imports.is_empty() {
            document.remove("imports");
        }
        Ok(Some(document.to_string()))
    }

    fn path_of(&self, _now: &str, _handler: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn handlers(&self, _now: &str) -> Result<Vec<(String, String)>, String> {
        Ok(Vec::new())
    }

    fn default_of(&self, _now: &str) -> Result<Option<String>, String> {
        Ok(None)
    }
}

//! YAML and JSON with places: each value knows its line.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// A value in a manifest, and the path to it for messages.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    yaml: &'a MarkedYaml<'a>,
    /// Its keys from the top, as `spec.containers[0]`.
    pub(super) path: String,
}

/// A value of the wrong kind: `line N: PATH is not …`.
pub(super) type Wrong = String;

/// The documents of a text.
///
/// # Errors
/// Where it is not YAML, and why.
pub(super) fn documents(text: &str) -> Result<Vec<MarkedYaml<'_>>, Wrong> {
    MarkedYaml::load_from_str(text).map_err(|error| {
        let (line, column) = (error.marker().line(), error.marker().col());
        format!(
            "line {line}, column {}: {}",
            column.saturating_add(1),
            error.info()
        )
    })
}

impl<'a> Node<'a> {
    pub(super) fn top(yaml: &'a MarkedYaml<'a>) -> Self {
        Self {
            yaml,
            path: String::new(),
        }
    }

    /// The line that it begins on, from 1.
    pub(super) fn line(&self) -> usize {
        self.yaml.span.start.line()
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.yaml.data, YamlData::Value(Scalar::Null))
    }

    fn wrong(&self, wanted: &str) -> Wrong {
        let path = if self.path.is_empty() {
            "the document"
        } else {
            &self.path
        };
        format!("line {}: {path} is not {wanted}", self.line())
    }

    /// The value of a key; none if it is absent or null.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, Wrong> {
        let YamlData::Mapping(map) = &self.yaml.data else {
            return Err(self.wrong("a mapping"));
        };
        let found = map.iter().find(
            |(name, _)| matches!(&name.data, YamlData::Value(Scalar::String(name)) if name == key),
        );
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        let found = found.map(|(_, yaml)| Self { yaml, path });
        Ok(found.filter(|node| !node.is_null()))
    }

    /// The value below several keys.
    pub(super) fn at(&self, keys: &[&str]) -> Result<Option<Self>, Wrong> {
        let mut node = self.clone();
        for key in keys {
            match node.get(key)? {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> Result<Vec<Self>, Wrong> {
        let YamlData::Sequence(items) = &self.yaml.data else {
            return Err(self.wrong("a list"));
        };
        let item = |(index, yaml)| Self {
            yaml,
            path: format!("{}[{index}]", self.path),
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(super) fn text(&self) -> Result<String, Wrong> {
        match &self.yaml.data {
            YamlData::Value(Scalar::String(text)) => Ok(text.to_string()),
            _ => Err(self.wrong("a string")),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, Wrong> {
        match &self.yaml.data {
            YamlData::Value(Scalar::Boolean(flag)) => Ok(*flag),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// The members of a mapping of strings.
    pub(super) fn strings(&self) -> Result<Vec<(String, String)>, Wrong> {
        let YamlData::Mapping(map) = &self.yaml.data else {
            return Err(self.wrong("a mapping"));
        };
        let mut all = Vec::new();
        for (key, yaml) in map {
            let text = |yaml| {
                let path = self.path.clone();
                Node { yaml, path }.text()
            };
            all.push((text(key)?, text(yaml)?));
        }
        Ok(all)
    }
}

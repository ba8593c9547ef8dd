//! containerd: a runtime of its CRI plugin (containerd docs/cri/config.md).
//!
//! containerd 1.x takes the whole CRI section from the last file that has one, so there the main
//! file is edited; 2.x (version 3) merges deeply, so there a drop-in of ours is imported. In 1.x the
//! built-in `runc` entry goes as soon as the file has any runtime, and is written down with ours.

use toml_edit::{Document, Item, Value};

use super::configuration::{Configuration, Wish};
use super::toml_text as text;

/// A configuration file that holds runtimes.
#[derive(Debug)]
pub(super) enum Containerd {
    /// The main file, whose own words count.
    Main,
    /// A file of ours that the main file imports.
    DropIn(DropIn),
}

/// What the main file says that the drop-in must say, too.
#[derive(Debug)]
pub(super) struct DropIn {
    version: i64,
    copied: Copied,
}

/// What our entry has in common with runc's.
#[derive(Debug, Default)]
struct Copied {
    entry: Vec<(String, String)>,
    options: Vec<(String, String)>,
}

/// From this version on, imported files are merged into the main one.
const MERGES: i64 = 3;

/// The last version that is known.
const NEWEST: i64 = 4;

const RUNC_SHIM: &str = "io.containerd.runc.v2";

/// The annotations that a policy with `request.annotations` reads.
const ANNOTATIONS: &str = r#"["seccomp.security.alpha.kubernetes.io/*", "container.seccomp.security.alpha.kubernetes.io/*"]"#;

impl Containerd {
    /// For the drop-in beside a main file; none if the main file itself is to be edited.
    pub(super) fn drop_in(main: Option<&str>) -> Result<Option<Self>, String> {
        let Some(main) = main else { return Ok(None) };
        let document = text::parse(main)?;
        let version = version(&document)?;
        if version < MERGES {
            return Ok(None);
        }
        let copied = Copied::from(&document, version);
        Ok(Some(Self::DropIn(DropIn { version, copied })))
    }
}

impl Configuration for Containerd {
    fn add(&self, before: Option<&str>, wish: &Wish<'_>) -> Result<String, String> {
        let mut new = before.unwrap_or_default().to_owned();
        let document = text::parse(&new)?;
        if document.as_table().is_empty() {
            let version = match self {
                Self::Main => 2,
                Self::DropIn(drop_in) => drop_in.version,
            };
            new = text::append(&new, &format!("version = {version}\n"));
        }
        let document = text::parse(&new)?;
        let version = version(&document)?;
        let plugin = plugin(version);
        let runtimes = runtimes(plugin);
        let mut own = runtimes.to_vec();
        own.push(wish.handler);
        if text::at(document.as_table(), &own).is_some() {
            own.push("options");
            let path = self.path_of(&new, wish.handler)?;
            if path.as_deref() != Some(wish.path) {
                new = text::set(&new, &own, "BinaryName", wish.path)?;
            }
        } else {
            let copied = match self {
                Self::Main => &Copied::from(&document, version),
                Self::DropIn(drop_in) => &drop_in.copied,
            };
            let first = text::at(document.as_table(), &runtimes).is_none();
            if first && version < MERGES {
                new = text::append(&new, &runc(plugin));
            }
            new = text::append(&new, &block(plugin, wish.handler, wish.path, copied));
        }
        if wish.default && self.default_of(&new)?.as_deref() != Some(wish.handler) {
            new = text::set(
                &new,
                &["plugins", plugin, "containerd"],
                DEFAULT,
                wish.handler,
            )?;
        }
        // Whatever way it was written: this is what containerd will read.
        match self.path_of(&new, wish.handler) {
            Ok(Some(path)) if path == wish.path => Ok(new),
            Ok(_) => Err(UNCLEAR.to_owned()),
            Err(why) => Err(format!("{UNCLEAR} ({why})")),
        }
    }

    fn remove(
        &self,
        now: &str,
        handler: &str,
        default: Option<Option<&str>>,
    ) -> Result<Option<String>, String> {
        let document = text::parse(now)?;
        let version = version(&document)?;
        let plugin = plugin(version);
        let copied = match self {
            Self::Main => &Copied::from(&document, version),
            Self::DropIn(drop_in) => &drop_in.copied,
        };
        let path = self.path_of(now, handler)?.unwrap_or_default();
        let mut own = runtimes(plugin).to_vec();
        own.push(handler);
        let mut new = match text::cut(now, &block(plugin, handler, &path, copied)) {
            Some(new) => new,
            None => text::without(now, &own, own.len())?,
        };
        let section = ["plugins", plugin, "containerd"];
        let key = ["plugins", plugin, "containerd", DEFAULT];
        match default {
            Some(Some(old)) => new = text::set(&new, &section, DEFAULT, old)?,
            // A header that was written for it goes with it.
            Some(None) => {
                let alone = text::table_with(&section, DEFAULT, handler);
                new = match text::cut(&new, &alone) {
                    Some(new) => new,
                    None => text::without(&new, &key, key.len())?,
                };
            }
            None => (),
        }
        let names = self.handlers(&new)?;
        if let ([(_, path)], Some(cut)) = (names.as_slice(), text::cut(&new, &runc(plugin)))
            && path.is_empty()
        {
            new = cut;
        }
        let left = text::parse(&new)?;
        let empty = text::at(left.as_table(), &runtimes(plugin))
            .and_then(Item::as_table_like)
            .is_none_or(|table| table.is_empty());
        let ours = matches!(self, Self::DropIn(_));
        let more = left
            .as_table()
            .iter()
            .any(|(key, _)| key != "version" && key != "plugins");
        Ok((!ours || !empty || more).then_some(new))
    }

    fn is_ours(&self) -> bool {
        matches!(self, Self::DropIn(_))
    }

    fn handlers(&self, now: &str) -> Result<Vec<(String, String)>, String> {
        let document = text::parse(now)?;
        let runtimes = runtimes(plugin(version(&document)?));
        Ok(text::entries(document.as_table(), &runtimes, |item| {
            let entry = item.as_table_like()?;
            text::word(entry, &["options", "BinaryName"])
        }))
    }

    fn default_of(&self, now: &str) -> Result<Option<String>, String> {
        let document = text::parse(now)?;
        let plugin = plugin(version(&document)?);
        let path = ["plugins", plugin, "containerd", DEFAULT];
        Ok(text::word(document.as_table(), &path))
    }
}

const DEFAULT: &str = "default_runtime_name";

const UNCLEAR: &str =
    "the runtimes are written in a way that cannot be added to; give each a [header] of its own";

/// The patterns of annotations that a handler gets: for pods, and for containers.
pub(in crate::tools) fn annotations(now: &str, handler: &str) -> Result<Vec<String>, String> {
    let document = text::parse(now)?;
    let mut path = runtimes(plugin(version(&document)?)).to_vec();
    path.extend([handler, "pod_annotations"]);
    let found = text::at(document.as_table(), &path);
    Ok(found.map(text::strings_of).unwrap_or_default())
}

/// Whether a file has a CRI section.
pub(super) fn has_cri(now: &str) -> bool {
    let Ok(document) = text::parse(now) else {
        return false;
    };
    ["cri", "io.containerd.grpc.v1.cri"]
        .iter()
        .any(|plugin| text::at(document.as_table(), &["plugins", plugin]).is_some())
}

/// The files that a file imports.
pub(super) fn imports(now: &str) -> Result<Vec<String>, String> {
    let document = text::parse(now)?;
    Ok(document
        .get("imports")
        .map(text::strings_of)
        .unwrap_or_default())
}

/// Whether the CRI plugin is switched off.
pub(in crate::tools) fn cri_is_off(now: &str) -> Result<bool, String> {
    let document = text::parse(now)?;
    let off = document.get("disabled_plugins").map(text::strings_of);
    let off = off.unwrap_or_default();
    Ok(off
        .iter()
        .any(|name| name == "cri" || name.ends_with(".cri")))
}

/// The same with nothing switched off.
pub(super) fn with_all_plugins(now: &str) -> Result<String, String> {
    let mut document = text::parse(now)?.into_mut();
    document.remove("disabled_plugins");
    Ok(document.to_string())
}

fn version(document: &Document<String>) -> Result<i64, String> {
    let version = match document.get("version") {
        // A file without one is of version 1, unless there is nothing in it at all.
        None if document.as_table().is_empty() => return Ok(2),
        None => 1,
        Some(item) => item.as_integer().unwrap_or(0),
    };
    if (1..=NEWEST).contains(&version) {
        return Ok(version);
    }
    Err(format!("version {version} is not known; 1 to {NEWEST} are"))
}

/// The CRI plugin's name, which holds the runtimes.
fn plugin(version: i64) -> &'static str {
    match version {
        1 => "cri",
        2 => "io.containerd.grpc.v1.cri",
        _ => "io.containerd.cri.v1.runtime",
    }
}

fn runtimes(plugin: &str) -> [&str; 4] {
    ["plugins", plugin, "containerd", "runtimes"]
}

impl Copied {
    /// What runc's entry says that is not about the program; without it a pod under our handler would
    /// differ from one under runc's (its cgroup driver, above all).
    fn from(document: &Document<String>, version: i64) -> Self {
        let mut path = runtimes(plugin(version)).to_vec();
        path.push("runc");
        let runc = text::at(document.as_table(), &path).and_then(Item::as_table_like);
        let Some(runc) = runc else {
            return Self::default();
        };
        let told = |name: &str, value: &Value| {
            let own = [
                "runtime_type",
                "BinaryName",
                "pod_annotations",
                "container_annotations",
            ];
            let old = ["runtime_engine", "runtime_root", "runtime_path"];
            let said = value.as_str() != Some("");
            (said && !own.contains(&name) && !old.contains(&name))
                .then(|| (name.to_owned(), text::bare(value)))
        };
        let values = |table: &dyn toml_edit::TableLike| {
            let values = table.iter();
            let values = values.filter_map(|(name, item)| told(name, item.as_value()?));
            values
                .filter(|(name, _)| name != "options")
                .collect::<Vec<_>>()
        };
        let options = runc.get("options").and_then(Item::as_table_like);
        Self {
            entry: values(runc),
            options: options.map(values).unwrap_or_default(),
        }
    }
}

/// Our entry. Its layout is that of `containerd config default`.
fn block(plugin: &str, handler: &str, path: &str, copied: &Copied) -> String {
    let mut table = runtimes(plugin).to_vec();
    table.push(handler);
    let mut block = format!(
        "# `shim uninstall containerd --handler {handler}` takes this out again.\n\
         [{}]\n  runtime_type = \"{RUNC_SHIM}\"\n  pod_annotations = {ANNOTATIONS}\n  container_annotations = {ANNOTATIONS}\n",
        text::dotted(&table)
    );
    for (key, value) in &copied.entry {
        block.push_str(&format!("  {key} = {value}\n"));
    }
    table.push("options");
    block.push_str(&format!(
        "  [{}]\n    BinaryName = {}\n",
        text::dotted(&table),
        text::quoted(path)
    ));
    for (key, value) in &copied.options {
        block.push_str(&format!("    {key} = {value}\n"));
    }
    block
}

/// The entry that containerd 1.x has built in, until a file names any.
fn runc(plugin: &str) -> String {
    let mut table = runtimes(plugin).to_vec();
    table.push("runc");
    format!(
        "# containerd's built-in entry, which it forgets once a file has another.\n\
         [{}]\n  runtime_type = \"{RUNC_SHIM}\"\n",
        text::dotted(&table)
    )
}

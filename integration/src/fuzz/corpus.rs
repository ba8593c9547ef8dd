//! The inputs that new ones are made from.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Target;
use super::rng::Rng;
use super::shape;

/// Inputs, and all shapes that were seen.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    inputs: Vec<Vec<u8>>,
    bytes: usize,
    shapes: HashSet<u64>,
}

/// How much is kept in all.
const MOST_BYTES: usize = 48 << 20;

impl Corpus {
    /// Whether any of `shapes` is new.
    pub(crate) fn note(&mut self, shapes: Vec<u64>) -> bool {
        let before = self.shapes.len();
        self.shapes.extend(shapes);
        self.shapes.len() > before
    }

    /// Keeps an input, if there is room.
    pub(crate) fn keep(&mut self, input: &[u8]) {
        if self.bytes.saturating_add(input.len()) <= MOST_BYTES {
            self.bytes = self.bytes.saturating_add(input.len());
            self.inputs.push(input.to_vec());
        }
    }

    pub(crate) fn pick(&self, rng: &mut Rng) -> &[u8] {
        // The latest are the newest to us; half of the time one of them.
        let all = self.inputs.as_slice();
        let last = all.get(all.len().saturating_sub(64)..).unwrap_or(all);
        let from = if rng.one_in(2) { last } else { all };
        rng.pick(from).map_or(b"", Vec::as_slice)
    }

    pub(crate) fn len(&self) -> usize {
        self.inputs.len()
    }

    pub(crate) fn shapes(&self) -> usize {
        self.shapes.len()
    }
}

/// Where the seeds and findings are.
pub(crate) fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz")).to_owned()
}

/// The checked-in seeds and findings of `target`, then what the reference data has for it.
pub(crate) fn seeds(target: Target) -> Vec<Vec<u8>> {
    let mut seeds = files(&folder().join("seeds").join(target.name()), "");
    seeds.extend(files(&folder().join("found"), target.name()));
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    match target {
        Target::Reader => {
            seeds.extend(files(&data.join("profiles"), ""));
            seeds.extend(files(&data.join("examples"), ""));
        }
        Target::Config => seeds.extend(files(&data.join("bundles"), "")),
        Target::Restrict => seeds.extend(rows(&data.join("restrict.jsonl"))),
        Target::Argv | Target::Policy => {}
    }
    seeds
}

/// The files of a folder whose names begin with `prefix`, by name.
fn files(folder: &Path, prefix: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && path.is_file()
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(named)
        .collect();
    paths.sort();
    let read = paths.iter().filter_map(|path| fs::read(path).ok());
    read.filter(|seed| seed.len() <= super::mutate::LARGEST)
        .collect()
}

/// The pairs of a file with a JSON object a line.
fn rows(file: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let row = |line: &str| {
        let text = strict_json::Text::check(line.as_bytes(), strict_json::MAX_DEPTH).ok()?;
        let member = |key: &str| text.root().members().find(|member| member.key == key);
        let (a, b) = (member("a")?.value.raw(), member("b")?.value.raw());
        Some(format!("{{\"a\":{a},\"b\":{b}}}").into_bytes())
    };
    text.lines().filter_map(row).collect()
}

/// Where a finding is written: its name is the target's and the input's hash.
pub(crate) fn finding(target: Target, input: &[u8]) -> PathBuf {
    folder()
        .join("found")
        .join(format!("{target}-{:016x}", shape::of(&input)))
}

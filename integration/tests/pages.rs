//! The pages of docs/ and the README against what they speak of: files, tests, sections and commands.
#![expect(clippy::expect_used, reason = "a test ends there")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{run, shim_binary};
use shim::tools::is_own_word;

/// A line of a page: which page, its number from 1, its text, and whether it is a block's.
struct Line {
    page: PathBuf,
    number: usize,
    text: String,
    in_block: bool,
}

impl Line {
    /// What stands between backticks.
    fn quoted(&self) -> impl Iterator<Item = &str> {
        let quoted = self.text.split('`').skip(1).step_by(2);
        quoted.filter(|_| !self.in_block)
    }

    /// Where the line's links lead.
    fn links(&self) -> impl Iterator<Item = &str> {
        let after = self.text.split("](").skip(1);
        let targets = after.filter_map(|rest| Some(rest.split_once(')')?.0));
        targets.filter(|target| !self.in_block && !target.contains("://"))
    }

    /// The commands of ours on it.
    fn commands(&self) -> Vec<&str> {
        let text = self.text.trim();
        let whole = text.strip_prefix("$ ").unwrap_or(text);
        let all = self.quoted().chain(self.in_block.then_some(whole));
        all.filter(|command| command.starts_with("shim ")).collect()
    }

    fn place(&self) -> String {
        format!(
            "{}, line {}: {}",
            self.page.display(),
            self.number,
            self.text
        )
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All lines of all pages.
fn lines() -> Vec<Line> {
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    let docs = docs.map(|entry| entry.expect("a page").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let mut lines = Vec::new();
    for page in pages.chain([root().join("README.md")]) {
        let text = fs::read_to_string(&page).expect("a page");
        let mut fenced = false;
        for (at, text) in text.lines().enumerate() {
            let fence = text.trim_start().starts_with("```");
            fenced ^= fence;
            lines.push(Line {
                page: page.clone(),
                number: at + 1,
                text: text.to_owned(),
                in_block: fenced || fence || text.starts_with("    "),
            });
        }
    }
    assert!(lines.len() > 1_000, "{}", lines.len());
    lines
}

/// Every file of ours, by its path.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["crates", "docs", "integration", "shim"]
        .map(|folder| root().join(folder))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn the_files_that_pages_name_are_there() {
    let files = files();
    let kinds = [".rs", ".ld", ".sh"];
    let mut named = 0;
    for line in lines() {
        let is_ours = |name: &&str| kinds.iter().any(|kind| name.ends_with(kind));
        for name in line.quoted().filter(is_ours) {
            let is_there = files.iter().any(|file| file.ends_with(name));
            assert!(is_there, "no {name}: {}", line.place());
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

/// The names of tests are told by their length from those of keys and of system calls.
#[test]
fn the_tests_that_pages_name_are_there() {
    let sources = files().into_iter();
    let sources = sources.filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    let sources: String = sources
        .map(|path| fs::read_to_string(path).expect("a source"))
        .collect();
    let is_one = |name: &&str| {
        let long = name.matches('_').count() > 3 && !name.starts_with("seccomp_shim_");
        long && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let mut named = 0;
    for line in lines() {
        for name in line.quoted().filter(is_one) {
            let is_there = sources.contains(&format!("fn {name}("));
            assert!(is_there, "no {name}: {}", line.place());
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}

#[test]
fn links_lead_to_pages_and_sections() {
    let sections = |page: &Path| -> Vec<String> {
        let text = fs::read_to_string(page).unwrap_or_default();
        let titles = text.lines().filter(|line| line.starts_with('#'));
        titles.map(anchor).collect()
    };
    for line in lines() {
        for link in line.links() {
            let (page, section) = link.split_once('#').unwrap_or((link, ""));
            let folder = line.page.parent().expect("a folder");
            let page = match page {
                "" => line.page.clone(),
                page => folder.join(page),
            };
            assert!(page.exists(), "{link}: {}", line.place());
            let there = section.is_empty() || sections(&page).iter().any(|one| one == section);
            assert!(there, "no section {section}: {}", line.place());
        }
    }
}

/// What a title is linked by: lower case, dashes for spaces, and without punctuation.
fn anchor(title: &str) -> String {
    let words = title.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_commands_of_pages_are_understood() {
    let mut tried = 0;
    for line in lines() {
        for command in line.commands() {
            let command = command.split(" #").next().unwrap_or_default();
            let command = command.split(" -- ").next().unwrap_or_default();
            let mut words = command.split_whitespace().skip(1).peekable();
            let Some(tool) = words.next_if(|word| is_own_word(word.as_ref())) else {
                continue;
            };
            let mut path = vec![tool];
            while let Some(word) = words.next_if(|word| {
                help(&path).lines().any(|line| {
                    line.strip_prefix("  ")
                        .is_some_and(|rest| rest.split(' ').next() == Some(word))
                })
            }) {
                path.push(word);
            }
            let help = help(&path);
            let usage = help.lines().find(|line| line.starts_with("Usage:"));
            let asks = usage.is_some_and(|line| line.ends_with("<COMMAND>"));
            assert!(!asks || words.peek().is_none(), "{}", line.place());
            for word in words {
                let option = word.trim_matches(|c| "[]".contains(c));
                let option = option.split('=').next().unwrap_or_default();
                if option.starts_with("--") {
                    let has = help.split([' ', ',', '\n']).any(|one| one == option);
                    assert!(has, "no {option}: {}", line.place());
                }
            }
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

/// What a tool of ours says of itself.
fn help(path: &[&str]) -> String {
    let outcome = run(Command::new(shim_binary()).args(path).arg("--help"));
    assert!(outcome.ok(), "{path:?}: {outcome:?}");
    outcome.stdout
}

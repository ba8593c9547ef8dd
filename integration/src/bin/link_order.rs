//! Writes the linker script that puts the functions of the runtime path next to one another.
//!
//! A create executes some hundred functions of a program of megabytes. Where they lie scattered, the
//! kernel maps 64 KiB around each; together they take a quarter of that, in time and in memory. This
//! steps through a few calls of a release build that still has its symbols, and names the functions
//! in the order in which they were first met. `make order` builds that and runs this.
//!
//! A symbol holds a number of its crate that differs by compiler and version (rustc's v0 mangling,
//! `Cs…_`), so that is left open. What the script names and the linker does not find is not missed:
//! an old script costs time, nothing else.
#![expect(clippy::print_stderr, reason = "a tool says what is in the way")]

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use goblin::elf::Elf;
use integration::{
    PIECE, PolicyDir, TestBundle, copy_program, docker_sized, steps_to_exec, ten_rules,
};
use serde_json::Value;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(shim), Some(script)) = (args.next(), args.next()) else {
        eprintln!("give the binary, with its symbols, and the script to write");
        return ExitCode::FAILURE;
    };
    match order(&shim).and_then(|text| fs::write(&script, text).map_err(|error| error.to_string()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{}: {why}", script.display());
            ExitCode::FAILURE
        }
    }
}

/// The script for the program.
fn order(shim: &Path) -> Result<String, String> {
    let bytes = fs::read(shim).map_err(|error| format!("{}: {error}", shim.display()))?;
    let functions = Functions::of(&bytes)?;
    let members = library_members();
    let mut sections = Vec::new();
    let mut known = HashSet::new();
    for piece in executed(shim)? {
        for name in functions.in_piece(piece) {
            let section = match members.get(name) {
                Some(member) => format!("*libc.a:{member}(.text .text.*)"),
                // The compiler keeps what it thinks is seldom called in a section named otherwise.
                None => {
                    let name = any_crate(name);
                    format!("*(.text.{name} .text.unlikely.{name})")
                }
            };
            if known.insert(section.clone()) {
                sections.push(section);
            }
        }
    }
    let mut text = String::from(HEAD);
    for section in sections {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {section}");
    }
    text.push_str(TAIL);
    Ok(text)
}

const HEAD: &str = "\
/* The functions of the runtime path, in the order in which a create meets them: they are mapped
   together. Written by `make order`; what is missing in a program is not missed. */
SECTIONS
{
  .text.runtime_path :
  {
";
const TAIL: &str = "  }\n}\nINSERT BEFORE .text;\n";

/// The pieces of the program that a few calls execute, each once, in order.
fn executed(shim: &Path) -> Result<Vec<u64>, String> {
    let fail = |error: std::io::Error| error.to_string();
    let folder = tempfile::tempdir().map_err(fail)?;
    let policy = PolicyDir::new(&ten_rules());
    let bundle = TestBundle::new(&["true"]);
    let plain = bundle.text();
    bundle.edit(|config| {
        if let Some(Value::Object(linux)) = config.pointer_mut("/linux") {
            linux.insert("seccomp".to_owned(), docker_sized());
        }
    });
    let docker = bundle.text();
    let mut all = Vec::new();
    let mut known = HashSet::new();
    for (runtime, directory, config) in [
        ("runc", policy.path(), &docker),
        ("runc", policy.path(), &plain),
        ("crun", Path::new("/nonexistent"), &docker),
    ] {
        let program = folder.path().join(runtime);
        if !program.exists() {
            copy_program(Path::new("/bin/true"), &program);
        }
        bundle.write_text(config);
        let words: [OsString; 9] = [
            shim.into(),
            "--shim-runtime".into(),
            program.into(),
            "--shim-policy".into(),
            directory.into(),
            "create".into(),
            "--bundle".into(),
            bundle.path().into(),
            "id".into(),
        ];
        let steps = steps_to_exec(&words).ok_or("programs cannot be traced here")?;
        all.extend(
            steps
                .pieces
                .into_iter()
                .filter(|piece| known.insert(*piece)),
        );
    }
    Ok(all)
}

/// The functions of a program by their addresses.
struct Functions<'a> {
    by_start: BTreeMap<u64, (u64, Vec<&'a str>)>,
}

impl<'a> Functions<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        let elf = Elf::parse(bytes).map_err(|error| error.to_string())?;
        let mut by_start: BTreeMap<u64, (u64, Vec<&str>)> = BTreeMap::new();
        for symbol in elf.syms.iter().filter(|symbol| symbol.is_function()) {
            if let (Some(name), true) = (elf.strtab.get_at(symbol.st_name), symbol.st_size > 0) {
                let found = by_start.entry(symbol.st_value).or_default();
                found.0 = symbol.st_value.saturating_add(symbol.st_size).max(found.0);
                found.1.push(name);
            }
        }
        if by_start.is_empty() {
            return Err("the program has no symbols".to_owned());
        }
        Ok(Self { by_start })
    }

    /// The names of what lies in the piece.
    fn in_piece(&self, piece: u64) -> impl Iterator<Item = &'a str> {
        let start = piece.saturating_mul(PIECE);
        let end = start.saturating_add(PIECE);
        let before = self.by_start.range(..end).rev();
        let found = before.take_while(move |(_, (ends, _))| *ends > start);
        found.flat_map(|(_, (_, names))| names.iter().copied())
    }
}

/// A symbol with the numbers of its crates left open.
fn any_crate(symbol: &str) -> String {
    if !symbol.starts_with("_R") {
        return symbol.to_owned();
    }
    let mut open = String::with_capacity(symbol.len());
    let mut rest = symbol;
    while let Some((before, after)) = rest.split_once("Cs") {
        open.push_str(before);
        open.push_str("Cs");
        let end = after.find(|c: char| !c.is_ascii_alphanumeric());
        rest = match end.and_then(|end| after.split_at_checked(end)) {
            Some((number, rest)) if rest.starts_with('_') && !number.is_empty() => {
                open.push('*');
                rest
            }
            _ => after,
        };
    }
    // What the compiler numbers when it puts crates together.
    let name = rest.find('.').and_then(|end| rest.get(..end));
    open.push_str(name.unwrap_or(rest));
    if name.is_some() {
        open.push_str(".*");
    }
    open
}

/// Which member of the C library has each of its functions.
fn library_members() -> BTreeMap<String, String> {
    let output = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let path = output("cc", &["-print-file-name=libc.a"]).unwrap_or_default();
    let listed = output("nm", &["--defined-only", path.trim()]).unwrap_or_default();
    let mut members = BTreeMap::new();
    let mut member = String::new();
    for line in listed.lines() {
        if let Some(name) = line.strip_suffix(':') {
            name.clone_into(&mut member);
        } else if let [_, "T" | "t" | "W" | "i", symbol] = line.split(' ').collect::<Vec<_>>()[..] {
            members.insert(symbol.to_owned(), member.clone());
        }
    }
    members
}

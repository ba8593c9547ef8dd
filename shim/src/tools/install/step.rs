//! The steps of a plan: what is there, what is to be there, and getting from one to the other.
//!
//! Whatever interrupts a step leaves the old or the new, each whole: files and links are made beside
//! what they replace, flushed, and renamed over it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::fault::Fault;
use super::host::make_folder;

/// One change.
#[derive(Debug)]
pub(super) enum Step {
    /// A configuration file.
    File {
        /// Its path on the host.
        shown: PathBuf,
        /// Where it is for us.
        place: PathBuf,
        /// Its text now.
        before: Option<String>,
        /// Its text to be.
        after: Option<String>,
        /// The backup that is put back by this, which then goes; without one, a backup is made.
        undoes: Undoes,
    },
    /// A link.
    Link {
        shown: PathBuf,
        place: PathBuf,
        before: Option<PathBuf>,
        after: Option<PathBuf>,
    },
    /// This program, copied to a host.
    Program { shown: PathBuf, place: PathBuf },
}

/// What becomes of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undoes {
    /// The text before is new to us: keep it.
    Nothing,
    /// The text to be is that of a backup, which is needed no more.
    Backup(PathBuf),
    /// The text before was ours alone.
    Ours,
}

impl Step {
    /// Whether it changes anything.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::File { before, after, .. } => before != after,
            Self::Link { before, after, .. } => before != after,
            Self::Program { .. } => true,
        }
    }

    /// What it changes, as a unified diff or one line.
    pub(super) fn diff(&self) -> String {
        match self {
            Self::File {
                shown,
                before,
                after,
                ..
            } => {
                let name = |text: &Option<String>| match text {
                    Some(_) => shown.display().to_string(),
                    None => "/dev/null".to_owned(),
                };
                let (old, new) = (before.as_deref(), after.as_deref());
                let diff =
                    similar::TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
                diff.unified_diff()
                    .header(&name(before), &name(after))
                    .to_string()
            }
            Self::Link {
                shown,
                before,
                after,
                ..
            } => {
                let line = |sign: char, target: &Option<PathBuf>| match target {
                    Some(target) => {
                        format!("{sign}link {} -> {}\n", shown.display(), target.display())
                    }
                    None => String::new(),
                };
                line('-', before) + &line('+', after)
            }
            Self::Program { shown, .. } => format!("+program {}\n", shown.display()),
        }
    }

    /// Does it; gives the backup that it made.
    pub(super) fn apply(&self) -> Result<Option<PathBuf>, Fault> {
        match self {
            Self::File {
                place,
                before,
                after,
                undoes,
                ..
            } => {
                // Somebody may have edited it since it was read.
                if current(place)? != *before {
                    return Err(Fault::Config {
                        path: place.clone(),
                        what: "it was changed meanwhile; try again".to_owned(),
                    });
                }
                let backup = match (before, undoes) {
                    (Some(text), Undoes::Nothing) => Some(back_up(place, text)?),
                    _ => None,
                };
                match after {
                    Some(text) => replace(place, text)?,
                    None => fs::remove_file(place).map_err(Fault::io(place, "remove"))?,
                }
                if let Undoes::Backup(backup) = undoes {
                    fs::remove_file(backup).map_err(Fault::io(backup, "remove"))?;
                }
                Ok(backup)
            }
            Self::Link { place, after, .. } => {
                match after {
                    Some(target) => {
                        make_folder(place)?;
                        let beside = beside(place);
                        forget(&beside)?;
                        symlink(target, &beside).map_err(Fault::io(&beside, "make"))?;
                        fs::rename(&beside, place).map_err(Fault::io(place, "replace"))?;
                    }
                    None => {
                        fs::remove_file(place).map_err(Fault::io(place, "remove"))?;
                        // The last one takes the folder with it: without it every call is quicker.
                        let _ = place.parent().map(fs::remove_dir);
                    }
                }
                Ok(None)
            }
            Self::Program { place, .. } => {
                make_folder(place)?;
                let beside = beside(place);
                forget(&beside)?;
                let own = Path::new("/proc/self/exe");
                fs::copy(own, &beside).map_err(Fault::io(&beside, "write"))?;
                let file = File::open(&beside).map_err(Fault::io(&beside, "open"))?;
                let executable = fs::Permissions::from_mode(0o755);
                file.set_permissions(executable)
                    .and_then(|()| file.sync_all())
                    .map_err(Fault::io(&beside, "finish"))?;
                fs::rename(&beside, place).map_err(Fault::io(place, "replace"))?;
                Ok(None)
            }
        }
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::File { shown, .. } => json!({"file": shown, "diff": self.diff()}),
            Self::Link {
                shown,
                before,
                after,
                ..
            } => {
                json!({"link": shown, "before": before, "after": after})
            }
            Self::Program { shown, .. } => json!({"program": shown}),
        }
    }
}

fn current(place: &Path) -> Result<Option<String>, Fault> {
    match fs::read_to_string(place) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::io(place, "read")(error)),
    }
}

/// A file of the name that marks it as half-made, of our own process. Not in a folder of drop-ins:
/// CRI-O reads whatever is there.
fn beside(place: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(format!(".seccomp-shim.{}", std::process::id()));
    let folder = place.parent().unwrap_or(place);
    let drop_ins = folder.extension().is_some_and(|ending| ending == "d");
    match folder.parent().filter(|_| drop_ins) {
        Some(above) => above.join(name),
        None => folder.join(name),
    }
}

/// Takes away what a killed process of the same number may have left.
fn forget(beside: &Path) -> Result<(), Fault> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Fault::io(beside, "remove")(error))
        }
        _ => Ok(()),
    }
}

fn replace(place: &Path, text: &str) -> Result<(), Fault> {
    make_folder(place)?;
    let beside = beside(place);
    forget(&beside)?;
    let result = write_like(&beside, text, place)
        .map_err(Fault::io(&beside, "write"))
        .and_then(|()| fs::rename(&beside, place).map_err(Fault::io(place, "replace")));
    if result.is_err() {
        // The error that matters is the one that brought us here.
        let _ = fs::remove_file(&beside);
        return result;
    }
    let folder = place.parent().unwrap_or(place);
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(Fault::io(folder, "flush"))
}

/// Writes a new file with the owner, mode and labels of `like`, if that is there.
fn write_like(new: &Path, text: &str, like: &Path) -> io::Result<()> {
    let old = match File::open(like) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(if old.is_some() { 0o600 } else { 0o644 })
        .open(new)?;
    file.write_all(text.as_bytes())?;
    if let Some(old) = old {
        let stat = old.metadata()?;
        let own = file.metadata()?;
        if (stat.uid(), stat.gid()) != (own.uid(), own.gid()) {
            fchown(&file, Some(stat.uid()), Some(stat.gid()))?;
        }
        bundle::copy_attributes(&old, &file).map_err(io::Error::from)?;
        file.set_permissions(stat.permissions())?;
    }
    file.sync_all()
}

/// Keeps a text beside its file, under a name that has the time and that no older one has.
fn back_up(place: &Path, text: &str) -> Result<PathBuf, Fault> {
    let stem = backup_stem(place);
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let digits: String = now.chars().filter(char::is_ascii_digit).collect();
    for again in 0..MOST_IN_A_SECOND {
        let mut name = stem.clone();
        name.push(&digits);
        if again > 0 {
            name.push(format!(".{again}"));
        }
        let path = place.with_file_name(name);
        match write_like_new(&path, text, place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
            Err(error) => return Err(Fault::io(path, "write")(error)),
            Ok(()) => return Ok(path),
        }
    }
    Err(Fault::Config {
        path: place.to_owned(),
        what: "it has too many backups of this second; remove some".to_owned(),
    })
}

/// How many backups of one file a second may have: they are named by it.
const MOST_IN_A_SECOND: u32 = 100;

fn write_like_new(path: &Path, text: &str, like: &Path) -> io::Result<()> {
    let result = write_like(path, text, like);
    if let Err(error) = &result
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        // Half a backup is none.
        let _ = fs::remove_file(path);
    }
    result
}

fn backup_stem(place: &Path) -> OsString {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".seccomp-shim-");
    name
}

/// The backups of a file with their texts, newest first.
pub(super) fn backups(place: &Path) -> Result<Vec<(PathBuf, String)>, Fault> {
    let folder = place.parent().unwrap_or(place);
    let stem = backup_stem(place);
    let stem = stem.to_string_lossy();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Fault::io(folder, "list"))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Fault::io(folder, "list"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(time) = name.strip_prefix(&*stem) else {
            continue;
        };
        let (time, again) = time.split_once('.').unwrap_or((time, "0"));
        let again: u32 = again.parse().unwrap_or(0);
        let key = (time.to_owned(), again);
        let text = fs::read_to_string(&path).map_err(Fault::io(&path, "read"))?;
        found.push((key, path, text));
    }
    found.sort_by(|one, other| other.0.cmp(&one.0));
    Ok(found
        .into_iter()
        .map(|(_, path, text)| (path, text))
        .collect())
}

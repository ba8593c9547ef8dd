//! Asking the engine itself whether it understands the new file, before it is put in place.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use early_entry::places::FOLDERS;

use super::fault::Fault;
use super::plan::Plan;
use super::step::Step;
use super::{Asked, Engine};
use crate::runtime::is_program;

/// Has the engine of this host read the new files, where it can do that without starting.
pub(super) fn before(asked: &Asked, plan: &Plan) -> Result<(), Fault> {
    if !plan.host.is_this() {
        return Ok(());
    }
    for step in plan.steps.iter().filter(|step| step.changes()) {
        let Step::File {
            shown,
            place,
            after: Some(text),
            ..
        } = step
        else {
            continue;
        };
        let refused = match asked.engine {
            Engine::Docker => dockerd(place, text)?,
            Engine::Containerd => containerd(place, text, &plan.path)?,
            Engine::Crio | Engine::Podman => None,
        };
        if let Some(words) = refused {
            return Err(Fault::Config {
                path: shown.clone(),
                what: format!("the engine would refuse it: {words}; nothing was changed"),
            });
        }
    }
    Ok(())
}

/// `dockerd --validate`, which 23 and later have.
fn dockerd(place: &Path, text: &str) -> Result<Option<String>, Fault> {
    let Some(dockerd) = program("dockerd") else {
        return Ok(None);
    };
    let draft = Draft::write(place, text)?;
    let mut command = Command::new(dockerd);
    command.arg("--validate").arg("--config-file").arg(&draft.0);
    let words = said(&mut command).filter(|words| {
        // An older one does not know the option; that is not its last line.
        !words.contains("unknown flag")
    });
    Ok(words.map(|words| last_line(&words, &draft)))
}

/// `containerd config dump`, which reads the file and its imports, and shows what it took from them: 2.x
/// passes over runtimes in a file of version 1.
fn containerd(place: &Path, text: &str, started: &Path) -> Result<Option<String>, Fault> {
    let Some(containerd) = program("containerd") else {
        return Ok(None);
    };
    // What is switched off is not shown.
    let shown = super::containerd::with_all_plugins(text).unwrap_or_else(|_| text.to_owned());
    let draft = Draft::write(place, &shown)?;
    let mut command = Command::new(containerd);
    command.arg("-c").arg(&draft.0).args(["config", "dump"]);
    if let Some(words) = said(&mut command) {
        return Ok(Some(last_line(&words, &draft)));
    }
    let started = started.display().to_string();
    let dump = command.output().map(|output| output.stdout);
    let dump = dump.map_err(Fault::io(place, "have containerd read"))?;
    let lost = text.contains(&started) && !String::from_utf8_lossy(&dump).contains(&started);
    Ok(lost.then(|| UNREAD.to_owned()))
}

/// Said where containerd takes a file without our entry.
const UNREAD: &str = "it passes over the runtimes in a file of this version; make it one of version 2 or 3 (containerd config migrate)";

/// What a program that fails says.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    if output.status.success() {
        return None;
    }
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The reason, which engines give last.
fn last_line(words: &str, draft: &Draft) -> String {
    let line = words.lines().rfind(|line| !line.trim().is_empty());
    let line = line.unwrap_or("it gives no reason").trim();
    line.replace(&draft.0.display().to_string(), "the file")
}

/// Where an engine's program is on this host.
pub(in crate::tools) fn program(name: &str) -> Option<PathBuf> {
    let places = FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    places.into_iter().find(|path| is_program(path))
}

/// The new file beside the old one, so that relative imports lead where they will; gone when dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(place: &Path, text: &str) -> Result<Self, Fault> {
        super::host::make_folder(place)?;
        // Not `.toml` or `.json`, so that nothing that reads a whole folder takes it.
        let name = format!(".seccomp-shim.draft.{}", std::process::id());
        let draft = Self(place.with_file_name(name));
        let _ = std::fs::remove_file(&draft.0);
        let mut options = std::fs::OpenOptions::new();
        let file =
            std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create_new(true), 0o600);
        let written = file
            .open(&draft.0)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        written.map_err(Fault::io(&draft.0, "write"))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Left behind, it harms nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}

//! An engine's command, changed so that shim makes its container, and what tells that container from
//! others.
//!
//! podman, nerdctl and ctr take a runtime's path with the command, so they get a script of ours; dockerd
//! must have been told of a handler before. Whoever else comes by that way while the recording goes
//! on is no part of it: its container is known by the file that the engine writes its id to before
//! it has it made, or by an annotation with a secret.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use policy::Directory;
use serde_json::Value;

use crate::argv::Own;
use crate::runtime::Runtime;
use crate::{errno_words, handler};

/// The handler that is set up for recording unless another is named.
pub(super) const HANDLER: &str = "shim-record";

/// A command that can be recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) ours: Ours,
    /// The runtime behind the script that [`Recorded::command`] names, if it names one.
    pub(super) behind: Option<PathBuf>,
    program: OsString,
    words: Words,
}

/// How the command's container is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ours {
    /// Nobody else is told of the policy.
    Alone,
    /// The engine writes its id to a file.
    Id,
    /// It has an annotation.
    Annotated,
}

/// What of ours goes where among the command's words.
#[derive(Debug)]
enum Words {
    /// A runtime's own, which shim runs.
    Runtime { path: PathBuf, rest: Vec<OsString> },
    /// An engine's, before its subcommand and from there on.
    Engine {
        kind: Engine,
        before: Vec<OsString>,
        after: Vec<OsString>,
    },
}

#[derive(Debug, Clone)]
enum Engine {
    Docker { handler: String },
    Podman,
    Nerdctl,
    Ctr,
}

/// What a session has for its command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means<'a> {
    /// The folder of its policy.
    pub(super) policy: &'a Path,
    /// The script that is a runtime.
    pub(super) script: &'a Path,
    /// Where the engine is to write the container's id.
    pub(super) id_file: &'a Path,
    /// The annotation, `key=value`.
    pub(super) annotation: &'a str,
}

impl Recorded {
    /// Reads the command. `folder` is that of the policy that handlers name.
    pub(super) fn of(words: &[OsString], handler: &str, folder: &Path) -> Result<Self, String> {
        let Some((program, rest)) = words.split_first() else {
            return Err("name a command".to_owned());
        };
        let name = Path::new(program).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        if let "runc" | "crun" | "youki" = name.as_ref() {
            let path = find(program).ok_or_else(|| format!("there is no {name}"))?;
            return Ok(Self {
                ours: Ours::Alone,
                behind: None,
                program: OsString::from("/proc/self/exe"),
                words: Words::Runtime {
                    path,
                    rest: rest.to_vec(),
                },
            });
        }
        let kind = match name.as_ref() {
            "docker" => Engine::Docker {
                handler: handler.to_owned(),
            },
            "podman" => Engine::Podman,
            "nerdctl" => Engine::Nerdctl,
            "ctr" => Engine::Ctr,
            _ => {
                return Err(format!(
                    "{name} is none of docker, podman, nerdctl, ctr, runc, crun and youki; for others \
                     run shim agent, and a policy with mode = \"record\""
                ));
            }
        };
        let run = rest.iter().position(|word| word == "run");
        let (before, after) = run
            .and_then(|at| rest.split_at_checked(at.saturating_add(1)))
            .ok_or_else(|| format!("the command must be {name} run …"))?;
        kind.check(before, after)?;
        let before = before.to_vec();
        let behind = match &kind {
            Engine::Docker { handler } => {
                set_up(handler, folder)?;
                known(program, &before, handler)?;
                None
            }
            Engine::Podman => Some(podmans(program, &before)?),
            Engine::Nerdctl | Engine::Ctr => Some(the_nodes()?),
        };
        Ok(Self {
            ours: match kind {
                Engine::Ctr => Ours::Annotated,
                _ => Ours::Id,
            },
            behind,
            program: program.clone(),
            words: Words::Engine {
                kind,
                before,
                after: after.to_vec(),
            },
        })
    }

    /// The command to run.
    pub(super) fn command(&self, means: Means<'_>) -> Command {
        let mut command = Command::new(&self.program);
        match &self.words {
            Words::Runtime { path, rest } => {
                command.arg("--shim-runtime").arg(path);
                command.arg("--shim-policy").arg(means.policy).args(rest);
            }
            Words::Engine {
                kind,
                before,
                after,
            } => {
                command.args(before);
                match kind {
                    Engine::Docker { handler } => command.args(["--runtime", handler]),
                    Engine::Podman | Engine::Nerdctl => command.arg("--runtime").arg(means.script),
                    Engine::Ctr => command.arg("--runc-binary").arg(means.script),
                };
                match self.ours {
                    Ours::Alone => (),
                    Ours::Id => {
                        command.arg("--cidfile").arg(means.id_file);
                    }
                    Ours::Annotated => {
                        command.args(["--annotation", means.annotation]);
                    }
                }
                command.args(after);
            }
        }
        command
    }
}

impl Engine {
    /// Whether the command leaves us what we say ourselves.
    fn check(&self, before: &[OsString], after: &[OsString]) -> Result<(), String> {
        let has = |words: &[OsString], options: &[&str]| {
            let mut words = words.iter();
            words.any(|word| options.iter().any(|option| is_option(word, option)))
        };
        // What is said last holds, and some of this may be the container's own words: then they can
        // stand behind `sh -c`.
        match self {
            Self::Podman if has(after, &["--runtime"]) => {
                Err("put --runtime before run: podman --runtime crun run …".to_owned())
            }
            Self::Docker { .. } | Self::Nerdctl if has(after, &["--runtime"]) => {
                Err("the command names a runtime itself; leave --runtime out".to_owned())
            }
            Self::Ctr if has(after, &["--runtime", "--runc-binary"]) => Err(
                "the command names a runtime itself; leave --runtime and --runc-binary out"
                    .to_owned(),
            ),
            Self::Docker { .. } | Self::Podman | Self::Nerdctl if has(after, &["--cidfile"]) => {
                Err(
                    "leave --cidfile out: by it the container is known as the one to record"
                        .to_owned(),
                )
            }
            // Its words before `run` could be another's: `podman pod run`, say.
            _ if before.iter().any(|word| word == "compose") => {
                Err("compose cannot be recorded in one go; run its service alone".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn is_option(word: &OsStr, option: &str) -> bool {
    let rest = word.as_encoded_bytes().strip_prefix(option.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
}

/// Whether the handler is there, and for recording.
fn set_up(handler: &str, folder: &Path) -> Result<(), String> {
    let leads = std::fs::read_link(handler::link(handler, "policy"));
    if leads.is_ok_and(|to| to == folder) {
        return Ok(());
    }
    Err(format!(
        "dockerd is not set up for recording; once, as root: shim install docker --handler {handler} \
         --policy {} --reload",
        folder.display()
    ))
}

/// Whether the daemon that the command asks knows the handler.
fn known(program: &OsStr, before: &[OsString], handler: &str) -> Result<(), String> {
    let runtimes = says(program, before, "{{json .Runtimes}}")?;
    let runtimes: Value = serde_json::from_str(&runtimes).unwrap_or_default();
    let path = runtimes.get(handler).and_then(|known| known.get("path"));
    let ours = Path::new(handler::FOLDER).join(handler);
    if path
        .and_then(Value::as_str)
        .is_some_and(|path| Path::new(path) == ours)
    {
        return Ok(());
    }
    Err(format!(
        "dockerd has no runtime {handler:?} yet, which its configuration names: systemctl reload docker \
         (or send SIGHUP to dockerd)"
    ))
}

/// What an engine's `info` says.
fn says(program: &OsStr, before: &[OsString], format: &str) -> Result<String, String> {
    let globals = before.iter().take_while(|word| *word != "run");
    let globals = globals.filter(|word| *word != "container");
    let name = program.display();
    let asked = Command::new(program)
        .args(globals)
        .args(["info", "--format", format])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    if !asked.status.success() {
        let why = String::from_utf8_lossy(&asked.stderr);
        let why = why.trim().lines().next_back().unwrap_or_default();
        return Err(format!("{name} info fails: {why}"));
    }
    Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

/// The real runtime that podman would use.
fn podmans(program: &OsStr, before: &[OsString]) -> Result<PathBuf, String> {
    let path = PathBuf::from(says(program, before, "{{.Host.OCIRuntime.Path}}")?);
    let fail = |error: io::Error| format!("podman's runtime {}: {error}", path.display());
    if is_ourselves(&path).map_err(fail)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let behind = std::fs::read_link(handler::link(&name, "runtime"));
        return behind.or_else(|_| the_nodes());
    }
    if std::fs::read(&path).map_err(fail)?.starts_with(b"#!") {
        return Err(format!(
            "podman's runtime {} is a script; name the runtime itself: podman --runtime /usr/bin/crun \
             run …",
            path.display()
        ));
    }
    Ok(path)
}

fn is_ourselves(path: &Path) -> io::Result<bool> {
    let (one, other) = (
        std::fs::metadata(path)?,
        std::fs::metadata("/proc/self/exe")?,
    );
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// The runtime that shim takes on this node.
fn the_nodes() -> Result<PathBuf, String> {
    let directory = Directory::open(Path::new(policy::DEFAULT_DIRECTORY));
    let directory = directory.map_err(|error| errno_words::chain(&error))?;
    let runtime = Runtime::find(&Own::default(), directory.as_ref());
    let runtime = runtime.map_err(|error| errno_words::chain(&error))?;
    Ok(runtime.path().to_owned())
}

/// A program by its path, or by its name in PATH.
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return std::path::absolute(program).ok();
    }
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders
        .find(|folder| folder.join(program).is_file())
        .map(|folder| folder.join(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Recorded, String> {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        Recorded::of(&words, "no-such-handler", Path::new("/p"))
    }

    fn args(recorded: &Recorded) -> Vec<String> {
        let command = recorded.command(Means {
            policy: Path::new("/p"),
            script: Path::new("/s"),
            id_file: Path::new("/i"),
            annotation: "k=v",
        });
        let args = command.get_args();
        args.map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_runtime_is_had_through_shim() {
        let recorded = of("/usr/sbin/runc run -b x id").unwrap();
        let expected = "--shim-runtime /usr/sbin/runc --shim-policy /p run -b x id";
        assert_eq!(args(&recorded).join(" "), expected);
        assert_eq!(recorded.ours, Ours::Alone);
    }

    #[test]
    fn engines_are_told_of_a_script_and_of_what_names_the_container() {
        let engine = |kind, ours| Recorded {
            ours,
            behind: None,
            program: "x".into(),
            words: Words::Engine {
                kind,
                before: vec!["-a".into(), "run".into()],
                after: vec!["image".into()],
            },
        };
        let docker = Engine::Docker {
            handler: "h".into(),
        };
        for (kind, ours, expected) in [
            (docker, Ours::Id, "-a run --runtime h --cidfile /i image"),
            (
                Engine::Podman,
                Ours::Id,
                "-a run --runtime /s --cidfile /i image",
            ),
            (
                Engine::Ctr,
                Ours::Annotated,
                "-a run --runc-binary /s --annotation k=v image",
            ),
        ] {
            assert_eq!(args(&engine(kind, ours)).join(" "), expected);
        }
    }

    #[test]
    fn what_is_not_set_up_or_cannot_be_says_how() {
        for (line, expected) in [
            (
                "docker run busybox",
                "shim install docker --handler no-such-handler --policy /p --reload",
            ),
            ("docker run --runtime=x busybox", "leave --runtime out"),
            ("podman run --runtime x busybox", "put --runtime before run"),
            ("podman run --cidfile=x busybox", "leave --cidfile out"),
            ("ctr run --runc-binary x i", "--runc-binary out"),
            ("docker compose run x", "compose cannot"),
            ("podman start x", "must be podman run"),
            ("crictl run", "none of docker"),
        ] {
            let error = of(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}

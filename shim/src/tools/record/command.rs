//! An engine's command, changed so that shim makes its containers.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::handler;

/// The handler that is set up for recording unless another is named.
pub(super) const HANDLER: &str = "shim-record";

/// The command with our runtime in it.
pub(super) fn recorded(
    words: &[OsString],
    handler: &str,
    policy: &Path,
) -> Result<Command, String> {
    let Some((program, rest)) = words.split_first() else {
        return Err("name a command".to_owned());
    };
    let name = Path::new(program).file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    if words.iter().any(|word| is_runtime_option(word)) {
        return Err("the command names a runtime itself; leave --runtime out".to_owned());
    }
    match name.as_ref() {
        "runc" | "crun" | "youki" => {
            let path = find(program).ok_or_else(|| format!("there is no {name}"))?;
            let mut command = Command::new("/proc/self/exe");
            command.arg("--shim-runtime").arg(path);
            command.arg("--shim-policy").arg(policy).args(rest);
            Ok(command)
        }
        "podman" => {
            set_up(handler, policy, "podman")?;
            let mut command = Command::new(program);
            command.args(["--runtime", handler]).args(rest);
            Ok(command)
        }
        "docker" | "nerdctl" => {
            set_up(
                handler,
                policy,
                if name == "docker" {
                    "docker"
                } else {
                    "containerd"
                },
            )?;
            let run = rest.iter().position(|word| word == "run");
            let (before, after) = run
                .and_then(|at| rest.split_at_checked(at.saturating_add(1)))
                .ok_or_else(|| format!("the command must be {name} run …"))?;
            let mut command = Command::new(program);
            command
                .args(before)
                .args(["--runtime", handler])
                .args(after);
            Ok(command)
        }
        _ => Err(format!(
            "{name} is none of docker, nerdctl, podman, runc, crun and youki; for others run shim \
             agent, and a policy with mode = \"record\""
        )),
    }
}

fn is_runtime_option(word: &OsStr) -> bool {
    word == "--runtime" || word.as_encoded_bytes().starts_with(b"--runtime=")
}

/// Whether the handler is there, and for recording.
fn set_up(handler: &str, folder: &Path, engine: &str) -> Result<(), String> {
    let leads = std::fs::read_link(handler::link(handler, "policy"));
    if leads.is_ok_and(|to| to == folder) {
        return Ok(());
    }
    Err(format!(
        "the handler {handler:?} is not set up for recording; once, as root: shim install {engine} \
         --handler {handler} --policy {} --reload",
        folder.display()
    ))
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

    #[test]
    fn a_runtime_is_had_through_shim() {
        let words = ["/usr/sbin/runc", "run", "-b", "x", "id"].map(OsString::from);
        let command = recorded(&words, HANDLER, Path::new("/p")).unwrap();
        let args: Vec<&OsStr> = command.get_args().collect();
        let expected = [
            "--shim-runtime",
            "/usr/sbin/runc",
            "--shim-policy",
            "/p",
            "run",
        ];
        assert_eq!(args.get(..5).unwrap(), expected);
    }

    #[test]
    fn what_is_not_set_up_says_how() {
        let words = ["docker", "run", "busybox"].map(OsString::from);
        let error = recorded(&words, "no-such-handler", Path::new("/p")).unwrap_err();
        assert!(
            error.contains("shim install docker --handler no-such-handler"),
            "{error}"
        );
        let words = ["podman", "--runtime=x", "run"].map(OsString::from);
        assert!(recorded(&words, HANDLER, Path::new("/p")).is_err());
        assert!(recorded(&[OsString::from("ctr")], HANDLER, Path::new("/p")).is_err());
    }
}

//! The real runtimes on this host.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use early_entry::places::{FOLDERS, NAMES};
use policy::Directory;
use serde_json::Value;

use super::finding::Finding;
use crate::argv::{Flavor, Own};
use crate::errno_words;
use crate::lacks_seccomp::lacks_seccomp;
use crate::runtime::{Runtime, is_program};

const PART: &str = "runtime";

/// Each runtime that is found, and the one that is used without a handler's own.
pub(super) fn findings(own: &Own, directory: Option<&Directory>) -> Vec<Finding> {
    let mut found = Vec::new();
    let used = match Runtime::find(own, directory) {
        Ok(runtime) => Some(runtime),
        Err(refusal) => {
            found.push(Finding::problem(
                PART,
                format!("every create is refused: {}", errno_words::chain(&refusal)),
                "install runc, crun or youki, or name one by runtime.path in the policy",
            ));
            None
        }
    };
    if let Some(runtime) = &used {
        found.push(Finding::ok(
            PART,
            format!(
                "calls go to {} unless a handler names another",
                runtime.path().display()
            ),
        ));
        found.extend(about(runtime));
    }
    let elsewhere = FOLDERS
        .iter()
        .flat_map(|folder| NAMES.iter().map(move |name| Path::new(folder).join(name)));
    let mut seen: Vec<PathBuf> = Vec::new();
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    seen.extend(used.iter().map(|runtime| real(runtime.path())));
    for path in elsewhere.filter(|path| is_program(path)) {
        if seen.contains(&real(&path)) {
            continue;
        }
        seen.push(real(&path));
        let asked = Own {
            runtime: Some(path.into_os_string()),
            ..Own::default()
        };
        if let Ok(runtime) = Runtime::find(&asked, None) {
            found.extend(about(&runtime));
        }
    }
    found
}

/// One runtime: its version, its `features`, and what is known of it.
pub(super) fn about(runtime: &Runtime) -> Vec<Finding> {
    let path = runtime.path();
    let Some(version) = said(path, "--version") else {
        return vec![Finding::problem(
            PART,
            format!("{} does not answer to --version", path.display()),
            "reinstall it",
        )];
    };
    let line = version.lines().next().unwrap_or_default().trim().to_owned();
    let features =
        said(path, "features").and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let seccomp = features
        .as_ref()
        .and_then(|all| all.pointer("/linux/seccomp"));
    let enabled = match seccomp {
        // youki's features tell nothing of it.
        _ if lacks_seccomp(runtime).is_some() => false,
        _ if runtime.flavor() == Flavor::Youki => true,
        Some(seccomp) => seccomp.get("enabled").and_then(Value::as_bool) != Some(false),
        // crun lists what it was built with; runc names the libseccomp that it has.
        None => runtime.flavor() != Flavor::Crun || version.contains("+SECCOMP"),
    };
    if !enabled {
        return vec![Finding::problem(
            PART,
            format!(
                "{} ({line}) was built without seccomp: no container with a profile can start",
                path.display()
            ),
            "install one that was built with it",
        )];
    }
    let mut words = format!("{}: {line}", path.display());
    if let Some(libseccomp) = libseccomp(&version, features.as_ref()) {
        words.push_str(&format!(", libseccomp {libseccomp}"));
    }
    match seccomp {
        Some(seccomp) => {
            let count = |key| {
                seccomp
                    .get(key)
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len)
            };
            words.push_str(&format!(
                "; seccomp with {} actions, {} architectures",
                count("actions"),
                count("archs")
            ));
        }
        None => words.push_str("; it has no `features`, so engines cannot ask what it can do"),
    }
    words.push_str(match runtime.flavor() {
        Flavor::Runc => "; answers ENOSYS to calls newer than the profile",
        Flavor::Crun | Flavor::Youki | Flavor::Unknown => {
            "; has no ENOSYS for newer calls of its own, so shim writes it into the default profile"
        }
    });
    let mut found = vec![Finding::ok(PART, words)];
    if runtime.flavor() == Flavor::Youki {
        found.push(Finding::warning(
            PART,
            "youki writes its log in a form that containerd and Docker do not read, so its own errors do not show there",
            "look in the bundle's log.json; what shim refuses does show",
        ));
        found.push(Finding::warning(
            PART,
            "youki (seen with 0.7.0) gives what is exec'd into a container no filter, with shim or without",
            "take runc or crun where people exec into containers that they must not leave",
        ));
    }
    found
}

fn libseccomp(version: &str, features: Option<&Value>) -> Option<String> {
    let told = version
        .lines()
        .find_map(|line| line.strip_prefix("libseccomp: "));
    let annotation = features
        .and_then(|all| all.get("annotations"))
        .and_then(|all| all.get("io.github.seccomp.libseccomp.version"))
        .and_then(Value::as_str);
    told.or(annotation).map(|version| version.trim().to_owned())
}

/// What a program says to one word, if it says it well.
pub(super) fn said(program: &Path, word: &str) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.arg(word).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

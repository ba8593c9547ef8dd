//! The engines on this host, and whether shim is set up in them.

use std::fs::{self, File};
use std::path::Path;

use policy::check_trusted;

use super::finding::Finding;
use super::runtimes::{about, said};
use crate::argv::Own;
use crate::errno_words;
use crate::handler;
use crate::runtime::Runtime;
use crate::tools::install::host::Host;
use crate::tools::install::reload::running;
use crate::tools::install::setup::{Found, found, usual_file};
use crate::tools::install::{Engine, containerd, podman, program};

/// All engines. `annotations` is whether the policy reads Kubernetes' old annotations.
pub(super) fn findings(host: &Host, annotations: bool) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut set_up = false;
    for engine in Engine::ALL {
        let (findings, here) = one(engine, host, annotations);
        all.extend(findings);
        set_up |= here;
    }
    if !set_up {
        all.push(Finding::warning(
            "engines",
            "shim is set up in no engine",
            "shim install docker, containerd, crio or podman",
        ));
    }
    all
}

fn one(engine: Engine, host: &Host, annotations: bool) -> (Vec<Finding>, bool) {
    let part = engine.name();
    let mut all = Vec::new();
    let daemon = match engine {
        Engine::Docker => "dockerd",
        Engine::Containerd | Engine::Crio | Engine::Podman => part,
    };
    let installed = host.is_this().then(|| program(daemon)).flatten();
    let files = match found(engine, host) {
        Ok(files) => files,
        Err(fault) => {
            all.push(Finding::problem(
                part,
                fault.to_string(),
                "then run shim doctor again",
            ));
            return (all, false);
        }
    };
    let ours = files.iter().any(|file| !file.handlers.is_empty());
    if let Some(path) = &installed {
        let version = said(path, "--version").unwrap_or_default();
        let version = version
            .lines()
            .next()
            .unwrap_or("says no version")
            .trim()
            .to_owned();
        let running = match (engine, running(daemon).len()) {
            (Engine::Podman, _) => String::new(),
            (_, 0) => ", not running".to_owned(),
            (_, 1) => ", running".to_owned(),
            (_, several) => format!(", {several} running"),
        };
        let words = format!("{}: {version}{running}", path.display());
        all.push(Finding::ok(part, words));
    } else if !ours {
        return (all, false);
    }
    if !ours {
        let words = format!(
            "shim is not set up in it ({})",
            usual_file(engine).display()
        );
        all.push(Finding::ok(part, words).with_mend(format!("shim install {part}")));
        return (all, false);
    }
    for file in &files {
        all.extend(in_file(engine, host, file, annotations));
    }
    if engine == Engine::Docker && host.is_this() {
        all.extend(builds(&files));
    }
    (all, true)
}

/// The handlers in one file.
fn in_file(engine: Engine, host: &Host, file: &Found, annotations: bool) -> Vec<Finding> {
    let part = engine.name();
    let mut all = Vec::new();
    for (name, path) in &file.handlers {
        let default = file.default.as_ref() == Some(name);
        let words = format!(
            "{name} starts {}{} ({})",
            path.display(),
            if default {
                ", for every container that names none"
            } else {
                ""
            },
            file.file.display()
        );
        all.push(Finding::ok(part, words));
        all.extend(program_is_sound(part, host, path));
        if host.is_this() {
            all.extend(links(part, name));
        }
        if engine == Engine::Podman && !podman::supports_json(&file.text, name).unwrap_or(false) {
            all.push(Finding::warning(
                part,
                format!("{name} is not in runtime_supports_json, so Podman shows no reason when a create is refused"),
                format!("shim install podman --handler {name}"),
            ));
        }
        if engine == Engine::Containerd && annotations {
            all.extend(passes_annotations(part, file, name));
        }
    }
    if engine == Engine::Containerd && containerd::cri_is_off(&file.text).unwrap_or(false) {
        all.push(Finding::warning(
            part,
            format!(
                "{} switches the CRI plugin off, so Kubernetes cannot use it",
                file.file.display()
            ),
            "take cri out of disabled_plugins",
        ));
    }
    all
}

/// What an engine starts as root is root's alone to change.
fn program_is_sound(part: &str, host: &Host, path: &Path) -> Option<Finding> {
    let place = host.place(path).ok();
    let Some(file) = place.and_then(|place| File::open(place).ok()) else {
        return Some(Finding::problem(
            part,
            format!(
                "{} is missing: every container under it fails",
                path.display()
            ),
            format!("shim install {part} again, or shim uninstall {part}"),
        ));
    };
    let error = check_trusted(file, path).err()?;
    let words = errno_words::chain(&error);
    Some(Finding::problem(part, words, "then run shim doctor again"))
}

/// The handler's own runtime and policy.
fn links(part: &str, name: &str) -> Vec<Finding> {
    let mut own = Own::default();
    let mut all = Vec::new();
    let mend = format!("shim install {part} --handler {name} with --runtime or --policy");
    match handler::fill_in(&mut own, name.as_ref()) {
        Ok(Some(policy)) => {
            if let Err(refusal) = policy.check() {
                all.push(Finding::problem(part, errno_words::chain(&refusal), &mend));
            }
            if let Some(path) = &own.policy {
                all.push(super::ours::policy(&format!("{name}'s policy"), Path::new(path)).0);
            }
        }
        Ok(None) => (),
        Err(refusal) => all.push(Finding::problem(part, errno_words::chain(&refusal), &mend)),
    }
    if own.runtime.is_some() {
        match Runtime::find(&own, None) {
            Ok(runtime) => {
                let words = format!("{name} calls {}", runtime.path().display());
                all.push(Finding::ok(part, words));
                all.extend(about(&runtime).into_iter().filter(Finding::is_problem));
            }
            Err(refusal) => all.push(Finding::problem(part, errno_words::chain(&refusal), mend)),
        }
    }
    all
}

fn passes_annotations(part: &str, file: &Found, name: &str) -> Option<Finding> {
    let passed = containerd::annotations(&file.text, name).unwrap_or_default();
    let wanted = [
        "seccomp.security.alpha.kubernetes.io/pod",
        "container.seccomp.security.alpha.kubernetes.io/name",
    ];
    // As Go's path.Match: `*` does not go across a slash.
    let handed_on = |wanted: &str| {
        let (domain, key) = wanted.split_once('/').unwrap_or((wanted, ""));
        passed.iter().any(|pattern| {
            pattern.split_once('/').is_some_and(|(first, second)| {
                wildmatch::WildMatch::new(first).matches(domain)
                    && wildmatch::WildMatch::new(second).matches(key)
            })
        })
    };
    let all = wanted.into_iter().all(handed_on);
    (!all).then(|| {
        Finding::warning(
            part,
            format!("the policy reads Kubernetes' old seccomp annotations, and {name} is not given them"),
            format!("add seccomp.security.alpha.kubernetes.io/* and container.seccomp.security.alpha.kubernetes.io/* to its pod_annotations in {}", file.file.display()),
        )
    })
}

/// `docker build` starts plain runc, whatever the default runtime is.
fn builds(files: &[Found]) -> Option<Finding> {
    let default = files.iter().any(|file| {
        let ours = |name: &String| file.handlers.iter().any(|(handler, _)| handler == name);
        file.default.as_ref().is_some_and(ours)
    });
    let told = running("dockerd").into_iter().any(|pid| {
        let all = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        all.split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(b"DOCKER_BUILDKIT_RUNC_COMMAND="))
    });
    (default && !told).then(|| {
        Finding::warning(
            "docker",
            "shim is the default runtime, but docker build with BuildKit goes past it",
            "start dockerd with DOCKER_BUILDKIT_RUNC_COMMAND set to shim's path",
        )
    })
}

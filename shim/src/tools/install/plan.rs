//! What has to change, found out before anything does.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::configuration::Wish;
use super::fault::Fault;
use super::host::Host;
use super::named::{find_policy, find_runtime, linked_runtime};
use super::own::{binary, is_or_was_ours, is_ours, what_is_started};
use super::setup::{Target, found, targets, usual_file};
use super::step::{Step, Undoes};
use super::taken_out::taken_out;
use super::{Asked, Engine, Install, containerd};
use crate::handler::{self, FOLDER};

/// A plan with what it rests on.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) host: Host,
    /// What the engine is to start.
    pub(super) path: PathBuf,
    /// In the order in which they are done.
    pub(super) steps: Vec<Step>,
    /// What the admin should know besides.
    pub(super) notes: Vec<String>,
    /// The engine takes it only when it is restarted, and must not be asked to reload.
    pub(super) restart: bool,
}

/// Names that engines keep for the real runtimes.
const RESERVED: &[&str] = &["runc", "crun", "youki", "kata", "runsc", "krun"];

/// The plan to set an engine up.
pub(super) fn install(install: &Install) -> Result<Plan, Fault> {
    let asked = &install.asked;
    check_name(&asked.handler)?;
    let host = Host::new(&asked.root);
    let mut steps = Vec::new();
    let binary = binary(asked, &host, &mut steps)?;
    let path = what_is_started(&asked.handler, &binary);
    if path != binary {
        steps.push(link(&host, &path, Some(&binary))?);
    }
    let runtime = install.runtime.as_deref();
    let runtime = runtime
        .map(|named| find_runtime(&host, named))
        .transpose()?;
    if let Some(runtime) = &runtime {
        let at = handler::link(&asked.handler, "runtime");
        steps.push(link(&host, &at, Some(runtime))?);
    }
    if let Some(policy) = &install.policy {
        let policy = find_policy(&host, policy)?;
        let at = handler::link(&asked.handler, "policy");
        steps.push(link(&host, &at, Some(&policy))?);
    }
    let file = config(asked);
    let crun = runtime.or_else(|| linked_runtime(&host, &asked.handler));
    let crun = crun.is_some_and(|path| path.file_name().is_some_and(|name| name == "crun"));
    let mut notes = Vec::new();
    for target in targets(asked.engine, &host, &file, crun)? {
        let before = host.read(&target.path)?;
        refuse_others(&host, &target, before.as_deref(), &asked.handler, &path)?;
        let started = path.to_string_lossy();
        let wish = Wish {
            handler: &asked.handler,
            path: &started,
            default: install.set_default,
        };
        let after = target
            .ways
            .add(before.as_deref(), &wish)
            .map_err(placed(&target.path))?;
        if asked.engine == Engine::Containerd && containerd::cri_is_off(&after).unwrap_or(false) {
            notes.push(format!(
                "{} switches the CRI plugin off (disabled_plugins), so Kubernetes cannot use it",
                target.path.display()
            ));
        }
        steps.push(Step::File {
            place: host.place(&target.path)?,
            shown: target.path.clone(),
            undoes: if target.ways.is_ours() {
                Undoes::Ours
            } else {
                Undoes::Nothing
            },
            before,
            after: Some(after),
        });
    }
    if asked.engine == Engine::Docker && install.set_default {
        notes.push(
            "docker build goes past default-runtime; for BuildKit start dockerd with \
             DOCKER_BUILDKIT_RUNC_COMMAND set to this path"
                .to_owned(),
        );
    }
    Ok(Plan {
        host,
        path,
        steps,
        notes,
        restart: false,
    })
}

/// The plan to take it out again.
pub(super) fn uninstall(asked: &Asked) -> Result<Plan, Fault> {
    check_name(&asked.handler)?;
    let host = Host::new(&asked.root);
    let file = config(asked);
    let mut restart = false;
    let mut steps = Vec::new();
    let mut path = PathBuf::new();
    let mut imported_by = None;
    let crun = linked_runtime(&host, &asked.handler)
        .is_some_and(|path| path.file_name().is_some_and(|name| name == "crun"));
    for (index, target) in targets(asked.engine, &host, &file, crun)?
        .into_iter()
        .enumerate()
    {
        if index > 0 {
            // The file that imports ours: only once there is nothing left to import.
            imported_by = Some(target);
            continue;
        }
        let Some(now) = host.read(&target.path)? else {
            continue;
        };
        let named = target
            .ways
            .path_of(&now, &asked.handler)
            .map_err(placed(&target.path))?;
        let Some(named) = named else { continue };
        path = PathBuf::from(&named);
        refuse_others(&host, &target, Some(&now), &asked.handler, &path)?;
        let place = host.place(&target.path)?;
        let (after, undoes) = taken_out(&target, &place, &now, &asked.handler, &named)?;
        restart = asked.engine == Engine::Docker
            && leaves_no_default(&target, &now, after.as_deref(), &asked.handler)?;
        steps.push(Step::File {
            place,
            shown: target.path,
            before: Some(now),
            after,
            undoes,
        });
    }
    let gone = matches!(steps.first(), Some(Step::File { after: None, .. }));
    if let Some(target) = imported_by.filter(|_| gone)
        && let Some(now) = host.read(&target.path)?
    {
        let place = host.place(&target.path)?;
        let (after, undoes) = taken_out(&target, &place, &now, &asked.handler, "")?;
        steps.insert(
            0,
            Step::File {
                place,
                shown: target.path,
                before: Some(now),
                after,
                undoes,
            },
        );
    }
    if !used_elsewhere(&host, asked, &file)? {
        let links = [
            Path::new(FOLDER).join(&asked.handler),
            handler::link(&asked.handler, "runtime"),
            handler::link(&asked.handler, "policy"),
        ];
        for at in links {
            steps.push(link(&host, &at, None)?);
        }
    }
    let mut notes = Vec::new();
    if steps.iter().any(Step::changes) {
        notes.push(
            "containers made under it are stopped and removed through it: see to those first"
                .to_owned(),
        );
        if asked.engine == Engine::Docker {
            notes.push(
                "where no other runtime is left in the file, dockerd forgets this one only when it is restarted"
                    .to_owned(),
            );
        }
    }
    Ok(Plan {
        host,
        path,
        steps,
        notes,
        restart,
    })
}

/// Whether the handler was the default and none is named any more. A dockerd that reloads then takes the
/// runtime it had for its default still: 20.10 ends in a panic, 28 keeps all as it was.
fn leaves_no_default(
    target: &Target<'_>,
    now: &str,
    after: Option<&str>,
    handler: &str,
) -> Result<bool, Fault> {
    let default = |text: &str| {
        let found = target.ways.default_of(text);
        found.map_err(placed(&target.path))
    };
    if default(now)?.as_deref() != Some(handler) {
        return Ok(false);
    }
    Ok(after.map_or(Ok(None), default)?.is_none())
}

fn check_name(handler: &str) -> Result<(), Fault> {
    if !handler::is_name(OsStr::new(handler)) {
        return Err(Fault::Asked(format!(
            "a handler cannot be called {handler:?}; use lower-case letters, digits and dashes, as a RuntimeClass does"
        )));
    }
    if RESERVED.contains(&handler) {
        return Err(Fault::Asked(format!(
            "{handler:?} is what engines call a real runtime; choose another name for the handler"
        )));
    }
    Ok(())
}

fn config(asked: &Asked) -> PathBuf {
    let usual = || usual_file(asked.engine).to_owned();
    asked.config.clone().unwrap_or_else(usual)
}

pub(super) fn placed(path: &Path) -> impl FnOnce(String) -> Fault + use<> {
    let path = path.to_owned();
    move |what| Fault::Config { path, what }
}

/// A runtime of that name that is not ours is not touched.
fn refuse_others(
    host: &Host,
    target: &Target<'_>,
    now: Option<&str>,
    handler: &str,
    path: &Path,
) -> Result<(), Fault> {
    let Some(now) = now else { return Ok(()) };
    let named = target
        .ways
        .path_of(now, handler)
        .map_err(placed(&target.path))?;
    let Some(named) = named else { return Ok(()) };
    let known = Path::new(&named) == path && is_or_was_ours(host, path);
    if known || is_ours(host, Path::new(&named)) {
        return Ok(());
    }
    let what = if named.is_empty() {
        format!(
            "it has a runtime {handler:?} already that is not seccomp-shim; choose another --handler"
        )
    } else {
        format!(
            "it has a runtime {handler:?} already that is not seccomp-shim but {named}; choose another --handler"
        )
    };
    Err(Fault::Config {
        path: target.path.clone(),
        what,
    })
}

/// The step that makes a link lead somewhere, or takes it away.
fn link(host: &Host, at: &Path, to: Option<&Path>) -> Result<Step, Fault> {
    let place = host.place_of_link(at)?;
    let before = match fs::symlink_metadata(&place) {
        Err(_) => None,
        Ok(data) if data.is_symlink() => {
            Some(fs::read_link(&place).map_err(Fault::io(at, "read the link"))?)
        }
        Ok(_) => {
            return Err(Fault::Config {
                path: at.to_owned(),
                what: "it is not a link, so it is not ours; move it out of the way".to_owned(),
            });
        }
    };
    Ok(Step::Link {
        shown: at.to_owned(),
        place,
        before,
        after: to.map(Path::to_owned),
    })
}

/// Whether another engine (or another file) starts the handler, and needs its links.
fn used_elsewhere(host: &Host, asked: &Asked, file: &Path) -> Result<bool, Fault> {
    for engine in Engine::ALL {
        // What cannot be read cannot be shown to use it; its own install would say why.
        let Ok(all) = found(engine, host) else {
            return Ok(true);
        };
        let uses = all.iter().any(|found| {
            let same = engine == asked.engine && (usual_file(engine) == file);
            !same
                && found
                    .handlers
                    .iter()
                    .any(|(name, _)| *name == asked.handler)
        });
        if uses {
            return Ok(true);
        }
    }
    Ok(false)
}

//! Where an engine keeps its configuration, and which files of it are ours to edit.

use std::path::{Path, PathBuf};

use super::Engine;
use super::configuration::Configuration;
use super::containerd::{self, Containerd};
use super::crio::Crio;
use super::docker::Docker;
use super::fault::Fault;
use super::host::Host;
use super::imports::Imports;
use super::podman::Podman;

/// The engine's main file, or our drop-in where it has such.
pub(in crate::tools) fn usual_file(engine: Engine) -> &'static Path {
    Path::new(match engine {
        Engine::Docker => "/etc/docker/daemon.json",
        Engine::Containerd => "/etc/containerd/config.toml",
        Engine::Crio => "/etc/crio/crio.conf.d/50-seccomp-shim.conf",
        Engine::Podman => "/etc/containers/containers.conf.d/50-seccomp-shim.conf",
    })
}

/// The drop-in of containerd 2.x.
const CONTAINERD_DROP_IN: &str = "/etc/containerd/conf.d/50-seccomp-shim.toml";

/// A file with its ways.
pub(super) struct Target<'a> {
    pub(super) path: PathBuf,
    pub(super) ways: Box<dyn Configuration + 'a>,
}

/// The files to edit: the one that holds the runtimes first, then one that must import it.
pub(super) fn targets<'a>(
    engine: Engine,
    host: &Host,
    file: &'a Path,
    crun: bool,
) -> Result<Vec<Target<'a>>, Fault> {
    let one = |ways: Box<dyn Configuration + 'a>| {
        let path = file.to_owned();
        vec![Target { path, ways }]
    };
    let placed = |path: &Path| {
        let path = path.to_owned();
        move |what: String| Fault::Config { path, what }
    };
    Ok(match engine {
        Engine::Docker => one(Box::new(Docker)),
        Engine::Containerd => {
            let main = host.read(file)?;
            match Containerd::drop_in(main.as_deref()).map_err(placed(file))? {
                None => {
                    not_overruled(host, file, main.as_deref())?;
                    one(Box::new(Containerd::Main))
                }
                Some(ways) => {
                    let drop_in = Path::new(CONTAINERD_DROP_IN);
                    vec![
                        Target {
                            path: drop_in.to_owned(),
                            ways: Box::new(ways),
                        },
                        Target {
                            path: file.to_owned(),
                            ways: Box::new(Imports {
                                main: file,
                                drop_in,
                            }),
                        },
                    ]
                }
            }
        }
        Engine::Crio => {
            let earlier = earlier(
                host,
                file,
                &["/etc/crio/crio.conf"],
                "/etc/crio/crio.conf.d",
            )?;
            one(Box::new(Crio::after(&earlier).map_err(placed(file))?))
        }
        Engine::Podman => {
            let mains = [
                "/usr/share/containers/containers.conf",
                "/etc/containers/containers.conf",
            ];
            let earlier = earlier(host, file, &mains, "/etc/containers/containers.conf.d")?;
            one(Box::new(
                Podman::after(&earlier, crun).map_err(placed(file))?,
            ))
        }
    })
}

/// The texts of the files that the engine reads before ours.
fn earlier(host: &Host, ours: &Path, mains: &[&str], folder: &str) -> Result<Vec<String>, Fault> {
    let mut paths: Vec<PathBuf> = mains.iter().map(PathBuf::from).collect();
    let drop_ins = host.list(Path::new(folder), "conf")?;
    paths.extend(drop_ins.into_iter().filter(|path| path.as_path() < ours));
    let mut texts = Vec::new();
    for path in paths {
        texts.extend(host.read(&path)?);
    }
    Ok(texts)
}

/// In containerd 1.x an imported file with a CRI section takes the place of the main file's.
fn not_overruled(host: &Host, file: &Path, main: Option<&str>) -> Result<(), Fault> {
    let imports = containerd::imports(main.unwrap_or_default()).map_err(|what| Fault::Config {
        path: file.to_owned(),
        what,
    })?;
    for import in imports {
        let path = file.parent().unwrap_or(file).join(import);
        let files = match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.contains(['*', '?', '[']) => {
                let folder = path.parent().unwrap_or(&path);
                let pattern = wildmatch::WildMatch::new(name);
                let all = host.list(folder, "toml")?;
                let matches = |path: &PathBuf| {
                    let name = path.file_name().unwrap_or_default();
                    pattern.matches(&name.to_string_lossy())
                };
                all.into_iter().filter(matches).collect()
            }
            _ => vec![path],
        };
        for import in files {
            if host
                .read(&import)?
                .is_some_and(|text| containerd::has_cri(&text))
            {
                let what = format!(
                    "it imports {path}, whose CRI section takes the place of its own in containerd 1.x; \
                     run this again with --config {path}",
                    path = import.display()
                );
                return Err(Fault::Config {
                    path: file.to_owned(),
                    what,
                });
            }
        }
    }
    Ok(())
}

/// What a configuration says of us, for `shim doctor`.
#[derive(Debug)]
pub(in crate::tools) struct Found {
    /// The file that says it.
    pub(in crate::tools) file: PathBuf,
    /// Its text.
    pub(in crate::tools) text: String,
    /// The handlers that are ours, with what they start.
    pub(in crate::tools) handlers: Vec<(String, PathBuf)>,
    /// The default runtime that it names.
    pub(in crate::tools) default: Option<String>,
}

/// The handlers of ours in an engine's configuration, file by file.
pub(in crate::tools) fn found(engine: Engine, host: &Host) -> Result<Vec<Found>, Fault> {
    let file = usual_file(engine);
    let mut all = Vec::new();
    let more = match engine {
        Engine::Crio => host.list(Path::new("/etc/crio/crio.conf.d"), "conf")?,
        Engine::Podman => host.list(Path::new("/etc/containers/containers.conf.d"), "conf")?,
        _ => Vec::new(),
    };
    let mut targets = targets(engine, host, file, false)?;
    for path in more.into_iter().filter(|path| path != file) {
        targets.push(match engine {
            Engine::Crio => Target {
                path,
                ways: Box::new(Crio::after(&[]).map_err(Fault::Asked)?),
            },
            _ => Target {
                path,
                ways: Box::new(Podman::after(&[], false).map_err(Fault::Asked)?),
            },
        });
    }
    for target in targets {
        let Some(text) = host.read(&target.path)? else {
            continue;
        };
        let placed = |what| Fault::Config {
            path: target.path.clone(),
            what,
        };
        let handlers = target.ways.handlers(&text).map_err(placed)?;
        let ours = handlers
            .into_iter()
            .map(|(name, path)| (name, PathBuf::from(path)));
        let ours = ours.filter(|(_, path)| super::own::is_or_was_ours(host, path));
        let handlers = ours.collect();
        let default = target.ways.default_of(&text).map_err(placed)?;
        all.push(Found {
            file: target.path.clone(),
            text,
            handlers,
            default,
        });
    }
    Ok(all)
}

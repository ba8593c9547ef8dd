//! From a type and a name to a profile for this container.

use std::path::{Path, PathBuf};

use default_profile::Newer;
use profile::{Seccomp, Source, Target};
use rustix::io::Errno;

use crate::error::Problem;
use crate::folder::Folder;
use crate::policy::Place;
use crate::profile_name::ProfileName;
use crate::trust::Trusted;
use crate::{Directory, Policy, PolicyError, Wanted, open};

/// A profile resolved for a container, and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) seccomp: Seccomp,
    /// The file; none for the embedded default.
    pub(crate) file: Option<PathBuf>,
}

/// Finds and resolves profiles for one container.
#[derive(Debug)]
pub(crate) struct Profiles<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) target: &'a Target,
    pub(crate) newer: Newer,
}

impl Profiles<'_> {
    /// The profile that `wanted` means; none for Unconfined.
    ///
    /// # Errors
    /// A Localhost profile that is missing, out of reach, not believed, or no profile.
    pub(crate) fn resolve(&self, wanted: &Wanted) -> Result<Option<Resolved>, PolicyError> {
        match wanted {
            Wanted::Unconfined => Ok(None),
            Wanted::RuntimeDefault => self.runtime_default().map(Some),
            Wanted::Localhost(name) => self.localhost(name).map(Some),
        }
    }

    fn runtime_default(&self) -> Result<Resolved, PolicyError> {
        match &self.policy.defaults.runtime_default {
            None => Ok(Resolved {
                seccomp: default_profile::resolve_for(self.target, self.newer),
                file: None,
            }),
            Some((name, place)) => self.localhost(name).map_err(|error| named_at(error, place)),
        }
    }

    fn localhost(&self, name: &ProfileName) -> Result<Resolved, PolicyError> {
        let directory = self.policy.directory.as_deref();
        let now;
        let trusted = match directory {
            Some(directory) => &directory.trusted,
            None => {
                now = Trusted::now();
                &now
            }
        };
        let own = directory.map(|directory| &directory.profiles);
        let roots = || own.into_iter().chain(&self.policy.roots);
        for root in roots() {
            let folder = match directory {
                // In the directory that the rules came from, whatever has its name by now.
                Some(directory) if std::ptr::eq(root, &raw const directory.profiles) => {
                    root.folder(|| own_profiles(directory))?
                }
                _ => root.folder(|| open::folder(&root.path))?,
            };
            let found = match folder {
                Some(folder) => open::profile(folder, root, name, trusted)?,
                None => None,
            };
            if let Some(bytes) = found {
                return self.read(&bytes, root.path.join(name.as_path()));
            }
            if let Some(directory) = directory {
                directory.missed.set(true);
            }
        }
        let roots: Vec<String> = roots()
            .map(|root| root.path.display().to_string())
            .collect();
        let roots = if roots.is_empty() {
            "there are none".to_owned()
        } else {
            roots.join(", ")
        };
        let problem = Problem::NoProfile {
            name: name.as_str().to_owned(),
            roots,
        };
        Err(PolicyError {
            file: None,
            line: None,
            column: None,
            problem,
        })
    }

    fn read(&self, bytes: &[u8], file: PathBuf) -> Result<Resolved, PolicyError> {
        let fail = |problems: &profile::Problems| problems_at(&file, problems);
        let source = Source::read(bytes).map_err(|problems| fail(&problems))?;
        let mut seccomp = source
            .resolve(self.target)
            .map_err(|problems| fail(&problems))?;
        // An errno on an action that has no use for one: runc ignores it, crun refuses the container.
        seccomp.drop_idle_errnos();
        // What libseccomp would otherwise make no filter of, on some architecture.
        seccomp.anchor();
        Ok(Resolved {
            seccomp,
            file: Some(file),
        })
    }
}

/// `profiles/` of the directory; none if there is none.
fn own_profiles(directory: &Directory) -> Result<Option<Folder>, PolicyError> {
    let name = Path::new("profiles");
    let opened = match directory.folder.folder(name) {
        // A link to elsewhere: the way there is looked at when a profile is read.
        Err(Errno::XDEV) => directory.folder.folder_following(name),
        other => other,
    };
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) if !open::dangles(&directory.folder, name) => Ok(None),
        Err(errno) => Err(PolicyError::io(
            &directory.profiles.path,
            "open the folder",
            errno,
        )),
    }
}

/// A profile's problems as one line: the first, and how many more there are.
pub(crate) fn problems_at(file: &Path, problems: &profile::Problems) -> PolicyError {
    let mut all = problems.iter();
    let Some(first) = all.next() else {
        return PolicyError::new(file, Problem::Profile("it has problems".to_owned()));
    };
    let more = match all.count().saturating_add(problems.more()) {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let mend = first
        .mend
        .as_ref()
        .map(|mend| format!("; {mend}"))
        .unwrap_or_default();
    PolicyError::at(
        file,
        first.place.line,
        Problem::Profile(format!("{}{mend}{more}", first.kind)),
    )
}

/// An error about a file that the policy names, with the line that names it.
pub(crate) fn named_at(error: PolicyError, place: &Place) -> PolicyError {
    if error.file.is_some() {
        return error;
    }
    PolicyError {
        file: Some(place.file.to_path_buf()),
        line: Some(place.line),
        ..error
    }
}

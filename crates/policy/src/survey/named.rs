//! The Localhost profiles that the policy names, looked for where a container would have them from.

use std::ffi::OsStr;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::document::ProfileDocument;
use crate::error::Problem;
use crate::folder::Folder;
use crate::outline::At;
use crate::policy::{Place, Root};
use crate::profile_name::ProfileName;
use crate::survey::Survey;
use crate::trust::{check_way, real_path};
use crate::{Gravity, PolicyError, Remark, Wanted, open};

/// A Localhost profile that the policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: ProfileName,
    /// Where it is named.
    pub at: At,
    /// What names it, in words.
    pub by: String,
}

/// A file found for a name.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub file: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Survey {
    /// Every Localhost profile that the policy names, in the order in which it does.
    #[must_use]
    pub fn named(&self) -> Vec<Named> {
        let mut named = Vec::new();
        let mut add = |wanted: &Wanted, place: &Place, by: String| {
            if let Wanted::Localhost(name) = wanted {
                named.push(Named {
                    name: name.clone(),
                    at: At::of(place),
                    by,
                });
            }
        };
        let defaults = &self.policy.defaults;
        if let (ProfileDocument::Wanted(wanted), Some(place)) = (&defaults.profile, &defaults.place)
        {
            add(wanted, place, "[defaults]".to_owned());
        }
        if let Some((name, place)) = &defaults.runtime_default {
            let by = "defaults.runtime_default".to_owned();
            add(&Wanted::Localhost(name.clone()), place, by);
        }
        if let Some((name, place)) = &defaults.learned {
            let by = "defaults.learned".to_owned();
            add(&Wanted::Localhost(name.clone()), place, by);
        }
        for rule in &self.policy.rules {
            if let Some(ProfileDocument::Wanted(wanted)) = &rule.profile {
                add(wanted, &rule.place, format!("rule {:?}", rule.name));
            }
            if let Some((name, place)) = &rule.learned {
                let by = format!("rule {:?}, learned", rule.name);
                add(&Wanted::Localhost(name.clone()), place, by);
            }
        }
        for floor in &self.policy.floors {
            add(&floor.profile, &floor.place, "[floor]".to_owned());
        }
        named
    }

    /// The profile of a name, from the first root that has it. What is wrong on the way is added to
    /// the faults, at `at` if it is about no file in particular.
    pub fn find(&mut self, named: &Named) -> Option<Found> {
        let mut absent = Vec::new();
        for root in self.roots() {
            let folder = match open::folder(&root.path) {
                Ok(Some(folder)) => folder,
                Ok(None) => {
                    absent.push(root.path.display().to_string());
                    continue;
                }
                Err(error) => {
                    self.fault(error);
                    continue;
                }
            };
            match self.open(&folder, &root, &named.name) {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(error) => {
                    self.fault(error);
                    return None;
                }
            }
        }
        let own = self.roots().into_iter().next();
        let away: Vec<String> = absent
            .into_iter()
            .filter(|root| {
                own.as_ref()
                    .is_none_or(|own| own.path.as_os_str() != OsStr::new(root))
            })
            .collect();
        let message = format!(
            "{} names the profile {:?}, which is in none of the profile roots",
            named.by,
            named.name.as_str()
        );
        // In a pipeline the node's own folders are not there to be looked into.
        let (gravity, message, mend) = if away.is_empty() {
            let mend = "put it into profiles/, or correct the name";
            (Gravity::Error, message, mend.to_owned())
        } else {
            let mend = format!(
                "{} is not on this machine: check on a node",
                away.join(", ")
            );
            (Gravity::Warning, format!("{message} here"), mend)
        };
        self.remarks.push(Remark {
            gravity,
            at: named.at.clone(),
            key: Some("profile"),
            message,
            mend: Some(mend),
            also: None,
        });
        None
    }

    fn roots(&self) -> Vec<Root> {
        let directory = self.policy.directory.as_deref();
        let own = directory.map(|directory| &directory.profiles);
        let all = own.into_iter().chain(&self.policy.roots);
        // Each look is a new one here: nothing depends on their being of one generation.
        all.map(|root| Root::new(root.path.clone(), root.trust_links))
            .collect()
    }

    fn open(
        &mut self,
        folder: &Folder,
        root: &Root,
        name: &ProfileName,
    ) -> Result<Option<Found>, PolicyError> {
        let file = root.path.join(name.as_path());
        let mut opened = folder.file(name.as_path());
        if opened.as_ref().err() == Some(&Errno::XDEV) && root.trust_links {
            opened = open::following(folder, name.as_path());
        }
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::XDEV) => {
                let name = name.as_str().to_owned();
                return Err(PolicyError::new(&file, Problem::LeavesRoot { name }));
            }
            Err(errno) => return Err(PolicyError::io(&file, "open it", errno)),
        };
        if let Some(trusted) = &self.trusted {
            let way = real_path(folder, &root.path)?.join(name.as_path());
            if let Err(error) = check_way(trusted, &way) {
                self.fault(error);
            }
            self.check(&fd, &file);
        }
        let bytes = open::read_unchecked(fd, &file)?;
        Ok(Some(Found { file, bytes }))
    }
}

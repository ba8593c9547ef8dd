//! The policy as read and checked.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use toml::Spanned;

use crate::document::{
    Combine, DropInDocument, FloorDocument, PolicyDocument, ProfileDocument, RuleDocument,
    WhenDocument, WithoutAgent,
};
use crate::folder::Folder;
use crate::lines::Lines;
use crate::mode::Mode;
use crate::profile_name::{ProfileName, Wanted};
use crate::{Directory, PolicyError};

/// Where decisions are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTo {
    /// journald where there is one, else the usual file.
    Auto,
    /// journald or nowhere.
    Journald,
    /// This file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// Where Localhost profiles are looked for.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    pub(crate) trust_links: bool,
    /// Opened when it is first needed, so that all profiles are of one generation of it; none
    /// inside if it is missing.
    folder: OnceCell<Option<Folder>>,
}

impl Root {
    pub(crate) fn new(path: PathBuf, trust_links: bool) -> Self {
        let folder = OnceCell::new();
        Self {
            path,
            trust_links,
            folder,
        }
    }

    /// The folder, opened by `open` the first time.
    pub(crate) fn folder(
        &self,
        open: impl FnOnce() -> Result<Option<Folder>, PolicyError>,
    ) -> Result<Option<&Folder>, PolicyError> {
        if let Some(known) = self.folder.get() {
            return Ok(known.as_ref());
        }
        let opened = open()?;
        Ok(self.folder.get_or_init(|| opened).as_ref())
    }

    /// The folder, if it was opened.
    pub(crate) fn opened(&self) -> Option<&Folder> {
        self.folder.get()?.as_ref()
    }
}

/// Where in the policy something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: usize,
}

/// A rule, or the defaults in the form of one.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) when: WhenDocument,
    pub(crate) profile: Option<ProfileDocument>,
    pub(crate) combine: Option<Combine>,
    pub(crate) mode: Option<Mode>,
    pub(crate) without_agent: Option<WithoutAgent>,
    pub(crate) learned: Option<(ProfileName, Place)>,
    pub(crate) native_only: Option<bool>,
}

/// What applies where no rule matches.
#[derive(Debug)]
pub(crate) struct Defaults {
    pub(crate) profile: ProfileDocument,
    /// Where the policy names the profile; none for the embedded one.
    pub(crate) place: Option<Place>,
    pub(crate) combine: Combine,
    pub(crate) mode: Mode,
    pub(crate) without_agent: WithoutAgent,
    /// In mode record, the file with what is learned already.
    pub(crate) learned: Option<(ProfileName, Place)>,
    pub(crate) native_only: bool,
    /// The file that RuntimeDefault means, and where the policy names it.
    pub(crate) runtime_default: Option<(ProfileName, Place)>,
}

/// A profile that no container may be weaker than.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) profile: Wanted,
    pub(crate) place: Place,
    pub(crate) except: Vec<(String, WhenDocument)>,
}

/// A whole policy.
#[derive(Debug)]
pub struct Policy {
    /// The folder that it was read from; none for the embedded one.
    pub(crate) directory: Option<Rc<Directory>>,
    pub(crate) strict: bool,
    pub(crate) runtime: Option<PathBuf>,
    pub(crate) honour_annotations: bool,
    pub(crate) log: LogTo,
    /// The folder of the agent's sockets.
    pub(crate) agent: PathBuf,
    /// Beside `profiles/` of the folder, which comes first.
    pub(crate) roots: Vec<Root>,
    pub(crate) defaults: Defaults,
    pub(crate) rules: Vec<Rule>,
    pub(crate) floors: Vec<Floor>,
}

impl Policy {
    /// The policy of a node without a policy directory: RuntimeDefault, and whatever is stricter in
    /// what the container asked for.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            directory: None,
            strict: false,
            runtime: None,
            honour_annotations: false,
            log: LogTo::Auto,
            agent: PathBuf::from(crate::AGENT_SOCKETS),
            roots: Vec::new(),
            defaults: Defaults {
                profile: ProfileDocument::Wanted(Wanted::RuntimeDefault),
                place: None,
                combine: Combine::Restrict,
                mode: Mode::Enforce,
                without_agent: WithoutAgent::Refuse,
                learned: None,
                native_only: false,
                runtime_default: None,
            },
            rules: Vec::new(),
            floors: Vec::new(),
        }
    }

    /// Whether it is the one of a node without a policy directory.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.directory.is_none()
    }

    /// The real runtime that the policy names.
    #[must_use]
    pub fn runtime(&self) -> Option<&Path> {
        self.runtime.as_deref()
    }

    /// Whether doubts that are otherwise settled by taking something away refuse the create.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether Kubernetes' old annotations count, which containerd must then hand on.
    #[must_use]
    pub fn honours_annotations(&self) -> bool {
        self.honour_annotations
    }

    /// Where decisions go.
    #[must_use]
    pub fn log(&self) -> &LogTo {
        &self.log
    }

    /// The folder of the agent's sockets.
    #[must_use]
    pub fn agent(&self) -> &Path {
        &self.agent
    }

    /// Reads policy.toml.
    pub(crate) fn from_toml(file: Arc<Path>, text: &str) -> Result<Self, PolicyError> {
        let at = Lines::new(file, text);
        let (document, rules) = at.document::<PolicyDocument>()?;
        at.version(&document.version)?;
        let mut policy = Self::embedded();
        policy.rules = rules;
        policy.strict = document.strict;
        policy.honour_annotations = document.request.annotations;
        policy.runtime = document
            .runtime
            .path
            .map(|path| at.runtime(path))
            .transpose()?;
        policy.log = at.log(document.log.decisions)?;
        if let Some(sockets) = document.agent.sockets {
            policy.agent = at.sockets(sockets)?;
        }
        policy.roots = at.roots(document.localhost.roots)?;
        policy.defaults = at.defaults(document.defaults)?;
        policy.add(&at, document.rule, document.floor)?;
        Ok(policy)
    }

    /// Adds a file of policy.d.
    pub(crate) fn add_drop_in(&mut self, file: Arc<Path>, text: &str) -> Result<(), PolicyError> {
        let at = Lines::new(file, text);
        let (document, rules) = at.document::<DropInDocument>()?;
        at.version(&document.version)?;
        self.rules.extend(rules);
        self.add(&at, document.rule, document.floor)
    }

    fn add(
        &mut self,
        at: &Lines<'_>,
        rules: Vec<Spanned<RuleDocument>>,
        floor: Option<Spanned<FloorDocument>>,
    ) -> Result<(), PolicyError> {
        for rule in rules {
            self.rules.push(at.rule(rule)?);
        }
        if let Some(floor) = floor {
            self.floors.push(at.floor(floor)?);
        }
        Ok(())
    }
}

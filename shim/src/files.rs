//! Where a call's configuration file is, and what is said of it when it is in doubt.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bundle::{Bundle, Config};

use crate::argv::Request;
use crate::refusal::Refusal;

/// Where a call's configuration file is.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    name: std::ffi::OsString,
    /// Its path for messages and for telling the engine, absolute where the working directory is
    /// known.
    pub shown: PathBuf,
}

impl Files {
    /// The file that the runtime will read: config.json of the bundle, or crun's `--config`.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let folder = request.bundle.as_deref().unwrap_or(OsStr::new("."));
        Self::at(Path::new(folder), request.config.as_deref().map(Path::new))
    }

    /// The configuration file of the bundle in `folder`, or `config` if that is given.
    #[must_use]
    pub fn at(folder: &Path, config: Option<&Path>) -> Self {
        let default = folder.join("config.json");
        let path = config.unwrap_or(&default);
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new(".")).to_owned();
        let name = path
            .file_name()
            .unwrap_or(OsStr::new("config.json"))
            .to_owned();
        let shown = std::path::absolute(&folder)
            .unwrap_or_else(|_| folder.clone())
            .join(&name);
        Self {
            folder,
            name,
            shown,
        }
    }

    /// Opens it; none if it is not there.
    ///
    /// # Errors
    /// It is there and cannot be opened, or is no regular file.
    pub fn open(&self) -> Result<Option<Bundle>, Refusal> {
        Bundle::open(&self.folder, &self.name).map_err(|error| self.fail(error))
    }

    /// Reads its text.
    ///
    /// # Errors
    /// What cannot be decided on.
    pub fn parse<'b>(&self, bytes: &'b [u8]) -> Result<Config<'b>, Refusal> {
        Config::parse(bytes).map_err(|error| Refusal::Config {
            path: self.shown.clone(),
            error,
        })
    }

    /// An error about it.
    #[must_use]
    pub fn fail(&self, error: bundle::BundleError) -> Refusal {
        Refusal::Bundle {
            path: self.shown.clone(),
            error,
        }
    }
}

//! Folders whose config.json no runtime accepts, each for a reason of its own: the namespace type
//! `ns-N`, which every runtime quotes in its error before it makes anything.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use shim::argv::Request;

/// Names of folders beside the working directory's own config.json. Some are words that a parser
/// that goes astray would take for a bundle.
pub(crate) const FOLDERS: &[&str] = &[
    "",
    "A",
    "B",
    "=A",
    "=",
    " A",
    "A ",
    "undle",
    "create",
    "run",
    "id1",
    "-",
    "--",
    "-b",
    "-x",
    "--bundle",
    "--no-pivot",
    "--keep",
    "undle=A",
    "oll",
];

/// Config files for crun's `--config`, relative to the working directory.
pub(crate) const FILES: &[&str] = &["F", "A/F", "=F", "config.json.alt"];

/// A runtime, and a place to run it in.
pub(crate) struct World {
    dir: tempfile::TempDir,
    runtime: PathBuf,
    texts: HashMap<PathBuf, String>,
}

impl World {
    /// Lays out the folders and files.
    pub(crate) fn new(runtime: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().join("cwd");
        let configs = FOLDERS
            .iter()
            .map(|folder| cwd.join(folder).join("config.json"));
        let files = FILES.iter().map(|file| cwd.join(file));
        let mut texts = HashMap::new();
        for (number, path) in configs.chain(files).enumerate() {
            let text = format!(
                r#"{{"ociVersion":"1.0.0","root":{{"path":"/none"}},"mounts":[],
                "process":{{"cwd":"/","args":["x"],"user":{{"uid":0,"gid":0}}}},
                "linux":{{"namespaces":[{{"type":"ns-{number}-"}}]}}}}"#
            );
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
            texts.insert(path, text);
        }
        let runtime = runtime.to_owned();
        Self {
            dir,
            runtime,
            texts,
        }
    }

    /// The working directory of each call.
    pub(crate) fn cwd(&self) -> PathBuf {
        self.dir.path().join("cwd")
    }

    /// Where the runtime keeps its state.
    pub(crate) fn root(&self) -> OsString {
        self.dir.path().join("root").into()
    }

    /// Runs the runtime and tells which config it read, by the number in its error.
    pub(crate) fn read_by_runtime(&self, args: &[OsString]) -> Option<usize> {
        let output = Command::new(&self.runtime)
            .args(args)
            .current_dir(self.cwd())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // A log may have gone into one of the files.
        for (path, text) in &self.texts {
            let length = fs::metadata(path)
                .map(|meta| meta.len())
                .unwrap_or_default();
            if length != text.len() as u64 {
                fs::write(path, text).unwrap();
            }
        }
        let text = [output.stdout, output.stderr].concat();
        let found = number(&String::from_utf8_lossy(&text));
        // Newer ones of crun leave the folder of what failed, for --keep and for a restore.
        let kept = ["--keep", "restore"];
        if args.iter().any(|word| kept.iter().any(|kept| word == kept)) {
            let _ = fs::remove_dir_all(self.root());
        }
        let state = fs::read_dir(self.root()).map(Iterator::count);
        assert_eq!(state.unwrap_or_default(), 0, "{args:?} made something");
        found
    }

    /// The number of the config that a request means.
    pub(crate) fn meant_by(&self, request: &Request) -> Option<usize> {
        let path = match &request.config {
            Some(config) => self.cwd().join(config),
            None => {
                let bundle = request.bundle.clone().unwrap_or_default();
                self.cwd().join(bundle).join("config.json")
            }
        };
        number(&fs::read_to_string(path).ok()?)
    }
}

fn number(text: &str) -> Option<usize> {
    let (_, after) = text.split_once("ns-")?;
    after.split_once('-')?.0.parse().ok()
}

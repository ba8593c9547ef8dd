//! File systems for one test alone.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

/// A mount that only this thread and the programs that it starts see; gone when dropped.
#[derive(Debug)]
pub struct PrivateMount {
    on: PathBuf,
}

impl PrivateMount {
    /// An empty file system of `size` bytes on `on`.
    ///
    /// # Panics
    /// If it cannot be mounted.
    #[must_use]
    pub fn tmpfs(on: &Path, size: u64) -> Self {
        let options = format!("size={size},mode=755");
        Self::make(
            Some(Path::new("tmpfs")),
            on,
            Some("tmpfs"),
            MsFlags::empty(),
            &options,
        )
    }

    /// What is on `on`, read-only from now on.
    ///
    /// # Panics
    /// If it cannot be mounted.
    #[must_use]
    pub fn read_only(on: &Path) -> Self {
        let mount = Self::make(Some(on), on, None, MsFlags::MS_BIND, "");
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        change(None, on, None, flags, "");
        mount
    }

    /// `source` in the place of `on`.
    ///
    /// # Panics
    /// If it cannot be mounted.
    #[must_use]
    pub fn bind(source: &Path, on: &Path) -> Self {
        Self::make(Some(source), on, None, MsFlags::MS_BIND, "")
    }

    #[expect(clippy::expect_used, reason = "a test ends here")]
    fn make(
        source: Option<&Path>,
        on: &Path,
        kind: Option<&str>,
        flags: MsFlags,
        options: &str,
    ) -> Self {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        change(None, Path::new("/"), None, private, "");
        change(source, on, kind, flags, options);
        Self { on: on.to_owned() }
    }
}

impl Drop for PrivateMount {
    fn drop(&mut self) {
        // Best effort: the namespace ends with the thread.
        let _ = umount2(&self.on, MntFlags::MNT_DETACH);
    }
}

#[expect(clippy::expect_used, reason = "a test ends here")]
fn change(source: Option<&Path>, on: &Path, kind: Option<&str>, flags: MsFlags, options: &str) {
    mount(source, on, kind, flags, Some(options)).expect("a mount");
}

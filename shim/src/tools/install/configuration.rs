//! What every engine's configuration is asked.

/// What is to stand in a configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// The runtime's name to the engine.
    pub(super) handler: &'a str,
    /// What the engine is to start.
    pub(super) path: &'a str,
    /// Whether it is to be the engine's default.
    pub(super) default: bool,
}

/// One file of an engine's configuration: texts in, texts out. An error is one line with the mend in
/// it, to be placed at the file.
pub(super) trait Configuration {
    /// The text with the wish in it; the same text if it is there already.
    fn add(&self, before: Option<&str>, wish: &Wish<'_>) -> Result<String, String>;
    /// The text without the handler, and with another default (or none) if `default` says so; `None`
    /// if nothing of the file is left that anybody needs.
    fn remove(
        &self,
        now: &str,
        handler: &str,
        default: Option<Option<&str>>,
    ) -> Result<Option<String>, String>;
    /// The path that the handler's entry names; none without such an entry.
    fn path_of(&self, now: &str, handler: &str) -> Result<Option<String>, String> {
        let mut all = self.handlers(now)?.into_iter();
        let found = all.find(|(name, _)| name == handler);
        Ok(found.map(|(_, path)| path))
    }
    /// Whether the file is ours alone: then no backup is kept of it (CRI-O reads whatever is in its
    /// folder), and a default in it is one that we set.
    fn is_ours(&self) -> bool {
        false
    }
    /// All entries: names and paths.
    fn handlers(&self, now: &str) -> Result<Vec<(String, String)>, String>;
    /// The default runtime that the text names.
    fn default_of(&self, now: &str) -> Result<Option<String>, String>;
}

//! Colour, where someone looks.

use std::io::IsTerminal;

/// Whether to colour what is printed to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output: on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`;
    /// `CLICOLOR_FORCE` colours what goes elsewhere too.
    pub(super) fn of_stdout() -> Self {
        Self::chosen(std::io::stdout().is_terminal())
    }

    /// For standard error, likewise.
    pub(super) fn of_stderr() -> Self {
        Self::chosen(std::io::stderr().is_terminal())
    }

    fn chosen(terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let forced = std::env::var_os("CLICOLOR_FORCE")
            .is_some_and(|value| !value.is_empty() && value != "0");
        Self(!set("NO_COLOR") && (forced || terminal && !dumb))
    }

    /// Bad news.
    pub(super) fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Doubtful news.
    pub(super) fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// Good news.
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// The frame around what matters.
    pub(super) fn blue(self, text: &str) -> String {
        self.with("1;34", text)
    }

    /// What matters.
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

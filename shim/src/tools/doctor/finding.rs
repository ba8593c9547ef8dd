//! What was found, and how to mend it.

use serde_json::{Value, json};

use crate::tools::paint::Paint;

/// How good the news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warning,
    Problem,
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Finding {
    /// What it belongs to: kernel, runtime, docker, policy, …
    part: String,
    state: State,
    words: String,
    mend: Option<String>,
}

impl Finding {
    pub(super) fn ok(part: &str, words: impl Into<String>) -> Self {
        Self::new(part, State::Ok, words.into(), None)
    }

    pub(super) fn warning(part: &str, words: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(part, State::Warning, words.into(), Some(mend.into()))
    }

    pub(super) fn problem(part: &str, words: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(part, State::Problem, words.into(), Some(mend.into()))
    }

    fn new(part: &str, state: State, words: String, mend: Option<String>) -> Self {
        let part = part.to_owned();
        Self {
            part,
            state,
            words,
            mend,
        }
    }

    /// The same with something to do, though all is well.
    pub(super) fn with_mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    pub(super) fn is_problem(&self) -> bool {
        self.state == State::Problem
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let state = match self.state {
            State::Ok => paint.green("ok     "),
            State::Warning => paint.yellow("warning"),
            State::Problem => paint.red("problem"),
        };
        let mut text = format!("{state}  {:<11} {}\n", self.part, self.words);
        if let Some(mend) = &self.mend {
            text.push_str(&format!("{:<20} → {mend}\n", ""));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        };
        json!({"part": self.part, "state": state, "words": self.words, "mend": self.mend})
    }
}

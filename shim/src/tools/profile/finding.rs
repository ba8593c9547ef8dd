//! Errors and warnings, as `shim profile check` lists them.

use profile::{Problem, Warning};
use serde_json::{Value, json};
use strict_json::Place;

use super::file::File;
use crate::tools::{paint::Paint, snippet::snippet};

/// One thing to say about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) struct Finding {
    /// How bad it is.
    pub(in crate::tools) level: Level,
    /// Where in the file.
    pub(in crate::tools) place: Place,
    /// What there is to say.
    pub(in crate::tools) message: String,
    /// What would put it right, if that is known.
    pub(in crate::tools) mend: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tools) enum Level {
    /// No container starts with it, or not as the author thinks.
    Error,
    /// It loads, but surprises.
    Warning,
}

impl Finding {
    pub(in crate::tools) fn of_problem(problem: &Problem) -> Self {
        Self {
            level: Level::Error,
            place: problem.place,
            message: problem.kind.to_string(),
            mend: problem.mend.clone(),
        }
    }

    pub(super) fn of_warning(warning: &Warning) -> Self {
        Self {
            level: Level::Warning,
            place: warning.place,
            message: match warning.also.len() {
                0 => warning.kind.to_string(),
                more => format!("{} (and at {more} more places)", warning.kind),
            },
            mend: warning.mend.clone(),
        }
    }

    /// For people: the message, the place, the line there with a caret, the mend.
    pub(super) fn shown(&self, file: &File, paint: Paint) -> String {
        let level = match self.level {
            Level::Error => paint.red("error"),
            Level::Warning => paint.yellow("warning"),
        };
        let mut text = format!("{level}: {}\n", paint.bold(&self.message));
        text.push_str(&snippet(&file.name, &file.bytes, self.place, paint));
        if let Some(mend) = &self.mend {
            let pad = " ".repeat(self.place.line.to_string().len());
            text.push_str(&format!("{pad} {} {mend}\n", paint.blue("= help:")));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "level": match self.level { Level::Error => "error", Level::Warning => "warning" },
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "mend": self.mend,
        })
    }
}

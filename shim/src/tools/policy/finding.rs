//! What `shim policy check` has to say, each with its place.

use std::path::{Path, PathBuf};

use policy::{At, Gravity, PolicyError, Remark};
use serde_json::{Value, json};
use strict_json::Place;

use crate::errno_words;
use crate::tools::paint::Paint;
use crate::tools::profile::finding::{Finding as OfProfile, Level};
use crate::tools::snippet::snippet;

/// One thing to say.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) gravity: Gravity,
    file: PathBuf,
    /// Where in the file; none for what is about the file as a whole.
    place: Option<Place>,
    message: String,
    mend: Option<String>,
    also: Option<(At, String)>,
}

/// The text of a file, where it is known.
pub(super) type Texts<'a> = dyn Fn(&Path) -> Option<Vec<u8>> + 'a;

impl Finding {
    pub(super) fn of_fault(fault: &PolicyError) -> Self {
        let line = fault.line.map(|line| Place {
            line,
            column: fault.column.unwrap_or(1),
        });
        Self {
            gravity: Gravity::Error,
            file: fault.file.clone().unwrap_or_default(),
            place: line,
            message: errno_words::chain(&fault.problem),
            mend: None,
            also: None,
        }
    }

    pub(super) fn of_remark(remark: Remark, texts: &Texts<'_>) -> Self {
        let text = texts(&remark.at.file).unwrap_or_default();
        let place = (remark.at.line > 0).then(|| place_of(&text, remark.at.line, remark.key));
        Self {
            gravity: remark.gravity,
            file: remark.at.file,
            place,
            message: remark.message,
            mend: remark.mend,
            also: remark.also,
        }
    }

    /// A finding of a profile; `by` names it and stands at `at`.
    pub(super) fn of_profile(finding: OfProfile, file: &Path, at: &At, by: &str) -> Self {
        Self {
            gravity: match finding.level {
                Level::Error => Gravity::Error,
                Level::Warning => Gravity::Warning,
            },
            file: file.to_owned(),
            place: Some(finding.place),
            message: finding.message,
            mend: finding.mend,
            also: Some((at.clone(), format!("named by {by}"))),
        }
    }

    /// By file and place.
    pub(super) fn order(&self) -> (PathBuf, usize, usize) {
        let (line, column) = self
            .place
            .map_or((0, 0), |place| (place.line, place.column));
        (self.file.clone(), line, column)
    }

    pub(super) fn shown(&self, paint: Paint, texts: &Texts<'_>) -> String {
        let word = match self.gravity {
            Gravity::Error => paint.red("error"),
            Gravity::Warning => paint.yellow("warning"),
            Gravity::Note => paint.blue("note"),
        };
        let mut text = format!("{word}: {}\n", paint.bold(&self.message));
        let name = self.file.display().to_string();
        let pad = match self.place {
            Some(place) => {
                let bytes = texts(&self.file).unwrap_or_default();
                text.push_str(&snippet(&name, &bytes, place, paint));
                " ".repeat(place.line.to_string().len())
            }
            None => {
                text.push_str(&format!(" {} {name}\n", paint.blue("-->")));
                " ".to_owned()
            }
        };
        if let Some((at, words)) = &self.also {
            text.push_str(&format!("{pad} {} {words}: {at}\n", paint.blue("= also:")));
        }
        if let Some(mend) = &self.mend {
            text.push_str(&format!("{pad} {} {mend}\n", paint.blue("= help:")));
        }
        text.push('\n');
        text
    }

    pub(super) fn json(&self) -> Value {
        let also = self.also.as_ref().map(|(at, words)| {
            json!({"file": at.file.to_string_lossy(), "line": at.line, "message": words})
        });
        json!({
            "level": match self.gravity {
                Gravity::Error => "error",
                Gravity::Warning => "warning",
                Gravity::Note => "note",
            },
            "file": self.file.to_string_lossy(),
            "line": self.place.map(|place| place.line),
            "column": self.place.map(|place| place.column),
            "message": self.message,
            "mend": self.mend,
            "also": also,
        })
    }
}

/// The place of a key of the table that begins on a line; that of the table where the key is not
/// written as a line of its own.
fn place_of(text: &[u8], line: usize, key: Option<&str>) -> Place {
    let text = String::from_utf8_lossy(text);
    let column = |line: &str| {
        line.len()
            .saturating_sub(line.trim_start().len())
            .saturating_add(1)
    };
    let index = line.saturating_sub(1);
    let own = text.lines().nth(index).unwrap_or("");
    let start = Place {
        line,
        column: column(own),
    };
    let Some(key) = key else { return start };
    let body = text.lines().enumerate().skip(index);
    for (at, words) in body {
        let bare = words.trim_start();
        if at > index && bare.starts_with('[') && !bare.starts_with(&format!("[rule.{key}")) {
            break;
        }
        let rest = bare.strip_prefix(key);
        if rest.is_some_and(|rest| rest.starts_with([' ', '=', '.', '\t'])) {
            return Place {
                line: at.saturating_add(1),
                column: column(words),
            };
        }
    }
    start
}

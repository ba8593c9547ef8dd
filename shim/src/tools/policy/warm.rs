//! `shim policy check --warm`: filters made before the containers that get them.

use policy::{Directory, Policy};
use serde_json::{Value, json};

use super::check::plural;
use crate::argv::{Flavor, Own};
use crate::create::load;
use crate::errno_words;
use crate::handover::{self, Filled};
use crate::runtime::Runtime;

/// What came of it, by profile.
pub(super) struct Warm {
    runtime: String,
    outcomes: Vec<Result<Filled, String>>,
    /// Why there is nothing to fill.
    nothing: Option<&'static str>,
}

impl Warm {
    /// Fills the cache for what the policy in `directory`, or the embedded one, gives containers.
    ///
    /// # Errors
    /// The policy cannot be loaded, or there is no runtime.
    pub(super) fn fill(own: &Own, directory: Option<Directory>) -> Result<Self, String> {
        let runtime = Runtime::find(own, directory.as_ref());
        let runtime = runtime.map_err(|refusal| errno_words::chain(&refusal))?;
        let shown = runtime.path().display().to_string();
        if runtime.flavor() != Flavor::Crun {
            return Ok(Self {
                runtime: shown,
                outcomes: Vec::new(),
                nothing: Some("compiles for itself, and only crun takes finished filters"),
            });
        }
        let policy: Policy = load(Ok(directory)).map_err(|error| errno_words::chain(&error))?;
        let outcomes = handover::warm(&policy, &runtime);
        let outcomes = outcomes.map_err(|refusal| errno_words::chain(&refusal))?;
        let nothing = outcomes
            .is_empty()
            .then_some("gets no profile by this policy that is known before its container");
        Ok(Self {
            runtime: shown,
            outcomes,
            nothing,
        })
    }

    /// Whether all is filled that can be.
    pub(super) fn is_sound(&self) -> bool {
        self.outcomes.iter().all(Result::is_ok)
    }

    pub(super) fn text(&self) -> String {
        if let Some(why) = self.nothing {
            return format!("filters: nothing to fill: {} {why}\n", self.runtime);
        }
        let count = |what: fn(&Filled) -> bool| {
            let outcomes = self.outcomes.iter().flatten();
            outcomes.filter(|filled| what(filled)).count()
        };
        let made = count(|filled| matches!(filled, Filled::Instructions(_)));
        let before = count(|filled| matches!(filled, Filled::Before));
        let none = count(|filled| matches!(filled, Filled::NothingToHandOver));
        let mut text = format!(
            "filters for {}: {} made, {before} there before",
            self.runtime,
            plural(made, "filter"),
        );
        if none > 0 {
            text.push_str(&format!(
                ", {} left to crun, which may compile another than this program would",
                plural(none, "profile"),
            ));
        }
        text.push('\n');
        for error in self.outcomes.iter().filter_map(|one| one.as_ref().err()) {
            text.push_str(&format!("filters: {error}\n"));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let outcome = |outcome: &Result<Filled, String>| match outcome {
            Ok(Filled::Before) => json!({"result": "before"}),
            Ok(Filled::Instructions(count)) => json!({"result": "made", "instructions": count}),
            Ok(Filled::NothingToHandOver) => json!({"result": "left to crun"}),
            Err(error) => json!({"result": "failed", "error": error}),
        };
        let filters: Vec<Value> = self.outcomes.iter().map(outcome).collect();
        json!({"runtime": self.runtime, "nothing": self.nothing, "filters": filters})
    }
}

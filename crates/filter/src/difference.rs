//! Where a filter and another model of its profile part.
#![forbid(unsafe_code)]

use crate::call::Call;
use crate::filter::Filter;
use crate::outcome::Outcome;

/// One call of which a filter and a model say different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The call.
    pub call: Call,
    /// What the filter says.
    pub filter: Outcome,
    /// What the model says.
    pub model: Outcome,
}

impl Filter {
    /// The first of `calls` of which `model` says something else than this filter. A model that
    /// answers `None` has no opinion of that call.
    pub fn first_difference(
        &self,
        calls: impl IntoIterator<Item = Call>,
        mut model: impl FnMut(&Call) -> Option<Outcome>,
    ) -> Option<Difference> {
        calls.into_iter().find_map(|call| {
            let filter = self.run(&call);
            let model = model(&call)?;
            (filter != model).then_some(Difference {
                call,
                filter,
                model,
            })
        })
    }
}

//! Which rules apply together: a file's filters decide that for each container, and a warning must
//! be true of them all.

use crate::Kernel;
use crate::parsed::{Filter, ParsedRule};

/// Whether `other` applies wherever `rule` does.
pub(super) fn always(rule: &ParsedRule, other: &ParsedRule) -> bool {
    let asks = |of: fn(&Filter) -> &Vec<String>| {
        let (own, theirs) = (of(&rule.includes), of(&other.includes));
        theirs.iter().all(|word| own.contains(word))
    };
    let arches = &other.includes.arches;
    let includes = asks(|filter| &filter.caps)
        && (arches.is_empty()
            || !rule.includes.arches.is_empty()
                && rule
                    .includes
                    .arches
                    .iter()
                    .all(|arch| arches.contains(arch)))
        && least(other.includes.min_kernel) <= least(rule.includes.min_kernel);
    let within = |theirs: &[String], own: &[String]| theirs.iter().all(|word| own.contains(word));
    let kernel = match (other.excludes.min_kernel, rule.excludes.min_kernel) {
        (None, _) => true,
        (Some(theirs), Some(own)) => own <= theirs,
        (Some(_), None) => false,
    };
    includes
        && within(&other.excludes.caps, &rule.excludes.caps)
        && within(&other.excludes.arches, &rule.excludes.arches)
        && kernel
}

/// Whether some container gets both.
pub(super) fn ever(rule: &ParsedRule, other: &ParsedRule) -> bool {
    !shuts_out(&rule.includes, &other.excludes)
        && !shuts_out(&other.includes, &rule.excludes)
        && !shuts_out(&rule.includes, &rule.excludes)
        && !shuts_out(&other.includes, &other.excludes)
        && one_arch(&rule.includes.arches, &other.includes.arches)
}

/// Whether what `includes` asks for is among what `excludes` forbids.
fn shuts_out(includes: &Filter, excludes: &Filter) -> bool {
    let caps = includes.caps.iter().any(|cap| excludes.caps.contains(cap));
    let listed = |arch: &String| excludes.arches.contains(arch);
    let arches = !includes.arches.is_empty() && includes.arches.iter().all(listed);
    let kernel = excludes
        .min_kernel
        .is_some_and(|from| least(includes.min_kernel) >= from);
    caps || arches || kernel
}

fn one_arch(left: &[String], right: &[String]) -> bool {
    left.is_empty() || right.is_empty() || left.iter().any(|arch| right.contains(arch))
}

fn least(kernel: Option<Kernel>) -> Kernel {
    kernel.unwrap_or(Kernel { major: 0, minor: 0 })
}

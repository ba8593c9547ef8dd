//! What changes for the container, in words.

use std::collections::BTreeSet;

use bundle::Config;
use profile::{Action, Seccomp};
use strict_json::{MAX_DEPTH, Text};

/// How many names a line lists before it only counts.
const LISTED: usize = 40;

/// The profile before and after, and the calls whose fate differs. `before` is the whole
/// config.json, `after` the profile that applies (none: unconfined).
pub(super) fn between(before: &[u8], after: Option<&str>) -> Vec<String> {
    let before = Config::parse(before)
        .ok()
        .and_then(|config| config.seccomp())
        .map(|value| value.raw().to_owned());
    let (before, after) = (before.as_deref().and_then(read), after.and_then(read));
    let mut lines = vec![
        format!("before: {}", summary(before.as_ref())),
        format!("after:  {}", summary(after.as_ref())),
    ];
    if let (Some(before), Some(after)) = (&before, &after) {
        let (was, is) = (allowed(before), allowed(after));
        lines.extend(names("no longer allowed", was.difference(&is)));
        lines.extend(names("newly allowed", is.difference(&was)));
    }
    lines
}

fn read(json: &str) -> Option<Seccomp> {
    let text = Text::check(json.as_bytes(), MAX_DEPTH).ok()?;
    Seccomp::from_oci(&text.root()).ok()
}

fn summary(profile: Option<&Seccomp>) -> String {
    let Some(profile) = profile else {
        return "no filter, every call is allowed".to_owned();
    };
    let errno = match (profile.default_action, profile.default_errno) {
        (Action::ScmpActErrno, errno) => format!(" (errno {})", errno.unwrap_or(EPERM)),
        _ => String::new(),
    };
    format!(
        "{}{errno} unless a rule says otherwise; {} calls allowed by name",
        profile.default_action,
        allowed(profile).len()
    )
}

/// The errno of an ERRNO without one (errno(3)).
const EPERM: u32 = 1;

/// The calls that some rule allows, with or without conditions.
fn allowed(profile: &Seccomp) -> BTreeSet<&str> {
    let rules = profile.rules.iter();
    rules
        .filter(|rule| matches!(rule.action, Action::ScmpActAllow | Action::ScmpActLog))
        .flat_map(|rule| rule.names.iter().map(AsRef::as_ref))
        .collect()
}

fn names<'a>(label: &str, names: impl Iterator<Item = &'a &'a str>) -> Option<String> {
    let names: Vec<&str> = names.copied().collect();
    if names.is_empty() {
        return None;
    }
    let listed = names
        .iter()
        .take(LISTED)
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{label}: {listed}{more}"))
}

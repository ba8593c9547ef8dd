//! An engine's file without a handler, as it was before or as near to it as can be.

use std::path::{Path, PathBuf};

use super::configuration::{Configuration, Wish};
use super::fault::Fault;
use super::plan::placed;
use super::setup::Target;
use super::step::{Undoes, backups};

/// The text without the handler. Where setting it up anew on a backup gives just what is there now,
/// nothing else was changed since, and the backup is put back to the byte.
pub(super) fn taken_out(
    target: &Target<'_>,
    place: &Path,
    now: &str,
    handler: &str,
    path: &str,
) -> Result<(Option<String>, Undoes), Fault> {
    let ways = &target.ways;
    let made_from = |before: Option<&str>| {
        [false, true].into_iter().any(|default| {
            let wish = Wish {
                handler,
                path,
                default,
            };
            before != Some(now) && ways.add(before, &wish).is_ok_and(|made| made == now)
        })
    };
    let kept = backups(place)?;
    for (backup, text) in &kept {
        // One that has the handler itself is from between: it was made the default later.
        let without = ways.path_of(text, handler).is_ok_and(|path| path.is_none());
        if without && made_from(Some(text)) {
            return Ok((Some(text.clone()), Undoes::Backup(backup.clone())));
        }
    }
    if made_from(None) {
        return Ok((None, Undoes::Ours));
    }
    let default = ways.default_of(now).map_err(placed(&target.path))?;
    let mut new_default = None;
    if default.as_deref() == Some(handler) && ways.is_ours() {
        new_default = Some(None);
    } else if default.as_deref() == Some(handler) {
        new_default = Some(default_before(&**ways, &kept, handler).ok_or_else(|| Fault::Config {
            path: target.path.clone(),
            what: format!(
                "{handler:?} is the default runtime, and no backup says which was before; name another one there first"
            ),
        })?);
    }
    let new_default = new_default.as_ref().map(Option::as_deref);
    let after = ways
        .remove(now, handler, new_default)
        .map_err(placed(&target.path))?;
    if ways.is_ours() {
        return Ok((after, Undoes::Ours));
    }
    let same = kept
        .into_iter()
        .find(|(_, text)| Some(text) == after.as_ref());
    Ok(match same {
        Some((backup, _)) => (after, Undoes::Backup(backup)),
        None => (after, Undoes::Nothing),
    })
}

/// The default that was in force before the handler was made it: `Some(None)` where none was named.
fn default_before(
    ways: &dyn Configuration,
    backups: &[(PathBuf, String)],
    handler: &str,
) -> Option<Option<String>> {
    let defaults = backups
        .iter()
        .filter_map(|(_, text)| ways.default_of(text).ok());
    defaults
        .into_iter()
        .find(|default| default.as_deref() != Some(handler))
}

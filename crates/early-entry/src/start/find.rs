//! Which runtime a call goes to, where that is certain: as `Runtime::find` of the ordinary path finds it.
#![deny(unsafe_code)]

use core::ffi::CStr;
use core::mem::MaybeUninit;

use syscalls::Errno;

use super::room::Room;
use super::sys::{self, File, look};
use crate::note::{HEAD, carries_note};
use crate::places::{DEFAULT_POLICY, FOLDERS, HANDLERS, NAMES};
use crate::plain_policy::{Plain, runtime_path};
use crate::words::Passing;

/// Finds the runtime, and leaves its path in `room`. None where it takes the ordinary path to tell.
#[inline(always)]
pub(super) fn find<'a>(passing: &Passing<'_>, room: &'a mut Room) -> Option<&'a CStr> {
    if let Some(named) = passing.runtime {
        return only(named, room);
    }
    // A handler of this name may have its own runtime; the ordinary path reads its links.
    if sys::access(HANDLERS, sys::IS_THERE) != Err(Errno::ENOENT) {
        return None;
    }
    let folder = passing.policy.unwrap_or(DEFAULT_POLICY);
    let mut text = MaybeUninit::<[u8; LONGEST_POLICY]>::uninit();
    match named_by(folder, &mut text)? {
        Some(named) => only(named, room),
        None => first(room),
    }
}

/// A longer policy.toml is left to the ordinary path.
const LONGEST_POLICY: usize = 16 * 1024;

/// The runtime that was named: an absolute path, and a program to be believed.
#[inline(always)]
fn only<'a>(named: &[u8], room: &'a mut Room) -> Option<&'a CStr> {
    let name = room.set(&[named])?;
    let absolute = matches!(named, [b'/', ..]);
    (absolute && !check(name)?).then_some(name)
}

/// The first of the usual runtimes in the usual places.
#[inline(always)]
fn first(room: &mut Room) -> Option<&CStr> {
    for place in 0..NAMES.len() * FOLDERS.len() {
        let runtime = NAMES.get(place / FOLDERS.len())?;
        let folder = FOLDERS.get(place % FOLDERS.len())?;
        if is_there(room.set(&[folder.as_bytes(), b"/", runtime.as_bytes()])?)? {
            return room.set(&[folder.as_bytes(), b"/", runtime.as_bytes()]);
        }
    }
    None
}

/// Whether there is a program at `name`, and not this one.
#[inline(always)]
fn is_there(name: &CStr) -> Option<bool> {
    let access = sys::access(name, sys::MAY_EXECUTE);
    Some(access.is_ok() && look(name)?.is_regular() && !check(name)?)
}

/// Whether the program at `name` is this one. None where it is not to be believed, or cannot be
/// looked at.
// SAFETY: a section of code like `.text`, only apart. WHY: a test looks at it.
#[allow(unsafe_code, reason = "the section's name")]
#[inline(never)]
#[unsafe(link_section = "early_entry")]
fn check(name: &CStr) -> Option<bool> {
    let file = File::open(name, sys::READ).ok()?;
    let about = file.look()?;
    if !about.is_regular() {
        return None;
    }
    let own = look(c"/proc/self/exe")?;
    if about.same_file(&own) {
        return Some(true);
    }
    let mut head = MaybeUninit::<[u8; HEAD]>::uninit();
    if carries_note(file.read_at(&mut head, 0)?) {
        return Some(true);
    }
    let root = look(c"/")?;
    let owned = [0, root.owner, sys::caller()?].contains(&about.owner);
    let by_group = about.mode & 0o020 != 0 && about.group != 0;
    let by_others = about.mode & 0o002 != 0;
    (owned && !by_group && !by_others).then_some(false)
}

/// The runtime that policy.toml names, if any. None where it takes the ordinary path to tell.
#[inline(always)]
fn named_by<'a, const N: usize>(
    folder: &[u8],
    text: &'a mut MaybeUninit<[u8; N]>,
) -> Option<Option<&'a [u8]>> {
    let mut room = Room::new();
    let path = room.set(&[folder])?;
    let folder = match File::open(path, sys::FOLDER) {
        Ok(folder) => folder,
        // Nothing there, nor a link to nothing.
        Err(Errno::ENOENT) if sys::is_nothing(path) => {
            // It may be one that is being replaced, and the ordinary path waits for that.
            return (!changed_just_now(folder)?).then_some(None);
        }
        Err(_) => return None,
    };
    // Also left where it is not there: its generation may have been deleted just now.
    let file = folder.open_below(c"policy.toml").ok()?;
    if !file.look()?.is_regular() {
        return None;
    }
    match runtime_path(file.read_all(text)?) {
        Plain::Absent => Some(None),
        Plain::Path(path) => Some(Some(path)),
        Plain::Unsure => None,
    }
}

/// Whether what `folder` is in was changed within the last second. None where that cannot be told.
#[inline(always)]
fn changed_just_now(folder: &[u8]) -> Option<bool> {
    let mut length = folder.len();
    while folder.get(length.checked_sub(1)?)? != &b'/' {
        length -= 1;
    }
    let parent = match length {
        1 => b"/",
        _ => folder.get(..length - 1)?,
    };
    let modified = look(Room::new().set(&[parent])?)?.modified;
    let now = sys::now()?;
    Some(now.abs_diff(modified) <= 1)
}

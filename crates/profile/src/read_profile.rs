//! The top level of a profile, in any dialect.

use strict_json::{Kind, Member, Value};

use crate::engine_arch;
use crate::errno;
use crate::parsed::{ArchEntry, Parsed, ParsedRule};
use crate::problem::shown;
use crate::reader::Reader;
use crate::words::{self, nearest};
use crate::{Action, Arch, Dialect, Flag, ProblemKind, WarningKind, native_from_name};

/// The profile that `root` is, unless something was wrong; the reader knows what.
pub(crate) fn profile(reader: &mut Reader, root: &Value<'_>) -> Option<Parsed> {
    let start = root.range().start;
    if root.is_null() {
        reader.problem(
            start,
            ProblemKind::DecidesNothing,
            Some(ADD_DEFAULT.to_owned()),
        );
        return None;
    }
    let mut top = Top::default();
    let members = reader.fields(root, "the profile", KEYS);
    if root.kind() != Kind::Object {
        return None;
    }
    for member in &members {
        top.field(reader, member);
    }
    let Some((at, default_action)) = top.default_action else {
        if !top.bad_default {
            no_default(reader, start, &members, top.rules_stand);
        }
        return None;
    };
    if let (Some(at), false) = (top.architectures_at, top.arch_map.is_empty()) {
        let mend = Some("keep one of them".to_owned());
        reader.problem(at, ProblemKind::ArchitecturesAndArchMap, mend);
    }
    if default_action == Action::ScmpActNotify {
        reader.problem(at, ProblemKind::NotifyDefault, None);
    }
    if matches!(
        default_action,
        Action::ScmpActKill | Action::ScmpActKillThread
    ) {
        let mend = Some("SCMP_ACT_KILL_PROCESS kills all of it".to_owned());
        reader.warning(at, WarningKind::KillsOneThread(default_action), mend);
    }
    let notifies = |rule: &&ParsedRule| rule.action == Action::ScmpActNotify;
    if let (None, Some(rule)) = (&top.listener_path, top.rules.iter().find(notifies)) {
        reader.warning(rule.offset, WarningKind::NoListener, None);
    }
    Some(Parsed {
        default_action,
        default_errno: errno_of(reader, default_action, top.errno_ret, top.errno),
        architectures: top.architectures,
        arch_map: top.arch_map,
        flags: top.flags,
        listener_path: top.listener_path,
        listener_metadata: top.listener_metadata,
        rules: top.rules,
    })
}

/// The errno of an action: a number and, in Podman's dialect, a name that counts more.
pub(crate) fn errno_of(
    reader: &mut Reader,
    action: Action,
    number: Option<(usize, u64)>,
    named: Option<(usize, u32)>,
) -> Option<u32> {
    let (at, found) = named.map(|(at, errno)| (at, errno.into())).or(number)?;
    let highest = match action {
        _ if reader.as_engine => u32::MAX,
        Action::ScmpActErrno => HIGHEST_ERRNO,
        Action::ScmpActTrace => HIGHEST_TRACE,
        _ => {
            let mend = Some("leave it out".to_owned());
            reader.warning(at, WarningKind::IdleErrno(action), mend);
            u32::MAX
        }
    };
    let errno = u32::try_from(found).ok().filter(|errno| *errno <= highest);
    if errno.is_none() {
        reader.problem(at, ProblemKind::ErrnoRange { found, highest }, None);
    }
    errno
}

/// An action word; the kernel's name for NOTIFY is understood, too.
pub(crate) fn action(reader: &mut Reader, offset: usize, word: &str) -> Option<Action> {
    if word == "SECCOMP_RET_USER_NOTIF" {
        let mend = Some("write \"SCMP_ACT_NOTIFY\", as which it is read".to_owned());
        reader.warning(offset, WarningKind::KernelsName, mend);
        return Some(Action::ScmpActNotify);
    }
    reader.word(offset, word)
}

/// A guess at the errno that `text` was meant to name.
pub(crate) fn errno_mend(reader: &mut Reader, text: &str) -> Option<String> {
    reader.guess(|| nearest(text, errno::names()))
}

#[derive(Default)]
struct Top {
    default_action: Option<(usize, Action)>,
    bad_default: bool,
    errno_ret: Option<(usize, u64)>,
    errno: Option<(usize, u32)>,
    architectures: Vec<Arch>,
    architectures_at: Option<usize>,
    arch_map: Vec<ArchEntry>,
    flags: Option<Vec<Flag>>,
    listener_path: Option<String>,
    listener_metadata: Option<String>,
    rules: Vec<ParsedRule>,
    rules_stand: bool,
}

impl Top {
    fn field(&mut self, reader: &mut Reader, member: &Member<'_>) {
        let value = &member.value;
        let at = value.range().start;
        match member.key.as_ref() {
            "defaultAction" => {
                let word = reader.string(value, "defaultAction");
                let word = word.filter(|word| !word.is_empty());
                self.default_action = word
                    .as_ref()
                    .and_then(|word| action(reader, at, word))
                    .map(|action| (at, action));
                let wrong_type = !value.is_null() && value.kind() != Kind::String;
                self.bad_default = wrong_type || word.is_some();
            }
            "defaultErrnoRet" => {
                let number = reader.whole(value, "defaultErrnoRet");
                self.errno_ret = number.map(|number| (at, number));
            }
            "defaultErrno" if reader.obeys("defaultErrno", member) => {
                self.default_errno(reader, value);
            }
            "architectures" => {
                let words = reader.strings(value, "architectures", "an architecture");
                self.architectures_at = (!words.is_empty()).then_some(at);
                let known = words
                    .iter()
                    .filter_map(|(at, word)| listed_arch(reader, *at, word));
                self.architectures = known.collect();
            }
            "archMap" if reader.obeys("archMap", member) => {
                for entry in reader.elements(value, "archMap") {
                    self.arch_map.extend(arch_entry(reader, &entry));
                }
            }
            "flags" if !value.is_null() => {
                let words = reader.strings(value, "flags", "a flag");
                let known = words
                    .iter()
                    .filter_map(|(at, word)| reader.word(*at, word))
                    .collect();
                self.flags = Some(known);
            }
            "listenerPath" => self.listener_path = text(reader, value, "listenerPath"),
            "listenerMetadata" => self.listener_metadata = text(reader, value, "listenerMetadata"),
            "syscalls" => {
                let rules = reader.elements(value, "syscalls");
                self.rules_stand = !rules.is_empty() || !(value.is_null() || is_array(value));
                self.rules = rules
                    .iter()
                    .filter_map(|rule| crate::read_rule::rule(reader, rule))
                    .collect();
            }
            _ => {}
        }
    }

    fn default_errno(&mut self, reader: &mut Reader, value: &Value<'_>) {
        let at = value.range().start;
        let word = reader.string(value, "defaultErrno").unwrap_or_default();
        if word.is_empty() {
            return;
        }
        self.errno = errno::errno(&word).map(|errno| (at, errno));
        if self.errno.is_none() {
            let found = shown(&word);
            let mend = errno_mend(reader, &word);
            reader.problem(at, ProblemKind::UnknownErrno { found }, mend);
        }
    }
}

fn is_array(value: &Value<'_>) -> bool {
    value.kind() == Kind::Array
}

/// A string, of which the empty one is as good as none.
fn text(reader: &mut Reader, value: &Value<'_>, what: &'static str) -> Option<String> {
    let text = reader.string(value, what)?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// An architecture of `architectures`: runc takes eighteen and not all that the spec has.
fn listed_arch(reader: &mut Reader, offset: usize, found: &str) -> Option<Arch> {
    let known = words::meaning(found).filter(|arch| engine_arch::runc_takes(*arch));
    if known.is_none() {
        let mend = if found == "SCMP_ARCH_NATIVE" {
            Some("leave it out, the native one is always in".to_owned())
        } else {
            let meant = native_from_name(found).map(words::word);
            reader.guess(|| meant.or_else(|| words::near::<Arch>(found)))
        };
        let (what, found) = ("architecture", shown(found));
        reader.problem(offset, ProblemKind::Unknown { what, found }, mend);
    }
    known
}

fn arch_entry(reader: &mut Reader, value: &Value<'_>) -> Option<ArchEntry> {
    let mut architecture = None;
    let mut others = Vec::new();
    for member in reader.fields(value, "an entry of archMap", ARCH_KEYS) {
        let at = member.value.range().start;
        match member.key.as_ref() {
            "architecture" => {
                let word = reader.string(&member.value, "architecture")?;
                architecture = if word.is_empty() {
                    None
                } else {
                    reader.word::<Arch>(at, &word)
                };
            }
            "subArchitectures" => {
                let words = reader.strings(&member.value, "subArchitectures", "an architecture");
                let known = words
                    .iter()
                    .filter_map(|(at, word)| listed_arch(reader, *at, word));
                others = known.collect();
            }
            _ => {}
        }
    }
    let architecture = architecture?;
    let docker = engine_arch::maps(Dialect::Docker, architecture);
    let podman = engine_arch::maps(Dialect::Podman, architecture);
    if docker != podman && !others.is_empty() {
        let (applies, ignores) = if docker {
            (Dialect::Docker, Dialect::Podman)
        } else {
            (Dialect::Podman, Dialect::Docker)
        };
        let architecture = words::word(architecture);
        let kind = WarningKind::ArchMap {
            architecture,
            applies,
            ignores,
        };
        reader.warning(value.range().start, kind, None);
    }
    Some(ArchEntry {
        architecture,
        others,
    })
}

/// Says what a document without `defaultAction` is.
fn no_default(reader: &mut Reader, start: usize, members: &[Member<'_>], rules_stand: bool) {
    let has = |key: &str| members.iter().any(|member| member.key == key);
    let (kind, mend) = if rules_stand {
        (ProblemKind::NoDefault, "add one, e.g. \"SCMP_ACT_ERRNO\"")
    } else if has("ociVersion") || has("linux") {
        let mend = "the profile in it is the value of linux.seccomp";
        (ProblemKind::NotAProfile("a container's config.json"), mend)
    } else if has("seccomp") {
        let mend = "the profile in it is the value of seccomp";
        (ProblemKind::NotAProfile("a part of config.json"), mend)
    } else if has("apiVersion") && has("kind") {
        let mend = "a node reads the plain profile";
        (ProblemKind::NotAProfile("a Kubernetes object"), mend)
    } else {
        (ProblemKind::DecidesNothing, ADD_DEFAULT)
    };
    reader.problem(start, kind, Some(mend.to_owned()));
}

/// What a profile that decides nothing needs.
pub(crate) const ADD_DEFAULT: &str = "add a defaultAction, e.g. \"SCMP_ACT_ERRNO\"";

/// libseccomp takes no higher one (`db_action_valid`); the kernel's MAX_ERRNO is 4095.
const HIGHEST_ERRNO: u32 = 4_094;
/// What fits into SECCOMP_RET_DATA.
const HIGHEST_TRACE: u32 = 65_535;

const KEYS: &[&str] = &[
    "defaultAction",
    "defaultErrnoRet",
    "defaultErrno",
    "architectures",
    "archMap",
    "flags",
    "listenerPath",
    "listenerMetadata",
    "syscalls",
];
const ARCH_KEYS: &[&str] = &["architecture", "subArchitectures"];

#[cfg(test)]
mod tests;

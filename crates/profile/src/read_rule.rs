//! One entry of `syscalls`: its names, its action, its conditions.

use std::borrow::Cow;

use strict_json::{Kind, Member, Value};

use crate::errno;
use crate::parsed::{Filter, ParsedRule};
use crate::problem::shown;
use crate::read_filter::filter;
use crate::read_profile::{action, errno_mend, errno_of};
use crate::reader::Reader;
use crate::{Action, Condition, Dialect, Operator, ProblemKind, WarningKind};

/// The rule that `value` is, unless something that it cannot do without was wrong.
pub(crate) fn rule(reader: &mut Reader, value: &Value<'_>) -> Option<ParsedRule> {
    if value.is_null() {
        reader.wrong_kind(value, Kind::Object, "a rule");
        return None;
    }
    let members = reader.fields(value, "a rule", KEYS);
    if value.kind() != Kind::Object {
        return None;
    }
    let mut fields = Fields::default();
    for member in &members {
        fields.field(reader, member);
    }
    let offset = value.range().start;
    let Some(action) = fields.action else {
        if !fields.bad_action {
            reader.problem(offset, ProblemKind::Missing("the rule's \"action\""), None);
        }
        return None;
    };
    let name_too = fields.name_too(reader);
    let (at, mut names) = fields.names;
    if names.is_empty() {
        names.extend(fields.name.map(|(_, name)| name));
    }
    if action == Action::ScmpActNotify && names.iter().any(|name| name == "write") {
        reader.problem(at.unwrap_or(offset), ProblemKind::NotifyWrite, None);
    }
    Some(ParsedRule {
        offset,
        names,
        name_too,
        action,
        errno: errno_of(reader, action, fields.errno_ret, fields.errno),
        bad_errno: fields.bad_errno,
        args: fields.args,
        includes: fields.includes,
        excludes: fields.excludes,
    })
}

#[derive(Default)]
struct Fields {
    names: (Option<usize>, Vec<Cow<'static, str>>),
    name: Option<(usize, Cow<'static, str>)>,
    action: Option<Action>,
    bad_action: bool,
    errno_ret: Option<(usize, u64)>,
    errno: Option<(usize, u32)>,
    bad_errno: Option<(usize, String)>,
    args: Vec<Condition>,
    includes: Filter,
    excludes: Filter,
}

impl Fields {
    fn field(&mut self, reader: &mut Reader, member: &Member<'_>) {
        let value = &member.value;
        let at = value.range().start;
        match member.key.as_ref() {
            "names" => self.names = (Some(at), names(reader, value)),
            "name" if reader.obeys("name", member) => {
                let name = reader.string(value, "name").unwrap_or_default();
                self.name =
                    (!name.is_empty()).then(|| (member.key_range.start, owned(name.as_ref())));
            }
            "action" => {
                let word = reader.string(value, "action");
                let word = word.filter(|word| !word.is_empty());
                self.action = word.as_ref().and_then(|word| action(reader, at, word));
                let wrong_type = !value.is_null() && value.kind() != Kind::String;
                self.bad_action = wrong_type || word.is_some();
            }
            "errnoRet" => {
                let number = reader.whole(value, "errnoRet");
                self.errno_ret = number.map(|number| (at, number));
            }
            "errno" if reader.obeys("errno", member) => self.named_errno(reader, value),
            "args" => {
                let args = reader.elements(value, "args");
                let conditions = args.iter().filter_map(|arg| condition(reader, arg));
                self.args = conditions.collect();
            }
            "includes" if reader.obeys("includes", member) => {
                self.includes = filter(reader, value, "includes");
            }
            "excludes" if reader.obeys("excludes", member) => {
                self.excludes = filter(reader, value, "excludes");
            }
            "comment" if reader.obeys("comment", member) => {
                reader.string(value, "comment");
            }
            _ => {}
        }
    }

    fn named_errno(&mut self, reader: &mut Reader, value: &Value<'_>) {
        let at = value.range().start;
        let word = reader.string(value, "errno").unwrap_or_default();
        if word.is_empty() {
            return;
        }
        self.errno = errno::errno(&word).map(|errno| (at, errno));
        if self.errno.is_none() {
            let found = shown(&word);
            self.bad_errno = Some((at, found.clone()));
            let kind = WarningKind::UnknownErrno { found };
            let mend = errno_mend(reader, &word);
            reader.warning(at, kind, mend);
        }
    }

    /// Where a `name` stands beside `names`: Docker refuses it at once, Podman later.
    fn name_too(&self, reader: &mut Reader) -> Option<usize> {
        let at = self.name.as_ref().map(|(at, _)| *at)?;
        if self.names.1.is_empty() {
            return None;
        }
        let mend = Some("keep \"names\" and put the name into it".to_owned());
        if reader.dialect == Dialect::Docker {
            reader.problem(at, ProblemKind::NameAndNames, mend);
        } else {
            reader.warning(at, WarningKind::NameAndNames, mend);
        }
        Some(at)
    }
}

fn names(reader: &mut Reader, value: &Value<'_>) -> Vec<Cow<'static, str>> {
    let found = reader.strings(value, "names", "a syscall name");
    let mut names = Vec::with_capacity(found.len());
    for (at, name) in found {
        if name.is_empty() {
            reader.problem(at, ProblemKind::EmptyName, None);
        }
        names.push(owned(name.as_ref()));
    }
    names
}

fn owned(name: &str) -> Cow<'static, str> {
    Cow::Owned(name.to_owned())
}

/// A condition. Numbers that are absent are 0, as Go reads them.
fn condition(reader: &mut Reader, value: &Value<'_>) -> Option<Condition> {
    if value.is_null() {
        reader.wrong_kind(value, Kind::Object, "a condition");
        return None;
    }
    let (mut index, mut first, mut second, mut op) = (None, None, None, None);
    let mut bad_op = value.kind() != Kind::Object;
    for member in reader.fields(value, "a condition", ARG_KEYS) {
        let found = &member.value;
        let at = found.range().start;
        match member.key.as_ref() {
            "index" => {
                index = reader.whole(found, "index");
                if let Some(found) = index.filter(|index| *index > LAST_ARG) {
                    reader.problem(at, ProblemKind::ArgIndex { found }, None);
                }
            }
            "value" => first = reader.whole(found, "value"),
            "valueTwo" => second = reader.whole(found, "valueTwo"),
            "op" => {
                let word = reader.string(found, "op");
                let word = word.filter(|word| !word.is_empty());
                bad_op = word.is_some() || !(found.is_null() || found.kind() == Kind::String);
                op = word.and_then(|word| reader.word::<Operator>(at, &word));
            }
            _ => {}
        }
    }
    if op.is_none() && !bad_op {
        let kind = ProblemKind::Missing("the condition's \"op\"");
        reader.problem(value.range().start, kind, None);
    }
    Some(Condition {
        index: index
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or(0),
        value: first.unwrap_or(0),
        value_two: second.unwrap_or(0),
        op: op?,
    })
}

/// A system call has six arguments (linux/seccomp.h, `struct seccomp_data`).
const LAST_ARG: u64 = 5;

const KEYS: &[&str] = &[
    "names", "name", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes",
];
const ARG_KEYS: &[&str] = &["index", "value", "valueTwo", "op"];

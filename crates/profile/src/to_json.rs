//! Writing a profile as `linux.seccomp`, in the one form that Go, yajl and serde read alike:
//! compact, ASCII, whole numbers, every key once and in a set order.

use std::fmt::Write;

use crate::words::word;
use crate::{Arch, Condition, Flag, Operator, Rule, Seccomp};

impl Seccomp {
    /// The profile as compact JSON. What is absent is left out; `flags` of none is `[]`.
    ///
    /// [`Seccomp::from_oci`] reads it back to an equal value.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.size());
        out.push_str("{\"defaultAction\":\"");
        out.push_str(word(self.default_action));
        out.push('"');
        if let Some(errno) = self.default_errno {
            number(&mut out, ",\"defaultErrnoRet\":", errno.into());
        }
        if !self.architectures.is_empty() {
            out.push_str(",\"architectures\":");
            list(&mut out, &self.architectures, |out, arch: &Arch| {
                quoted(out, word(*arch));
            });
        }
        if let Some(flags) = &self.flags {
            out.push_str(",\"flags\":");
            list(&mut out, flags, |out, flag: &Flag| quoted(out, word(*flag)));
        }
        for (key, value) in [
            (",\"listenerPath\":", &self.listener_path),
            (",\"listenerMetadata\":", &self.listener_metadata),
        ] {
            if let Some(value) = value {
                out.push_str(key);
                quoted(&mut out, value);
            }
        }
        if !self.rules.is_empty() {
            out.push_str(",\"syscalls\":");
            list(&mut out, &self.rules, rule);
        }
        out.push('}');
        out
    }

    /// About how long the JSON gets: never much more than needed.
    fn size(&self) -> usize {
        let names = self.rules.iter().flat_map(|rule| &rule.names);
        let names: usize = names.map(|name| name.len().saturating_add(3)).sum();
        let args: usize = self.rules.iter().map(|rule| rule.args.len()).sum();
        names
            .saturating_add(self.rules.len().saturating_mul(80))
            .saturating_add(args.saturating_mul(90))
            .saturating_add(512)
    }
}

fn rule(out: &mut String, rule: &Rule) {
    out.push_str("{\"names\":");
    list(out, &rule.names, |out, name| quoted(out, name));
    out.push_str(",\"action\":\"");
    out.push_str(word(rule.action));
    out.push('"');
    if let Some(errno) = rule.errno {
        number(out, ",\"errnoRet\":", errno.into());
    }
    if !rule.args.is_empty() {
        out.push_str(",\"args\":");
        list(out, &rule.args, condition);
    }
    out.push('}');
}

fn condition(out: &mut String, condition: &Condition) {
    number(out, "{\"index\":", condition.index.into());
    number(out, ",\"value\":", condition.value);
    if condition.value_two != 0 || condition.op == Operator::ScmpCmpMaskedEq {
        number(out, ",\"valueTwo\":", condition.value_two);
    }
    out.push_str(",\"op\":\"");
    out.push_str(word(condition.op));
    out.push_str("\"}");
}

fn list<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

fn number(out: &mut String, key: &str, number: u64) {
    // Writing to a string does not fail.
    let _ = write!(out, "{key}{number}");
}

/// A string in quotes. What is not printable ASCII becomes `\uXXXX`, in UTF-16 as JSON has it.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push_str(text);
    } else {
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if plain(byte) => out.push(char::from(byte)),
                _ => {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strict_json::{MAX_DEPTH, Text};

    use super::*;
    use crate::words::Word;
    use crate::{Action, engine_arch};

    fn read_back(json: &str) -> Seccomp {
        let text = Text::check(json.as_bytes(), MAX_DEPTH).expect("JSON");
        Seccomp::from_oci(&text.root()).unwrap_or_else(|problems| panic!("{problems}\n{json}"))
    }

    #[test]
    fn keys_stand_in_a_set_order_and_absent_ones_not_at_all() {
        let seccomp = read_back(
            r#"{"syscalls": [{"args": [
                   {"op": "SCMP_CMP_MASKED_EQ", "value": 2114060288, "index": 0},
                   {"op": "SCMP_CMP_EQ", "valueTwo": 0, "value": 18446744073709551615, "index": 1}
               ], "errnoRet": 38, "action": "SCMP_ACT_ERRNO", "names": ["clone"]},
               {"names": null, "args": [], "action": "SCMP_ACT_KILL"}],
               "listenerMetadata": "m\u0007é😀\"", "listenerPath": "/x", "flags": [],
               "architectures": ["SCMP_ARCH_X86"], "defaultErrnoRet": 1, "x": {},
               "defaultAction": "SCMP_ACT_ERRNO"}"#,
        );
        assert_eq!(
            seccomp.to_json(),
            concat!(
                r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"#,
                r#""architectures":["SCMP_ARCH_X86"],"flags":[],"listenerPath":"/x","#,
                r#""listenerMetadata":"m\u0007\u00e9\ud83d\ude00\u0022","#,
                r#""syscalls":[{"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"#,
                r#""args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"},"#,
                r#"{"index":1,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]},"#,
                r#"{"names":[],"action":"SCMP_ACT_KILL"}]}"#,
            )
        );
        let least = read_back(r#"{"defaultAction":"SCMP_ACT_LOG","syscalls":[],"flags":null}"#);
        assert_eq!(least.to_json(), r#"{"defaultAction":"SCMP_ACT_LOG"}"#);
    }

    #[test]
    fn idle_errnos_can_be_dropped_before_writing() {
        let mut seccomp = read_back(
            r#"{"defaultAction":"SCMP_ACT_LOG","defaultErrnoRet":1,
                "syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","errnoRet":5},
                            {"names":["b"],"action":"SCMP_ACT_ERRNO","errnoRet":5}]}"#,
        );
        assert_eq!(seccomp.default_errno, Some(1));
        seccomp.drop_idle_errnos();
        let errnos: Vec<_> = seccomp.rules.iter().map(|rule| rule.errno).collect();
        assert_eq!((seccomp.default_errno, errnos), (None, vec![None, Some(5)]));
    }

    fn any_word<W: Word + std::fmt::Debug>() -> impl Strategy<Value = W> {
        proptest::sample::select(W::ALL).prop_map(|(_, meaning)| meaning)
    }

    fn any_action() -> impl Strategy<Value = (Action, Option<u32>)> {
        let action = any_word::<Action>();
        let action = action.prop_filter("runtimes hang", |a| *a != Action::ScmpActNotify);
        (action, proptest::option::of(0_u32..=4_094))
    }

    prop_compose! {
        fn any_condition()(
            index in 0_u32..=5,
            value in any::<u64>(),
            value_two in any::<u64>(),
            op in any_word::<Operator>(),
        ) -> Condition {
            Condition { index, value, value_two, op }
        }
    }

    prop_compose! {
        fn any_rule()(
            names in proptest::collection::vec("[^\0\n]{1,8}", 0..4),
            (action, errno) in any_action(),
            args in proptest::collection::vec(any_condition(), 0..4),
        ) -> Rule {
            let names = names.into_iter().map(std::borrow::Cow::Owned).collect();
            Rule { names, action, errno, args }
        }
    }

    prop_compose! {
        fn any_seccomp()(
            (default_action, default_errno) in any_action(),
            architectures in proptest::collection::vec(any_word::<Arch>(), 0..4),
            flags in proptest::option::of(proptest::collection::vec(any_word::<Flag>(), 0..3)),
            listener_path in proptest::option::of("[^\0\n]{1,20}"),
            listener_metadata in proptest::option::of("[^\0]{1,20}"),
            rules in proptest::collection::vec(any_rule(), 0..6),
        ) -> Seccomp {
            let taken = |arch: &Arch| engine_arch::runc_takes(*arch);
            let architectures = architectures.into_iter().filter(taken).collect();
            Seccomp {
                default_action, default_errno, architectures, flags,
                listener_path, listener_metadata, rules,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal_and_is_ascii(seccomp in any_seccomp()) {
            let json = seccomp.to_json();
            prop_assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(read_back(&json), seccomp);
        }
    }
}

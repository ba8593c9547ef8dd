//! The configurations: a bundle's own with something put in, as text.

use serde_json::Value;

/// What the policy's profile says, and the honest request.
pub(crate) const DENY: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}"#;

const ALLOW: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#;

/// One way to ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// Members put at the end of `linux`.
    linux: String,
    /// Members put at the end of the top level.
    top: String,
    /// Bytes before and after the whole.
    before: Vec<u8>,
    after: Vec<u8>,
    /// `linux` is not there but in `top`.
    no_linux: bool,
    /// Every reader takes it alike: the shim has no reason to refuse.
    pub(crate) is_plain: bool,
    /// Some runtime refuses what stands outside of what the shim looks at.
    pub(crate) may_fail: bool,
}

impl Variant {
    /// The whole text.
    pub(crate) fn text(&self, config: &Value) -> Vec<u8> {
        let mut top = config.clone();
        let linux = top["linux"].take();
        if let Some(members) = top.as_object_mut() {
            members.remove("linux");
        }
        let inside = |value: &Value| {
            let text = value.to_string();
            text[1..text.len() - 1].to_owned()
        };
        let linux = inside(&linux);
        let mut text = self.before.clone();
        text.extend(format!("{{{}", inside(&top)).bytes());
        if !self.no_linux {
            let comma = if self.linux.is_empty() { "" } else { "," };
            text.extend(format!(",\"linux\":{{{linux}{comma}{}}}", self.linux).bytes());
        }
        if !self.top.is_empty() {
            let more = self.top.replace("LINUX_MEMBERS", &linux);
            text.extend(format!(",{more}").bytes());
        }
        text.push(b'}');
        text.extend(&self.after);
        text
    }

    fn in_linux(name: &str, linux: String) -> Self {
        Self {
            name: name.to_owned(),
            linux,
            ..Self::default()
        }
    }

    /// With the honest request, and something at the top level.
    fn at_top(name: &str, top: String) -> Self {
        Self {
            top,
            ..Self::in_linux(name, format!(r#""seccomp":{DENY}"#))
        }
    }

    fn around(name: &str, before: &[u8], after: &[u8]) -> Self {
        Self {
            before: before.to_vec(),
            after: after.to_vec(),
            ..Self::in_linux(name, format!(r#""seccomp":{DENY}"#))
        }
    }

    fn plain(mut self) -> Self {
        self.is_plain = true;
        self
    }

    fn may_fail(mut self) -> Self {
        self.may_fail = true;
        self
    }
}

/// The differences that were measured, one by one.
pub(crate) fn table() -> Vec<Variant> {
    // "return ALLOW" in classic BPF and base64.
    const BPF: &str = r#""run.oci.seccomp_bpf_data":"BgAAAAAA/38=""#;
    let pair = |first: &str, second: &str| {
        let name = format!("{first}, {second}");
        let spelt = |text: &str| text.replace("deny", DENY).replace("allow", ALLOW);
        Variant::in_linux(&name, format!("{},{}", spelt(first), spelt(second)))
    };
    let one = |text: &str| Variant::in_linux(text, text.replace("deny", DENY));
    let deep = |levels: usize| {
        let text = format!("\"x\":{}{}", "[".repeat(levels), "]".repeat(levels));
        Variant::at_top(&format!("{levels} levels"), text)
    };
    vec![
        one(r#""seccomp":deny"#).plain(),
        one(r#""x":1"#).plain(),
        one(r#""seccomp":null"#).plain(),
        one(r#""\u0073eccomp":deny"#).plain(),
        one(r#""Seccomp":deny"#),
        one(r#""SECCOMP":deny"#),
        one("\"\u{17F}eccomp\":deny"),
        one(r#""\u017feccomp":null"#),
        one(r#""seccomp":[]"#),
        one(r#""seccomp":true"#),
        one(r#""seccomp":"""#),
        one(r#""seccomp":{}"#),
        one(r#""seccomp":{"defaultAction":""}"#),
        one(r#""seccomp":{"defaultAction":null}"#),
        one(r#""seccomp":{"defaultAction":"SCMP_ACT_NO"}"#),
        one(r#""seccomp":{"DefaultAction":"SCMP_ACT_ERRNO"}"#),
        pair(r#""seccomp":deny"#, r#""seccomp":allow"#),
        pair(r#""seccomp":allow"#, r#""seccomp":deny"#),
        pair(r#""seccomp":deny"#, r#""seccomp":null"#),
        pair(r#""seccomp":null"#, r#""seccomp":deny"#),
        pair(r#""seccomp":deny"#, r#""Seccomp":null"#),
        pair(r#""Seccomp":null"#, r#""seccomp":deny"#),
        pair(r#""seccomp":deny"#, "\"\u{17F}eccomp\":null"),
        pair(r#""seccomp":deny"#, r#""\u017feccomp":null"#),
        pair(r#""seccomp":deny"#, r#""\u0053eccomp":null"#),
        pair(r#""seccomp\u0000":allow"#, r#""seccomp":deny"#),
        pair(r#""seccomp\u0000x":null"#, r#""seccomp":deny"#),
        pair(r#""seccomp ":allow"#, r#""seccomp":deny"#).plain(),
        Variant::at_top("linux again, empty", r#""linux":{}"#.to_owned()),
        Variant::at_top("linux again, null", r#""linux":null"#.to_owned()),
        Variant::at_top(
            "linux again, freed",
            r#""linux":{"seccomp":null}"#.to_owned(),
        ),
        Variant::at_top("LINUX, freed", r#""LINUX":{"seccomp":null}"#.to_owned()),
        Variant::at_top(
            "Linux, allowed",
            format!(r#""Linu\u0078":{{"seccomp":{ALLOW}}}, "Linux":{{}}"#),
        ),
        Variant {
            no_linux: true,
            ..Variant::at_top(
                "LINUX alone",
                format!(r#""LINUX":{{LINUX_MEMBERS,"seccomp":{DENY}}}"#),
            )
        },
        Variant::at_top(
            "the filter in an annotation",
            format!(r#""annotations":{{{BPF}}}"#),
        )
        .plain(),
        Variant::at_top(
            "the filter in Annotations",
            format!(r#""Annotations":{{{BPF}}}"#),
        ),
        Variant::at_top(
            "annotations twice",
            format!(r#""annotations":{{}},"annotations":{{{BPF}}}"#),
        ),
        Variant::at_top(
            "an annotation's key ends at a NUL for crun",
            format!(
                r#""annotations":{{{}}}"#,
                BPF.replace("data", "data\\u0000x")
            ),
        ),
        Variant::at_top(
            "an annotation's key in escapes",
            format!(
                r#""annotations":{{{}}}"#,
                BPF.replace("seccomp", "\\u0073ecc\\u006Fmp")
            ),
        )
        .plain(),
        Variant::at_top(
            "a lone surrogate",
            r#""annotations":{"a":"\ud800"}"#.to_owned(),
        )
        .plain(),
        Variant::at_top("1e400", r#""x":1e400"#.to_owned()).plain(),
        Variant {
            top: String::new(),
            before: b"{\"annotations\":{\"a\":\"\xFF\"}".to_vec(),
            ..Variant::around("no UTF-8, and two values", b"", b"")
        },
        Variant::around("a byte order mark", b"\xEF\xBB\xBF", b""),
        Variant::around("a comment", b"/* free */ ", b""),
        Variant::around("a second value", b"", b" {\"linux\":{\"seccomp\":null}}"),
        Variant::around("a NUL at the end", b"", b"\0"),
        Variant::around("space around", b" \r\n\t", b" \n").plain(),
        // Newer ones of crun read 32 levels at the most.
        deep(20).plain(),
        deep(200).plain().may_fail(),
        deep(990).plain().may_fail(),
        deep(9_000),
        deep(20_000),
    ]
}

/// Spellings of a key: as it is, and as some reader takes for it or for another.
fn spellings(key: &str) -> Vec<String> {
    let first = key.chars().next().unwrap_or('x');
    let title = key.replacen(first, &first.to_uppercase().to_string(), 1);
    let mut all = vec![
        key.to_owned(),
        title,
        key.to_uppercase(),
        key.replacen('s', "\u{17F}", 1),
        key.replacen('s', "\\u017F", 1),
        key.replacen('k', "\u{212A}", 1),
        key.replacen(first, &format!("\\u{:04x}", u32::from(first)), 1),
        format!("{key}\\u0000"),
    ];
    all.dedup();
    all
}

/// Members beside those that count, in every spelling, before and after: in `linux`, at the top and
/// inside of the profile.
pub(crate) fn generated() -> Vec<Variant> {
    let mut all = Vec::new();
    for spelling in spellings("seccomp") {
        for value in ["null", ALLOW, "{}"] {
            let honest = format!(r#""seccomp":{DENY}"#);
            let trick = format!("\"{spelling}\":{value}");
            for (first, second) in [(&honest, &trick), (&trick, &honest)] {
                let name = format!("linux {{{first}, {second}}}").replace(DENY, "deny");
                all.push(Variant::in_linux(&name, format!("{first},{second}")));
            }
        }
    }
    for spelling in spellings("linux") {
        for value in ["null", r#"{"seccomp":null}"#, r#"{"Seccomp":null}"#] {
            let trick = format!("\"{spelling}\":{value}");
            all.push(Variant::at_top(&format!("top {trick}"), trick));
        }
    }
    let rest = DENY.strip_prefix('{').unwrap_or(DENY);
    for key in ["syscalls", "defaultAction", "names", "action"] {
        for spelling in spellings(key) {
            for value in ["null", "[]", "\"SCMP_ACT_ALLOW\""] {
                let trick = format!("\"{spelling}\":{value}");
                // In the profile, or in its rule.
                let profile = if matches!(key, "names" | "action") {
                    DENY.replacen("}]}", &format!(",{trick}}}]}}"), 1)
                } else {
                    format!(
                        "{{{},{trick}}}",
                        rest.trim_end_matches('}').to_owned() + "}]"
                    )
                    .replace("}]}]", "}]")
                };
                let name = format!("inside of seccomp: {trick} in {key}");
                all.push(Variant::in_linux(&name, format!(r#""seccomp":{profile}"#)).may_fail());
            }
        }
    }
    all
}

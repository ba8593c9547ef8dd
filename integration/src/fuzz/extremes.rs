//! Inputs of the largest size, each as much of one thing as there is room for. Mutations seldom come
//! to these, and they are what costs most.

use std::fmt::Write;

use super::Target;
use super::mutate::LARGEST;

/// The size, small enough without optimisation.
const SIZE: usize = if cfg!(debug_assertions) {
    LARGEST / 32
} else {
    LARGEST
};

/// What stands before, what is repeated with `#` for its number, and what stands after.
type Shape = (&'static str, &'static str, &'static str);

/// The extremes of `target`.
pub(crate) fn inputs(target: Target) -> Vec<Vec<u8>> {
    match target {
        Target::Reader => filled("", PROFILES, "").chain([product("")]).collect(),
        Target::Config => filled("", CONFIGS, "").collect(),
        Target::Restrict => {
            let before = format!("{{\"a\":{POLICY},\"b\":");
            let all = filled(&before, PROFILES, "}");
            all.chain([format!("{before}{}}}", text(product(""))).into_bytes()])
                .collect()
        }
        Target::Argv | Target::Policy => Vec::new(),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

fn filled(before: &str, shapes: &[Shape], after: &str) -> impl Iterator<Item = Vec<u8>> {
    shapes.iter().map(move |(head, unit, tail)| {
        let mut out = format!("{before}{head}");
        let mut count = 0_usize;
        while out.len().saturating_add(unit.len()) < SIZE.saturating_sub(tail.len()) {
            let comma = if count == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(out, "{comma}{}", unit.replace('#', &count.to_string()));
            count = count.saturating_add(1);
        }
        out.push_str(tail);
        out.push_str(after);
        out.into_bytes()
    })
}

/// Many names under many conditions, twice, with two actions.
fn product(before: &str) -> Vec<u8> {
    let many = |unit: &str, bytes: usize| {
        let count = bytes / unit.len().max(1);
        let all: Vec<String> = (0..count)
            .map(|n| unit.replace('#', &n.to_string()))
            .collect();
        all.join(",")
    };
    let names = many("\"n#\"", SIZE / 8);
    let args = many("{\"index\":0,\"value\":#,\"op\":\"SCMP_CMP_EQ\"}", SIZE / 4);
    let rule = |action: &str| {
        format!("{{\"names\":[{names}],\"action\":\"SCMP_ACT_{action}\",\"args\":[{args}]}}")
    };
    let (log, trap) = (rule("LOG"), rule("TRAP"));
    format!("{before}{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{log},{trap}]}}")
        .into_bytes()
}

const POLICY: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read","a","n1","n2"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":7,"op":"SCMP_CMP_GT"},{"index":1,"value":7,"op":"SCMP_CMP_NE"}]}]}"#;

const PROFILES: &[Shape] = &[
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#,
        "{}",
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#,
        r#"{"names":["a"],"action":"SCMP_ACT_LOG"}"#,
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#,
        r#"{"names":["a#"],"action":"SCMP_ACT_LOG"}"#,
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#,
        r#"{"name":"a","action":"SCMP_ACT_LOG","includes":{"minKernel":"5.1","caps":["X"]}}"#,
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_LOG","names":["#,
        r#""a""#,
        "]}]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_LOG","names":["#,
        r#""a#""#,
        "]}]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_LOG","names":["read"],"args":["#,
        r#"{"index":0,"op":"SCMP_CMP_EQ","value":#}"#,
        "]}]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#,
        r#"{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"op":"SCMP_CMP_GE","value":#},{"index":1,"op":"SCMP_CMP_NE","value":#}]}"#,
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["#,
        r#""SCMP_ARCH_X86""#,
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","archMap":["#,
        "{}",
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","flags":["#,
        r#""""#,
        "]}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","#,
        r#""\u0061#":0"#,
        "}",
    ),
    (
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","includes":{"caps":["#,
        "null",
        "]}}]}",
    ),
    ("[", "[", ""),
];

const CONFIGS: &[Shape] = &[
    ("{", r#""a#":0"#, "}"),
    (r#"{"annotations":{"#, r#""run.oci.seccomp#":"""#, "}}"),
    (r#"{"annotations":{"#, r#""a#":"""#, "}}"),
    (
        r#"{"process":{"capabilities":{"bounding":["#,
        r#""C#""#,
        "]}}}",
    ),
    (r#"{"linux":{"namespaces":["#, r#"{"type":"pid"}"#, "]}}"),
    (
        r#"{"linux":{"resources":{"devices":["#,
        r#"{"allow":true}"#,
        "]}}}",
    ),
    (
        r#"{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":["#,
        r#"{"names":["a"],"action":"SCMP_ACT_LOG"}"#,
        "]}}}",
    ),
];

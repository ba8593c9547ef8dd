//! What reading refuses, and what it warns of.

use strict_json::Place;

use crate::{Dialect, ProblemKind, Source, WarningKind};

/// The messages of what is wrong with `text`.
fn problems(text: &str) -> Vec<String> {
    match Source::read(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// The one message of what is wrong with `text`.
fn problem(text: &str) -> String {
    let all = problems(text);
    assert_eq!(all.len(), 1, "{text}: {all:?}");
    all.into_iter().next().expect("one")
}

/// A profile with the default ALLOW and `rest`.
fn with(rest: &str) -> String {
    format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW",{rest}}}"#)
}

/// A profile with one rule that denies `read`, and `rest` in it.
fn rule(rest: &str) -> String {
    with(&format!(
        r#""syscalls":[{{"names":["read"],"action":"SCMP_ACT_ERRNO"{rest}}}]"#
    ))
}

fn warnings(text: &str) -> Vec<WarningKind> {
    let source = Source::read(text.as_bytes()).expect(text);
    let warnings = source.warnings().iter();
    warnings.map(|warning| warning.kind.clone()).collect()
}

#[test]
fn a_profile_that_decides_nothing_is_refused() {
    for text in [
        "",
        " \n",
        "null",
        "{}",
        r#"{"defaultAction":""}"#,
        r#"{"defaultAction":null,"syscalls":null}"#,
        r#"{"syscalls":[],"architectures":["SCMP_ARCH_X86_64"]}"#,
    ] {
        let message = problem(text);
        assert!(message.contains("decides nothing"), "{text}: {message}");
        assert!(message.contains("never means unconfined"), "{message}");
    }
    let rules = r#"{"defaultAction":"","syscalls":[{"names":["a"],"action":"SCMP_ACT_KILL"}]}"#;
    let message = problem(rules);
    assert!(
        message.contains("rules but no \"defaultAction\""),
        "{message}"
    );
    assert!(message.contains("never means unconfined"), "{message}");
}

#[test]
fn an_engine_takes_an_empty_profile_for_none() {
    for dialect in [Dialect::Oci, Dialect::Docker, Dialect::Podman] {
        for text in ["null", "{}", r#"{"defaultAction":"","syscalls":[]}"#] {
            let read = Source::read_as_engine(text.as_bytes(), dialect);
            assert!(matches!(read, Ok(None)), "{dialect}: {text}");
        }
        for text in ["", "[]", r#"{"syscalls":[{}]}"#, r#"{"flags":1}"#] {
            let read = Source::read_as_engine(text.as_bytes(), dialect);
            assert!(read.is_err(), "{dialect}: {text}");
        }
    }
}

#[test]
fn other_documents_are_told_what_they_are() {
    let message = problem(r#"{"ociVersion":"1.0.2","linux":{}}"#);
    assert!(message.contains("config.json"), "{message}");
    let message = problem(r#"{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}"#);
    assert!(message.contains("value of seccomp"), "{message}");
    let message = problem(r#"{"apiVersion":"v1","kind":"SeccompProfile","spec":{}}"#);
    assert!(message.contains("Kubernetes"), "{message}");
    assert!(problem("[]").contains("the profile must be an object, not an array"));
}

#[test]
fn all_problems_are_found_at_once_with_their_places() {
    let text = "{\n \"defaultAction\": \"ALLOW\",\n \"flags\": [\"LOG\"],\n \"syscalls\": [\n  \
                {\"names\": [\"\"], \"action\": \"SCMP_ACT_ERNO\"}\n ]}";
    assert_eq!(
        problems(text),
        [
            r#"line 2, column 19: "ALLOW" is no action that runtimes know; did you mean "SCMP_ACT_ALLOW"?"#,
            r#"line 3, column 12: "LOG" is no flag that runtimes know; did you mean "SECCOMP_FILTER_FLAG_LOG"?"#,
            "line 5, column 14: a syscall name is empty",
            r#"line 5, column 29: "SCMP_ACT_ERNO" is no action that runtimes know; did you mean "SCMP_ACT_ERRNO"?"#,
        ]
    );
}

#[test]
fn keys_that_parsers_take_differently_are_refused() {
    assert!(problem(&with(r#""defaultAction":"SCMP_ACT_KILL""#)).contains("stands twice"));
    assert!(problem(&with(r#""Syscalls":[]"#)).contains("Go's parser"));
    assert!(problem(&rule(r#","Includes":{}"#)).contains("Go's parser"));
    assert!(problem(&rule(r#","args":[{"index":0,"op":"SCMP_CMP_EQ","OP":1}]"#)).contains("Go's"));
    assert!(problems(&with(r#""x-note":1,"title":{"a":[]}"#)).is_empty());
}

/// `"mount\0"` names nothing, so that no rule of a floor is about it; runc's and crun's libseccomp read
/// mount(2).
#[test]
fn a_nul_in_any_string_is_refused() {
    let name = r#""syscalls":[{"names":["read","mount\u0000"],"action":"SCMP_ACT_ALLOW"}]"#;
    let message = problem(&with(name));
    assert!(
        message.contains("column 64: a syscall name holds a NUL"),
        "{message}"
    );
    let rest = r#""listenerPath":"/run/\u0000a""#;
    assert!(problem(&with(rest)).contains("listenerPath holds a NUL"));
    assert!(!problems(&rule(r#","action":"SCMP_ACT_ERRNO\u0000""#)).is_empty());
    assert!(problems(&with(&name.replace("\\u0000", "\\\\u0000"))).is_empty());
}

#[test]
fn words_that_no_runtime_knows_are_refused_with_a_near_one() {
    for (arch, mend) in [
        ("amd64", r#"did you mean "SCMP_ARCH_X86_64"?"#),
        ("x86_64", r#"did you mean "SCMP_ARCH_X86_64"?"#),
        ("SCMP_ARCH_NATIVE", "leave it out"),
        ("SCMP_ARCH_PARISC", ""),
    ] {
        let message = problem(&with(&format!(r#""architectures":["{arch}"]"#)));
        assert!(message.contains("is no architecture"), "{message}");
        assert!(message.contains(mend), "{message}");
    }
    let args = r#","args":[{"index":0,"value":1,"op":"=="}]"#;
    assert!(problem(&rule(args)).contains(r#""==" is no operator"#));
    let long = format!(r#""flags":["{}\u0007"]"#, "x".repeat(5_000));
    assert!(problem(&with(&long)).len() < 200);
    assert!(problem(&with(r#""flags":["\u0007"]"#)).contains(r"\u{7}"));
}

#[test]
fn numbers_that_runtimes_would_cut_or_refuse_are_refused() {
    for (errno, ok) in [(0, true), (4_094, true), (4_095, false), (65_537, false)] {
        let text = rule(&format!(r#","errnoRet":{errno}"#));
        assert_eq!(problems(&text).is_empty(), ok, "{text}");
    }
    let trace = |errno| {
        with(&format!(
            r#""syscalls":[{{"names":["a"],"action":"SCMP_ACT_TRACE","errnoRet":{errno}}}]"#
        ))
    };
    assert!(problems(&trace(65_535)).is_empty());
    assert!(problem(&trace(65_536)).contains("0 to 65535"));
    for number in ["1.0", "1e1", "-1", "18446744073709551616"] {
        let message = problem(&rule(&format!(r#","errnoRet":{number}"#)));
        assert!(message.contains("whole number"), "{message}");
    }
    assert!(problem(&rule(r#","errnoRet":"1""#)).contains("must be a number, not a string"));
    let arg = |index| {
        rule(&format!(
            r#","args":[{{"index":{index},"op":"SCMP_CMP_EQ"}}]"#
        ))
    };
    assert!(problems(&arg(5)).is_empty());
    assert!(problem(&arg(6)).contains("argument 6 does not exist"));
}

#[test]
fn notify_is_refused_where_runtimes_would_hang() {
    assert!(problem(r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#).contains("default"));
    let on = |name: &str| {
        with(&format!(
            r#""listenerPath":"/x","syscalls":[{{"names":["{name}"],"action":"SCMP_ACT_NOTIFY"}}]"#
        ))
    };
    assert!(problem(&on("write")).contains("write"));
    assert!(problems(&on("mkdir")).is_empty());
}

#[test]
fn a_key_of_two_ways_is_refused() {
    let names = with(r#""syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_KILL"}]"#);
    assert!(problem(&names).contains("both \"name\" and \"names\""));
    let names = with(r#""syscalls":[{"name":"a","names":[],"action":"SCMP_ACT_KILL"}]"#);
    assert!(problems(&names).is_empty());
    let arches =
        with(r#""architectures":["SCMP_ARCH_ARM"],"archMap":[{"architecture":"SCMP_ARCH_ARM"}]"#);
    assert!(problem(&arches).contains("both \"architectures\" and \"archMap\""));
}

#[test]
fn rules_lack_neither_action_nor_operator() {
    assert!(
        problem(&with(r#""syscalls":[{"names":["a"]}]"#))
            .contains("\"action\" is missing or empty")
    );
    assert!(problem(&with(r#""syscalls":[null]"#)).contains("a rule must be an object"));
    assert!(problem(&rule(r#","args":[{"index":0}]"#)).contains("\"op\" is missing or empty"));
    assert!(problem(&rule(r#","args":[null]"#)).contains("a condition must be an object"));
    assert!(problem(&rule(r#","args":{}"#)).contains("args must be an array, not an object"));
    assert!(problems(&rule(r#","args":null"#)).is_empty());
}

#[test]
fn min_kernel_is_read_as_docker_reads_it() {
    let text = |kernel: &str| rule(&format!(r#","includes":{{"minKernel":{kernel}}}"#));
    for good in [r#""4.8""#, r#""05.01""#, r#""255.255""#, r#""""#, "null"] {
        assert!(problems(&text(good)).is_empty(), "{good}");
    }
    for bad in [
        "4.8",
        r#""5""#,
        r#""5.1.2""#,
        r#"" 5.1""#,
        r#""300.0""#,
        r#""0.0""#,
        r#""+5.1""#,
        "true",
    ] {
        assert!(problem(&text(bad)).contains("minKernel must be"), "{bad}");
    }
    assert_eq!(warnings(&text(r#""""#)), [WarningKind::EveryKernel]);
    let podman = Source::read_as(text("4.8").as_bytes(), Dialect::Podman).expect("ignored");
    assert!(matches!(
        podman.warnings()[0].kind,
        WarningKind::Ignored {
            key: "minKernel",
            other: Dialect::Docker,
            ..
        }
    ));
}

#[test]
fn the_kernels_name_for_notify_is_taken_with_a_warning() {
    let text = with(
        r#""listenerPath":"/x","syscalls":[{"names":["mkdir"],"action":"SECCOMP_RET_USER_NOTIF"}]"#,
    );
    assert_eq!(warnings(&text), [WarningKind::KernelsName]);
    let none = text.replace(r#""listenerPath":"/x","#, "");
    assert_eq!(
        warnings(&none),
        [WarningKind::NoListener, WarningKind::KernelsName]
    );
}

#[test]
fn what_one_dialect_ignores_is_said_once() {
    let text = rule(r#","errno":"EACCES","includes":{"minKernel":"4.8"}"#);
    let source = Source::read(text.as_bytes()).expect("sound");
    assert_eq!(source.dialect(), Dialect::Podman);
    let warning = &source.warnings()[0];
    assert!(
        warning
            .to_string()
            .contains("Podman's, which ignores \"minKernel\"; Docker obeys it")
    );
    let column = text.find("\"minKernel").expect("the key") + 1;
    assert_eq!(warning.place, Place { line: 1, column });
    let oci = Source::read_as(text.as_bytes(), Dialect::Oci).expect("sound");
    assert_eq!(oci.warnings().len(), 2, "{:?}", oci.warnings());
}

#[test]
fn an_arch_map_entry_that_only_docker_applies_is_said() {
    let entry = |sub: &str| {
        with(&format!(
            r#""archMap":[{{"architecture":"SCMP_ARCH_PPC64LE","subArchitectures":[{sub}]}}]"#
        ))
    };
    let found = warnings(&entry(r#""SCMP_ARCH_PPC""#));
    assert!(matches!(
        found[..],
        [WarningKind::ArchMap {
            applies: Dialect::Docker,
            ..
        }]
    ));
    assert!(warnings(&entry("")).is_empty());
}

#[test]
fn filters_that_never_match_are_said() {
    let source = rule(r#","excludes":{"caps":["SYS_ADMIN","CAP_BPF"],"arches":["x86_64","arm"]}"#);
    let source = Source::read(source.as_bytes()).expect("sound");
    let lines: Vec<String> = source.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains(r#"write "CAP_SYS_ADMIN""#), "{lines:?}");
    assert!(lines[1].contains(r#"write "amd64""#), "{lines:?}");
}

#[test]
fn an_errno_that_counts_for_nothing_is_said_and_kept() {
    let text = r#"{"defaultAction":"SCMP_ACT_LOG","defaultErrnoRet":1}"#;
    assert!(matches!(warnings(text)[..], [WarningKind::IdleErrno(_)]));
}

#[test]
fn podmans_errnos_are_names_or_decimal_strings() {
    let text =
        |errno: &str| format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":{errno}}}"#);
    for good in [r#""ENOSYS""#, r#""13""#, r#""""#, "null"] {
        assert!(problems(&text(good)).is_empty(), "{good}");
    }
    let message = problem(&text(r#""ENOSSY""#));
    assert!(message.contains(r#"did you mean "ENOSYS"?"#), "{message}");
    assert!(problem(&text("13")).contains("defaultErrno must be a string"));
    let read = Source::read_as(text("13").as_bytes(), Dialect::Docker);
    assert!(read.is_ok(), "Docker does not look at it");
}

#[test]
fn syntax_errors_have_their_place() {
    let read = Source::read(b"{\n  \"defaultAction\": 'x'}");
    let problems = read.expect_err("no JSON");
    let first = problems.iter().next().expect("one");
    assert_eq!(
        first.place,
        Place {
            line: 2,
            column: 20
        }
    );
    assert!(matches!(first.kind, ProblemKind::Json(_)));
}

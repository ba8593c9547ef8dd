use crate::{Arch, Source, Warning};

const X86_64: &str = r#""architectures":["SCMP_ARCH_X86_64"],"#;

/// A profile with that default for x86-64 alone and those rules.
fn profile(default: &str, rules: &[String]) -> String {
    let rules = rules.join(",\n");
    format!("{{\"defaultAction\":\"SCMP_ACT_{default}\",{X86_64}\"syscalls\":[\n{rules}]}}")
}

/// A rule with `rest` after its names and action.
fn rule(name: &str, action: &str, rest: &str) -> String {
    format!(r#"{{"names":["{name}"],"action":"SCMP_ACT_{action}"{rest}}}"#)
}

/// A rule on one argument.
fn with(name: &str, action: &str, (index, op, value): (u32, &str, u64)) -> String {
    let condition = format!(r#"{{"index":{index},"value":{value},"op":"SCMP_CMP_{op}"}}"#);
    rule(name, action, &format!(r#","args":[{condition}]"#))
}

fn lint(text: &str) -> Vec<Warning> {
    let source = Source::read(text.as_bytes()).expect(text);
    source.lint(Arch::ScmpArchX86_64)
}

/// The codes of all warnings of a profile with those rules.
fn codes(default: &str, rules: &[String]) -> Vec<&'static str> {
    let warnings = lint(&profile(default, rules));
    warnings.iter().map(|one| one.kind.code()).collect()
}

/// The one warning of a profile with those rules, with its code.
fn warning(default: &str, rules: &[String]) -> (&'static str, String) {
    let text = profile(default, rules);
    let warnings = lint(&text);
    let [one] = warnings.as_slice() else {
        panic!("{text}: {warnings:?}");
    };
    (one.kind.code(), one.to_string())
}

#[test]
fn a_profile_without_surprises_has_no_warning() {
    let rules = [
        r#"{"names":["read","write","open","socketcall"],"action":"SCMP_ACT_ALLOW"}"#.to_owned(),
        with("socket", "ALLOW", (0, "LT", 38)),
        with("socket", "ALLOW", (0, "EQ", 39)),
        with("personality", "ALLOW", (0, "EQ", 0xffff_ffff)),
        with("clone", "ALLOW", (0, "MASKED_EQ", 0x7e02_0000)),
    ];
    assert_eq!(codes("ERRNO", &rules), [""; 0]);
}

#[test]
fn a_name_that_nothing_has_is_said_with_a_near_one() {
    let (code, message) = warning("ERRNO", &[rule("opne", "ALLOW", "")]);
    assert_eq!(code, "unknown-syscall");
    assert!(message.starts_with("line 2, column 11: "), "{message}");
    assert!(message.ends_with(r#"did you mean "open"?"#), "{message}");
    let names = r#"{"names":["nothing_at_all","read","never_heard_of"],"action":"SCMP_ACT_ALLOW"}"#;
    let (_, message) = warning("ERRNO", &[names.to_owned()]);
    assert!(
        message.contains(r#""nothing_at_all", "never_heard_of","#),
        "{message}"
    );
}

#[test]
fn a_rule_for_other_architectures_alone_is_said() {
    assert_eq!(
        codes("ERRNO", &[rule("set_tls", "ALLOW", "")]),
        ["other-architecture"]
    );
    let names = r#"{"names":["read","set_tls"],"action":"SCMP_ACT_ALLOW"}"#;
    assert_eq!(codes("ERRNO", &[names.to_owned()]), [""; 0]);
    let asked = r#","includes":{"arches":["arm64"]}"#;
    assert_eq!(
        codes("ERRNO", &[rule("set_tls", "ALLOW", asked)]),
        [""; 0],
        "arm programs run on arm64"
    );
}

#[test]
fn a_rule_that_one_without_conditions_hides_is_said() {
    let hidden = with("ptrace", "KILL_PROCESS", (0, "EQ", 16));
    let always = rule("ptrace", "ALLOW", "");
    let (code, message) = warning("ERRNO", &[hidden.clone(), always.clone()]);
    assert_eq!(code, "hidden-rule");
    assert!(
        message.contains("line 2, column 1: KILL_PROCESS never counts")
            && message.contains("line 3, column 1 has no conditions and says ALLOW"),
        "{message}"
    );
    let later = rule("ptrace", "LOG", "");
    assert_eq!(codes("ERRNO", &[always.clone(), later]), ["hidden-rule"]);
    let same = with("ptrace", "ALLOW", (0, "EQ", 16));
    assert_eq!(codes("ERRNO", &[same, always]), [""; 0]);
    let sometimes = rule(
        "ptrace",
        "ALLOW",
        r#","includes":{"caps":["CAP_SYS_PTRACE"]}"#,
    );
    assert_eq!(codes("ERRNO", &[hidden, sometimes]), [""; 0]);
}

#[test]
fn an_exception_that_does_what_the_default_does_is_said_to_be_none() {
    let allow = rule("prctl", "ALLOW", "");
    let but = with("prctl", "ERRNO", (1, "EQ", 5));
    let (code, message) = warning("ERRNO", &[allow, but]);
    assert_eq!(code, "dropped-rule");
    assert!(
        message.starts_with("line 3, column 1: ERRNO(1)"),
        "{message}"
    );
    let list = [rule("mount", "ERRNO", ""), rule("read", "ALLOW", "")];
    assert_eq!(codes("ERRNO", &list), [""; 0], "nothing that it misses");
}

#[test]
fn rules_that_all_do_what_the_default_does_are_said_to_do_nothing() {
    assert_eq!(codes("ALLOW", &[rule("read", "ALLOW", "")]), ["no-effect"]);
}

#[test]
fn conditions_that_can_hold_at_once_with_two_actions_are_said_with_a_call() {
    let low = with("lseek", "ALLOW", (1, "LE", 8));
    let masked = with("lseek", "LOG", (1, "GE", 8));
    let (code, message) = warning("ERRNO", &[low.clone(), masked]);
    assert_eq!(code, "overlap");
    assert!(
        message.contains("line 3, column 1: LOG here and ALLOW at line 2, column 1 both hold")
            && message.contains("with argument 1 = 0x8:"),
        "{message}"
    );
    let apart = with("lseek", "LOG", (1, "GT", 8));
    assert_eq!(codes("ERRNO", &[low.clone(), apart]), [""; 0]);
    let alike = with("lseek", "ALLOW", (1, "GT", 2));
    assert_eq!(codes("ERRNO", &[low, alike]), [""; 0]);
}

#[test]
fn filters_that_keep_rules_apart_keep_them_from_overlapping() {
    let filtered = |action, filter: &str| {
        let rest = r#","args":[{"index":1,"value":5,"op":"SCMP_CMP_EQ"}],"#;
        rule("lseek", action, &format!("{rest}{filter}"))
    };
    let has = filtered("ALLOW", r#""includes":{"caps":["CAP_BPF"]}"#);
    let lacks = filtered("LOG", r#""excludes":{"caps":["CAP_BPF"]}"#);
    assert_eq!(codes("ERRNO", &[has.clone(), lacks]), [""; 0]);
    let other = filtered("LOG", r#""includes":{"caps":["CAP_CHOWN"]}"#);
    assert_eq!(codes("ERRNO", &[has, other]), ["collision"]);
}

#[test]
fn a_denial_that_an_upper_bit_gets_by_is_said() {
    for op in ["EQ", "LE"] {
        let (code, message) = warning("ALLOW", &[with("socket", "ERRNO", (0, op, 40))]);
        assert_eq!(code, "int-argument");
        assert!(
            message.contains("0x100000028 is 0x28 to the kernel, but gets ALLOW, not ERRNO(1)"),
            "{message}"
        );
    }
    let column = r#"{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":["#.len() + 1;
    let (_, message) = warning("ALLOW", &[with("socket", "ERRNO", (0, "EQ", 40))]);
    assert!(
        message.starts_with(&format!("line 2, column {column}: ")),
        "{message}"
    );
    let but = with("socket", "ALLOW", (0, "NE", 40));
    assert_eq!(codes("ERRNO", &[but]), ["int-argument"]);
}

#[test]
fn a_denial_by_ne_or_gt_that_catches_allowed_values_is_said() {
    for op in ["NE", "GT"] {
        let (code, message) = warning("ALLOW", &[with("socket", "ERRNO", (0, op, 2))]);
        assert_eq!(code, "int-argument");
        assert!(
            message.contains("0x100000002 is 0x2 to the kernel, but gets ERRNO(1), not ALLOW"),
            "{message}"
        );
    }
}

#[test]
fn a_denial_on_all_64_bits_or_of_upper_bits_too_is_no_surprise() {
    let flags = with("clone", "ERRNO", (0, "EQ", 0x1000_0000));
    assert_eq!(codes("ALLOW", &[flags]), [""; 0], "the flags are long");
    let closed = [
        with("socket", "ERRNO", (0, "EQ", 40)),
        with("socket", "ERRNO", (0, "GT", 0xffff_ffff)),
    ];
    assert_eq!(codes("ALLOW", &closed), [""; 0]);
    let mode = r#","args":[{"index":1,"value":2048,"valueTwo":2048,"op":"SCMP_CMP_MASKED_EQ"}]"#;
    assert_eq!(codes("ALLOW", &[rule("chmod", "ERRNO", mode)]), [""; 0]);
}

#[test]
fn no_architectures_are_said_once_and_only_where_programs_of_others_run() {
    let text = r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#;
    let source = Source::read(text.as_bytes()).expect("sound");
    let said = source.lint(Arch::ScmpArchX86_64);
    assert!(
        matches!(said.as_slice(), [one] if one.kind.code() == "native-only"
            && one.to_string().contains(r#"["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]"#)),
        "{said:?}"
    );
    assert!(source.lint(Arch::ScmpArchRiscv64).is_empty());
}

#[test]
fn conditions_that_socketcall_loses_are_said() {
    let inet = with("socket", "ALLOW", (0, "EQ", 2));
    let both = |rules: &[String]| {
        profile("ERRNO", rules).replace(X86_64, r#""architectures":["SCMP_ARCH_X86"],"#)
    };
    let said = lint(&both(std::slice::from_ref(&inet)));
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].kind.code(), "multiplexed");
    assert!(said[0].to_string().contains("there ALLOW holds whatever"));
    let open = lint(&both(&[inet.clone(), rule("socketcall", "ALLOW", "")]));
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].kind.code(), "multiplexer-open");
    assert!(
        open[0].to_string().contains("the rule at line 3"),
        "{}",
        open[0]
    );
    assert!(lint(&both(&[inet, rule("socketcall", "KILL", "")])).is_empty());
}

#[test]
fn the_same_oddity_is_said_once_with_the_other_places() {
    let rules = ["read", "write", "open"].map(|name| rule(name, "ALLOW", r#","errnoRet":1"#));
    let (code, message) = warning("ERRNO", &rules);
    assert_eq!(code, "idle-errno");
    assert!(message.ends_with("so do line 3 and 1 more"), "{message}");
}

#[test]
fn small_oddities_are_said() {
    let zero = rule("mount", "ERRNO", r#","errnoRet":0"#);
    assert_eq!(codes("ALLOW", &[zero]), ["errno-zero"]);
    let nameless = r#"{"names":[],"action":"SCMP_ACT_ERRNO"}"#.to_owned();
    assert_eq!(codes("ALLOW", &[nameless]), ["no-names"]);
    let with = |key: &str| {
        let text = format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO",{X86_64}"{key}":"/x"}}"#);
        let warnings = lint(&text);
        let [one] = warnings.as_slice() else {
            panic!("{warnings:?}");
        };
        one.kind.code()
    };
    assert_eq!(with("listenerPath"), "idle-listener");
    assert_eq!(with("listenerMetadata"), "idle-metadata");
    assert_eq!(
        codes("KILL", &[rule("read", "ALLOW", "")]),
        ["kills-one-thread"]
    );
}

#[test]
fn capabilities_that_linux_does_not_have_are_said() {
    let typed = rule(
        "mount",
        "ERRNO",
        r#","excludes":{"caps":["CAP_SYS_ADMNI"]}"#,
    );
    let (code, message) = warning("ALLOW", &[typed]);
    assert_eq!(code, "never-matches");
    assert!(message.ends_with(r#"write "CAP_SYS_ADMIN""#), "{message}");
}

#[test]
fn very_many_rules_are_looked_at_in_bounded_time() {
    let rules: Vec<String> = (0..20_000)
        .map(|value| {
            let action = if value % 2 == 0 { "ERRNO" } else { "LOG" };
            with("socket", action, (0, "GE", value))
        })
        .collect();
    let warnings = lint(&profile("ALLOW", &rules));
    assert_eq!(warnings.len(), 100);
}

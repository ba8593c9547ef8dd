//! Configurations that cannot be read, or that parsers read differently.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use integration::{PolicyDir, RealRuntime, TestBundle, copy_program, run, shim_binary};

use crate::attempt::Attempt;

/// The policy that looks at everything: the container's own profile and the default both count.
pub(crate) const BOTH: &str = "[defaults]\nprofile = \"RuntimeDefault\"\ncombine = \"restrict\"";
const DENY: &str = r#"{"defaultAction":"SCMP_ACT_ERRNO"}"#;

/// A config.json whose `linux` is `inner`, with `DENY` for every `D`.
fn linux(inner: &str) -> Vec<u8> {
    let inner = inner.replace('D', DENY);
    format!("{{\"ociVersion\":\"1.0.2\",\n\"linux\":{{{inner}}}}}").into_bytes()
}

/// A config.json with `more` after `linux`.
fn top(more: &str) -> Vec<u8> {
    let more = more.replace('D', DENY);
    format!("{{\"ociVersion\":\"1.0.2\",\n\"linux\":{{\"seccomp\":{DENY}}},{more}}}").into_bytes()
}

fn nested(levels: usize) -> Vec<u8> {
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    format!("{{\"x\":{open}{close}}}").into_bytes()
}

/// What is wrong, the bytes, and words of the message.
fn bad_texts() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let bom = b"\xEF\xBB\xBF{}".to_vec();
    let profile = |text: &str| linux(&format!("\"seccomp\":{text}"));
    vec![
        ("empty", b"".to_vec(), &["line 1", "empty"]),
        ("only space", b" \n\n ".to_vec(), &["empty"]),
        ("not JSON", b"\n\x7FELF".to_vec(), &["line 2", "not JSON"]),
        (
            "YAML",
            b"linux:\n  seccomp: {}".to_vec(),
            &["line 1, column 1", "not JSON"],
        ),
        (
            "an array",
            b"[]".to_vec(),
            &["must be an object, not an array"],
        ),
        ("null", b"null".to_vec(), &["must be an object"]),
        ("10,000 levels", nested(10_000), &["line 1", "levels deep"]),
        ("5 million levels", nested(5_000_000), &["levels deep"]),
        (
            "linux an array",
            b"{\"linux\":[]}".to_vec(),
            &["linux must be an object, not an array"],
        ),
        (
            "seccomp {}",
            linux("\"seccomp\":{}"),
            &["line 2", "defaultAction"],
        ),
        (
            "seccomp []",
            linux("\"seccomp\":[]"),
            &["line 2", "linux.seccomp must be an object"],
        ),
        (
            "seccomp true",
            linux("\"seccomp\":true"),
            &["linux.seccomp must be an object"],
        ),
        // The table of what parsers read differently.
        (
            "seccomp twice",
            linux("\"seccomp\":D,\"seccomp\":D"),
            &["\"seccomp\" stands twice"],
        ),
        (
            "then null",
            linux("\"seccomp\":D,\"seccomp\":null"),
            &["\"seccomp\" stands twice"],
        ),
        (
            "null, then",
            linux("\"seccomp\":null,\"seccomp\":D"),
            &["\"seccomp\" stands twice"],
        ),
        (
            "escaped twice",
            linux(r#""seccomp":D,"\u0073eccomp":null"#),
            &["stands twice"],
        ),
        (
            "Seccomp only",
            linux("\"Seccomp\":D"),
            &["line 2", "\"Seccomp\""],
        ),
        (
            "SECCOMP only",
            linux("\"SECCOMP\":D"),
            &["line 2", "\"SECCOMP\""],
        ),
        (
            "ſeccomp only",
            linux("\"ſeccomp\":D"),
            &["line 2", "\"ſeccomp\""],
        ),
        (
            "and Seccomp",
            linux("\"seccomp\":D,\"Seccomp\":null"),
            &["\"Seccomp\""],
        ),
        (
            "and ſeccomp",
            linux("\"seccomp\":D,\"ſeccomp\":null"),
            &["\"ſeccomp\""],
        ),
        (
            "escaped ſ",
            linux(r#""seccomp":D,"\u017feccomp":null"#),
            &["\"ſeccomp\""],
        ),
        ("Kelvin sign", top("\"hoo\u{212A}s\":{}"), &["hoo\u{212A}s"]),
        (
            "second linux",
            top("\"linux\":{}"),
            &["\"linux\" stands twice"],
        ),
        (
            "second linux null",
            top("\"linux\":{\"seccomp\":null}"),
            &["\"linux\" stands twice"],
        ),
        (
            "and LINUX",
            top("\"LINUX\":{\"seccomp\":D}"),
            &["\"LINUX\""],
        ),
        (
            "inner Syscalls",
            profile(r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[],"Syscalls":null}"#),
            &["line 2", "Syscalls"],
        ),
        // C ends a string there: runc and crun read mount(2), and a floor's rule would not hold for it.
        (
            "a name that goes on after a NUL",
            profile(
                r#"{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["mount\u0000"],"action":"SCMP_ACT_ALLOW"}]}"#,
            ),
            &["line 2", "a syscall name holds a NUL"],
        ),
        (
            "second document",
            [linux(""), b"{}".to_vec()].concat(),
            &["line 2", "more text follows"],
        ),
        (
            "trailing NUL",
            [linux(""), b"\0".to_vec()].concat(),
            &["line 2", "more text follows"],
        ),
        ("BOM", bom, &["byte order mark"]),
        (
            "comment",
            b"{ /* x */ }".to_vec(),
            &["line 1, column 3", "not JSON"],
        ),
        (
            "line comment",
            b"{\n// x\n}".to_vec(),
            &["line 2", "not JSON"],
        ),
        ("trailing comma", linux("\"a\":1,"), &["line 2", "not JSON"]),
        (
            "not UTF-8",
            [b"{\n\"annotations\":{\"a\":\"\xFF\"}}".to_vec()].concat(),
            &["line 2", "not UTF-8"],
        ),
        ("UTF-16", b"\xFF\xFE{\0}\0".to_vec(), &["not UTF-8"]),
        (
            "errnoRet of 2^32+1",
            profile(r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4294967297}"#),
            &["line 2", "4294967297"],
        ),
        (
            "unknown action",
            profile(r#"{"defaultAction":"SCMP_ACT_ALOW"}"#),
            &["line 2", "SCMP_ACT_ALOW", "did you mean"],
        ),
        (
            "unknown architecture",
            profile(r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_46"]}"#),
            &["line 2", "SCMP_ARCH_X86_46"],
        ),
        (
            "unknown flag",
            profile(r#"{"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_LGO"]}"#),
            &["line 2", "SECCOMP_FILTER_FLAG_LGO"],
        ),
        (
            "annotations twice",
            b"{\"annotations\":{\"a\":\"1\",\n\"a\":\"2\"}}".to_vec(),
            &["line 2", "\"a\" stands twice"],
        ),
        (
            "annotation a number",
            b"{\"annotations\":{\"a\":1}}".to_vec(),
            &["annotation"],
        ),
    ]
}

#[test]
fn a_config_that_parsers_read_differently_is_refused() {
    for runtime in RealRuntime::all("a_config_that_parsers_read_differently_is_refused") {
        let policy = PolicyDir::new(BOTH);
        for (case, text, words) in bad_texts() {
            let bundle = TestBundle::new(&["true"]);
            bundle.write_text(&text);
            let attempt = Attempt::before(&runtime, policy.path(), bundle.path());
            let message = attempt.refused(case);
            let file = format!("seccomp-shim: {}, line ", bundle.config_path().display());
            assert!(message.starts_with(&file), "{case}: {message}");
            for words in words {
                assert!(message.contains(words), "{case}: {words}: {message}");
            }
        }
        let recorded = policy.decisions();
        assert_eq!(recorded.len(), bad_texts().len());
        for record in recorded {
            assert_eq!(record["result"], "refused", "{record}");
        }
    }
}

#[test]
fn what_every_parser_reads_alike_is_enforced_however_odd() {
    const NO_MKDIR: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}"#;
    let policy = PolicyDir::new(
        "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"p.json\" }",
    )
    .with_profile("p.json", NO_MKDIR);
    let odd = [
        (
            "20 levels",
            format!("\"x\":{}{},", "[".repeat(20), "]".repeat(20)),
        ),
        (
            "lone surrogate",
            r#""annotations":{"a":"\ud800"},"#.to_owned(),
        ),
        ("1e400", "\"x\":1e400,".to_owned()),
        ("unknown field", "\"x-vendor\":{\"a\":[1,2]},".to_owned()),
        ("spaces", "\n\t\r ".to_owned()),
    ];
    for runtime in RealRuntime::all("what_every_parser_reads_alike_is_enforced_however_odd") {
        for seccomp in [
            "",
            "\"seccomp\":null,",
            "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"future\":{}},",
        ] {
            for (case, more) in &odd {
                let bundle = TestBundle::new(&["mkdir", "/tmp/x"]);
                let text = String::from_utf8(bundle.text()).expect("UTF-8");
                let text = text.replacen('{', &format!("{{{more}"), 1).replacen(
                    "\"linux\":{",
                    &format!("\"linux\":{{{seccomp}"),
                    1,
                );
                bundle.write_text(&text);
                let outcome = runtime.run(policy.path(), &bundle);
                assert!(
                    outcome.text().contains("Operation not permitted"),
                    "{case}, {seccomp}, {}: {outcome:?}",
                    runtime.name
                );
            }
        }
    }
}

#[test]
fn a_config_without_linux_gets_one_and_nothing_else_changes() {
    let runtime = tempfile::tempdir().expect("folder");
    let runtime = stand_in(runtime.path(), "true");
    let policy = PolicyDir::new(BOTH);
    for (before, start) in [
        ("{}", "{\"linux\":{\"seccomp\":{"),
        ("{\"a\" : 1 }", "{\"linux\":{\"seccomp\":{"),
        ("{\"linux\": null}", "{\"linux\": {\"seccomp\":{"),
        ("{\"linux\":{ }}", "{\"linux\":{\"seccomp\":{"),
    ] {
        let bundle = tempfile::tempdir().expect("bundle");
        let config = bundle.path().join("config.json");
        fs::write(&config, before).expect("config.json");
        let outcome = run(&mut create(&runtime, policy.path(), bundle.path()));
        assert!(
            outcome.ok() && outcome.text().is_empty(),
            "{before}: {outcome:?}"
        );
        let after = fs::read_to_string(&config).expect("config.json");
        assert!(after.starts_with(start), "{before}: {after:.60}");
        let tail = before.trim_start_matches(|c| c != '1' && c != '}');
        assert!(after.ends_with(tail), "{before}: {after}");
    }
}

#[test]
fn a_config_cut_at_any_byte_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let runtime = stand_in(folder.path(), "true");
    let policy = PolicyDir::new(BOTH);
    let bundle = TestBundle::new(&["true"]);
    bundle.edit(|config| {
        config["linux"]["seccomp"] = serde_json::json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
        });
    });
    let whole = bundle.text();
    for cut in 0..whole.len() {
        bundle.write_text(&whole[..cut]);
        let outcome = run(&mut create(&runtime, policy.path(), bundle.path()));
        assert_eq!(outcome.code, Some(1), "cut at {cut}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "cut at {cut}");
        let start = format!(
            "seccomp-shim: {}, line 1, column ",
            bundle.config_path().display()
        );
        assert!(
            outcome.stderr.starts_with(&start) && outcome.stderr.lines().count() == 1,
            "cut at {cut}: {outcome:?}"
        );
        assert_eq!(bundle.text(), &whole[..cut], "cut at {cut}");
    }
    bundle.write_text(&whole);
    assert!(run(&mut create(&runtime, policy.path(), bundle.path())).ok());
}

/// A program of the system under the name `runc`, quicker than a runtime.
fn stand_in(folder: &Path, program: &str) -> std::path::PathBuf {
    let path = folder.join("runc");
    copy_program(&Path::new("/bin").join(program), &path);
    path
}

/// A create in front of `runtime`.
fn create(runtime: &Path, policy: &Path, bundle: &Path) -> Command {
    let mut command = Command::new(shim_binary());
    command
        .arg("--shim-runtime")
        .arg(runtime)
        .arg("--shim-policy")
        .arg(policy);
    command.args([
        OsStr::new("create"),
        OsStr::new("--bundle"),
        bundle.as_os_str(),
    ]);
    command.arg("cut");
    command
}

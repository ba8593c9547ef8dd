//! Unknown flags, and what a refusal says.
#![forbid(unsafe_code)]

use super::{FLAVORS, call, short};
use crate::argv::{Call, Doubt, Flavor, LogFormat};

fn doubt(line: &str, flavor: Flavor) -> Doubt {
    match call(line, flavor) {
        Call::Refused { reason, .. } => reason,
        other => panic!("{line} for {flavor:?}: {other:?}"),
    }
}

#[test]
fn an_unknown_flag_of_create_is_refused() {
    for line in [
        "create --new-flag -b X ID",
        "create --new-flag=v -b X ID",
        "create -b X --new-flag v ID",
        "create -z -b X ID",
        "restore --new-flag",
    ] {
        for flavor in FLAVORS {
            let doubt = doubt(line, flavor);
            assert!(
                matches!(doubt, Doubt::UnknownFlag { .. }),
                "{line}: {doubt}"
            );
        }
    }
}

#[test]
fn an_unknown_global_flag_may_take_a_value_or_not() {
    for flavor in FLAVORS {
        for (line, expected) in [
            ("--new create -b X ID", "create X ID"),
            ("--new value create -b X ID", "create X ID"),
            ("--new=value create -b X ID", "create X ID"),
            ("--new value --newer create -b X ID", "create X ID"),
            ("-n -m value create -b X ID", "create X ID"),
            // It is exec in one reading and nothing in the other.
            ("--new exec c create -b X ID", "pass"),
            ("--new value exec c create -b X ID", "pass"),
            ("--new=value state create", "pass"),
            ("--new value state run", "pass"),
            // `create` or `run`, `exec` or `create`.
            ("--new create run", "create . run"),
            ("--new exec create -b X ID", "refused"),
            ("--new run exec", "refused"),
            (
                "--n1 --n2 --n3 --n4 --n5 --n6 --n7 --n8 --n9 create -b X ID",
                "refused",
            ),
        ] {
            assert_eq!(short(line, flavor), expected, "{line} for {flavor:?}");
        }
    }
}

#[test]
fn an_own_option_that_could_not_be_taken_out_is_refused() {
    for flavor in FLAVORS {
        for line in [
            "--new v --shim-policy p create -b X ID",
            "--shim-polcy p create -b X ID",
            "-log --new --shim-policy=p create -b X ID",
        ] {
            let doubt = doubt(line, flavor);
            assert!(matches!(doubt, Doubt::OwnFlag { .. }), "{line}: {doubt}");
        }
        assert_eq!(short("exec c create --shim-policy p", flavor), "pass");
    }
}

#[test]
fn the_log_is_found_when_refusing() {
    for line in [
        "--log /l --log-format json create --new -b X ID",
        "--log=/l --log-format=json --new run exec",
        "--log x --log /l --log-format json create --new -b -x ID",
    ] {
        for flavor in FLAVORS {
            let Call::Refused { log, .. } = call(line, flavor) else {
                panic!("{line} for {flavor:?}");
            };
            assert_eq!(log.file, Some("/l".into()), "{line} for {flavor:?}");
            assert_eq!(log.format, LogFormat::Json, "{line} for {flavor:?}");
        }
    }
}

#[test]
fn the_log_of_crun_may_name_its_kind() {
    for (line, file) in [
        ("--log file:/l create ID", Some("/l")),
        ("--log journald:x create ID", None),
        ("--log=syslog:x create ID", None),
        ("--log= create ID", None),
        ("--log /l create ID", Some("/l")),
    ] {
        let Call::Ours(request) = call(line, Flavor::Crun) else {
            panic!("{line}");
        };
        assert_eq!(request.log.file, file.map(Into::into), "{line}");
    }
    let Call::Ours(request) = call("--log file:/l create ID", Flavor::Runc) else {
        panic!("runc");
    };
    assert_eq!(request.log.file, Some("file:/l".into()));
}

#[test]
fn messages_are_one_line_and_hold_no_words_that_engines_look_for() {
    let reserved = [
        "no such file or directory",
        "permission denied",
        "operation not permitted",
        "not a directory",
        "executable file not found",
    ];
    for (line, flavor) in [
        ("create --new -b X ID", Flavor::Runc),
        ("create --bundle -x ID", Flavor::Runc),
        ("create - --bundle X", Flavor::Runc),
        ("--new run exec", Flavor::Crun),
        (
            "--n1 --n2 --n3 --n4 --n5 --n6 --n7 --n8 --n9 create -b X ID",
            Flavor::Youki,
        ),
        ("--new v --shim-policy p create -b X ID", Flavor::Unknown),
    ] {
        let text = doubt(line, flavor).to_string();
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
        assert!(text.contains("; ") || text.contains("first"), "{text}");
        for words in reserved {
            assert!(!text.to_lowercase().contains(words), "{text}");
        }
    }
}

#[test]
fn a_message_shows_a_strange_word_quoted_and_cut() {
    let long = format!("create --\u{1b}[31m\n{} -b X ID", "x".repeat(500));
    let args: Vec<_> = long.split(' ').map(Into::into).collect();
    let Call::Refused { reason, .. } = crate::argv::scan(&args, Flavor::Runc) else {
        panic!("not refused");
    };
    let text = reason.to_string();
    assert!(text.contains(r#""--\u{1b}[31m\nxxx"#), "{text}");
    assert!(text.len() < 400 && text.contains("..."), "{text}");
}

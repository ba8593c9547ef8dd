//! Tables of command lines and what each comes to.
#![forbid(unsafe_code)]

mod callers;
mod differences;
mod doubts;
mod early;

use std::ffi::OsString;

use super::{Call, Command, Flavor, Log, Request, scan};

pub(super) const FLAVORS: [Flavor; 4] =
    [Flavor::Runc, Flavor::Crun, Flavor::Youki, Flavor::Unknown];

/// The words of a line; `''` is an empty one, `_` inside a word is a space.
pub(super) fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace()
        .map(|word| match word {
            "''" => OsString::new(),
            _ => word.replace('_', " ").into(),
        })
        .collect()
}

pub(super) fn call(line: &str, flavor: Flavor) -> Call {
    scan(&words(line), flavor)
}

/// A short form of a call: `create B id`, `create . id`, `create B+F id`, `pass`, `refused`.
pub(super) fn short(line: &str, flavor: Flavor) -> String {
    let text = |word: OsString| word.to_string_lossy().into_owned();
    match call(line, flavor) {
        Call::PassThrough => "pass".to_owned(),
        Call::Refused { .. } => "refused".to_owned(),
        Call::Ours(request) => {
            let bundle = request.bundle.map_or(".".to_owned(), text);
            let config = request
                .config
                .map_or(String::new(), |file| format!("+{}", text(file)));
            format!("{} {bundle}{config} {}", request.command, text(request.id))
        }
    }
}

#[test]
fn the_log_and_its_form_come_with_a_request() {
    let call = call("--log=/l --log-format json create -b /b id", Flavor::Runc);
    let log = Log {
        file: Some("/l".into()),
        format: super::LogFormat::Json,
    };
    let expected = Request {
        command: Command::Create,
        bundle: Some("/b".into()),
        config: None,
        id: "id".into(),
        log,
    };
    assert_eq!(call, Call::Ours(expected));
}

#[test]
fn words_that_are_not_utf8_come_back_byte_for_byte() {
    use std::os::unix::ffi::OsStringExt;
    let bundle = OsString::from_vec(b"/b\xff\xfe=".to_vec());
    let mut inline = b"--bundle=".to_vec();
    inline.extend(b"/b\xff\xfe=");
    for args in [
        vec![
            "create".into(),
            "--bundle".into(),
            bundle.clone(),
            "id".into(),
        ],
        vec!["create".into(), OsString::from_vec(inline), "id".into()],
    ] {
        for flavor in FLAVORS {
            let Call::Ours(request) = scan(&args, flavor) else {
                panic!("{args:?} for {flavor:?}");
            };
            assert_eq!(request.bundle.as_ref(), Some(&bundle));
        }
    }
}

#[test]
fn the_flavor_is_told_by_the_file_name() {
    for (path, flavor) in [
        ("/usr/sbin/runc", Flavor::Runc),
        ("/opt/runc-1.2.3", Flavor::Runc),
        ("/usr/bin/runc.real", Flavor::Runc),
        ("/usr/bin/crun", Flavor::Crun),
        ("krun", Flavor::Crun),
        ("/usr/bin/crun-wasm", Flavor::Crun),
        ("/usr/local/bin/youki", Flavor::Youki),
        ("/usr/bin/runsc", Flavor::Unknown),
        ("/usr/bin/kata-runtime", Flavor::Unknown),
        ("/", Flavor::Unknown),
    ] {
        assert_eq!(Flavor::of(path.as_ref()), flavor, "{path}");
    }
}

//! Runtimes that are not there, cannot be run, or are the shim; and options that the shim lacks.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{
    PolicyDir, PrivateMount, TestBundle, copy_program, needs_root, run, shim_binary,
};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;

use crate::attempt::{Attempt, ForAll, chmod};

const FOLDERS: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

const NOBODY: u32 = 65534;

fn shim() -> Command {
    Command::new(shim_binary())
}

/// Makes what is no program.
type Make = fn(&Path);

/// A shell does it, for the reason that [`copy_program`] has.
fn write(path: &Path, text: &str, mode: &str) {
    let script = r#"printf %s "$1" > "$0" && chmod "$2" "$0""#;
    let mut shell = Command::new("sh");
    let outcome = run(shell.args(["-c", script]).arg(path).args([text, mode]));
    assert!(outcome.ok(), "{outcome:?}");
}

#[test]
fn a_runtime_that_cannot_be_run_is_refused_and_the_bundle_put_back() {
    if !needs_root("a_runtime_that_cannot_be_run_is_refused_and_the_bundle_put_back") {
        return;
    }
    let policy = PolicyDir::new("");
    let cases: &[(&str, Make, &[&str])] = &[
        (
            "missing",
            |_| (),
            &["cannot run the runtime", "it is missing (ENOENT)"],
        ),
        (
            "a folder",
            |path| fs::create_dir(path).expect("a folder"),
            &["is not a regular file"],
        ),
        (
            "a fifo",
            |path| mkfifo(path, Mode::S_IRWXU).expect("a fifo"),
            &["is not a regular file"],
        ),
        (
            "a device",
            |path| symlink("/dev/null", path).expect("a link"),
            &["is not a regular file"],
        ),
        (
            "a circle",
            |path| symlink("runc", path).expect("a link"),
            &["too many links (ELOOP)"],
        ),
        (
            "not executable",
            |path| write(path, "#!/bin/sh\n", "644"),
            &["access refused (EACCES)"],
        ),
        (
            "no program",
            |path| write(path, "hello\n", "755"),
            &["not a program (ENOEXEC)"],
        ),
        (
            "empty",
            |path| write(path, "", "755"),
            &["not a program (ENOEXEC)"],
        ),
        (
            "no interpreter",
            |path| write(path, "#!/none/sh\n", "755"),
            &["(ENOENT)"],
        ),
        (
            "below a file",
            |path| write(path.parent().expect("parent"), "", "644"),
            &["ENOTDIR"],
        ),
    ];
    for (case, make, words) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let mut path = folder.path().join("runc");
        if *case == "below a file" {
            path = path.join("runc");
        }
        make(&path);
        for named in ["--shim-runtime", "policy"] {
            let bundle = TestBundle::new(&["true"]);
            let attempt = Attempt::by(shim(), bundle.path()).put_back();
            let attempt = if named == "policy" {
                let named = format!("runtime.path = {:?}", path.display().to_string());
                policy.write(
                    "policy.toml",
                    format!("version = 1\nlog.decisions = \"off\"\n{named}"),
                );
                attempt
            } else {
                policy.write("policy.toml", "version = 1\nlog.decisions = \"off\"\n");
                attempt.own("--shim-runtime", &path)
            };
            let message = attempt.own("--shim-policy", policy.path()).refused(case);
            assert!(
                message.contains(&format!("the runtime {}", path.display())),
                "{case}: {message}"
            );
            assert!(
                message.contains("--shim-runtime") || message.contains("name the real"),
                "{case}: {message}"
            );
            for words in *words {
                assert!(message.contains(words), "{case}: {words}: {message}");
            }
        }
    }
}

#[test]
fn a_runtime_of_an_unclear_name_is_refused() {
    let policy = PolicyDir::new("");
    let bundle = TestBundle::new(&["true"]);
    for (name, words) in [
        ("./runc", "absolute path"),
        ("../../usr/sbin/runc", "absolute path"),
        ("bin/", "absolute path"),
        ("no-such-runtime", "it is missing (ENOENT)"),
        (".", "it is missing (ENOENT)"),
    ] {
        let attempt = Attempt::by(shim(), bundle.path()).own("--shim-runtime", name);
        let message = attempt.own("--shim-policy", policy.path()).refused(name);
        assert!(
            message.contains(name) && message.contains(words),
            "{name}: {message}"
        );
    }
}

#[test]
fn a_runtime_that_is_the_shim_itself_is_refused() {
    let policy = PolicyDir::new("");
    let bundle = TestBundle::new(&["true"]);
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let own = at("shim");
    copy_program(&shim_binary(), &own);
    symlink(&own, at("runc")).expect("a link");
    symlink("runc", at("crun")).expect("a link");
    fs::hard_link(&own, at("hard")).expect("a link");
    fs::create_dir(at("other")).expect("a folder");
    copy_program(&own, &at("other/runc"));
    for name in [
        "shim",
        "runc",
        "crun",
        "hard",
        "other/runc",
        "other/../runc",
    ] {
        let path = at(name);
        for words in [&["create"][..], &["state"], &["--version"]] {
            let outcome = run(Command::new(&own)
                .arg("--shim-runtime")
                .arg(&path)
                .args(words));
            assert_eq!(outcome.code, Some(1), "{name}, {words:?}: {outcome:?}");
        }
        let attempt = Attempt::by(Command::new(&own), bundle.path()).own("--shim-runtime", &path);
        let message = attempt.own("--shim-policy", policy.path()).refused(name);
        let words = format!(
            "the runtime {} is seccomp-shim itself; name the real runc",
            path.display()
        );
        assert!(message.contains(&words), "{name}: {message}");
    }
}

#[test]
fn a_runtime_that_others_could_have_written_is_refused() {
    if !needs_root("a_runtime_that_others_could_have_written_is_refused") {
        return;
    }
    let policy = PolicyDir::new("");
    let bundle = TestBundle::new(&["true"]);
    for (case, uid, gid, mode) in [
        ("owner", 1234, 0, 0o755),
        ("group", 0, 1234, 0o775),
        ("others", 0, 0, 0o757),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("runc");
        copy_program(Path::new("/bin/true"), &path);
        chown(&path, Some(uid), Some(gid)).expect("chown");
        chmod(&path, mode);
        let attempt = Attempt::by(shim(), bundle.path()).own("--shim-runtime", &path);
        let message = attempt.own("--shim-policy", policy.path()).refused(case);
        assert!(
            message.contains(&path.display().to_string()),
            "{case}: {message}"
        );
        assert!(
            message.contains(&format!("owner {uid}, mode {mode:04o}")),
            "{case}: {message}"
        );
    }
}

#[test]
fn where_no_runtime_is_installed_the_create_is_refused() {
    if !needs_root("where_no_runtime_is_installed_the_create_is_refused") {
        return;
    }
    let policy = PolicyDir::new("");
    let bundle = TestBundle::new(&["true"]);
    let mut hidden: Vec<PathBuf> = Vec::new();
    let mut mounts = Vec::new();
    for folder in FOLDERS {
        for name in ["runc", "crun", "youki"] {
            if let Ok(path) = Path::new(folder).join(name).canonicalize()
                && !hidden.contains(&path)
            {
                mounts.push(PrivateMount::bind(Path::new("/dev/null"), &path));
                hidden.push(path);
            }
        }
    }
    let attempt = Attempt::by(shim(), bundle.path()).own("--shim-policy", policy.path());
    let message = attempt.refused("none installed");
    assert!(
        message.contains("none of runc, crun and youki is in /usr/local/sbin"),
        "{message}"
    );
    assert!(
        message.contains("--shim-runtime or runtime.path"),
        "{message}"
    );
}

#[test]
fn an_option_that_the_shim_lacks_is_refused() {
    let bundle = TestBundle::new(&["true"]);
    let policy = PolicyDir::new("");
    for (option, words) in [
        ("--shim-polcy=/p", "\"--shim-polcy\""),
        ("--shim-", "\"--shim-\""),
        ("--shim-verbose", "\"--shim-verbose\""),
        ("--shim-policy=", "\"--shim-policy\" needs a value"),
        ("--shim-runtime", "\"--shim-runtime\" needs a value"),
        ("--shim-handler", "\"--shim-handler\" needs a value"),
    ] {
        let mut command = shim();
        command.arg("--shim-policy").arg(policy.path()).arg(option);
        let message = Attempt::by(command, bundle.path()).refused(option);
        assert!(message.contains(words), "{option}: {message}");
    }
}

#[test]
fn a_refusal_reaches_whatever_is_left_of_the_log_and_stderr() {
    let policy = PolicyDir::new("typo = 1");
    let bundle = TestBundle::new(&["true"]);
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).expect("a fifo");
    let places = [
        folder.path().join("none/log.json"),
        folder.path().to_owned(),
        fifo,
        "/dev/full".into(),
    ];
    for log in places {
        let outcome = run(shim()
            .arg("--shim-policy")
            .arg(policy.path())
            .arg("--log")
            .arg(&log)
            .args(["--log-format", "json", "create", "--bundle"])
            .arg(bundle.path())
            .arg("id"));
        assert_eq!(outcome.code, Some(1), "{log:?}: {outcome:?}");
        assert!(outcome.stderr.contains("`typo`"), "{log:?}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{log:?}: {outcome:?}");
    }
}

/// The stand-in for a runtime gets the create: it ends with 7.
fn is_run(runtime: &Path, policy: &PolicyDir, bundle: &TestBundle, case: &str) {
    let mut command = shim();
    command.args(["--shim-runtime".as_ref(), runtime.as_os_str()]);
    command.args(["--shim-policy".as_ref(), policy.path().as_os_str()]);
    command.args(["create", "--bundle"]);
    let outcome = run(command.arg(bundle.path()).arg("an-id"));
    assert_eq!(outcome.code, Some(7), "{case}: {outcome:?}");
}

#[test]
fn a_youki_without_seccomp_gets_no_container_with_a_profile() {
    if !needs_root("a_youki_without_seccomp_gets_no_container_with_a_profile") {
        return;
    }
    let policy = PolicyDir::new("");
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = TestBundle::new(&["true"]);
    let program = |sentence: &str| {
        format!("#!/bin/sh\n# youki version: 0.7.1\n# {sentence}seccomp privileges!\nexit 7\n")
    };
    let warning = program("seccomp not available, unable to set ");
    let older = program("seccomp not available for ");
    for (name, without, with) in [
        ("youki", vec![&warning, &older], program("")),
        // Under another name, words that are not just youki's tell nothing.
        ("our-runtime", vec![&warning], older.clone()),
    ] {
        let runtime = folder.path().join(name);
        for text in without {
            write(&runtime, text, "755");
            for found in ["looked for", "kept"] {
                let attempt = Attempt::by(shim(), bundle.path()).own("--shim-runtime", &runtime);
                let message = attempt.own("--shim-policy", policy.path()).refused(found);
                assert!(message.contains("built without seccomp"), "{message}");
            }
        }
        // One that says nothing of the kind is run.
        write(&runtime, &with, "755");
        is_run(&runtime, &policy, &bundle, name);
    }
}

#[test]
fn a_youki_that_does_not_tell_its_version_gets_no_container_with_masked_conditions() {
    let test = "a_youki_that_does_not_tell_its_version_gets_no_container_with_masked_conditions";
    if !needs_root(test) {
        return;
    }
    let bundle = TestBundle::new(&["true"]);
    let asks = |op: &str| {
        bundle.edit(|config| {
            config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [
                    {"index": 0, "op": op, "value": 256, "valueTwo": 0},
                    {"index": 1, "op": op, "value": 3, "valueTwo": 5}]}]});
        });
        bundle.text()
    };
    let none = asks("SCMP_CMP_EQ");
    let masks = asks("SCMP_CMP_MASKED_EQ");
    let policy = PolicyDir::new("[defaults]\nprofile = \"Requested\"");
    let folder = tempfile::tempdir().expect("a folder");
    let as_it_was = [(256, 0), (3, 5)];
    // Five has a bit that is outside of the mask.
    let around = [(0, 256), (1, 3)];
    // (named, what it is, the values that it gets; none if it is refused)
    let tells = |says: &str| format!("#!/bin/sh\n[ $1 = --version ] && echo '{says}'\nexit 7\n");
    let holds = |says: &str| format!("#!/bin/sh\n# {says}\nexit 7\n");
    for (name, program, written) in [
        ("youki", holds("nothing"), None),
        ("youki", tells("youki 0.7.0"), None),
        ("youki", tells("youki version: none"), None),
        ("youki", tells("youki version: 0.6.9"), Some(around)),
        ("youki", holds("youki version: 0.7.0"), Some(around)),
        ("youki", tells("youki version: 0.8.0"), Some(as_it_was)),
        ("our-runtime", holds("youki version: 0.7.0"), Some(around)),
        (
            "our-runtime",
            holds("youki version: 1.0.0"),
            Some(as_it_was),
        ),
        ("our-runtime", holds("nothing"), Some(as_it_was)),
        ("runc", holds("youki version: 0.7.0"), Some(as_it_was)),
    ] {
        let runtime = folder.path().join(name);
        // Renamed into place: it is another file, as one that was installed anew.
        write(&folder.path().join("next"), &program, "755");
        fs::rename(folder.path().join("next"), &runtime).expect("in its place");
        let case = format!("{name}: {program}");
        let escaped = String::from_utf8_lossy(&masks).replace("MASKED_EQ", "MASKED\\u005fEQ");
        for time in ["first", "again", "its bundle used again", "escaped"] {
            match time {
                "its bundle used again" => {}
                "escaped" => bundle.write_text(&escaped),
                _ => bundle.write_text(&masks),
            }
            let attempt = Attempt::by(shim(), bundle.path()).own("--shim-runtime", &runtime);
            let attempt = attempt.own("--shim-policy", policy.path());
            let Some(values) = written else {
                let message = attempt.refused(&case);
                assert!(message.contains("does not tell its version"), "{message}");
                continue;
            };
            is_run(&runtime, &policy, &bundle, &case);
            let config: serde_json::Value =
                serde_json::from_slice(&bundle.text()).expect("still JSON");
            let args = config.pointer("/linux/seccomp/syscalls/0/args");
            for (at, (value, two)) in values.into_iter().enumerate() {
                let condition = &args.expect("conditions")[at];
                assert_eq!(condition["value"], value, "{time}, {case}: {config}");
                assert_eq!(condition["valueTwo"], two, "{time}, {case}: {config}");
            }
        }
        let explained = |format: &str| {
            let mut explain = shim();
            explain.args(["--shim-runtime".as_ref(), runtime.as_os_str()]);
            explain.args(["explain", "--format", format, "--policy"]);
            explain
                .arg(policy.path())
                .arg("--bundle")
                .arg(bundle.path());
            run(&mut explain)
        };
        let (text, json) = (explained("text"), explained("json"));
        match written {
            None => assert!(text.stderr.contains("tell its version"), "{case}: {text:?}"),
            Some(values) => {
                let swapped = values == around;
                let said = format!("\"masksSwapped\": {swapped}");
                assert!(json.stdout.contains(&said), "{case}: {json:?}");
                let told = text.stdout.contains("it gets them swapped");
                assert_eq!(told, swapped, "{case}: {text:?}");
                assert!(
                    json.stdout.contains("\"changesBundle\": false"),
                    "{case}: {json:?}"
                );
            }
        }
        // Without such conditions it does not matter which youki it is.
        bundle.write_text(&none);
        is_run(&runtime, &policy, &bundle, &case);
    }
}

#[test]
fn a_runtime_that_cannot_be_read_might_lack_seccomp_and_is_refused() {
    if !needs_root("a_runtime_that_cannot_be_read_might_lack_seccomp_and_is_refused") {
        return;
    }
    let shim = ForAll::new();
    let bundle = TestBundle::new(&["true"]);
    for path in [bundle.path(), &bundle.path().join("config.json")] {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
    }
    for name in ["youki", "our-runtime"] {
        let runtime = shim.at(name);
        write(&runtime, "#!/bin/sh\n", "711");
        let attempt = shim.attempt(NOBODY, &runtime, bundle.path());
        let message = attempt.refused(name);
        let words = "cannot be read, so it is not known whether it was built with seccomp";
        assert!(message.contains(words), "{name}: {message}");
    }
}

//! `shim install` and `shim uninstall` on hosts mounted at a folder, and what the real engines make of
//! the files.
#![expect(clippy::expect_used, reason = "a test ends there")]

mod engines;
mod host;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use integration::shim_binary;
use serde_json::Value;

use self::host::Host;

const DOCKER: &str = "etc/docker/daemon.json";
const CONTAINERD: &str = "etc/containerd/config.toml";
const PODMAN: &str = "etc/containers/containers.conf.d/50-seccomp-shim.conf";
const CRIO: &str = "etc/crio/crio.conf.d/50-seccomp-shim.conf";
const HANDLERS: &str = "etc/seccomp-shim-handlers";

/// daemon.json in many shapes.
const DAEMONS: &[&str] = &[
    "{}",
    "{ }\n",
    "",
    "\n",
    "{\"log-level\":\"warn\"}",
    "{\n\t\"hosts\": [\"unix:///x\", \"tcp://1\"],\n\t\"unknown\": {\"b\": 1, \"a\": 1e3}\n}",
    "{\r\n    \"a\": 1\r\n}\r\n",
    "{\n  \"runtimes\": {},\n  \"z\": [\n  ]\n}\n",
    "{\n  \"runtimes\": {\"kata\": {\"path\": \"/k\", \"runtimeArgs\": [\"-x\"]}}, \"q\": \"\\u00e9\"\n}",
    "{\n  \"runtimes\": {\n    \"kata\": {\n      \"path\": \"/k\"\n    }\n  },\n  \"default-runtime\": \"kata\"\n}\n\n",
    "{\"runtimes\": null}",
];

/// containerd's main file in many shapes.
const CONTAINERDS: &[&str] = &[
    "",
    "# only words\n",
    "version = 2",
    "version = 2\n\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    sandbox_image = \"p:1\" # why\n",
    "version = 2\r\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\r\n  default_runtime_name = \"runc\"\r\n",
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n\truntime_type = \"io.containerd.runc.v2\"\n\t[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n\t\tSystemdCgroup = true\n",
    "disabled_plugins = [\"cri\"]\n",
    "version = 3\nimports = [\"/etc/containerd/other/*.toml\"]\n[plugins]\n",
    "version = 3\nimports = [\"conf.d/*.toml\"]\n",
    "# c\nversion = 3",
];

/// An engine, its main file, and a text that may stand in it.
fn shapes() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let daemons = DAEMONS.iter().map(|text| ("docker", DOCKER, *text));
    let containerds = CONTAINERDS
        .iter()
        .map(|text| ("containerd", CONTAINERD, *text));
    daemons.chain(containerds)
}

#[test]
fn installed_twice_changes_nothing_and_uninstalled_is_byte_identical() {
    for (engine, file, text) in shapes() {
        for default in ["", "--set-default"] {
            let host = Host::new();
            host.write(file, text);
            let mode = fs::Permissions::from_mode(0o640);
            fs::set_permissions(host.at(file), mode).expect("a mode");
            let before = host.everything();
            let dry = host.shim(&format!("install {engine} {default} --dry-run"));
            assert_eq!(dry.code, Some(1), "{text:?}: {dry:?}");
            assert_eq!(host.everything(), before, "{text:?}");
            host.good(&format!("install {engine} {default}"));
            let after = host.everything();
            host.unchanged(&format!("install {engine} {default}"));
            assert_eq!(host.everything(), after, "{text:?}");
            let dry = host.shim(&format!("install {engine} {default} --dry-run"));
            assert_eq!(dry.code, Some(0), "{text:?}: {dry:?}");
            host.good(&format!("uninstall {engine}"));
            assert_eq!(host.everything(), before, "{text:?} {default}");
            host.unchanged(&format!("uninstall {engine}"));
        }
    }
}

/// Tried first, and made the default later, as the README has it.
#[test]
fn made_the_default_later_and_uninstalled_is_as_before() {
    for (engine, file, text) in shapes() {
        let host = Host::new();
        host.write(file, text);
        for default in ["", "--set-default"] {
            host.good(&format!("install {engine} {default}"));
        }
        host.good(&format!("uninstall {engine}"));
        let left = host.read(file);
        assert!(!left.contains("shim"), "{text:?}: {left}");
        let same = |text: &str| text.split_whitespace().collect::<String>();
        let empty = ["", "{}", "{\"runtimes\":null}", "{\"runtimes\":{}}"];
        let both = (same(&left), same(text));
        assert!(
            both.0 == both.1 || empty.contains(&both.0.as_str()),
            "{text:?}: {left:?}"
        );
        host.unchanged(&format!("uninstall {engine}"));
    }
}

#[test]
fn a_file_that_was_missing_is_missing_again() {
    for engine in ["docker", "containerd", "podman", "crio"] {
        for default in ["", "--set-default"] {
            let host = Host::new();
            let before = host.everything();
            host.good(&format!("install {engine} {default}"));
            assert_ne!(host.everything(), before, "{engine}");
            host.good(&format!("uninstall {engine}"));
            assert_eq!(host.everything(), before, "{engine} {default}");
        }
    }
}

#[test]
fn handlers_stand_side_by_side_and_go_in_any_order() {
    for (engine, file, text) in shapes() {
        let host = Host::new();
        host.write(file, text);
        host.write("etc/strict/policy.toml", "version = 1\n");
        host.good(&format!(
            "install {engine} --handler strict --runtime crun --policy /etc/strict"
        ));
        host.good(&format!("install {engine} --handler b"));
        let links = host.at(HANDLERS);
        let leads = |name: &str| fs::read_link(links.join(name)).expect("a link");
        assert_eq!(leads("strict"), Path::new("/usr/local/bin/shim"));
        assert_eq!(leads("strict.runtime"), Path::new("/usr/bin/crun"));
        assert_eq!(leads("strict.policy"), Path::new("/etc/strict"));
        host.good(&format!("uninstall {engine} --handler strict"));
        assert!(fs::symlink_metadata(links.join("strict.policy")).is_err());
        assert!(fs::symlink_metadata(links.join("b")).is_ok());
        host.good(&format!("uninstall {engine} --handler b"));
        let left = host.read(file);
        assert!(!left.contains("seccomp-shim-handlers"), "{left}");
        let empty: &[&str] = &["", "\n", "{ }\n", "{\"runtimes\": null}"];
        if !empty.contains(&text) && !text.contains("\"runtimes\": {},") {
            assert_eq!(left, text, "{engine}");
        }
    }
}

#[test]
fn what_was_edited_since_stays() {
    let host = Host::new();
    host.write(DOCKER, "{\n  \"a\": 1\n}\n");
    host.good("install docker");
    let edited = host.read(DOCKER).replace("\"a\": 1", "\"a\": 2");
    host.write(DOCKER, &edited);
    host.good("uninstall docker");
    assert_eq!(host.read(DOCKER), "{\n  \"a\": 2\n}\n");

    host.write(CONTAINERD, "version = 2\n# one\n");
    host.good("install containerd");
    let edited = host.read(CONTAINERD).replace("# one", "# two") + "oom_score = 1\n";
    host.write(
        CONTAINERD,
        &edited.replace("oom_score", "[debug]\nlevel = \"info\" #"),
    );
    host.good("uninstall containerd");
    assert_eq!(
        host.read(CONTAINERD),
        "version = 2\n# two\n[debug]\nlevel = \"info\" # = 1\n"
    );
}

#[test]
fn a_default_is_given_back_or_the_uninstall_refused() {
    let host = Host::new();
    host.write(DOCKER, "{\n  \"default-runtime\": \"kata\"\n}\n");
    host.good("install docker --set-default");
    // Edited since, so that the backup cannot simply be put back.
    host.write(
        DOCKER,
        &host
            .read(DOCKER)
            .replace("{\n  \"d", "{\n  \"x\": 1,\n  \"d"),
    );
    host.good("uninstall docker");
    assert_eq!(
        host.read(DOCKER),
        "{\n  \"x\": 1,\n  \"default-runtime\": \"kata\"\n}\n"
    );

    let by_hand = "{\"x\": 1, \"runtimes\": {\"shim\": {\"path\": \"/usr/local/bin/shim\"}}, \"default-runtime\": \"shim\"}";
    let host = Host::new();
    host.write(DOCKER, by_hand);
    let said = host.refused("uninstall docker");
    assert!(said.contains("is the default runtime"), "{said}");
    assert_eq!(host.read(DOCKER), by_hand);
}

#[test]
fn what_cannot_be_understood_is_refused_in_one_line() {
    let cases = [
        ("docker", DOCKER, "{\"a\": 1,}", "line 1"),
        ("docker", DOCKER, "[]", "not an object"),
        ("docker", DOCKER, "{\"runtimes\": []}", "not an object"),
        (
            "docker",
            DOCKER,
            "{\"runtimes\": {}, \"Runtimes\": {}}",
            "untimes",
        ),
        (
            "docker",
            DOCKER,
            "{\"runtimes\": {\"shim\": {\"path\": \"/usr/bin/crun\"}}}",
            "not seccomp-shim",
        ),
        (
            "docker",
            DOCKER,
            "{\"runtimes\": {\"shim\": {}}}",
            "not seccomp-shim",
        ),
        ("containerd", CONTAINERD, "version = 2\n[a\n", "line 2"),
        ("containerd", CONTAINERD, "version = 9\n", "version 9"),
        (
            "containerd",
            CONTAINERD,
            "version = 2\nplugins.x.y = 1\n[plugins.\"io.containerd.grpc.v1.cri\"]\ncontainerd = { runtimes = { runc = {} } }\n",
            "mend",
        ),
    ];
    for (engine, file, text, words) in cases {
        let host = Host::new();
        host.write(file, text);
        let before = host.everything();
        let said = host.refused(&format!("install {engine}"));
        assert!(said.contains(words) && said.contains(file), "{said}");
        assert_eq!(host.everything(), before, "{text}");
    }
    let host = Host::new();
    for words in [
        "install docker --handler Upper",
        "install docker --handler runc",
        "install docker --runtime none",
        "install docker --policy /none",
    ] {
        let _ = host.refused(words);
    }
}

#[test]
fn links_of_the_host_are_followed_inside_it() {
    let host = Host::new();
    host.write("data/daemon.json", "{}\n");
    fs::create_dir_all(host.at("etc/docker")).expect("a folder");
    symlink("/data/daemon.json", host.at(DOCKER)).expect("a link");
    host.good("install docker");
    assert!(
        host.read("data/daemon.json")
            .contains("/usr/local/bin/shim")
    );
    assert!(host.at(DOCKER).is_symlink());
    assert_eq!(host.backups("data/daemon.json"), 1);
}

#[test]
fn an_import_that_would_overrule_the_file_is_named() {
    let host = Host::new();
    host.write(CONTAINERD, "version = 2\nimports = [\"conf.d/*.toml\"]\n");
    let section = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"x\"\n";
    host.write("etc/containerd/conf.d/a.toml", section);
    let outcome = host.shim("install containerd");
    assert!(
        outcome
            .stderr
            .contains("--config /etc/containerd/conf.d/a.toml"),
        "{outcome:?}"
    );
    host.good("install containerd --config /etc/containerd/conf.d/a.toml");
    assert!(
        host.read("etc/containerd/conf.d/a.toml")
            .starts_with(section)
    );
}

#[test]
fn podmans_lists_keep_what_was_in_force() {
    let host = Host::new();
    let own = "[engine]\nruntime_supports_json = [\"crun\", \"mine\"]\n";
    host.write("etc/containers/containers.conf", own);
    host.good("install podman --handler one --runtime crun");
    host.good("install podman --handler two");
    let text = host.read(PODMAN);
    assert!(
        text.contains("[\"crun\", \"mine\", \"one\", \"two\"]"),
        "{text}"
    );
    assert!(
        text.contains("runtime_supports_nocgroups = [\"crun\", \"krun\", \"one\"]"),
        "{text}"
    );
    host.good("uninstall podman --handler one");
    let text = host.read(PODMAN);
    assert!(text.contains("[\"crun\", \"mine\", \"two\"]"), "{text}");
}

#[test]
fn crio_copies_the_monitor_and_has_no_backups_in_its_folder() {
    let host = Host::new();
    let own = "[crio.runtime.runtimes.runc]\nmonitor_path = \"/usr/libexec/crio/conmon\" # here\n";
    host.write("etc/crio/crio.conf.d/10-own.conf", own);
    host.good("install crio --handler one");
    host.good("install crio --handler two --set-default");
    let text = host.read(CRIO);
    assert_eq!(
        text.matches("monitor_path = \"/usr/libexec/crio/conmon\"\n")
            .count(),
        2,
        "{text}"
    );
    assert!(text.contains("default_runtime = \"two\""), "{text}");
    assert_eq!(host.backups(CRIO), 0);
    host.good("uninstall crio --handler two");
    assert!(!host.read(CRIO).contains("two"));
}

#[test]
fn killed_midway_leaves_the_old_or_the_new() {
    let host = Host::new();
    let old = "{\n  \"a\": 1\n}\n";
    host.write(DOCKER, old);
    host.good("install docker");
    let new = host.read(DOCKER);
    let mut both = [false, false];
    for delay in 0..60_u64 {
        host.write(DOCKER, old);
        let mut command = Command::new(shim_binary());
        command
            .args(["install", "docker", "--root"])
            .arg(host.at(""));
        let mut child = command
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("started");
        std::thread::sleep(Duration::from_micros(delay * 150));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let text = host.read(DOCKER);
        assert!(text == old || text == new, "{text:?}");
        both[usize::from(text == new)] = true;
    }
    assert!(both[0], "never killed early enough");
}

#[test]
fn json_is_for_machines() {
    let host = Host::new();
    let text = host.good("install podman --format json");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answer["result"], "changed");
    assert_eq!(answer["path"], "/usr/local/bin/shim");
    assert!(
        answer["steps"][0]["diff"]
            .as_str()
            .expect("a diff")
            .contains("+[engine]")
    );
}

#[test]
fn the_program_is_copied_to_a_host_that_lacks_it() {
    let host = Host::new();
    fs::remove_file(host.at("usr/local/bin/shim")).expect("removed");
    host.good("install docker");
    let copy = fs::metadata(host.at("usr/local/bin/shim")).expect("a copy");
    assert_eq!(copy.mode() & 0o7777, 0o755);
    host.write("usr/local/bin/other", "#!/bin/sh\n");
    let outcome = host.shim("install docker --binary /usr/local/bin/other");
    assert!(
        outcome.stderr.contains("is not seccomp-shim"),
        "{outcome:?}"
    );
}

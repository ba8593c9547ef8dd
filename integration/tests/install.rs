//! `shim install` and `shim uninstall` on hosts mounted at a folder, and what the real engines make of
//! the files.
#![expect(clippy::expect_used, reason = "a test ends there")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use integration::{Outcome, needs_root, run, shim_binary, skip};
use serde_json::Value;
use tempfile::TempDir;

const DOCKER: &str = "etc/docker/daemon.json";
const CONTAINERD: &str = "etc/containerd/config.toml";
const PODMAN: &str = "etc/containers/containers.conf.d/50-seccomp-shim.conf";
const CRIO: &str = "etc/crio/crio.conf.d/50-seccomp-shim.conf";
const HANDLERS: &str = "etc/seccomp-shim-handlers";

/// A host mounted at a folder, with shim on it.
struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().expect("a folder"));
        host.write("usr/bin/crun", "#!/bin/sh\n");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(host.at("usr/bin/crun"), mode).expect("executable");
        fs::create_dir_all(host.at("usr/local/bin")).expect("a folder");
        // A link is enough to be found to be shim, and costs no copy.
        let binary = host.at("usr/local/bin/shim");
        if fs::hard_link(shim_binary(), &binary).is_err() {
            fs::copy(shim_binary(), &binary).expect("a copy");
        }
        host
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("below the host")).expect("its folder");
        fs::write(path, text).expect("written");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).expect("there")
    }

    fn shim(&self, words: &str) -> Outcome {
        let mut command = Command::new(shim_binary());
        command.args(words.split_whitespace());
        run(command.arg("--root").arg(self.0.path()))
    }

    fn good(&self, words: &str) -> String {
        let outcome = self.shim(words);
        assert!(outcome.ok(), "{words}: {outcome:?}");
        outcome.stdout
    }

    /// Every path of the host, with what is there.
    fn everything(&self) -> Vec<(PathBuf, String)> {
        let mut all = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let data = fs::symlink_metadata(&path).expect("data");
                if data.is_dir() {
                    folders.push(path);
                } else if data.is_symlink() {
                    let target = fs::read_link(&path).expect("a link");
                    all.push((path, target.display().to_string()));
                } else if !path.ends_with("usr/local/bin/shim") {
                    let text = fs::read_to_string(&path).expect("text");
                    all.push((path, format!("{:o} {text}", data.mode())));
                }
            }
        }
        all.sort();
        all
    }

    fn backups(&self, of: &str) -> usize {
        let path = self.at(of);
        let stem = format!(
            "{}.seccomp-shim-",
            path.file_name().expect("a name").display()
        );
        let entries = fs::read_dir(path.parent().expect("a folder")).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with(&stem))
            .count()
    }
}

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

#[test]
fn installed_twice_changes_nothing_and_uninstalled_is_byte_identical() {
    let shapes = DAEMONS.iter().map(|text| ("docker", DOCKER, *text));
    let shapes = shapes.chain(
        CONTAINERDS
            .iter()
            .map(|text| ("containerd", CONTAINERD, *text)),
    );
    for (engine, file, text) in shapes {
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
            let again = host.good(&format!("install {engine} {default}"));
            assert!(again.contains("nothing to change"), "{text:?}: {again}");
            assert_eq!(host.everything(), after, "{text:?}");
            let dry = host.shim(&format!("install {engine} {default} --dry-run"));
            assert_eq!(dry.code, Some(0), "{text:?}: {dry:?}");
            host.good(&format!("uninstall {engine}"));
            assert_eq!(host.everything(), before, "{text:?} {default}");
            let again = host.good(&format!("uninstall {engine}"));
            assert!(again.contains("nothing to change"), "{text:?}: {again}");
        }
    }
}

/// Tried first, and made the default later, as the README has it.
#[test]
fn made_the_default_later_and_uninstalled_is_as_before() {
    let shapes = DAEMONS.iter().map(|text| ("docker", DOCKER, *text));
    let shapes = shapes.chain(
        CONTAINERDS
            .iter()
            .map(|text| ("containerd", CONTAINERD, *text)),
    );
    for (engine, file, text) in shapes {
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
        let again = host.good(&format!("uninstall {engine}"));
        assert!(again.contains("nothing to change"), "{text:?}: {again}");
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
    let shapes = DAEMONS.iter().map(|text| ("docker", DOCKER, *text));
    let shapes = shapes.chain(
        CONTAINERDS
            .iter()
            .map(|text| ("containerd", CONTAINERD, *text)),
    );
    for (engine, file, text) in shapes {
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
    let outcome = host.shim("uninstall docker");
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("is the default runtime"),
        "{outcome:?}"
    );
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
        let outcome = host.shim(&format!("install {engine}"));
        assert_eq!(outcome.code, Some(1), "{text}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        if words != "mend" {
            assert!(outcome.stderr.contains(words), "{outcome:?}");
        }
        assert!(outcome.stderr.contains(file), "{outcome:?}");
        assert_eq!(host.everything(), before, "{text}");
    }
    let host = Host::new();
    for words in [
        "install docker --handler Upper",
        "install docker --handler runc",
        "install docker --runtime none",
        "install docker --policy /none",
    ] {
        let outcome = host.shim(words);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
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
            .arg(host.0.path());
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

/// Whether an engine's program is here; counted as skipped if not.
fn engine(test: &str, name: &str) -> bool {
    let there = ["/usr/sbin", "/usr/bin", "/usr/local/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(name).exists());
    if !there {
        skip(test, &format!("{name} is not installed"));
    }
    there
}

#[test]
fn containerd_reads_the_handler_and_keeps_runc() {
    if !engine("containerd_reads_the_handler_and_keeps_runc", "containerd") {
        return;
    }
    for text in CONTAINERDS
        .iter()
        .filter(|text| !text.contains("version = 3"))
    {
        let host = Host::new();
        host.write(CONTAINERD, text);
        host.good("install containerd --handler strict --set-default");
        // What is switched off is not shown; its words are the same.
        let on = host.read(CONTAINERD).replace("[\"cri\"]", "[]");
        host.write(CONTAINERD, &on);
        let mut dump = Command::new("containerd");
        dump.arg("-c")
            .arg(host.at(CONTAINERD))
            .args(["config", "dump"]);
        let outcome = run(&mut dump);
        assert!(outcome.ok(), "{text}: {outcome:?}");
        // 2.x writes other quotes, and every option.
        let dump = outcome.stdout.replace('\'', "\"");
        if dump.contains("version = 3") && text.starts_with("disabled_plugins") {
            continue; // Of version 1, whose runtimes 2.x passes over: on its own host that is refused.
        }
        let has = |words: &str| dump.contains(words);
        assert!(
            has("containerd.runtimes.strict]"),
            "{text}: {}",
            outcome.stdout
        );
        assert!(
            has("containerd.runtimes.runc]"),
            "{text}: {}",
            outcome.stdout
        );
        assert!(
            has("BinaryName = \"/etc/seccomp-shim-handlers/strict\""),
            "{text}"
        );
        assert!(has("default_runtime_name = \"strict\""), "{text}");
        if text.contains("SystemdCgroup") {
            assert_eq!(dump.matches("SystemdCgroup = true").count(), 2);
        }
        if text.contains("sandbox_image") {
            // 2.x calls it otherwise.
            let kept = has("sandbox_image = \"p:1\"") || has("sandbox = \"p:1\"");
            assert!(kept, "{text}");
        }
    }
}

#[test]
fn podman_knows_the_runtime() {
    let test = "podman_knows_the_runtime";
    if !engine(test, "podman") || !needs_root(test) {
        return;
    }
    let host = Host::new();
    let mut install = Command::new(shim_binary());
    install.args(["install", "podman", "--set-default", "--config"]);
    let file = host.at("containers.conf");
    let outcome = run(install
        .arg(&file)
        .arg("--binary")
        .arg(host.at("usr/local/bin/shim")));
    assert!(outcome.ok(), "{outcome:?}");
    let mut info = Command::new("podman");
    info.env("CONTAINERS_CONF", &file);
    info.arg("--root")
        .arg(host.at("storage"))
        .arg("--runroot")
        .arg(host.at("run"));
    info.args([
        "--storage-driver",
        "vfs",
        "info",
        "--format",
        "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}",
    ]);
    let outcome = run(&mut info);
    let wanted = format!("shim {}", host.at("usr/local/bin/shim").display());
    assert_eq!(outcome.stdout.trim(), wanted, "{outcome:?}");
}

/// A daemon of the test's own; ended with it.
struct Daemon(std::process::Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM, for it to end what it started itself.
        let pid = self.0.id().to_string();
        let _ = run(Command::new("kill").arg(&pid));
        let _ = self.0.wait();
    }
}

#[test]
fn dockerd_shows_the_runtime_after_a_reload() {
    let test = "dockerd_shows_the_runtime_after_a_reload";
    if !needs_root(test) || !engine(test, "dockerd") || !engine(test, "docker") {
        return;
    }
    let host = Host::new();
    // With another runtime: dockerd forgets none when a reload finds no `runtimes` at all.
    let other = "{\n  \"runtimes\": {\"other\": {\"path\": \"/usr/bin/crun\"}}\n}\n";
    host.write(DOCKER, other);
    fs::create_dir_all(host.at("run")).expect("a folder");
    let socket = format!("unix://{}", host.at("s").display());
    let log = fs::File::create(host.at("log")).expect("a file");
    let mut dockerd = Command::new("dockerd");
    dockerd
        .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
        .args(["--ip6tables=false", "--storage-driver=vfs", "-H", &socket]);
    for (option, path) in [
        ("--config-file", DOCKER),
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "run/docker.pid"),
    ] {
        dockerd.arg(option).arg(host.at(path));
    }
    dockerd.stdout(log.try_clone().expect("a fd")).stderr(log);
    let _daemon = Daemon(dockerd.spawn().expect("dockerd starts"));
    let info = || {
        let mut docker = Command::new("docker");
        run(docker.args([
            "-H",
            &socket,
            "info",
            "-f",
            // Not as JSON: newer ones show each runtime's features, "strictatime" among them.
            "{{range $name, $runtime := .Runtimes}}{{$name}}={{$runtime.Path}} {{end}}",
        ]))
    };
    let wait_for = |wanted: &dyn Fn(&Outcome) -> bool| {
        let tries = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(200));
            info()
        });
        let found = tries.take(150).find(|outcome| wanted(outcome));
        assert!(found.is_some(), "{}", host.read("log"));
        found.expect("found")
    };
    wait_for(&|outcome| outcome.ok() && outcome.stdout.contains("runc"));
    let told = host.good("install docker --handler strict --reload");
    assert!(told.contains("sent SIGHUP to dockerd"), "{told}");
    let shown = wait_for(&|outcome| outcome.stdout.contains("strict"));
    assert!(
        shown.stdout.contains("/etc/seccomp-shim-handlers/strict"),
        "{shown:?}"
    );
    host.good("uninstall docker --handler strict --reload");
    wait_for(&|outcome| outcome.ok() && !outcome.stdout.contains("strict"));
}

#[test]
fn a_handlers_links_say_its_runtime_and_its_policy() {
    let test = "a_handlers_links_say_its_runtime_and_its_policy";
    if !needs_root(test) || !engine(test, "crun") {
        return;
    }
    // On this very host, under a name that nobody else has.
    let name = format!("shim-test-{}", std::process::id());
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("containers.conf");
    let policy = integration::PolicyDir::new("");
    let ask = |words: &[&str]| {
        let mut shim = Command::new(shim_binary());
        shim.args(words)
            .args(["podman", "--handler", &name, "--config"]);
        shim.arg(&config).output().expect("shim runs")
    };
    let shown = policy.path().to_str().expect("UTF-8").to_owned();
    let set_up = ask(&["install", "--runtime", "crun", "--policy", &shown]);
    let link = Path::new("/etc/seccomp-shim-handlers").join(&name);
    let version = run(Command::new(&link).arg("--version"));
    let bundle = integration::TestBundle::new(&["true"]);
    let create = || {
        let mut shim = Command::new(&link);
        let state = folder.path().join("state");
        shim.arg("--root").arg(state).args(["create", "--bundle"]);
        run(shim.arg(bundle.path()).arg("x"))
    };
    policy.write("policy.toml", "nonsense = 1\n");
    let broken = create();
    let kept = fs::read(bundle.path().join("config.json")).expect("a bundle");
    let gone = folder.path().join("gone");
    fs::rename(policy.path(), &gone).expect("moved");
    let missing = create();
    fs::rename(&gone, policy.path()).expect("moved back");
    let removed = ask(&["uninstall"]);
    // All is cleaned up; now look.
    assert!(
        set_up.status.success() && removed.status.success(),
        "{set_up:?} {removed:?}"
    );
    assert!(version.stdout.starts_with("crun version"), "{version:?}");
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.stderr.contains(&shown) && broken.stderr.contains("nonsense"),
        "{broken:?}"
    );
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("the runtime handler names"),
        "{missing:?}"
    );
    let now = fs::read(bundle.path().join("config.json")).expect("a bundle");
    assert_eq!(now, kept);
    assert!(fs::symlink_metadata(&link).is_err());
    assert!(!config.exists());
}

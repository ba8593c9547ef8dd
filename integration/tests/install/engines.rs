//! What the real engines make of the files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use integration::{Outcome, needs_programs, needs_root, run, shim_binary};

use crate::host::Host;
use crate::{CONTAINERD, CONTAINERDS, DOCKER};

#[test]
fn containerd_reads_the_handler_and_keeps_runc() {
    let test = "containerd_reads_the_handler_and_keeps_runc";
    if !needs_programs(test, &["containerd"]) {
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
    if !needs_programs(test, &["podman"]) || !needs_root(test) {
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
    if !needs_root(test) || !needs_programs(test, &["dockerd", "docker"]) {
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
    if !needs_root(test) || !needs_programs(test, &["crun"]) {
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

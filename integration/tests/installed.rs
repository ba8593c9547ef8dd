//! What `shim install` writes, in the hands of the engine itself: a container that is started by the
//! installed name stands under our policy, a refusal is shown, and after `shim uninstall` the engine
//! knows nothing of it.

use std::path::Path;

use integration::engine::cri_v1::VersionRequest;
use integration::engine::{
    Cri, Image, World, container_with, fails, pod_named, says, shows, succeeds, within,
};
use integration::{needs_programs, needs_root, run, shim_binary};

type Told = Result<(), Box<dyn std::error::Error>>;

/// Of the handler `strict`; the one beside it would permit everything.
const STRICT: &str = r#"
version = 1
log.decisions = "/etc/seccomp-shim/decisions.jsonl"
request.annotations = true
[defaults]
profile = "Requested"
[floor]
profile = { type = "Localhost", localhostProfile = "no-mkdir.json" }
"#;

const FREE: &str = "version = 1\ndefaults.profile = \"Unconfined\"\n";

const NO_MKDIR: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#;

/// What a container asks the kernel.
const ASK: &[&str] = &[
    "sh",
    "-c",
    "grep Seccomp: /proc/1/status; mkdir /tmp/x && echo made; echo ran",
];

/// A machine with an engine's own files, and the policies; none where the test cannot run.
fn world(
    test: &str,
    programs: &[&str],
    files: &[(&str, &str)],
) -> Result<Option<World>, Box<dyn std::error::Error>> {
    if !needs_root(test) || !needs_programs(test, &[programs, &["/bin/busybox"]].concat()) {
        return Ok(None);
    }
    let files: Vec<(&str, String)> = files
        .iter()
        .map(|(name, text)| (*name, (*text).to_owned()))
        .collect();
    let world = World::new(&files)?;
    world.policy("policy.toml", FREE)?;
    world.policy("strict/policy.toml", STRICT)?;
    world.policy("strict/profiles/no-mkdir.json", NO_MKDIR)?;
    Ok(Some(world))
}

/// `shim install` or `uninstall`, of the handler `strict`.
fn shim(world: &World, words: &[&str]) -> Result<String, String> {
    let mut command = world.command(shim_binary());
    command.args(words).args(["--handler", "strict"]);
    if words.first() == Some(&"install") {
        command.args(["--policy", "/etc/seccomp-shim/strict"]);
        command.args(["--runtime", "runc", "--binary"]);
        command.arg(shim_binary());
    }
    succeeds(&mut command)
}

fn is_confined(said: &str) -> Result<(), String> {
    let all = ["Seccomp:\t2", "Operation not permitted", "ran"];
    if all.iter().all(|word| said.contains(word)) && !said.contains("made") {
        return Ok(());
    }
    Err(format!("not confined: {said}"))
}

fn is_free(said: &str) -> Result<(), String> {
    let free = said.contains("made") && said.contains("ran");
    free.then_some(())
        .ok_or_else(|| format!("not free: {said}"))
}

/// The last decision is of the handler's policy, which none of the links or names but its own leads to.
fn is_recorded(world: &World) -> Result<(), String> {
    let decisions = world.decisions();
    let last = decisions.last().ok_or("nothing was recorded")?;
    let of_strict = last["floors"].to_string().contains("/strict/policy.toml");
    if of_strict && last["result"] == "set" {
        return Ok(());
    }
    Err(last.to_string())
}

/// A policy that does not parse, for as long as `during` takes.
fn while_broken<T>(world: &World, during: impl FnOnce() -> T) -> std::io::Result<T> {
    world.policy("strict/policy.toml", "version = 1\nnonsense = 1\n")?;
    let came = during();
    world.policy("strict/policy.toml", STRICT)?;
    Ok(came)
}

#[test]
fn podman_runs_under_what_was_installed() -> Told {
    const CONF: &str = "[containers]\nnetns = \"none\"\ncgroupns = \"host\"\n\
        default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\
        [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n";
    let programs = ["/usr/bin/podman", "/usr/bin/conmon", "/usr/sbin/runc"];
    let files = [("containers/containers.conf", CONF)];
    let test = "podman_runs_under_what_was_installed";
    let Some(world) = world(test, &programs, &files)? else {
        return Ok(());
    };
    let podman = |words: &[&str]| {
        let mut command = world.command("podman");
        command.env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        command.args(words);
        command
    };
    let image = Image::make(world.path(), env!("CARGO_BIN_EXE_probe"))?;
    let archive = image.archive.display().to_string();
    succeeds(&mut podman(&["load", "--input", &archive]))?;
    let by_name = [
        &["--runtime", "strict", "run", "--rm", Image::NAME][..],
        ASK,
    ]
    .concat();
    let by_default = [&["run", "--rm", Image::NAME][..], ASK].concat();

    shim(&world, &["install", "podman"])?;
    is_confined(&run(&mut podman(&by_name)).text())?;
    is_recorded(&world)?;
    is_free(&run(&mut podman(&by_default)).text())?;
    let refused = while_broken(&world, || fails(&mut podman(&by_name), 126))??;
    says(
        &refused,
        "seccomp-shim: /etc/seccomp-shim/strict/policy.toml",
    )?;

    shim(&world, &["install", "podman", "--set-default"])?;
    is_confined(&run(&mut podman(&by_default)).text())?;
    shim(&world, &["uninstall", "podman"])?;
    is_free(&run(&mut podman(&by_default)).text())?;
    fails(&mut podman(&by_name), 125)?;
    Ok(())
}

#[test]
fn docker_runs_under_what_was_installed() -> Told {
    const DAEMON: &str = "{\n    \"bridge\": \"none\",\n    \"iptables\": false,\n    \"ip-forward\": false,\n    \
        \"runtimes\": {\"other\": {\"path\": \"/usr/sbin/runc\"}}\n}\n";
    let programs = [
        "/usr/sbin/dockerd",
        "/usr/bin/docker",
        "/usr/bin/containerd",
    ];
    let files = [("docker/daemon.json", DAEMON)];
    let test = "docker_runs_under_what_was_installed";
    let Some(world) = world(test, &programs, &files)? else {
        return Ok(());
    };
    let docker = |words: &[&str]| {
        let mut command = world.command("docker");
        command.args(words);
        command
    };
    let with = |options: &[&str]| {
        let words = ["run", "--rm", "--network", "none"];
        docker(&[&words[..], options, &[Image::NAME], ASK].concat())
    };
    // What was written before it starts, and what is written and reloaded while it runs.
    shim(&world, &["install", "docker"])?;
    let start = || {
        let dockerd = world.daemon("dockerd", &mut world.command("dockerd"))?;
        within(|| succeeds(&mut docker(&["version"])))
            .map_err(|error| format!("{error}\n{}", world.log("dockerd")))?;
        Ok::<_, Box<dyn std::error::Error>>(dockerd)
    };
    let mut dockerd = start()?;
    let image = Image::make(world.path(), env!("CARGO_BIN_EXE_probe"))?;
    let archive = image.archive.display().to_string();
    succeeds(&mut docker(&["load", "--input", &archive]))?;

    is_confined(&run(&mut with(&["--runtime", "strict"])).text())?;
    is_recorded(&world)?;
    is_free(&run(&mut with(&[])).text())?;
    let refused = while_broken(&world, || fails(&mut with(&["--runtime", "strict"]), 125))??;
    says(
        &refused,
        "seccomp-shim: /etc/seccomp-shim/strict/policy.toml",
    )?;

    shim(&world, &["install", "docker", "--set-default", "--reload"])?;
    let default = ["info", "--format", "{{.DefaultRuntime}}"];
    within(|| shows(&mut docker(&default), "strict"))?;
    is_confined(&run(&mut with(&[])).text())?;
    // Some dockerd would end at this reload, others refuse it: it is not asked.
    let words = ["uninstall", "docker", "--reload", "--handler", "strict"];
    let told = fails(world.command(shim_binary()).args(words), 1)?;
    says(&told, "systemctl restart docker; do not reload it")?;
    let stop = ["-c", "kill $(cat /run/docker.pid)"];
    succeeds(world.command("sh").args(stop))?;
    dockerd.wait()?;
    start()?;
    shows(&mut docker(&default), "runc")?;
    is_free(&run(&mut with(&[])).text())?;
    fails(&mut with(&["--runtime", "strict"]), 125)?;
    Ok(())
}

#[test]
fn containerd_runs_under_what_was_installed() -> Told {
    let version = Path::new("/usr/bin/containerd").is_file().then(|| {
        let mut containerd = std::process::Command::new("containerd");
        run(containerd.arg("--version")).stdout
    });
    // 1.x writes `containerd containerd.io 1.6.20`, 2.x its module's path.
    let knows_3 = version.is_some_and(|text| text.contains("containerd/v2"));
    let image = Image::NAME;
    let two = format!(
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = {image:?}\n  \
         restrict_oom_score_adj = true # as root without CAP_SYS_RESOURCE\n"
    );
    let three = format!(
        "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  sandbox = {image:?}\n\
         [plugins.'io.containerd.cri.v1.runtime']\n  restrict_oom_score_adj = true\n"
    );
    containerd("containerd_runs_under_what_was_installed", &two)?;
    if knows_3 {
        containerd("containerd_runs_under_what_was_installed", &three)?;
    }
    Ok(())
}

/// Of version 1, as Docker's own packages have it; containerd 2.x would pass over a runtime in it.
#[test]
fn containerd_is_not_left_with_a_runtime_that_it_does_not_read() -> Told {
    let test = "containerd_is_not_left_with_a_runtime_that_it_does_not_read";
    let files = [("containerd/config.toml", "disabled_plugins = [\"cri\"]\n")];
    let Some(world) = world(test, &["/usr/bin/containerd"], &files)? else {
        return Ok(());
    };
    let version = succeeds(world.command("containerd").arg("--version"))?;
    let came = shim(&world, &["install", "containerd", "--set-default"]);
    if !version.contains("containerd/v2") {
        came?;
        return Ok(());
    }
    let refused = came.err().ok_or("not refused")?;
    if !refused.contains("containerd config migrate") {
        return Err(refused.into());
    }
    let left = succeeds(world.command("cat").arg("/etc/containerd/config.toml"))?;
    assert_eq!(left, "disabled_plugins = [\"cri\"]");
    Ok(())
}

fn containerd(test: &str, config: &str) -> Told {
    let programs = ["/usr/bin/containerd", "/usr/bin/ctr", "/usr/sbin/runc"];
    let files = [("containerd/config.toml", config)];
    let Some(world) = world(test, &programs, &files)? else {
        return Ok(());
    };
    shim(&world, &["install", "containerd"])?;
    let cri = start_containerd(&world)?;
    let image = Image::make(world.path(), env!("CARGO_BIN_EXE_probe"))?;
    let mut import = world.command("ctr");
    import.args(["--namespace", "k8s.io", "images", "import"]);
    succeeds(import.arg(&image.archive))?;

    is_confined(&asked(&world, &cri, "strict", "named")?)?;
    is_recorded(&world)?;
    is_free(&asked(&world, &cri, "", "other")?)?;
    is_free(&asked(&world, &cri, "runc", "runc")?)?;
    let refused = while_broken(&world, || asked(&world, &cri, "strict", "broken"))?;
    let refused = refused.err().ok_or("not refused")?;
    if !refused.contains("seccomp-shim: /etc/seccomp-shim/strict/policy.toml") {
        return Err(refused.into());
    }
    Ok(())
}

/// Starts it as the configuration says.
fn start_containerd(world: &World) -> Result<Cri, Box<dyn std::error::Error>> {
    world.daemon("containerd", &mut world.command("containerd"))?;
    let cri = Cri::on(world.outside("/run/containerd/containerd.sock"));
    within(|| cri.call(async |client| client.version(VersionRequest::default()).await))
        .map_err(|error| format!("{error}\n{}", world.log("containerd")))?;
    Ok(cri)
}

/// What a container of a pod under that handler is told. It asks for nothing.
fn asked(world: &World, cri: &Cri, handler: &str, name: &str) -> Result<String, String> {
    let pod = cri.pod(
        handler,
        pod_named(name, "default", &world.path().join(name)),
    )?;
    let sleep = container_with("one", &["sleep", "1000"], |security| {
        security.seccomp = None;
    });
    let container = pod.run(sleep)?;
    Ok(pod.exec(&container, ASK)?.1)
}

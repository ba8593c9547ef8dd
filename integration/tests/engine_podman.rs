//! Podman with the shim as its runtime.

use std::process::ExitCode;

use integration::engine::{
    Came, CommandLine, Image, Podman, Sleeping, Suite, World, Wrapped, at_once, equal, fails,
    operations, says, shows, succeeds, told, within,
};
use integration::run;

fn main() -> ExitCode {
    SUITE.run(Podman::PROGRAMS, |runtimes| {
        let podman = Podman::start(runtimes, World::UNDER_POLICIES, env!("CARGO_BIN_EXE_probe"))?;
        podman.world.write_policies()?;
        let version = podman.version.clone();
        Ok((podman, version))
    })
}

static SUITE: Suite<Podman> = Suite {
    test: "engine_podman",
    operations: &[
        ("run --rm", run_rm),
        ("run -d, logs", operations::logs),
        ("run -it", operations::interactive),
        ("exec", operations::exec),
        ("exec -it", operations::exec_interactive),
        ("attach", attach),
        ("stop", operations::stop),
        ("kill --signal", operations::kill),
        ("pause, unpause", operations::pause),
        ("update", update),
        ("top", operations::top),
        ("stats", stats),
        ("events", events),
        ("exit codes", exit_codes),
        ("restart policy", operations::restart_policy),
        ("healthcheck", healthcheck),
        ("checkpoint", checkpoint),
        ("pod", pod),
        ("restart, wait, cp, rm -f", the_rest),
    ],
    unable: &[
        ("runc", "checkpoint", Wrapped::lacks_criu),
        ("crun", "checkpoint", Wrapped::lacks_criu),
        ("youki", "checkpoint", Wrapped::ever),
    ],
    once: &[
        ("a refused create shows our line", refusal),
        ("the policy's runtime.path picks the runtime", by_policy),
        (
            "mkdir is refused where a profile refuses it",
            operations::mkdir_is_refused,
        ),
        (
            "unshare is refused by default and permitted unconfined",
            operations::unshare_is_for_the_unconfined,
        ),
        ("twenty containers at once", twenty_at_once),
    ],
};

fn run_rm(podman: &Podman, runtime: &str) -> Came {
    shows(
        &mut podman.run(runtime, &["--rm"], operations::STATUS),
        "Seccomp:\t2",
    )
    .map(drop)
}

fn attach(podman: &Podman, runtime: &str) -> Came {
    let script = "read line; echo got $line; exit 4";
    let container = Sleeping::with(podman, runtime, &["-i"], &["sh", "-c", script])?;
    let outcome = run(&mut told(&container.does(&["attach"]), "words"));
    says(&outcome, "got words")?;
    equal(&container.tells("{{.State.ExitCode}}")?, "4")
}

fn update(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["update", "--cpu-shares", "512"]))?;
    let script = "cat /sys/fs/cgroup/cpu/libpod_parent/libpod-$0/cpu.shares";
    let mut shares = podman.world.command("sh");
    equal(
        &succeeds(shares.args(["-c", script, &container.id]))?,
        "512",
    )
}

fn stats(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    let words = ["stats", "--no-stream", "--format", "{{.PIDS}}"];
    equal(&succeeds(&mut container.does(&words))?, "1")
}

fn events(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    let filter = format!("container={}", container.id);
    let words = [
        "events",
        "--stream=false",
        "--since",
        "5m",
        "--filter",
        &filter,
    ];
    within(|| {
        let seen = podman.says(&[&words[..], &["--format", "{{.Status}}"]].concat())?;
        let both = seen.contains("create") && seen.contains("start");
        both.then_some(()).ok_or(seen)
    })
}

fn exit_codes(podman: &Podman, runtime: &str) -> Came {
    fails(
        &mut podman.run(runtime, &["--rm"], &["sh", "-c", "exit 7"]),
        7,
    )?;
    fails(&mut podman.run(runtime, &["--rm"], &["/nowhere"]), 127)?;
    fails(&mut podman.run(runtime, &["--rm"], &["/etc/passwd"]), 126).map(drop)
}

fn healthcheck(podman: &Podman, runtime: &str) -> Came {
    // Without systemd nothing runs it by the clock: it is run by hand.
    let options = [
        "--health-cmd",
        "test -d /proc",
        "--health-interval",
        "disable",
    ];
    let container = Sleeping::with(podman, runtime, &options, &["sleep", "1000"])?;
    succeeds(&mut container.does(&["healthcheck", "run"])).map(drop)
}

fn checkpoint(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["container", "checkpoint"])).map(drop)
}

fn pod(podman: &Podman, runtime: &str) -> Came {
    let name = format!("pod-{runtime}");
    let infra = [
        "--infra-image",
        Image::NAME,
        "--infra-command",
        "sleep 1000",
    ];
    let with = ["--runtime", runtime];
    podman.says(&[&with[..], &["pod", "create", "--name", &name], &infra].concat())?;
    let words = ["-d", "--pod", &name];
    let inside = Sleeping::with(podman, runtime, &words, &["sleep", "1000"])?;
    let seen = podman.says(&[
        "pod",
        "inspect",
        "--format",
        "{{.State}} {{.NumContainers}}",
        &name,
    ])?;
    equal(&seen, "Running 2")?;
    // Of the container's own program: what is exec'd has no filter under youki.
    let outcome = run(&mut inside.exec(&[], &["grep", "Seccomp:", "/proc/1/status"]));
    says(&outcome, "Seccomp:\t2")?;
    podman
        .says(&[&with[..], &["pod", "rm", "--force", "--time", "0", &name]].concat())
        .map(drop)
}

fn the_rest(podman: &Podman, runtime: &str) -> Came {
    let container = Sleeping::start(podman, runtime)?;
    succeeds(&mut container.does(&["restart", "--time", "0"]))?;
    equal(&container.tells("{{.State.Status}}")?, "running")?;
    let from = format!("{}:/etc/passwd", container.id);
    podman.says(&["cp", &from, "/run/passwd"])?;
    succeeds(&mut container.does(&["rm", "--force", "--time", "0"]))?;
    fails(&mut container.does(&["container", "exists"]), 1).map(drop)
}

fn refusal(podman: &Podman) -> Came {
    let outcome = fails(&mut podman.run("shim-broken", &["--rm"], &["true"]), 126)?;
    let line = "seccomp-shim: /etc/seccomp-shim/broken/policy.toml, line 3";
    let said = says(&outcome, line)?;
    equal(&said.matches("seccomp-shim: ").count().to_string(), "1")
}

fn by_policy(podman: &Podman) -> Came {
    for path in ["/usr/bin/crun", "/usr/sbin/runc"] {
        let policy = format!(
            "version = 1\nlog.decisions = \"off\"\nruntime.path = {path:?}\n[defaults]\nprofile = \"Requested\"\n"
        );
        let written = podman.world.policy("asked/policy.toml", &policy);
        written.map_err(|error| error.to_string())?;
        let container = Sleeping::start(podman, "shim-asked")?;
        // crun keeps its containers in /run/crun, runc in /run/runc.
        let state = format!(
            "{}/{}",
            path.replace("/usr/bin/", "/run/")
                .replace("/usr/sbin/", "/run/"),
            container.id
        );
        succeeds(podman.world.command("ls").arg(state))?;
    }
    Ok(())
}

fn twenty_at_once(podman: &Podman) -> Came {
    let asked = (0..20).map(|number: u32| {
        let runtime = if number.is_multiple_of(2) {
            "shim-runc"
        } else {
            "shim-crun"
        };
        ((), podman.run(runtime, &["--rm"], operations::STATUS))
    });
    for ((), outcome) in at_once(asked)? {
        says(&outcome, "Seccomp:\t2")?;
    }
    Ok(())
}

//! `make demo`: a real container under four policies, and what the agent says of one.
//!
//! Nothing is installed into an engine: the runtime is called by hand, as an engine would call it,
//! with `shim` in front of it.

use std::process::ExitCode;

use integration::{PolicyDir, RealRuntime, TestAgent, TestBundle, run, shim_binary};

/// What each container tries.
const TRIES: &str = "\
    mkdir /tmp/dir 2>/dev/null && echo '    mkdir    works' || echo '    mkdir    is refused'; \
    unshare -U true 2>/dev/null && echo '    unshare  works' || echo '    unshare  is refused'; \
    grep ^Seccomp: /proc/self/status | sed 's/^/    kernel says /'";

/// The profile of the Localhost act.
const NO_MKDIR: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }
  ]
}
"#;

#[expect(clippy::print_stdout, reason = "a demonstration")]
fn main() -> ExitCode {
    let Some(runtime) =
        RealRuntime::find("demo", "runc").or_else(|| RealRuntime::find("demo", "crun"))
    else {
        return ExitCode::FAILURE;
    };
    println!(
        "A busybox container, created by {} with shim in front.",
        runtime.path().display()
    );
    println!(
        "It tries to make a folder and to unshare its user namespace. Seccomp 2 is a filter, 0 none.\n"
    );

    let acts = [
        (
            "Unconfined: the policy lets it do as it likes",
            "[defaults]\nprofile = \"Unconfined\"",
            true,
            true,
        ),
        (
            "RuntimeDefault: the default profile",
            "[defaults]\nprofile = \"RuntimeDefault\"",
            true,
            false,
        ),
        (
            "Localhost: profiles/no-mkdir.json",
            "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"no-mkdir.json\" }",
            false,
            true,
        ),
        (
            "A floor under it: the default, and no folder either",
            "[defaults]\nprofile = \"RuntimeDefault\"\n\
             [floor]\nprofile = { type = \"Localhost\", localhostProfile = \"no-mkdir.json\" }",
            false,
            false,
        ),
    ];
    let mut as_told = true;
    for (title, toml, mkdir, unshare) in acts {
        let policy = PolicyDir::new(toml).with_profile("no-mkdir.json", NO_MKDIR);
        println!("== {title}");
        for line in toml.lines() {
            println!("    | {line}");
        }
        let bundle = TestBundle::new(&["sh", "-c", TRIES]);
        let outcome = runtime.run(policy.path(), &bundle);
        println!("{}", outcome.text());
        as_told &= outcome.stdout.contains("mkdir    works") == mkdir
            && outcome.stdout.contains("unshare  works") == unshare;
    }

    println!("== Why? shim explain");
    let policy = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"");
    let bundle = TestBundle::new(&["true"]);
    let mut explain = std::process::Command::new(shim_binary());
    explain
        .arg("explain")
        .arg("--bundle")
        .arg(bundle.path())
        .arg("--policy")
        .arg(policy.path());
    println!("{}", run(&mut explain).text());

    println!("== A mistake in the policy: no container, and one line that says why");
    let policy = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefualt\"");
    let refused = runtime.run(policy.path(), &bundle);
    println!("{}", refused.text());
    as_told &= refused.code == Some(1);

    println!("== Which call was it? The agent says (mode = \"observe\")");
    as_told &= observed(&runtime);
    if as_told {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs the container once more, observed, and shows what the agent has to say.
#[expect(clippy::print_stdout, reason = "a demonstration")]
fn observed(runtime: &RealRuntime) -> bool {
    let agent = TestAgent::start();
    let policy = agent.policy("[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"observe\"");
    let bundle = TestBundle::new(&["sh", "-c", TRIES]);
    println!("{}", runtime.run(policy.path(), &bundle).text());
    let denied = agent.wait_for("denied", |line| {
        line.get("comm").is_some_and(|comm| comm == "unshare")
    });
    println!("{denied}");
    let word = |key: &str| denied.get(key).and_then(|word| word.as_str());
    println!(
        "\n    {}({}) of process {} gets {}",
        word("syscall").unwrap_or_default(),
        denied
            .get("args")
            .map(ToString::to_string)
            .unwrap_or_default(),
        denied
            .get("pid")
            .map(ToString::to_string)
            .unwrap_or_default(),
        word("errno").unwrap_or_default()
    );
    word("syscall") == Some("unshare") && word("errno") == Some("EPERM")
}

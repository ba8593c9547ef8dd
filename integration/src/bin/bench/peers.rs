//! The shim beside its peers: each runtime bare, behind a C program that only execs, and behind the
//! shim; with no profile, a Docker-sized one and one of 400 rules; one and eight at a time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use integration::{RealRuntime, TestBundle, docker_sized, run};
use serde_json::{Value, json};

use crate::timing::{Times, summary};

/// The least that a program in front of a runtime can be.
const WRAPPER: &str = r#"#include <unistd.h>
int main(int argc, char **argv) {
    argv[1] && execvp(argv[1], argv + 1);
    return 127;
}
"#;

/// How many containers are made at a time.
const AT_A_TIME: [usize; 2] = [1, 8];

/// Makes the program that only execs; none if there is no C compiler.
fn wrapper(folder: &Path) -> Option<PathBuf> {
    let (source, program) = (folder.join("wrapper.c"), folder.join("wrapper"));
    std::fs::write(&source, WRAPPER).ok()?;
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-static", "-o"]);
    run(compiler.arg(&program).arg(&source))
        .ok()
        .then_some(program)
}

/// A profile with a rule for each of up to 400 names, every fortieth with a condition.
fn custom() -> Value {
    let names = docker_sized();
    let names = names
        .pointer("/syscalls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.get("names")?.as_array())
        .flatten()
        .filter_map(Value::as_str);
    let rule = |(number, name): (usize, &str)| {
        let mut rule = json!({"names": [name], "action": "SCMP_ACT_ALLOW"});
        // A condition on the last argument that programs do not notice.
        if number % 40 == 39 {
            rule = json!({
                "names": [name], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 5, "value": u64::MAX, "op": "SCMP_CMP_LE"}],
            });
        }
        rule
    };
    let rules: Vec<Value> = names.take(400).enumerate().map(rule).collect();
    let arch = docker_sized().pointer("/architectures").cloned();
    json!({"defaultAction": "SCMP_ACT_ERRNO", "architectures": arch, "syscalls": rules})
}

/// All tables, for the runtimes that are here.
pub(crate) fn tables(rounds: usize, policy: &Path, raw: &Path) -> String {
    let mut text = String::new();
    let folder = tempfile::tempdir().ok();
    let wrapper = folder.as_ref().and_then(|folder| wrapper(folder.path()));
    for runtime in RealRuntime::all("bench") {
        for (profile, seccomp) in [
            ("none", None),
            ("default", Some(docker_sized())),
            ("400 rules", Some(custom())),
        ] {
            for count in AT_A_TIME {
                let title = format!("{}, profile {profile}, {count} at a time", runtime.name);
                // Writing to a String cannot fail.
                let _ = writeln!(text, "\n`create`: {title}");
                let times = compare(
                    &runtime,
                    wrapper.as_deref(),
                    policy,
                    seccomp.as_ref(),
                    count,
                    (rounds / count).max(10),
                );
                let file = format!("{}.csv", title.replace(", ", "-").replace(' ', "_"));
                times.keep(&raw.join(file));
                text.push_str(&summary(&times));
            }
        }
    }
    text
}

/// Times the runtime bare and behind each program, `count` containers at a time.
fn compare(
    runtime: &RealRuntime,
    wrapper: Option<&Path>,
    policy: &Path,
    seccomp: Option<&Value>,
    count: usize,
    rounds: usize,
) -> Times {
    let bundles: Vec<TestBundle> = (0..count).map(|_| TestBundle::new(&["true"])).collect();
    for bundle in &bundles {
        bundle.edit(|config| {
            let linux = config.pointer_mut("/linux").and_then(Value::as_object_mut);
            if let (Some(linux), Some(seccomp)) = (linux, seccomp) {
                linux.insert("seccomp".to_owned(), seccomp.clone());
            }
        });
    }
    let originals: Vec<Vec<u8>> = bundles.iter().map(TestBundle::text).collect();
    let make = |which: usize| match (which, wrapper) {
        (0, _) => runtime.bare(),
        (1, Some(wrapper)) => behind(wrapper, &runtime.bare()),
        _ => runtime.shimmed(policy),
    };
    let names = match wrapper {
        Some(_) => &[runtime.name, "a C program that execs", "shim"][..],
        None => &[runtime.name, "shim"][..],
    };
    let mut times = Times::new(names);
    for round in 0..rounds.saturating_add(WARM_UP) {
        for turn in 0..names.len() {
            let which = round.wrapping_mul(7).wrapping_add(turn) % names.len();
            let kind = if which == 1 && wrapper.is_none() {
                2
            } else {
                which
            };
            for (bundle, original) in bundles.iter().zip(&originals) {
                bundle.write_text(original);
            }
            let start = Instant::now();
            let children: Vec<Child> = bundles
                .iter()
                .filter_map(|bundle| create(make(kind), bundle).spawn().ok())
                .collect();
            let ok = children
                .into_iter()
                .all(|mut child| child.wait().is_ok_and(|status| status.success()));
            let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
            for bundle in &bundles {
                // What was not made need not be deleted.
                let _ = run(runtime.bare().args(["delete", "--force", &bundle.id()]));
            }
            if round >= WARM_UP {
                times.add(which, if ok { milliseconds } else { f64::NAN });
            }
        }
    }
    times
}

const WARM_UP: usize = 2;

/// The command, as the program that only execs is called for it.
fn behind(wrapper: &Path, command: &Command) -> Command {
    let mut wrapped = Command::new(wrapper);
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped
}

fn create(mut command: Command, bundle: &TestBundle) -> Command {
    command.args(["create", "--bundle"]).arg(bundle.path());
    command.arg(bundle.id());
    let command_io = command.stdin(Stdio::null()).stdout(Stdio::null());
    command_io.stderr(Stdio::null());
    command
}

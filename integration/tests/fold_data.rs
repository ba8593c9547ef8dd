//! Folded profiles, compiled: the program answers every call as that of the profile as it was.

use std::path::Path;

use default_profile::Newer;
use filter::{Runtime, compile, same};
use integration::shared_data;
use oci::{NATIVE, seccomp};
use profile::{Arch, DOCKER_CAPABILITIES, Kernel, Seccomp, Target, restrict};
use serde_json::Value;

mod oci;

/// What was compared.
#[derive(Debug, Default)]
struct Count {
    profiles: usize,
    folded: usize,
    before: usize,
    after: usize,
    refused: usize,
    unfollowed: usize,
}

fn conditional(profile: &Seccomp) -> usize {
    let rules = profile.rules.iter();
    rules.filter(|rule| !rule.args.is_empty()).count()
}

fn hold(what: &str, profile: &Seccomp, native: Arch, count: &mut Count) {
    let mut folded = profile.clone();
    folded.fold();
    count.profiles += 1;
    if folded == *profile {
        return;
    }
    count.folded += 1;
    count.before += conditional(profile);
    count.after += conditional(&folded);
    for runtime in [Runtime::Runc, Runtime::Crun] {
        let (before, after) = (
            compile(profile, native, runtime),
            compile(&folded, native, runtime),
        );
        match (before, after) {
            (Ok(before), Ok(after)) => match same(&before.program, &after.program) {
                Ok(_) => {}
                Err(filter::NotSame::Unfollowed) => count.unfollowed += 1,
                Err(error) => panic!("{what}, {runtime}: {error}"),
            },
            (Err(_), _) => count.refused += 1,
            (Ok(_), Err(error)) => panic!("{what}, {runtime}: {error}"),
        }
    }
}

fn rows(data: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(data.join(name)).unwrap();
    let lines = text.lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn defaults() -> Vec<(String, Seccomp, Arch)> {
    let natives = [
        Arch::ScmpArchX86_64,
        Arch::ScmpArchAarch64,
        Arch::ScmpArchS390x,
    ];
    let capabilities = [&[][..], &DOCKER_CAPABILITIES, &["CAP_SYS_ADMIN"]];
    let mut all = Vec::new();
    for native in natives {
        for capabilities in capabilities {
            for newer in [Newer::Runtime, Newer::Profile] {
                let target = Target {
                    capabilities: capabilities.iter().map(|one| (*one).to_owned()).collect(),
                    arch: native,
                    kernel: Kernel {
                        major: 6,
                        minor: 18,
                    },
                };
                let seccomp = default_profile::resolve_for(&target, newer);
                all.push((format!("{native} {capabilities:?} {newer:?}"), seccomp, native));
            }
        }
    }
    all
}

#[test]
fn a_folded_default_compiles_to_the_same() {
    let mut count = Count::default();
    for (what, profile, native) in defaults() {
        hold(&what, &profile, native, &mut count);
    }
    eprintln!("{count:?}");
    assert_eq!((count.folded, count.refused, count.unfollowed), (18, 0, 0));
}

#[test]
fn folded_reference_profiles_compile_to_the_same() {
    let Some(data) = shared_data("fold_data") else {
        return;
    };
    let mut count = Count::default();
    let ours: Vec<Seccomp> = defaults()
        .into_iter()
        .filter(|(.., native)| *native == NATIVE)
        .map(|(_, profile, _)| profile)
        .collect();
    for row in rows(&data, "engine-defaults.jsonl") {
        if row["goarch"] != "amd64" || row["resolved"].is_null() {
            continue;
        }
        let theirs = seccomp(&row["resolved"]);
        let what = format!("{} {}", row["builtin"], row["caps_set"]);
        hold(&what, &theirs, NATIVE, &mut count);
        for ours in &ours {
            let both = restrict(ours, &theirs, NATIVE).unwrap().profile;
            hold(&what, &both, NATIVE, &mut count);
        }
    }
    for row in rows(&data, "restrict.jsonl") {
        let (a, b) = (seccomp(&row["a"]), seccomp(&row["b"]));
        let both = restrict(&a, &b, NATIVE).unwrap().profile;
        for profile in [&a, &b, &both] {
            hold(&row["id"].to_string(), profile, NATIVE, &mut count);
        }
    }
    eprintln!("{count:?}");
    assert!(count.folded > 50, "{count:?}");
    assert!(count.unfollowed * 20 < count.folded, "{count:?}");
}

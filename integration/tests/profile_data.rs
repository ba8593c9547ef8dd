//! Profiles as the engines' own code resolves them, and profiles as found in public.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use integration::{plain, shared_data};
use profile::{Dialect, Kernel, ProblemKind, Problems, Seccomp, Source, Target, native_from_name};
use serde_json::Value;
use strict_json::{MAX_DEPTH, Text};

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the data can be read");
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().expect("a JSON value a line")
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {row}"))
}

fn target(row: &Value) -> Target {
    let caps = row["caps"].as_array().expect("caps");
    let caps = caps.iter().filter_map(Value::as_str).map(str::to_owned);
    Target {
        capabilities: caps.collect::<BTreeSet<_>>(),
        arch: native_from_name(text(row, "goarch")).expect("an architecture"),
        kernel: Kernel::from_release(text(row, "kernel")).expect("a release"),
    }
}

fn dialect(name: &str) -> Dialect {
    match name {
        "moby" => Dialect::Docker,
        "podman" => Dialect::Podman,
        "containerd-localhost" | "containerd_localhost" => Dialect::Oci,
        other => panic!("{other}"),
    }
}

/// What we make of `bytes`: null for an engine that would use no filter.
fn ours(bytes: &[u8], dialect: Dialect, target: &Target) -> Result<Value, Problems> {
    let Some(source) = Source::read_as_engine(bytes, dialect)? else {
        return Ok(Value::Null);
    };
    let seccomp = source.resolve(target)?;
    let json = seccomp.to_json();
    match from_oci(&json) {
        Ok(back) => assert_eq!(back, seccomp, "reads back otherwise"),
        Err(problems) => assert!(runtimes_would_refuse(&problems), "{problems}"),
    }
    Ok(serde_json::from_str(&json).expect("JSON"))
}

fn from_oci(json: &str) -> Result<Seccomp, Problems> {
    let text = Text::check(json.as_bytes(), MAX_DEPTH).expect("JSON");
    Seccomp::from_oci(&text.root())
}

/// Whether runtimes would refuse, or misread, what all `problems` are about.
fn runtimes_would_refuse(problems: &Problems) -> bool {
    problems.iter().all(|problem| {
        matches!(
            problem.kind,
            ProblemKind::Unknown { .. }
                | ProblemKind::ErrnoRange { .. }
                | ProblemKind::NoDefault
                | ProblemKind::EmptyName
                | ProblemKind::NotifyWrite
                | ProblemKind::Conflict { .. }
                | ProblemKind::ArgIndex { .. }
        )
    })
}

/// The files of a folder: their names, and what is in them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the folder");
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read(entry.path()).expect("the file"))
    };
    entries.map(file).collect()
}

#[test]
fn every_profile_resolves_as_the_engines_own_code_resolves_it() {
    let Some(data) = shared_data("every_profile_resolves_as_the_engines_own_code_resolves_it")
    else {
        return;
    };
    let (mut equal, mut errors, mut earlier) = (0, 0, BTreeMap::new());
    for row in rows(&data.join("resolve.jsonl")) {
        let id = text(&row, "id");
        let bytes = match row["profile"].as_str() {
            Some(path) => fs::read(data.join(path)).expect(path),
            None => text(&row, "profile_text").as_bytes().to_vec(),
        };
        let got = ours(&bytes, dialect(text(&row, "dialect")), &target(&row));
        let expect = &row["expect"];
        match (got, expect.get("error_class")) {
            (Ok(got), None) => {
                assert_eq!(plain(&got), plain(&expect["resolved"]), "{id}");
                equal += 1;
            }
            (Err(_), Some(_)) => errors += 1,
            (Err(problems), None) => {
                assert!(runtimes_would_refuse(&problems), "{id}: {problems}");
                let profile = row["profile"].as_str().or(row["note"].as_str());
                let profile = profile.unwrap_or(id).to_owned();
                earlier.insert(profile, problems.to_string());
            }
            (Ok(_), Some(class)) => panic!("{id}: should be refused: {class}"),
        }
    }
    println!("{equal} equal, {errors} refused by both, refused earlier: {earlier:#?}");
    assert!(equal >= 400 && errors >= 10, "{equal} and {errors}");
    assert!(earlier.len() <= 5, "{earlier:#?}");
}

#[test]
fn odd_profiles_resolve_as_in_the_engines_or_are_refused_for_a_reason() {
    let Some(data) =
        shared_data("odd_profiles_resolve_as_in_the_engines_or_are_refused_for_a_reason")
    else {
        return;
    };
    // What runtimes run and we refuse: parsers read it differently, or runc cuts the number.
    let ours_alone = ["E_case_insens", "E_dup_syscalls_key", "E_errno_2_32"];
    let (mut equal, mut errors, mut earlier) = (0, 0, BTreeSet::new());
    for row in rows(&data.join("edge-cases.jsonl")) {
        let id = text(&row, "id");
        for (engine, run) in [
            ("moby", "runc_head_on_moby_result"),
            ("podman", "runc_head_on_moby_result"),
            ("containerd_localhost", "runc_head_on_containerd_result"),
        ] {
            let bytes = text(&row, "profile_text").as_bytes();
            let got = ours(bytes, dialect(engine), &target(&row));
            let expect = &row[engine];
            match (got, expect["error_class"].is_null()) {
                (Ok(Value::Null), true) => {
                    let unconfined = expect["resolved"].is_null() || row[run]["no_filter"] == true;
                    assert!(unconfined, "{id} {engine}");
                    equal += 1;
                }
                (Ok(got), true) => {
                    assert_eq!(plain(&got), plain(&expect["resolved"]), "{id} {engine}");
                    equal += 1;
                }
                (Err(_), false) => errors += 1,
                (Err(problems), true) => {
                    let refused = row[run]["ok"] == false && runtimes_would_refuse(&problems);
                    assert!(
                        refused || ours_alone.contains(&id),
                        "{id} {engine}: {problems}"
                    );
                    earlier.insert(id.to_owned());
                }
                (Ok(got), false) => panic!("{id} {engine}: {got}"),
            }
        }
    }
    println!("{equal} equal, {errors} refused by both, refused earlier: {earlier:#?}");
    assert!(equal >= 90 && errors >= 15, "{equal} and {errors}");
}

#[test]
fn public_profiles_are_read_unless_a_runtime_would_refuse_them() {
    let Some(data) = shared_data("public_profiles_are_read_unless_a_runtime_would_refuse_them")
    else {
        return;
    };
    let (mut read, mut refused) = (0, BTreeMap::new());
    let (mut dialects, mut warned) = (BTreeMap::new(), 0);
    for (name, bytes) in files(&data.join("profiles")) {
        match Source::read(&bytes) {
            Ok(source) => {
                read += 1;
                *dialects.entry(source.dialect().to_string()).or_insert(0) += 1;
                for warning in source.warnings() {
                    println!("{name}: {warning}");
                }
                warned += usize::from(!source.warnings().is_empty());
            }
            Err(problems) => {
                assert!(runtimes_would_refuse(&problems), "{name}: {problems}");
                refused.insert(name, problems.to_string());
            }
        }
    }
    println!("{read} read {dialects:?}, {warned} with warnings, refused: {refused:#?}");
    assert!(refused.len() <= 3, "{refused:#?}");
    assert!(read >= 90);
}

fn member<'a>(value: strict_json::Value<'a>, key: &str) -> Option<strict_json::Value<'a>> {
    let mut members = value.members();
    members
        .find(|member| member.key == key)
        .map(|member| member.value)
}

#[test]
fn the_requests_of_real_engines_are_read_and_written_back_equal() {
    let Some(data) = shared_data("the_requests_of_real_engines_are_read_and_written_back_equal")
    else {
        return;
    };
    let mut read = 0;
    for (name, bytes) in files(&data.join("bundles")) {
        let config = Text::check(&bytes, MAX_DEPTH).expect("JSON").root();
        let Some(seccomp) = member(config, "linux").and_then(|linux| member(linux, "seccomp"))
        else {
            continue;
        };
        let raw = seccomp.raw();
        let seccomp = Seccomp::from_oci(&seccomp);
        let seccomp = seccomp.unwrap_or_else(|e| panic!("{name}: {e}"));
        let before: Value = serde_json::from_str(raw).expect("JSON");
        let after: Value = serde_json::from_str(&seccomp.to_json()).expect("JSON");
        assert_eq!(plain(&after), plain(&before), "{name}");
        read += 1;
    }
    assert!(read >= 3, "{read}");
}

#[test]
fn what_engines_ship_is_read_and_written_back_equal() {
    let Some(data) = shared_data("what_engines_ship_is_read_and_written_back_equal") else {
        return;
    };
    let mut read = 0;
    for row in rows(&data.join("engine-defaults.jsonl")) {
        let resolved = &row["resolved"];
        let Ok(seccomp) = from_oci(&resolved.to_string()) else {
            panic!("{}", row["builtin"]);
        };
        let after: Value = serde_json::from_str(&seccomp.to_json()).expect("JSON");
        assert_eq!(plain(&after), plain(resolved));
        read += 1;
    }
    assert!(read >= 100, "{read}");
}

#[test]
fn examples_with_gaps_are_refused_and_the_others_read() {
    let Some(data) = shared_data("examples_with_gaps_are_refused_and_the_others_read") else {
        return;
    };
    for (name, bytes) in files(&data.join("examples")) {
        let read = Source::read(&bytes);
        // The first is a form to fill in, the others leave lines out.
        let gaps = ["000-01.json", "000-02.json", "000-03.json"];
        let gaps = gaps.contains(&name.as_str());
        assert_eq!(read.is_err(), gaps, "{name}: {read:?}");
    }
}

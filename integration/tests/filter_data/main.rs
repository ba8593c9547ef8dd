//! Filters against reference data: what real runc and crun compile, and libseccomp's quirks.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says so by failing"
)]

mod reference;

use std::path::Path;

use filter::{Call, CompileError, Filter, Refusal, Runtime, compact, compile};
use profile::{Action, Arch, Rule, Seccomp};
use reference::{arch, args, field, rows, seccomp};
use serde_json::Value;

/// What was compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    profiles: usize,
    answers: usize,
    lengths: usize,
    errors: usize,
    /// Rules of more than six conditions, see [`unfold`].
    unfolded: usize,
}

impl Counts {
    /// Compares the filter of one profile with one column of its queries.
    fn answers(&mut self, id: &str, filter: &Filter, queries: &Value, column: &str) {
        for query in queries.as_array().unwrap() {
            let nr = u32::try_from(query["nr"].as_u64().unwrap()).unwrap();
            let call = Call::new(arch(&query["arch"]), nr, args(&query["args"]));
            assert_eq!(
                filter.run(&call).to_string(),
                query[column].as_str().unwrap(),
                "{id} {column}: {query}"
            );
            self.answers += 1;
        }
    }
}

fn simulate(folder: &Path, file: &str) -> Vec<Value> {
    let mut rows = rows(folder, "simulate.jsonl");
    rows.retain(|row| row["file"] == file);
    rows
}

fn check_column(rows: &[Value], runtime: Runtime, column: &str, compiled: &str) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        let id = row["id"].as_str().unwrap();
        let mut profile = seccomp(&field(row, "seccomp"));
        if runtime == Runtime::Crun {
            counts.unfolded += unfold(&mut profile);
        }
        let result = compile(&profile, arch(&row["native"]), runtime);
        let expected = &row[compiled];
        counts.profiles += 1;
        if let Some(text) = expected["error"].as_str() {
            let error = result.expect_err(text);
            assert!(same_error(&error, text), "{id} {column}: {error:?}, {text}");
            counts.errors += 1;
            continue;
        }
        let filter = result.unwrap_or_else(|error| panic!("{id} {column}: {error}"));
        if let Some(length) = expected["insns"].as_u64() {
            let ours = filter.program.instructions().len();
            assert_eq!(ours as u64, length, "{id} {column}: instructions");
            counts.lengths += 1;
        }
        if let Some(flags) = expected["flags"].as_u64() {
            assert_eq!(u64::from(filter.flags), flags, "{id} {column}: flags");
        }
        counts.answers(id, &filter, &field(row, "queries"), column);
    }
    println!("{column}: {counts:?}");
    counts
}

/// Makes one rule of each condition of those rules that have more than six, and counts them.
///
/// The reference takes all conditions of a rule for crun's; crun itself drops those after the
/// sixth (1.8.1 lets the call pass that only a seventh denies), and so does [`compile`].
fn unfold(profile: &mut Seccomp) -> usize {
    let mut unfolded = 0;
    let rules = std::mem::take(&mut profile.rules);
    for rule in rules {
        if rule.args.len() <= 6 {
            profile.rules.push(rule);
            continue;
        }
        unfolded += 1;
        profile.rules.extend(rule.args.iter().map(|arg| Rule {
            args: vec![*arg],
            ..rule.clone()
        }));
    }
    unfolded
}

/// Whether `error` is what the reference's `text` says, which is the same for each runtime.
fn same_error(error: &CompileError, text: &str) -> bool {
    match error {
        CompileError::RuleErrno { action, .. } => {
            *action == Action::ScmpActAllow && text.contains("errno value specified for action")
        }
        CompileError::Rule {
            name,
            source: Refusal::Invalid,
            ..
        } => text.contains(name) && (text.contains("two checks") || text.contains("rc=-22")),
        _ => false,
    }
}

#[test]
fn filters_answer_as_those_that_runc_compiles() {
    let Some(folder) = integration::shared_data("filters_answer_as_those_that_runc_compiles")
    else {
        return;
    };
    let rows = simulate(&folder, "sim.jsonl");
    assert_eq!(
        check_column(&rows, Runtime::Runc, "runc", "runc"),
        Counts {
            profiles: 217,
            answers: 28_825,
            lengths: 216,
            errors: 1,
            unfolded: 0,
        }
    );
}

#[test]
fn filters_answer_as_those_that_crun_compiles() {
    let Some(folder) = integration::shared_data("filters_answer_as_those_that_crun_compiles")
    else {
        return;
    };
    let rows = simulate(&folder, "sim.jsonl");
    assert_eq!(
        check_column(&rows, Runtime::Crun, "crun", "crun_like"),
        Counts {
            profiles: 217,
            answers: 28_685,
            lengths: 215,
            errors: 2,
            unfolded: 2,
        }
    );
}

#[test]
fn filters_for_another_machine_answer_as_if_compiled_there() {
    let test = "filters_for_another_machine_answer_as_if_compiled_there";
    let Some(folder) = integration::shared_data(test) else {
        return;
    };
    let rows = simulate(&folder, "sim_aarch64.jsonl");
    assert_eq!(
        check_column(&rows, Runtime::Crun, "libseccomp", "libseccomp"),
        Counts {
            profiles: 15,
            answers: 1645,
            lengths: 0,
            errors: 0,
            unfolded: 2,
        }
    );
}

#[test]
fn overlapping_conditions_are_compiled_as_wrongly_as_libseccomp_does() {
    let test = "overlapping_conditions_are_compiled_as_wrongly_as_libseccomp_does";
    let Some(folder) = integration::shared_data(test) else {
        return;
    };
    let mut counts = Counts::default();
    for row in rows(&folder, "libseccomp-quirks.jsonl") {
        let id = row["id"].as_str().unwrap();
        counts.profiles += 1;
        let profile = seccomp(&field(&row, "seccomp"));
        for runtime in [Runtime::Runc, Runtime::Crun] {
            let result = compile(&profile, Arch::ScmpArchX86_64, runtime);
            if row["compile"]["2.5.4"] != "ok" {
                assert!(
                    matches!(
                        result,
                        Err(CompileError::Rule {
                            source: Refusal::Conflict,
                            ..
                        })
                    ),
                    "{id} {runtime}: {result:?}"
                );
                counts.errors += 1;
                continue;
            }
            let filter = result.unwrap_or_else(|error| panic!("{id} {runtime}: {error}"));
            for query in field(&row, "queries").as_array().unwrap() {
                // All are about read(2), which is 0.
                let call = Call::new(Arch::ScmpArchX86_64, 0, args(&query["args"]));
                assert_eq!(
                    filter.run(&call).to_string(),
                    query["actual"]["2.5.4"].as_str().unwrap(),
                    "{id} {runtime}: {query}"
                );
                counts.answers += 1;
            }
        }
    }
    println!("quirks: {counts:?}");
    assert_eq!(counts.profiles, 171);
    assert_eq!(counts.errors, 6);
}

#[test]
fn filters_in_fewer_steps_answer_as_those_that_crun_compiles() {
    let test = "filters_in_fewer_steps_answer_as_those_that_crun_compiles";
    let Some(folder) = integration::shared_data(test) else {
        return;
    };
    let mut rows = simulate(&folder, "sim.jsonl");
    rows.extend(self::rows(&folder, "libseccomp-quirks.jsonl"));
    let (mut profiles, mut compacted, mut calls) = (0, 0, 0_usize);
    for row in &rows {
        let id = row["id"].as_str().unwrap();
        let profile = seccomp(&field(row, "seccomp"));
        let Ok(filter) = compile(&profile, Arch::ScmpArchX86_64, Runtime::Crun) else {
            continue;
        };
        profiles += 1;
        let Some(shorter) = compact(&filter.program, Arch::ScmpArchX86_64) else {
            continue;
        };
        compacted += 1;
        for call in edges(&profile) {
            calls += 1;
            assert_eq!(
                shorter.value(&call),
                filter.program.value(&call),
                "{id}: {call:x?}"
            );
        }
    }
    println!("{profiles} profiles, {compacted} compacted, {calls} calls");
    assert!(profiles > 350, "{profiles}");
    assert!(compacted * 10 > profiles * 9, "{compacted} of {profiles}");
    assert!(calls > 2_000_000, "{calls}");
}

/// Every number of some architectures, and some that nobody has; those that conditions are about
/// with each value that one mentions and those beside it, in each argument and in all.
fn edges(profile: &Seccomp) -> impl Iterator<Item = Call> {
    let arches = [
        Arch::ScmpArchX86_64,
        Arch::ScmpArchX86,
        Arch::ScmpArchX32,
        Arch::ScmpArchAarch64,
    ];
    let conditional = profile.rules.iter().filter(|rule| !rule.args.is_empty());
    let (mut values, mut about) = (vec![0, u64::MAX], vec![]);
    for rule in conditional {
        for condition in &rule.args {
            for value in [condition.value, condition.value_two] {
                let beside = [
                    value.wrapping_add(1),
                    value.wrapping_sub(1),
                    value ^ 1 << 32,
                ];
                values.extend([value].into_iter().chain(beside));
            }
        }
        about.extend(
            rule.names
                .iter()
                .flat_map(|name| arches.map(|arch| filter::nr(name, arch))),
        );
    }
    values.sort_unstable();
    values.dedup();
    values.truncate(40);
    let others = [999, filter::X32_BIT - 1, u32::MAX - 1, u32::MAX];
    let numbers = (0..=480)
        .chain(others)
        .chain((0..=560).map(|nr| nr | filter::X32_BIT));
    let mut calls = Vec::new();
    for nr in numbers {
        let looked_at = about.contains(&Some(nr));
        for value in values
            .iter()
            .copied()
            .filter(|value| looked_at || *value == 0)
        {
            for arch in arches {
                calls.push(Call::new(arch, nr, [value; 6]));
                for index in (0..6).filter(|_| looked_at) {
                    let mut args = [0; 6];
                    args[index] = value;
                    calls.push(Call::new(arch, nr, args));
                }
            }
        }
    }
    calls.into_iter()
}

//! `shim profile` against reference data: what the compiled filters answer, what engines resolve,
//! what two profiles together do. Everything goes through the binary.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail the test"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use integration::{Outcome, plain, run_with_input, shared_data, shim_binary};
use serde_json::{Value, json};

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the data can be read");
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().expect("a JSON value a line")
}

/// A field, which in some rows is JSON inside a string.
fn field(row: &Value, name: &str) -> Value {
    match &row[name] {
        Value::String(text) => serde_json::from_str(text).expect("JSON"),
        other => other.clone(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `shim profile` with `args`, and `input` on its standard input.
fn shim(args: &[&str], input: &str) -> Outcome {
    let mut command = Command::new(shim_binary());
    run_with_input(command.arg("profile").args(args), input)
}

/// The questions of a row as lines.
fn questions(queries: &[Value]) -> String {
    let line = |query: &Value| {
        let (arch, nr, args) = (&query["arch"], &query["nr"], &query["args"]);
        format!("{}\n", json!({"arch": arch, "nr": nr, "args": args}))
    };
    queries.iter().map(line).collect()
}

fn actions(answers: &str) -> Vec<String> {
    let action = |line: &str| {
        let answer: Value = serde_json::from_str(line).expect(line);
        answer["action"].as_str().expect(line).to_owned()
    };
    answers.lines().map(action).collect()
}

/// What was compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    profiles: usize,
    answers: usize,
    /// Profiles that the runtime refuses, as we do.
    refused: usize,
    /// Profiles that we refuse to read.
    ours_alone: Vec<String>,
}

/// Makes one rule of each condition of rules that have more than six, as the data does for crun,
/// which itself drops those after the sixth.
fn unfold(seccomp: &mut Value) {
    let Some(rules) = seccomp["syscalls"].as_array_mut() else {
        return;
    };
    let unfolded = std::mem::take(rules).into_iter().flat_map(|rule| {
        let args = list(&rule["args"]).to_vec();
        if args.len() <= 6 {
            return vec![rule];
        }
        let one = |arg: Value| {
            let mut rule = rule.clone();
            rule["args"] = json!([arg]);
            rule
        };
        args.into_iter().map(one).collect()
    });
    *rules = unfolded.collect();
}

fn check_column(rows: &[Value], options: &[&str], column: &str, compiled: &str) -> Count {
    let mut count = Count::default();
    for row in rows {
        let id = row["id"].as_str().expect("an id");
        let mut seccomp = field(row, "seccomp");
        if column != "runc" {
            unfold(&mut seccomp);
        }
        let queries = field(row, "queries");
        let queries = list(&queries);
        // The profile comes first on standard input, the calls after it.
        let input = format!("{seccomp}\n{}", questions(queries));
        let said = shim(&[&["test", "-", "--batch"], options].concat(), &input);
        if row[compiled]["error"].is_string() {
            assert_ne!(said.code, Some(0), "{id} {column}");
            count.refused += 1;
            continue;
        }
        if !said.ok() {
            count.ours_alone.push(format!("{id}: {}", said.stderr));
            continue;
        }
        let answers = actions(&said.stdout);
        assert_eq!(
            answers.len(),
            queries.len(),
            "{id} {column}: {}",
            said.stderr
        );
        for (query, answer) in queries.iter().zip(&answers) {
            assert_eq!(query[column], json!(answer), "{id} {column}: {query}");
        }
        count.profiles += 1;
        count.answers += answers.len();
    }
    println!("{column}: {count:#?}");
    count
}

#[test]
fn batches_are_answered_as_the_filters_that_runtimes_load_answer() {
    let test = "batches_are_answered_as_the_filters_that_runtimes_load_answer";
    let Some(data) = shared_data(test) else {
        return;
    };
    let rows = rows(&data.join("simulate.jsonl"));
    let (x86_64, aarch64): (Vec<Value>, Vec<Value>) =
        rows.into_iter().partition(|row| row["file"] == "sim.jsonl");
    let runc = check_column(
        &x86_64,
        &["--runtime", "runc", "--native", "x86_64"],
        "runc",
        "runc",
    );
    let crun = check_column(
        &x86_64,
        &["--runtime", "crun", "--native", "amd64"],
        "crun",
        "crun_like",
    );
    let arm = check_column(
        &aarch64,
        &["--runtime", "crun", "--native", "aarch64"],
        "libseccomp",
        "libseccomp",
    );
    assert!(runc.answers + crun.answers + arm.answers > 50_000);
    for count in [&runc, &crun, &arm] {
        // runc cuts such an errno to 16 bits, so that we refuse to read it.
        let other = |said: &&String| !said.contains("is out of range");
        assert_eq!(count.ours_alone.iter().find(other), None);
        assert!(count.ours_alone.len() <= 2, "{:?}", count.ours_alone);
    }
}

#[test]
fn profiles_resolve_as_the_engines_own_code_resolves_them() {
    let test = "profiles_resolve_as_the_engines_own_code_resolves_them";
    let Some(data) = shared_data(test) else {
        return;
    };
    let rows = rows(&data.join("resolve.jsonl"));
    let (mut equal, mut errors, mut earlier) = (0, 0, Vec::new());
    for row in &rows {
        let caps: Vec<&str> = list(&row["caps"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let id = row["id"].as_str().expect("an id");
        let dialect = match row["dialect"].as_str() {
            Some("moby") => "docker",
            Some("podman") => "podman",
            Some("containerd-localhost") => "oci",
            other => panic!("{id}: {other:?}"),
        };
        let text = match row["profile"].as_str() {
            Some(path) => fs::read_to_string(data.join(path)).expect(path),
            None => row["profile_text"].as_str().expect("a profile").to_owned(),
        };
        let arch = row["goarch"].as_str().expect("an architecture");
        let kernel = row["kernel"].as_str().expect("a kernel");
        let mut args = vec!["resolve", "-", "--format", "json", "--dialect", dialect];
        args.extend(["--arch", arch, "--kernel", kernel]);
        args.extend(caps.iter().flat_map(|cap| ["--cap", cap]));
        let said = shim(&args, &text);
        let expect = &row["expect"];
        match (said.code, expect.get("error_class")) {
            (Some(0), None) => {
                let got: Value = serde_json::from_str(&said.stdout).expect(id);
                assert_eq!(plain(&got), plain(&expect["resolved"]), "{id}");
                equal += 1;
            }
            (Some(1), Some(_)) => errors += 1,
            // What the runtime would refuse, so that we do.
            (Some(1), None) => earlier.push(format!("{id}: {}", said.stderr)),
            (code, _) => panic!("{id}: {code:?} {}", said.text()),
        }
    }
    println!("{equal} equal, {errors} refused by both, refused earlier: {earlier:#?}");
    assert!(equal >= 500 && earlier.len() <= 10, "{equal}, {earlier:#?}");
}

/// The kernel's order, from the loosest.
fn strictness(action: &str) -> usize {
    const ORDER: [&str; 8] = [
        "ALLOW",
        "LOG",
        "TRACE",
        "NOTIFY",
        "ERRNO",
        "TRAP",
        "KILL_THREAD",
        "KILL_PROCESS",
    ];
    let name = action.split('(').next().unwrap_or_default();
    ORDER.iter().position(|one| *one == name).expect(action)
}

#[test]
fn a_restricted_profile_is_never_looser_than_both_stacked() {
    let test = "a_restricted_profile_is_never_looser_than_both_stacked";
    let Some(data) = shared_data(test) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (mut pairs, mut exact, mut queries, mut refused) = (0, 0, 0, 0);
    for row in rows(&data.join("restrict.jsonl")) {
        let (a, b, i) = (path("a.json"), path("b.json"), path("i.json"));
        fs::write(&a, row["a"].to_string()).expect("written");
        fs::write(&b, row["b"].to_string()).expect("written");
        let made = shim(&["restrict", &a, &b, "--arch", "x86_64"], "");
        if made.stderr.contains("is out of range") {
            refused += 1; // An errno that runc cuts to 16 bits.
            continue;
        }
        assert!(made.ok(), "{}: {}", row["id"], made.stderr);
        let Some(asked) = row["queries"].as_array() else {
            continue;
        };
        fs::write(&i, &made.stdout).expect("written");
        let args = [
            "test",
            &i,
            "--batch",
            "--runtime",
            "crun",
            "--native",
            "x86_64",
        ];
        let said = shim(&args, &questions(asked));
        assert!(said.ok(), "{}: {}", row["id"], said.stderr);
        let answers = actions(&said.stdout);
        assert_eq!(answers.len(), asked.len());
        let mut all = true;
        for (query, answer) in asked.iter().zip(&answers) {
            let expect = list(&query["expect_any_of"]);
            let least = expect
                .iter()
                .filter_map(Value::as_str)
                .map(strictness)
                .min();
            let least = least.expect("an answer");
            assert!(
                strictness(answer) >= least,
                "{}: {answer}, which is looser: {query}",
                row["id"]
            );
            if !expect.contains(&json!(answer)) {
                if all {
                    println!("{}: {answer} for {query}", row["id"]);
                }
                all = false;
            }
        }
        pairs += 1;
        exact += usize::from(all);
        queries += asked.len();
    }
    println!("{exact} of {pairs} pairs are exact, at {queries} calls; {refused} refused");
    assert!(refused <= 1);
    assert!(
        pairs >= 40 && exact * 100 >= pairs * 85,
        "{exact} of {pairs}"
    );
}

//! The JSON Schema that editors get, held against the policies of the documentation and against
//! what the program itself accepts.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends there"
)]

use std::fs;
use std::process::Command;

use boon::{Compiler, SchemaIndex, Schemas};
use integration::{run, shim_binary};
use serde_json::Value;

struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn is_valid(&self, value: &Value) -> bool {
        self.validate(value).is_ok()
    }

    fn validate(&self, value: &Value) -> Result<(), String> {
        let valid = self.0.validate(value, self.1);
        valid.map_err(|error| error.to_string())
    }
}

fn schema(words: &[&str]) -> Schema {
    let said = run(Command::new(shim_binary())
        .args(["policy", "schema"])
        .args(words));
    assert!(said.ok(), "{said:?}");
    let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", schema).expect("added");
    let index = compiler.compile("schema.json", &mut schemas);
    Schema(schemas, index.expect("a schema"))
}

fn value(text: &str) -> Value {
    let table: toml::Table = toml::from_str(text).expect(text);
    serde_json::to_value(table).expect("JSON")
}

/// Whether `shim policy check` can read every key of a policy.
fn is_read(text: &str) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("policy.toml"), text).expect("written");
    let mut command = Command::new(shim_binary());
    command
        .args(["policy", "check", "--format", "json"])
        .arg(folder.path());
    let said = run(&mut command);
    let report: Value = serde_json::from_str(&said.stdout).expect(&said.stderr);
    // That a profile is not there, or a rule not reached, is no matter of a schema.
    let findings = report["findings"].as_array().expect("findings");
    let of_text = |one: &&Value| {
        let message = one["message"].as_str().unwrap_or("");
        one["level"] == "error"
            && !message.contains("in none of the profile roots")
            && !message.contains("never")
    };
    !findings.iter().any(|one| of_text(&one))
}

/// The indented blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in page.lines() {
        let last = all.last_mut().expect("one");
        match line.strip_prefix("    ") {
            Some(code) => last.push_str(&format!("{code}\n")),
            None if line.is_empty() => last.push('\n'),
            None => all.push(String::new()),
        }
    }
    all
}

#[test]
fn the_policies_of_the_documentation_fit() {
    let (policy, drop_in) = (schema(&[]), schema(&["--drop-in"]));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
    let page = fs::read_to_string(page).expect("docs/policy.md");
    let mut found = 0;
    for block in blocks(&page) {
        let text = block.as_str();
        if !text.lines().any(|line| line == "version = 1") {
            continue;
        }
        let value = value(text);
        let fits = policy.is_valid(&value) || drop_in.is_valid(&value);
        let error = policy.validate(&value).err();
        assert!(fits, "{text}\n{error:?}");
        assert!(is_read(text), "{text}");
        found += 1;
    }
    assert!(found >= 2, "{found}");
}

#[test]
fn the_schema_and_the_program_accept_and_refuse_alike() {
    let policy = schema(&[]);
    for good in [
        "",
        "strict = true",
        "runtime.path = \"/usr/sbin/runc\"\nlog.decisions = \"off\"",
        "localhost.roots = [\"/a\", { path = \"/b\", trust_links = true }]",
        "[defaults]\nprofile = \"Requested\"\ncombine = \"restrict\"\nmode = \"audit\"",
        "[[rule]]\nname = \"a\"\nwhen = { namespace = [\"a\", \"b*\"], annotation = { k = \"v\" } }",
        "[[rule]]\nwhen = { privileged = true, host_pid = false }\nprofile = { type = \"Unconfined\" }",
        "[[rule]]\nprofile = { type = \"Localhost\", localhostProfile = \"a/b.json\" }\narchitectures = \"native\"",
        "[floor]\nprofile = \"RuntimeDefault\"\n[[floor.except]]\nname = \"x\"\nwhen = { pod = \"p\" }",
    ] {
        let text = format!("version = 1\n{good}");
        let value = value(&text);
        let error = policy.validate(&value).err();
        assert!(error.is_none(), "{text}: {error:?}");
        assert!(is_read(&text), "{text}");
    }
    for bad in [
        "version = 1\nstric = true",
        "version = \"1\"",
        "version = 2",
        "strict = true",
        "version = 1\n[runtime]\npaht = \"/x\"",
        "version = 1\n[default]\nprofile = \"RuntimeDefault\"",
        "version = 1\n[defaults]\nprofile = \"runtime/default\"",
        "version = 1\n[defaults]\nmode = \"complain\"",
        "version = 1\n[defaults]\ncombine = \"both\"",
        "version = 1\n[[rule]]\nwhen = { namspace = \"a\" }",
        "version = 1\n[[rule]]\nwhen = { namespace = 3 }",
        "version = 1\n[[rule]]\nwhen = { privileged = \"yes\" }",
        "version = 1\n[[rule]]\nprofile = { type = \"Localhost\" }",
        "version = 1\n[[rule]]\nprofile = { type = \"Localhost\", localhostProfile = \"/a\" }",
        "version = 1\n[[rule]]\nprofile = { type = \"Localhost\", localhost_profile = \"a\" }",
        "version = 1\n[[rule]]\nprofile = { type = \"RuntimeDefault\", localhostProfile = \"a\" }",
        "version = 1\n[[rule]]\narchitectures = \"x86_64\"",
        "version = 1\n[floor]\nexcept = []",
        "version = 1\n[floor]\nprofile = \"RuntimeDefault\"\n[[floor.except]]\nwhen = { pod = \"p\" }",
        "version = 1\nlocalhost.roots = [\"a\"]",
        "version = 1\nlocalhost.roots = [{ path = \"/a\", trust = true }]",
    ] {
        let value = value(bad);
        assert!(!policy.is_valid(&value), "the schema takes {bad}");
        assert!(!is_read(bad), "the program takes {bad}");
    }
    let drop_in = schema(&["--drop-in"]);
    assert!(drop_in.is_valid(&value("version = 1\n[[rule]]\nprofile = \"Unconfined\"")));
    assert!(!drop_in.is_valid(&value("version = 1\nstrict = true")));
}

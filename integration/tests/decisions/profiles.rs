//! What a decision makes of the policy's profile and of what the container asks for.

use filter::Call;
use integration::{PolicyDir, TestBundle, explain};
use profile::{Arch, Seccomp};
use serde_json::{Value, json};

use crate::{DENY_CHMOD, DENY_MKDIR, asks, denied, is_default, pod};

#[test]
fn annotations_count_only_where_they_are_honoured() {
    let rules = "[defaults]\nprofile = \"Requested\"";
    let deaf = PolicyDir::new(rules).with_profile("a/b.json", DENY_CHMOD);
    let honours = PolicyDir::new(&format!("request.annotations = true\n{rules}"))
        .with_profile("a/b.json", DENY_CHMOD);
    let bundle = pod("team", "p", "app", "i");
    asks(&bundle, DENY_MKDIR);
    let key = "container.seccomp.security.alpha.kubernetes.io/app";
    let with = |key: &str, value: &str| {
        bundle.edit(|config| {
            let annotations = config["annotations"].as_object_mut().expect("an object");
            annotations.retain(|key, _| !key.contains("seccomp"));
            annotations.insert(key.to_owned(), json!(value));
        });
    };
    with(key, "localhost/a/b.json");
    assert_eq!(denied(&explain(deaf.path(), bundle.path())), ["mkdir"]);
    assert_eq!(denied(&explain(honours.path(), bundle.path())), ["chmod"]);
    with(
        "seccomp.security.alpha.kubernetes.io/pod",
        "localhost/a/b.json",
    );
    assert_eq!(denied(&explain(honours.path(), bundle.path())), ["chmod"]);
    with(
        "container.seccomp.security.alpha.kubernetes.io/other",
        "localhost/a/b.json",
    );
    assert_eq!(denied(&explain(honours.path(), bundle.path())), ["mkdir"]);
    with(key, "unconfined");
    assert_eq!(explain(honours.path(), bundle.path())["result"], "removed");
    with(key, "runtime/default");
    assert!(is_default(&explain(honours.path(), bundle.path())));
    for bad in ["", "Unconfined", "localhost/../x", "localhost/missing.json"] {
        with(key, bad);
        assert_eq!(
            explain(honours.path(), bundle.path())["result"],
            "refused",
            "{bad:?}"
        );
        assert_ne!(
            explain(deaf.path(), bundle.path())["result"],
            "refused",
            "{bad:?}"
        );
    }
}

#[test]
fn replace_forgets_the_request_and_restrict_keeps_it() {
    let localhost = |combine: &str| {
        PolicyDir::new(&format!(
            "[defaults]\nprofile = {{ type = \"Localhost\", localhostProfile = \"p.json\" }}\n{combine}"
        ))
        .with_profile("p.json", DENY_MKDIR)
    };
    let bundle = TestBundle::new(&["true"]);
    asks(&bundle, DENY_CHMOD);
    let sorted = |answer: &Value| {
        let mut names: Vec<String> = denied(answer).into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(
        sorted(&explain(localhost("").path(), bundle.path())),
        ["mkdir"]
    );
    let both = localhost("combine = \"restrict\"");
    assert_eq!(
        sorted(&explain(both.path(), bundle.path())),
        ["chmod", "mkdir"]
    );
    // Who asks for no filter restricts nothing.
    bundle.edit(|config| {
        drop(
            config["linux"]
                .as_object_mut()
                .map(|linux| linux.remove("seccomp")),
        )
    });
    assert_eq!(sorted(&explain(both.path(), bundle.path())), ["mkdir"]);
    // What is replaced need not even be a profile that loads.
    asks(&bundle, r#"{"defaultAction":"SCMP_ACT_NONSENSE"}"#);
    assert_eq!(
        sorted(&explain(localhost("").path(), bundle.path())),
        ["mkdir"]
    );
    assert_eq!(explain(both.path(), bundle.path())["result"], "refused");
}

#[test]
fn audit_logs_what_it_would_deny_but_not_below_the_floor() {
    let audit = "[defaults]\nprofile = { type = \"Localhost\", localhostProfile = \"p.json\" }\nmode = \"audit\"";
    let policy = PolicyDir::new(audit).with_profile("p.json", DENY_MKDIR);
    let bundle = TestBundle::new(&["true"]);
    let answer = explain(policy.path(), bundle.path());
    assert_eq!(answer["seccomp"]["syscalls"][0]["action"], "SCMP_ACT_LOG");
    assert_eq!(answer["seccomp"]["syscalls"][0]["names"], json!(["mkdir"]));

    let floor = "[floor]\nprofile = { type = \"Localhost\", localhostProfile = \"f.json\" }";
    policy.write("policy.d/10.toml", format!("version = 1\n{floor}"));
    policy.write("profiles/f.json", DENY_CHMOD);
    let answer = explain(policy.path(), bundle.path());
    assert_eq!(denied(&answer), ["chmod"]);
    assert_eq!(answer["floors"].as_array().map(Vec::len), Some(1));
}

#[test]
fn native_drops_the_other_abis() {
    let policy =
        PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"\narchitectures = \"native\"");
    let answer = explain(policy.path(), TestBundle::new(&["true"]).path());
    assert_eq!(
        answer["seccomp"]["architectures"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn runtime_default_can_be_a_file() {
    let policy =
        PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"\nruntime_default = \"node.json\"")
            .with_profile("node.json", DENY_MKDIR);
    let answer = explain(policy.path(), TestBundle::new(&["true"]).path());
    assert_eq!(denied(&answer), ["mkdir"]);
    assert_eq!(answer["profile"], "RuntimeDefault");
}

#[test]
fn a_profile_that_libseccomp_would_drop_on_an_architecture_is_anchored() {
    // On x86_64 there is no socketcall: with this alone, 2.5.4 makes a filter that allows all.
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["socketcall"],"action":"SCMP_ACT_ERRNO"},
        {"names":["socket"],"action":"SCMP_ACT_ERRNO",
         "args":[{"index":0,"value":38,"op":"SCMP_CMP_EQ"}]}]}"#;
    let bundle = TestBundle::new(&["true"]);
    let applied = |defaults: &str| {
        let policy = PolicyDir::new(&format!("[defaults]\n{defaults}"));
        explain(policy.with_profile("p.json", profile).path(), bundle.path())
    };
    let localhost = applied(r#"profile = { type = "Localhost", localhostProfile = "p.json" }"#);
    assert_drops_nothing(&localhost);
    asks(&bundle, profile);
    for defaults in [
        "profile = \"Requested\"",
        "profile = \"Requested\"\nmode = \"observe-lite\"",
        "profile = \"Unconfined\"\ncombine = \"restrict\"",
        "profile = \"RuntimeDefault\"\ncombine = \"restrict\"",
    ] {
        let answer = applied(defaults);
        assert_eq!(answer["result"], "set", "{defaults}: {answer}");
        assert_drops_nothing(&answer);
    }
    // A call that every architecture has is anchor enough, and so the words stay.
    asks(&bundle, &profile.replace("socketcall", "mount"));
    let answer = applied("profile = \"Requested\"");
    assert_eq!(answer["result"], "kept", "{answer}");
}

/// The profile that applies, compiled, denies a socket of the kernel's cryptography.
fn assert_drops_nothing(answer: &Value) {
    let text = answer["seccomp"].to_string();
    let text = strict_json::Text::check(text.as_bytes(), strict_json::MAX_DEPTH).expect("JSON");
    let applied = Seccomp::from_oci(&text.root()).expect("a profile");
    let native = Arch::ScmpArchX86_64;
    let number = filter::nr("socket", native).expect("a number");
    let socket = Call::new(native, number, [38, 0, 0, 0, 0, 0]);
    for runtime in [filter::Runtime::Runc, filter::Runtime::Crun] {
        let filter = filter::compile(&applied, native, runtime).expect("a filter");
        let said = filter.run(&socket).to_string();
        assert!(said.starts_with("ERRNO"), "{runtime:?}: {said}: {answer}");
    }
}

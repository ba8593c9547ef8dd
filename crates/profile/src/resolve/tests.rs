//! What resolving makes of filters, architectures and errnos.

use std::collections::BTreeSet;

use crate::{Dialect, Kernel, Seccomp, Source, Target, native_from_name};

fn target(arch: &str, caps: &[&str], kernel: (u32, u32)) -> Target {
    Target {
        capabilities: caps
            .iter()
            .map(|cap| (*cap).to_owned())
            .collect::<BTreeSet<_>>(),
        arch: native_from_name(arch).expect(arch),
        kernel: Kernel {
            major: kernel.0,
            minor: kernel.1,
        },
    }
}

fn resolved(text: &str, dialect: Dialect, target: &Target) -> Seccomp {
    let source = Source::read_as(text.as_bytes(), dialect).expect(text);
    source.resolve(target).expect(text)
}

/// Whether a rule with `filter` applies on amd64 with CAP_A and CAP_B on Linux 5.4.
fn applies(dialect: Dialect, filter: &str) -> bool {
    let text = format!(
        r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {{"names":["a"],"action":"SCMP_ACT_ALLOW",{filter}}}]}}"#
    );
    let target = target("amd64", &["CAP_A", "CAP_B"], (5, 4));
    !resolved(&text, dialect, &target).rules.is_empty()
}

#[test]
fn includes_ask_for_all_capabilities_and_any_architecture() {
    for dialect in [Dialect::Docker, Dialect::Podman] {
        assert!(applies(dialect, r#""includes":{"caps":["CAP_A","CAP_B"]}"#));
        assert!(!applies(
            dialect,
            r#""includes":{"caps":["CAP_A","CAP_C"]}"#
        ));
        assert!(applies(
            dialect,
            r#""includes":{"arches":["arm64","amd64"]}"#
        ));
        assert!(!applies(dialect, r#""includes":{"arches":["arm64"]}"#));
        assert!(!applies(
            dialect,
            r#""includes":{"arches":["amd64"],"caps":["CAP_C"]}"#
        ));
        assert!(applies(dialect, r#""includes":{"arches":[],"caps":null}"#));
    }
}

#[test]
fn excludes_drop_the_rule_if_anything_holds() {
    for dialect in [Dialect::Docker, Dialect::Podman] {
        assert!(!applies(
            dialect,
            r#""excludes":{"caps":["CAP_C","CAP_A"]}"#
        ));
        assert!(applies(dialect, r#""excludes":{"caps":["CAP_C"]}"#));
        assert!(!applies(
            dialect,
            r#""excludes":{"caps":["CAP_C"],"arches":["amd64"]}"#
        ));
        assert!(!applies(
            dialect,
            r#""excludes":{"caps":["CAP_A"]},"includes":{"caps":["CAP_A"]}"#
        ));
        assert!(applies(dialect, r#""excludes":null"#));
    }
}

#[test]
fn docker_asks_for_the_kernel_and_podman_does_not() {
    let (newer, older) = (r#"{"minKernel":"5.5"}"#, r#"{"minKernel":"5.4"}"#);
    let filter = |kind: &str, kernel: &str| format!(r#""{kind}":{kernel}"#);
    assert!(applies(Dialect::Docker, &filter("includes", older)));
    assert!(!applies(Dialect::Docker, &filter("includes", newer)));
    assert!(!applies(Dialect::Docker, &filter("excludes", older)));
    assert!(applies(Dialect::Docker, &filter("excludes", newer)));
    assert!(!applies(Dialect::Docker, r#""excludes":{"minKernel":""}"#));
    assert!(applies(Dialect::Podman, &filter("includes", newer)));
    assert!(applies(Dialect::Podman, &filter("excludes", older)));
}

#[test]
fn containerd_sees_no_filters_and_no_old_names() {
    assert!(applies(Dialect::Oci, r#""includes":{"caps":["CAP_C"]}"#));
    let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64",
        "subArchitectures":["SCMP_ARCH_X86"]}],
        "syscalls":[{"name":"mkdir","action":"SCMP_ACT_ERRNO"}]}"#;
    let target = target("amd64", &[], (6, 1));
    let oci = resolved(text, Dialect::Oci, &target);
    assert!(oci.rules[0].names.is_empty());
    assert!(oci.architectures.is_empty());
    let docker = resolved(text, Dialect::Docker, &target);
    assert_eq!(docker.rules[0].names, ["mkdir"]);
    assert_eq!(docker.architectures.len(), 2);
}

#[test]
fn the_first_entry_of_the_arch_map_counts_where_the_engine_knows_it() {
    let count = |dialect, arch: &str, scmp: &str| {
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","archMap":[
                {{"architecture":"SCMP_ARCH_{scmp}","subArchitectures":["SCMP_ARCH_X32"]}},
                {{"architecture":"SCMP_ARCH_{scmp}"}}]}}"#
        );
        resolved(&text, dialect, &target(arch, &[], (6, 1)))
            .architectures
            .len()
    };
    assert_eq!(count(Dialect::Docker, "amd64", "X86_64"), 2);
    assert_eq!(count(Dialect::Docker, "amd64", "ARM"), 0);
    assert_eq!(count(Dialect::Docker, "riscv64", "RISCV64"), 2);
    assert_eq!(count(Dialect::Docker, "loong64", "LOONGARCH64"), 0);
    assert_eq!(count(Dialect::Podman, "riscv64", "RISCV64"), 0);
    assert_eq!(count(Dialect::Podman, "s390x", "S390X"), 2);
}

#[test]
fn podmans_errno_names_count_more_than_numbers() {
    let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"ENOSYS","defaultErrnoRet":1,
        "syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"EACCES","errnoRet":1},
                    {"action":"SCMP_ACT_LOG"}]}"#;
    let target = target("amd64", &[], (6, 1));
    let podman = resolved(text, Dialect::Podman, &target);
    assert_eq!(podman.default_errno, Some(38));
    assert_eq!(podman.rules.len(), 1, "a rule without names is dropped");
    assert_eq!(podman.rules[0].errno, Some(13));
    let docker = resolved(text, Dialect::Docker, &target);
    assert_eq!(docker.default_errno, Some(1));
    assert_eq!(docker.rules[0].errno, Some(1));
    assert_eq!(docker.rules.len(), 2);
}

#[test]
fn what_podman_refuses_matters_only_where_the_rule_applies() {
    let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
        {"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"EWHAT","includes":{"caps":["CAP_BPF"]}},
        {"names":["a"],"name":"b","action":"SCMP_ACT_KILL","includes":{"caps":["CAP_BPF"]}}]}"#;
    let source = Source::read(text.as_bytes()).expect("sound");
    assert_eq!(source.warnings().len(), 2);
    assert!(source.resolve(&target("amd64", &[], (6, 1))).is_ok());
    let problems = source.resolve(&target("amd64", &["CAP_BPF"], (6, 1)));
    let problems = problems.expect_err("both rules apply").to_string();
    let lines: Vec<&str> = problems.lines().collect();
    assert_eq!(lines.len(), 2, "{problems}");
    assert!(
        lines[0].starts_with("line 2, ") && lines[0].contains("EWHAT"),
        "{problems}"
    );
    assert!(
        lines[1].starts_with("line 3, ") && lines[1].contains("name"),
        "{problems}"
    );
}

#[test]
fn empty_flags_stay_in_the_oci_dialect_alone() {
    let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":[]}"#;
    let target = target("amd64", &[], (6, 1));
    assert_eq!(
        resolved(text, Dialect::Oci, &target).flags,
        Some(Vec::new())
    );
    assert_eq!(resolved(text, Dialect::Docker, &target).flags, None);
    assert_eq!(resolved(text, Dialect::Podman, &target).flags, None);
}

#[test]
fn each_rule_of_the_result_has_its_place_in_the_file() {
    let file = br#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}},
      {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}"#;
    let source = Source::read(file).expect("a profile");
    let target = target("amd64", &[], (5, 4));
    let (seccomp, places) = source.resolve_with_places(&target).expect("resolves");
    assert_eq!(seccomp, source.resolve(&target).expect("resolves"));
    let places: Vec<_> = places.iter().map(|at| (at.line, at.column)).collect();
    assert_eq!(places, [(3, 7)]);
}

//! The engines' defaults: as they came out of the engines, and Docker's own file, resolved for
//! targets that the data has no row for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use profile::{Action, Arch, Condition, Kernel, Operator, Rule, Seccomp, Target, native_from_name};
use serde_json::Value;

/// What one engine's default is for one container and node.
pub(crate) struct Reference {
    pub(crate) engine: String,
    pub(crate) target: Target,
    pub(crate) seccomp: Seccomp,
}

impl Reference {
    /// For messages.
    pub(crate) fn title(&self) -> String {
        let Target {
            capabilities,
            arch,
            kernel,
        } = &self.target;
        format!("{} {arch} {kernel:?} {capabilities:?}", self.engine)
    }
}

/// Every row of `engine-defaults.jsonl`.
pub(crate) fn rows(data: &Path) -> Vec<Reference> {
    let text = fs::read_to_string(data.join("engine-defaults.jsonl")).unwrap();
    let rows: Vec<_> = text.lines().map(row).collect();
    assert!(!rows.is_empty());
    rows
}

fn row(line: &str) -> Reference {
    let row: Value = serde_json::from_str(line).unwrap();
    Reference {
        engine: row["builtin"].as_str().unwrap().to_owned(),
        target: Target {
            capabilities: words(&row["caps"]).into_iter().collect(),
            arch: native_from_name(row["goarch"].as_str().unwrap()).unwrap(),
            kernel: Kernel::from_release(row["kernel"].as_str().unwrap()).unwrap(),
        },
        seccomp: seccomp(&row["resolved"]),
    }
}

/// Docker's default and containerd's, each for every capability alone, on every architecture,
/// before and after the one kernel that matters.
pub(crate) fn every_single_capability(data: &Path) -> Vec<Reference> {
    let mut all = Vec::new();
    for (arch, _) in ARCHES {
        for capability in ALONE {
            for release in ["4.7.9", "4.8.0", "6.18.44"] {
                for engine in ["moby", "containerd"] {
                    let target = Target {
                        capabilities: [(*capability).to_owned()].into(),
                        arch: *arch,
                        kernel: Kernel::from_release(release).unwrap(),
                    };
                    all.push(Reference {
                        engine: engine.to_owned(),
                        seccomp: derived(data, engine, &target),
                        target,
                    });
                }
            }
        }
    }
    all
}

/// The default of `engine`, from Docker's file and what containerd is known to do otherwise.
pub(crate) fn derived(data: &Path, engine: &str, target: &Target) -> Seccomp {
    static FILE: OnceLock<Value> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let path = data.join("profiles/moby_profiles__seccomp_default.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    });
    let mut seccomp = resolve(file, target);
    if engine == "containerd" {
        if target.arch == Arch::ScmpArchMipsel64 {
            seccomp.architectures.clear();
        }
        if target.arch != Arch::ScmpArchRiscv64 {
            for rule in &mut seccomp.rules {
                rule.names.retain(|name| name != "riscv_hwprobe");
            }
        }
        seccomp.rules.push(Rule {
            names: LSM.iter().map(|name| (*name).into()).collect(),
            action: Action::ScmpActAllow,
            errno: None,
            args: Vec::new(),
        });
    }
    seccomp
}

/// Docker's file for `target`.
fn resolve(file: &Value, target: &Target) -> Seccomp {
    let of_target = |(arch, _): &&(Arch, _)| *arch == target.arch;
    let name = ARCHES.iter().find(of_target).unwrap().1;
    let any = |filter: &Value| {
        words(&filter["arches"]).contains(name)
            || words(&filter["caps"])
                .iter()
                .any(|cap| target.capabilities.contains(cap))
            || filter["minKernel"].is_string() && new_enough(filter, target)
    };
    let all = |filter: &Value| {
        let arches = words(&filter["arches"]);
        (arches.is_empty() || arches.contains(name))
            && words(&filter["caps"]).is_subset(&target.capabilities)
            && new_enough(filter, target)
    };
    let mut kept = file.clone();
    kept["syscalls"]
        .as_array_mut()
        .unwrap()
        .retain(|rule| !any(&rule["excludes"]) && all(&rule["includes"]));
    let native = target.arch.to_string();
    for entry in file["archMap"].as_array().unwrap() {
        if entry["architecture"] == native.as_str() {
            kept["architectures"] = entry["subArchitectures"].clone();
        }
    }
    seccomp(&kept)
}

fn new_enough(filter: &Value, target: &Target) -> bool {
    filter["minKernel"]
        .as_str()
        .is_none_or(|least| target.kernel >= Kernel::from_release(least).unwrap())
}

/// `linux.seccomp` as the type.
fn seccomp(value: &Value) -> Seccomp {
    let number = |value: &Value| value.as_u64().map(|errno| u32::try_from(errno).unwrap());
    Seccomp {
        default_action: enumerator(&value["defaultAction"]),
        default_errno: number(&value["defaultErrnoRet"]),
        architectures: list(&value["architectures"]).map(enumerator).collect(),
        flags: None,
        listener_path: None,
        listener_metadata: None,
        rules: list(&value["syscalls"])
            .map(|rule| Rule {
                names: list(&rule["names"])
                    .map(|name| name.as_str().unwrap().to_owned().into())
                    .collect(),
                action: enumerator::<Action>(&rule["action"]),
                errno: number(&rule["errnoRet"]),
                args: list(&rule["args"]).map(condition).collect(),
            })
            .collect(),
    }
}

fn condition(value: &Value) -> Condition {
    Condition {
        index: u32::try_from(value["index"].as_u64().unwrap()).unwrap(),
        value: value["value"].as_u64().unwrap_or(0),
        value_two: value["valueTwo"].as_u64().unwrap_or(0),
        op: enumerator::<Operator>(&value["op"]),
    }
}

fn enumerator<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn words(value: &Value) -> BTreeSet<String> {
    list(value)
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

const LSM: &[&str] = &["lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr"];

/// The architectures of the rows, and their names in Docker's file.
const ARCHES: &[(Arch, &str)] = &[
    (Arch::ScmpArchX86_64, "amd64"),
    (Arch::ScmpArchX86, "x86"),
    (Arch::ScmpArchAarch64, "arm64"),
    (Arch::ScmpArchArm, "arm"),
    (Arch::ScmpArchRiscv64, "riscv64"),
    (Arch::ScmpArchPpc64le, "ppc64le"),
    (Arch::ScmpArchS390x, "s390x"),
    (Arch::ScmpArchMipsel64, "mipsel64"),
    (Arch::ScmpArchLoongarch64, "loongarch64"),
];

/// One capability each that rules ask for, some that none asks for, and spellings that match none.
const ALONE: &[&str] = &[
    "CAP_AUDIT_WRITE",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_DAC_READ_SEARCH",
    "CAP_NET_ADMIN",
    "CAP_PERFMON",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "cap_sys_admin",
    "SYS_ADMIN",
    "ALL",
];

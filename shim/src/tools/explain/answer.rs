//! A decision with the whole chain that led to it, as text and as JSON.

use std::fmt::Write;
use std::path::Path;

use policy::{Container, DecidedBy, Decision, Node, Outcome, Passed, Policy, WithoutAgent};
use profile::Kernel;
use serde_json::{Value, json};

use crate::argv::Flavor;
use crate::files::Files;
use crate::judged::{HandOver, Judged};
use crate::record::{combine_name, decision_json, result_name, sha256};
use crate::refusal::Refusal;
use crate::runtime::Runtime;
use crate::tools::change;
use crate::{listener, node, swapped_masks};

/// What is known of a container before and after.
pub(super) struct Answer {
    before: Vec<u8>,
    pub(super) judged: Judged,
    passed: Vec<Passed>,
    /// Each field that a rule may ask for, with what the engine tells.
    told: Vec<(&'static str, Option<String>)>,
    capabilities: usize,
    node: Node,
}

impl Answer {
    /// Decides for a configuration as a create does, and asks for the reasons.
    pub(super) fn of(
        policy: &Policy,
        before: Vec<u8>,
        files: &Files,
        handler: &str,
        runtime: Option<&Runtime>,
        hand_over: HandOver<'_>,
    ) -> Result<Self, Refusal> {
        let flavor = flavor(runtime);
        let meant = runtime.map(|runtime| swapped_masks::meant(runtime, &before, files));
        let meant = meant.transpose()?.flatten();
        let asked = meant.as_deref().unwrap_or(&before);
        let mut judged = Judged::of(policy, asked, files, handler, flavor, hand_over)?;
        // As it would be with the agent there; which token it gets is known at the create alone.
        let asking = judged.decision.agent.as_ref();
        let asking = asking.map(|asked| listener::listening(asked, "").to_json());
        // And as a runtime has it that takes what it needs for logging.
        let logging = judged.decision.logging.as_ref();
        if let Some(json) = asking.or(logging.map(|logging| logging.profile.to_json())) {
            judged.set(json, &before, files)?;
        }
        if let Some(runtime) = runtime {
            judged.fit(runtime, &before, files)?;
        }
        let config = files.parse(&before)?;
        let container = Container {
            config: &config,
            bundle: files.shown.parent().unwrap_or(&files.shown),
            handler,
        };
        let passed = policy.passed_over(container)?;
        let told = policy.told(container)?.fields;
        let capabilities = config.facts().bounding.len();
        Ok(Self {
            judged,
            passed,
            told,
            capabilities,
            node: node::this(flavor)?,
            before,
        })
    }

    /// What the engine does not tell.
    fn untold(&self) -> Vec<&'static str> {
        let untold = self.told.iter().filter(|(_, told)| told.is_none());
        untold.map(|(field, _)| *field).collect()
    }

    pub(super) fn json(&self) -> Value {
        let decision = &self.judged.decision;
        let profile = self.judged.profile.as_deref();
        let mut value = decision_json(decision);
        let untold: Vec<Value> = decision
            .untold
            .iter()
            .map(|untold| json!({"rule": untold.rule, "field": untold.field}))
            .collect();
        let passed: Vec<Value> = self
            .passed
            .iter()
            .map(|one| {
                json!({
                    "rule": one.rule,
                    "file": one.file.to_string_lossy(),
                    "line": one.line,
                    "field": one.field,
                    "wanted": one.wanted,
                    "told": one.told,
                })
            })
            .collect();
        let file = decision.profile_file.as_deref();
        let Kernel { major, minor } = self.node.kernel;
        let more = [
            ("changesBundle", json!(self.judged.rewritten.is_some())),
            ("masksSwapped", json!(self.judged.masks_swapped)),
            ("untold", json!(untold)),
            (
                "agent",
                json!(
                    decision
                        .agent
                        .as_ref()
                        .map(|asked| listener::to_json(asked, None))
                ),
            ),
            ("passedOver", json!(passed)),
            ("notTold", json!(self.untold())),
            ("profileFileSha256", json!(file.and_then(digest))),
            (
                "resolvedFor",
                json!({
                    "architecture": self.node.arch.to_string(),
                    "kernel": format!("{major}.{minor}"),
                    "capabilities": self.capabilities,
                }),
            ),
            ("sha256", json!(profile.map(sha256))),
            (
                "seccomp",
                profile
                    .and_then(|text| serde_json::from_str(text).ok())
                    .unwrap_or_default(),
            ),
        ];
        if let Some(fields) = value.as_object_mut() {
            fields.extend(more.map(|(key, value)| (key.to_owned(), value)));
        }
        value
    }

    /// The chain, a line for each step; without the result where that is not `known`.
    pub(super) fn text(&self, folder: &Path, known: bool) -> String {
        let decision = &self.judged.decision;
        let mut text = String::new();
        let mut line = |label: &str, words: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<12}{words}");
        };
        line("container", &who(decision));
        let untold = self.untold();
        if !untold.is_empty() {
            let words = format!("the engine does not tell {}", untold.join(", "));
            line("", &words);
        }
        line("asked for", &decision.request.to_string());
        line("privileged", privileged(decision));
        for passed in self.passed.iter().take(LISTED) {
            line("passed over", &passed_over(passed));
        }
        if let more @ 1.. = self.passed.len().saturating_sub(LISTED) {
            line(
                "",
                &format!("and {more} more rules (all with --format json)"),
            );
        }
        line("decided by", &decided_by(decision, folder));
        line("profile", &profile(decision));
        if decision.profile != "Unconfined" && decision.profile != "Requested" {
            let Kernel { major, minor } = self.node.kernel;
            let arch = self.node.arch;
            let caps = self.capabilities;
            line(
                "",
                &format!("resolved for {caps} capabilities, {arch}, Linux {major}.{minor}"),
            );
        }
        if decision.decided_by != DecidedBy::Privileged {
            line("combined", combined(decision));
        }
        line("mode", mode(decision));
        if let Some(asked) = &decision.agent {
            let words = match asked.without {
                WithoutAgent::Enforce => "and enforced if it is not there",
                WithoutAgent::Refuse => "and refused if it is not there",
            };
            let folder = asked.sockets.display();
            line("", &format!("by the agent in {folder}, {words}"));
            if !asked.unasked.is_empty() {
                let calls = asked.unasked.join(", ");
                line("", &format!("it does not hear of: {calls}"));
            }
        }
        if let Some(logging) = &decision.logging {
            let words = match logging.without {
                WithoutAgent::Enforce => "if the runtime takes the flag for that",
                WithoutAgent::Refuse => {
                    "and refused if the runtime does not take the flag for that"
                }
            };
            line("", &format!("denials are logged by the kernel, {words}"));
        }
        if decision.native_only {
            line(
                "",
                "for the native architecture alone: calls of other ABIs kill",
            );
        }
        for floor in &decision.floors {
            line("floor", &format!("applied: {floor}"));
        }
        for exception in &decision.exceptions {
            line("floor", &format!("not applied, by exception: {exception}"));
        }
        if decision.floors.is_empty() && decision.exceptions.is_empty() {
            line("floor", "the policy has none");
        }
        for rounded in &decision.rounded {
            line("stricter", rounded);
        }
        if self.judged.masks_swapped {
            line(
                "for youki",
                "up to 0.7.0 it takes the two values of SCMP_CMP_MASKED_EQ for each other: it gets them swapped",
            );
        }
        for annotation in &decision.stripped {
            line(
                "taken out",
                &format!("annotation {annotation}: only the policy steers seccomp"),
            );
        }
        if known {
            line("result", &result(decision, self.judged.profile.as_deref()));
            for words in change::between(&self.before, self.judged.profile.as_deref()) {
                line("", &words);
            }
        }
        text
    }
}

/// The real runtime's flavor. It bears on errnos alone, so that none is found is no reason to be
/// silent.
pub(super) fn flavor(runtime: Option<&Runtime>) -> Flavor {
    runtime.map_or(Flavor::Unknown, Runtime::flavor)
}

/// How many rules that were passed over are listed before they are only counted.
const LISTED: usize = 30;

fn passed_over(passed: &Passed) -> String {
    let Passed {
        rule,
        field,
        wanted,
        ..
    } = passed;
    let place = format!("{}, line {}", passed.file.display(), passed.line);
    match &passed.told {
        Some(told) => format!("rule {rule:?} ({place}): {field} is {told:?}, it wants {wanted}"),
        None => format!(
            "rule {rule:?} ({place}): it wants {field} {wanted}, which the engine does not tell"
        ),
    }
}

fn privileged(decision: &Decision) -> &'static str {
    if decision.privileged {
        "yes: no seccomp, nearly all capabilities, nothing masked, all devices"
    } else {
        "no"
    }
}

fn mode(decision: &Decision) -> &'static str {
    match decision.mode.name() {
        "enforce" => "enforce: as it is",
        "audit" => "audit: what the profile would deny is allowed and logged by the kernel",
        other => other,
    }
}

/// The SHA-256 of a file, if it can still be read.
fn digest(file: &Path) -> Option<String> {
    let bytes = std::fs::read(file).ok()?;
    Some(crate::record::sha256_of(&bytes))
}

fn who(decision: &Decision) -> String {
    let identity = &decision.identity;
    let mut words = format!("engine {}", identity.engine);
    let told = [
        ("namespace", &identity.namespace),
        ("pod", &identity.pod),
        ("container", &identity.container),
        ("image", &identity.image),
    ];
    for (field, value) in told {
        if let Some(value) = value {
            let _ = write!(words, ", {field} {value}");
        }
    }
    if identity.sandbox {
        words.push_str(", the pod's sandbox");
    }
    words
}

fn decided_by(decision: &Decision, folder: &Path) -> String {
    match &decision.decided_by {
        DecidedBy::Rule { name, file, line } => {
            format!("rule {name:?} ({}, line {line})", file.display())
        }
        DecidedBy::Defaults => format!("[defaults] of {}: no rule matches", folder.display()),
        DecidedBy::Embedded => {
            format!("the embedded policy: there is no {}", folder.display())
        }
        DecidedBy::Privileged => {
            "privileged: such a container is Unconfined, as in Kubernetes and Docker, unless a rule \
             names privileged = true"
                .to_owned()
        }
        DecidedBy::Sandbox => {
            "sandbox: a pod's sandbox gets RuntimeDefault, as in Kubernetes, unless a rule matches"
                .to_owned()
        }
    }
}

fn profile(decision: &Decision) -> String {
    match (&decision.profile_file, decision.profile.as_str()) {
        (Some(file), name) => {
            let sum = digest(file).map(|sum| format!(", sha256 {sum}"));
            format!("{name} ({}{})", file.display(), sum.unwrap_or_default())
        }
        (None, "RuntimeDefault") => "RuntimeDefault (the embedded default profile)".to_owned(),
        (None, name) => name.to_owned(),
    }
}

fn combined(decision: &Decision) -> &'static str {
    match combine_name(decision) {
        "replace" => "replace: what the container asked for does not count",
        _ => "restrict: for each call the stricter of the policy's and the container's own profile",
    }
}

fn result(decision: &Decision, profile: Option<&str>) -> String {
    match (&decision.outcome, profile) {
        (Outcome::Kept, None) => "unconfined, as it asked; the bundle is not touched".to_owned(),
        (Outcome::Kept, Some(_)) => "linux.seccomp stays as it is".to_owned(),
        (Outcome::Removed, _) => "linux.seccomp is removed: unconfined".to_owned(),
        (Outcome::Set(_), profile) => {
            let sum = profile.map(sha256).unwrap_or_default();
            format!("linux.seccomp is {} (sha256 {sum})", result_name(decision))
        }
    }
}

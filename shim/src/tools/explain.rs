//! `shim explain`: what would happen to this bundle, and why. Changes nothing.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use bundle::Change;
use clap::Args;
use policy::{DecidedBy, Decision, Directory, Outcome, WithoutAgent};
use serde_json::{Value, json};

use super::{Format, change, complain, print};
use crate::argv::{Flavor, Own};
use crate::create::{Files, Judged, check_bundle, load};
use crate::record::{combine_name, decision_json, result_name, sha256};
use crate::refusal::Refusal;
use crate::runtime::Runtime;
use crate::{errno_words, listener, policy_directory};

/// Show what would happen to a bundle, and why; changes nothing
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The bundle: the folder that holds config.json
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    bundle: PathBuf,
    /// Another file in the place of the bundle's config.json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy directory
    #[arg(long, alias = "shim-policy", value_name = "DIR")]
    policy: Option<PathBuf>,
    /// The runtime handler to decide for
    #[arg(
        long,
        alias = "shim-handler",
        value_name = "NAME",
        default_value = "shim"
    )]
    handler: String,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What is known of a bundle before and after.
struct Answer {
    files: Files,
    before: Vec<u8>,
    judged: Judged,
}

impl Explain {
    pub(super) fn run(&self, own: &Own) -> i32 {
        let folder = self
            .policy
            .as_deref()
            .unwrap_or_else(|| policy_directory(own));
        match self.answer(own, folder) {
            Ok(answer) => {
                match self.format {
                    Format::Text => print(&answer.text(folder)),
                    Format::Json => print(&format!("{:#}\n", answer.json())),
                }
                0
            }
            Err(refusal) => {
                let reason = errno_words::chain(&refusal);
                match self.format {
                    Format::Text => complain(&format!("the create would be refused: {reason}")),
                    Format::Json => {
                        print(&format!(
                            "{:#}\n",
                            json!({"result": "refused", "reason": reason})
                        ));
                    }
                }
                1
            }
        }
    }

    fn answer(&self, own: &Own, folder: &Path) -> Result<Answer, Refusal> {
        let files = Files::at(&self.bundle, self.config.as_deref());
        let bundle = files.open()?.ok_or_else(|| Refusal::NoBundle {
            path: files.shown.clone(),
        })?;
        let directory = Directory::open(folder);
        // Which runtime it is bears on errnos alone, so that none is found is no reason to be silent.
        let runtime = Runtime::find(own, directory.as_ref().ok().and_then(Option::as_ref));
        let runtime = runtime.map_or(Flavor::Unknown, |runtime| runtime.flavor());
        let policy = load(directory)?;
        check_bundle(&policy, &bundle, &files)?;
        let before = bundle.read().map_err(|error| files.fail(error))?;
        let mut judged = Judged::of(&policy, &before, &files, &self.handler, runtime)?;
        // As it would be with the agent there; which token it gets is known at the create alone.
        if let Some(asked) = &judged.decision.agent {
            let json = listener::listening(asked, "").to_json();
            judged.rewritten = files.parse(&before)?.rewrite(Change::Set(&json));
            judged.decision.outcome = Outcome::Set(json.clone());
            judged.profile = Some(json);
        }
        Ok(Answer {
            files,
            before,
            judged,
        })
    }
}

impl Answer {
    fn json(&self) -> Value {
        let decision = &self.judged.decision;
        let profile = self.judged.profile.as_deref();
        let mut value = decision_json(decision);
        let untold: Vec<Value> = decision
            .untold
            .iter()
            .map(|untold| json!({"rule": untold.rule, "field": untold.field}))
            .collect();
        let more = [
            ("config", json!(self.files.shown.to_string_lossy())),
            ("changesBundle", json!(self.judged.rewritten.is_some())),
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

    fn text(&self, folder: &Path) -> String {
        let decision = &self.judged.decision;
        let mut text = String::new();
        let mut line = |label: &str, words: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<12}{words}");
        };
        line("bundle", &self.files.shown.display().to_string());
        line("container", &who(decision));
        line("asked for", &decision.request.to_string());
        if decision.privileged {
            line(
                "",
                "it is privileged: no seccomp, nearly all capabilities, nothing masked, all devices",
            );
        }
        for untold in &decision.untold {
            let words = format!(
                "rule {} asks for {}, which the engine does not tell, so it does not match",
                untold.rule, untold.field
            );
            line("passed by", &words);
        }
        line("decided by", &decided_by(decision, folder));
        line("profile", &profile(decision));
        if decision.decided_by != DecidedBy::Privileged {
            line("combined", combined(decision));
        }
        line("mode", decision.mode.name());
        if let Some(asked) = &decision.agent {
            let words = match (decision.mode, asked.without) {
                (_, WithoutAgent::Enforce) => "and enforced if it is not there",
                _ => "and refused if it is not there",
            };
            let folder = asked.sockets.display();
            line("", &format!("by the agent in {folder}, {words}"));
            if !asked.unasked.is_empty() {
                let calls = asked.unasked.join(", ");
                line("", &format!("it does not hear of: {calls}"));
            }
        }
        if decision.native_only {
            line(
                "",
                "for the native architecture alone: calls of other ABIs kill",
            );
        }
        for floor in &decision.floors {
            line("floor", floor);
        }
        for exception in &decision.exceptions {
            line("floor", &format!("not applied, by exception: {exception}"));
        }
        for rounded in &decision.rounded {
            line("stricter", rounded);
        }
        for annotation in &decision.stripped {
            line(
                "taken out",
                &format!("annotation {annotation}: only the policy steers seccomp"),
            );
        }
        line("result", &result(decision, self.judged.profile.as_deref()));
        for words in change::between(&self.before, self.judged.profile.as_deref()) {
            line("", &words);
        }
        text
    }
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
        (Some(file), name) => format!("{name} ({})", file.display()),
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

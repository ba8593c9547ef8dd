//! The rules that were passed over for a container, each with the one field that stood against it.

use std::path::PathBuf;

use oci_spec::runtime::LinuxNamespaceType;

use crate::document::WhenDocument;
use crate::privileged::looks_privileged;
use crate::when::{Subject, Verdict, shares_host};
use crate::{Container, Identity, Policy, PolicyError, Request};

/// A rule that comes before what decided, and why it did not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The rule's name, or `line N`.
    pub rule: String,
    /// The file that it stands in.
    pub file: PathBuf,
    /// The line on which it starts.
    pub line: usize,
    /// The field of its `when` that stood against it.
    pub field: &'static str,
    /// What the rule asks for there.
    pub wanted: String,
    /// What the container has there; none where the engine does not tell.
    pub told: Option<String>,
}

/// What an engine tells of a container, and what not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Each field of a `when` with its value; none where the engine does not tell.
    pub fields: Vec<(&'static str, Option<String>)>,
}

impl Policy {
    /// The rules before the one that decides, held against `container` as [`Policy::decide`] does.
    ///
    /// # Errors
    /// A request that cannot be read.
    pub fn passed_over(&self, container: Container<'_>) -> Result<Vec<Passed>, PolicyError> {
        let (identity, request, privileged) = self.read(container)?;
        let subject = subject(container, &identity, &request, privileged);
        let mut passed = Vec::new();
        for rule in &self.rules {
            // As in `pick`: for a privileged container only rules that name it count.
            let field = if privileged && rule.when.privileged != Some(true) {
                "privileged"
            } else {
                match rule.when.judge(&subject) {
                    Verdict::Holds => break,
                    Verdict::Fails(field) | Verdict::Untold(field) => field,
                }
            };
            passed.push(Passed {
                rule: rule.name.clone(),
                file: rule.place.file.to_path_buf(),
                line: rule.place.line,
                field,
                wanted: wanted(&rule.when, field, &subject),
                told: match field {
                    "annotation" => against(&rule.when, &subject).and_then(|(_, told)| told),
                    field => told(&subject, field),
                },
            });
        }
        Ok(passed)
    }

    /// What the engine tells of `container`.
    ///
    /// # Errors
    /// A request that cannot be read.
    pub fn told(&self, container: Container<'_>) -> Result<Told, PolicyError> {
        let (identity, request, privileged) = self.read(container)?;
        let subject = subject(container, &identity, &request, privileged);
        let fields = FIELDS.iter().map(|field| (*field, told(&subject, field)));
        Ok(Told {
            fields: fields.collect(),
        })
    }

    fn read(&self, container: Container<'_>) -> Result<(Identity, Request, bool), PolicyError> {
        let facts = container.config.facts();
        let identity = Identity::read(facts, container.bundle);
        let request = Request::read(container.config, &identity, self.honour_annotations)?;
        let privileged = !identity.sandbox && looks_privileged(facts, &request);
        Ok((identity, request, privileged))
    }
}

fn subject<'s>(
    container: Container<'s>,
    identity: &'s Identity,
    request: &'s Request,
    privileged: bool,
) -> Subject<'s> {
    Subject {
        identity,
        facts: container.config.facts(),
        request,
        handler: container.handler,
        privileged,
    }
}

const FIELDS: &[&str] = &[
    "engine",
    "handler",
    "namespace",
    "pod",
    "container",
    "image",
    "requested",
    "privileged",
    "host_network",
    "host_pid",
    "host_ipc",
    "user_namespace",
];

/// What the container has under a field of a `when`.
fn told(subject: &Subject<'_>, field: &str) -> Option<String> {
    let identity = subject.identity;
    let host = |kind| shares_host(subject.facts, kind).map(|shared| shared.to_string());
    match field {
        "engine" => Some(identity.engine.name().to_owned()),
        "handler" => Some(subject.handler.to_owned()),
        "namespace" => identity.namespace.clone(),
        "pod" => identity.pod.clone(),
        "container" => identity.container.clone(),
        "image" => identity.image.clone(),
        "requested" => Some(subject.request.type_name.to_owned()),
        "privileged" => Some(subject.privileged.to_string()),
        "host_network" => host(LinuxNamespaceType::Network),
        "host_pid" => host(LinuxNamespaceType::Pid),
        "host_ipc" => host(LinuxNamespaceType::Ipc),
        "user_namespace" => subject.facts.namespaces.as_ref().map(|all| {
            let has = all.iter().any(|one| one.typ() == LinuxNamespaceType::User);
            has.to_string()
        }),
        _ => None,
    }
}

/// What a `when` asks for under a field, in words.
fn wanted(when: &WhenDocument, field: &str, subject: &Subject<'_>) -> String {
    if field == "privileged" && when.privileged.is_none() {
        let words =
            "false: only rules that say privileged = true are tried for a privileged container";
        return words.to_owned();
    }
    if field == "annotation" {
        return against(when, subject).map_or_else(String::new, |(wanted, _)| wanted);
    }
    let fields = when.fields();
    let found = fields.iter().find(|(name, _)| name == field);
    found.map_or_else(String::new, |(_, values)| values.join(" or "))
}

/// The annotation that stands against a rule: what is wanted, and what is there.
fn against(when: &WhenDocument, subject: &Subject<'_>) -> Option<(String, Option<String>)> {
    let mut keys = when.annotation.iter();
    let (key, globs) = keys.find(|(key, globs)| {
        let told = subject.facts.annotation(key);
        !told.is_some_and(|told| {
            let mut globs = globs.as_slice().iter();
            globs.any(|glob| crate::glob::matches(glob, told))
        })
    })?;
    let told = subject.facts.annotation(key).map(str::to_owned);
    Some((format!("{key} = {}", globs.as_slice().join(" or ")), told))
}

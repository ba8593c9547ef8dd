//! A `when` by itself: what makes it match nothing, or hardly anything.

use crate::document::{Globs, WhenDocument};
use crate::outline::At;
use crate::policy::Place;

use super::cover::{POD_ENGINES, engines, matches, pod_field};
use super::{Gravity, Remark};

/// What stands against a `when` by itself.
pub(super) fn judge_alone(
    remarks: &mut Vec<Remark>,
    when: &WhenDocument,
    place: &Place,
    subject: &str,
    honours_annotations: bool,
) {
    let mut say = |gravity, key, message: String, mend: &str| {
        remarks.push(Remark {
            gravity,
            at: At::of(place),
            key: Some(key),
            message,
            mend: Some(mend.to_owned()),
            also: None,
        });
    };
    let engines = engines(when);
    if let (true, Some(field)) = (engines.is_empty(), pod_field(when)) {
        say(
            Gravity::Error,
            "when",
            format!(
                "{subject} can never match: it asks for {field}, which only containerd and cri-o \
                 tell, and for another engine"
            ),
            "leave out engine, or the field",
        );
        return;
    }
    let asks = |word: &str| {
        let requested = when.requested.as_ref().map(toml::Spanned::get_ref);
        requested.is_none_or(|globs| matches(globs, word))
    };
    if when.privileged == Some(true) && !asks("Unconfined") {
        say(
            Gravity::Error,
            "when",
            format!(
                "{subject} can never match: a container is privileged only if it asked for no \
                 seccomp, which is requested = \"Unconfined\""
            ),
            "leave out requested",
        );
        return;
    }
    let told_type = asks("Unconfined") || asks("spec");
    if !told_type && !honours_annotations && !engines.contains(&"cri-o") {
        say(
            Gravity::Error,
            "when",
            format!(
                "{subject} can never match: the type of a request is told only by CRI-O, and by \
                 annotations where [request] honours them"
            ),
            "ask for requested = \"spec\", which is any profile in linux.seccomp",
        );
        return;
    }
    let pods_only = engines.iter().all(|engine| POD_ENGINES.contains(engine));
    let shares = [
        ("host_network", when.host_network),
        ("host_pid", when.host_pid),
        ("host_ipc", when.host_ipc),
    ];
    if when.user_namespace == Some(true)
        && pods_only
        && let Some((field, _)) = shares.iter().find(|(_, wanted)| *wanted == Some(true))
    {
        say(
            Gravity::Warning,
            "when",
            format!(
                "{subject} hardly ever matches: Kubernetes refuses a pod with hostUsers: false that \
                 shares the host's namespaces ({field})"
            ),
            "leave out user_namespace, or the host's namespace",
        );
    }
    for (field, globs) in when.texts() {
        for glob in globs.map(Globs::as_slice).unwrap_or_default() {
            if let Some(why) = unlikely(field, glob) {
                say(
                    Gravity::Warning,
                    "when",
                    format!("{subject} hardly ever matches: {field} = {glob:?}, but {why}"),
                    "correct the name; * is any run of characters, ? is one",
                );
            }
        }
    }
}

/// Why a glob is hardly what anything is called.
fn unlikely(field: &str, glob: &str) -> Option<&'static str> {
    if glob.is_empty() {
        return Some("an empty glob matches only an empty name");
    }
    let literal = |allowed: fn(char) -> bool| {
        glob.chars()
            .filter(|c| !matches!(c, '*' | '?'))
            .all(allowed)
    };
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match field {
        "namespace" | "container" if !literal(label) => {
            Some("Kubernetes' names are lower-case letters, digits and -")
        }
        "pod" if !literal(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)) => {
            Some("Kubernetes' names are lower-case letters, digits, - and .")
        }
        "image" if !glob.contains(['*', '?', '/', '@']) => {
            Some("engines tell an image with its registry and tag, as docker.io/library/nginx:1.29")
        }
        _ => None,
    }
}

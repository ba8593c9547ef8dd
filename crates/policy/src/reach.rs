//! Rules and exceptions that no container can ever get to.
//!
//! Sound, not complete: what is said here to be out of reach is so for every container. What is
//! merely unlikely is a warning, with its reason.

use crate::Policy;
use crate::document::{Globs, WhenDocument};
use crate::identity::ENGINES;
use crate::outline::At;
use crate::policy::Place;
use crate::request::TYPES;

/// How bad a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// It cannot work.
    Error,
    /// It works, but hardly as meant.
    Warning,
    /// Good to know.
    Note,
}

/// Something to say about a place in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How bad it is.
    pub gravity: Gravity,
    /// Where.
    pub at: At,
    /// The key at that place that it is about, if it is about one.
    pub key: Option<&'static str>,
    /// What there is to say.
    pub message: String,
    /// What would put it right.
    pub mend: Option<String>,
    /// Another place that has to do with it, and how.
    pub also: Option<(At, String)>,
}

impl Policy {
    /// What of its rules and exceptions no container can get to, and what hardly any can.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let honours = self.honour_annotations;
        for (index, rule) in self.rules.iter().enumerate() {
            let subject = format!("rule {:?}", rule.name);
            let before = remarks.len();
            judge_alone(&mut remarks, &rule.when, &rule.place, &subject, honours);
            let hopeless = remarks
                .iter()
                .skip(before)
                .any(|remark| remark.gravity == Gravity::Error);
            let mut earlier = self.rules.iter().take(index);
            let shadow = earlier.find(|earlier| {
                // Only rules that say privileged = true are tried for a privileged container.
                let class = |when: &WhenDocument| when.privileged == Some(true);
                class(&earlier.when) == class(&rule.when) && covers(&earlier.when, &rule.when)
            });
            if let (false, Some(shadow)) = (hopeless, shadow) {
                let message = format!(
                    "{subject} is never reached: rule {:?} comes first and matches all that it matches",
                    shadow.name
                );
                remarks.push(Remark {
                    gravity: Gravity::Error,
                    at: At::of(&rule.place),
                    key: None,
                    message,
                    mend: Some("put the narrower rule first, or remove one".to_owned()),
                    also: Some((
                        At::of(&shadow.place),
                        "the rule that comes first".to_owned(),
                    )),
                });
            }
            let named = rule.name != format!("line {}", rule.place.line);
            let twin = self
                .rules
                .iter()
                .take(index)
                .find(|other| other.name == rule.name);
            if let (true, Some(twin)) = (named, twin) {
                remarks.push(Remark {
                    gravity: Gravity::Warning,
                    at: At::of(&rule.place),
                    key: Some("name"),
                    message: format!("two rules have the name {:?}", rule.name),
                    mend: Some("name them apart: records and errors tell rules by name".to_owned()),
                    also: Some((At::of(&twin.place), "the other one".to_owned())),
                });
            }
        }
        for floor in &self.floors {
            for (index, (name, when)) in floor.except.iter().enumerate() {
                let subject = format!("exception {name:?}");
                judge_alone(&mut remarks, when, &floor.place, &subject, honours);
                if when.fields().is_empty() {
                    remarks.push(Remark {
                        gravity: Gravity::Warning,
                        at: At::of(&floor.place),
                        key: None,
                        message: format!("{subject} lets every container out of the floor"),
                        mend: Some(
                            "say in its when whom it is for, or remove the floor".to_owned(),
                        ),
                        also: None,
                    });
                }
                let mut earlier = floor.except.iter().take(index);
                let shadow = earlier.find(|(_, earlier)| {
                    earlier
                        .privileged
                        .is_none_or(|wanted| when.privileged == Some(wanted))
                        && covers(earlier, when)
                });
                if let Some((first, _)) = shadow {
                    remarks.push(Remark {
                        gravity: Gravity::Warning,
                        at: At::of(&floor.place),
                        key: None,
                        message: format!(
                            "{subject} adds nothing: exception {first:?} matches all that it matches"
                        ),
                        mend: Some("remove one".to_owned()),
                        also: None,
                    });
                }
            }
        }
        remarks
    }
}

/// What stands against a `when` by itself.
fn judge_alone(
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

/// The engines that tell of pods (`Identity::read`).
const POD_ENGINES: &[&str] = &["containerd", "cri-o"];

/// The field of a `when` that only the engines of pods tell.
fn pod_field(when: &WhenDocument) -> Option<&'static str> {
    let mut texts = when.texts().into_iter();
    let field = texts.find(|(field, globs)| {
        globs.is_some() && ["namespace", "pod", "container", "image"].contains(field)
    });
    field.map(|(field, _)| field)
}

/// The engines whose containers a `when` can match.
fn engines(when: &WhenDocument) -> Vec<&'static str> {
    let asked = when.engine.as_ref().map(toml::Spanned::get_ref);
    let pods = pod_field(when).is_some();
    let fits = |engine: &&str| {
        asked.is_none_or(|globs| matches(globs, engine)) && (!pods || POD_ENGINES.contains(engine))
    };
    ENGINES.iter().copied().filter(fits).collect()
}

fn matches(globs: &Globs, text: &str) -> bool {
    let mut globs = globs.as_slice().iter();
    globs.any(|glob| crate::glob::matches(glob, text))
}

/// Whether every container that `specific` matches is matched by `general` too, whether it is
/// privileged or not left aside.
fn covers(general: &WhenDocument, specific: &WhenDocument) -> bool {
    if general.engine.is_some() {
        let theirs = engines(general);
        // Compared without the pod's fields, which are compared below.
        let wide = |engine: &&str| {
            let asked = general.engine.as_ref().map(toml::Spanned::get_ref);
            theirs.contains(engine) || asked.is_some_and(|globs| matches(globs, engine))
        };
        if !engines(specific).iter().all(wide) {
            return false;
        }
    }
    if let Some(requested) = &general.requested {
        let asked = specific.requested.as_ref().map(toml::Spanned::get_ref);
        let mut possible = TYPES
            .iter()
            .filter(|word| asked.is_none_or(|globs| matches(globs, word)));
        if !possible.all(|word| matches(requested.get_ref(), word)) {
            return false;
        }
    }
    let texts = general.texts().into_iter().zip(specific.texts());
    for ((field, wide), (_, narrow)) in texts {
        let covered = match (wide, narrow) {
            (None, _) => true,
            _ if field == "engine" || field == "requested" => true,
            (Some(wide), Some(narrow)) => all_covered(wide, narrow),
            // A handler is always told; the others may be missing.
            (Some(wide), None) => field == "handler" && all_covered(wide, &Globs::One("*".into())),
        };
        if !covered {
            return false;
        }
    }
    for (key, wide) in &general.annotation {
        let narrow = specific.annotation.get(key);
        if !narrow.is_some_and(|narrow| all_covered(wide, narrow)) {
            return false;
        }
    }
    let flags = general.flags().into_iter().zip(specific.flags());
    flags
        .filter(|((field, _), _)| *field != "privileged")
        .all(|((_, wide), (_, narrow))| wide.is_none() || wide == narrow)
}

fn all_covered(wide: &Globs, narrow: &Globs) -> bool {
    narrow.as_slice().iter().all(|narrow| {
        let mut wide = wide.as_slice().iter();
        wide.any(|wide| glob_covers(wide, narrow))
    })
}

/// Whether `wide` matches whatever `narrow` does: `narrow` is matched as if it were a text in which
/// `*` and `?` are letters that only their like, or `*`, match.
fn glob_covers(wide: &str, narrow: &str) -> bool {
    let narrow: Vec<char> = narrow.chars().collect();
    // Which of the beginnings of `narrow` the part of `wide` so far can match.
    let mut reach = vec![false; narrow.len().saturating_add(1)];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for token in wide.chars() {
        let mut next = vec![false; reach.len()];
        let mut before = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let letter = at.checked_sub(1).and_then(|index| narrow.get(index));
            let came = at
                .checked_sub(1)
                .is_some_and(|index| reach.get(index) == Some(&true));
            *slot = match token {
                '*' => reach.get(at) == Some(&true) || before,
                '?' => came && letter.is_some_and(|letter| *letter != '*'),
                token => came && letter == Some(&token),
            };
            before = *slot;
        }
        reach = next;
    }
    reach.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cover_globs() {
        for (wide, narrow) in [
            ("*", ""),
            ("*", "a*b?"),
            ("team-*", "team-a"),
            ("team-*", "team-a*"),
            ("*/nginx:*", "docker.io/*/nginx:1.?"),
            ("a?", "a?"),
            ("a?", "ab"),
            ("?*", "ab*"),
            ("a*c", "ab*bc"),
        ] {
            assert!(glob_covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("a", "a*"),
            ("a?", "a*"),
            ("team-*", "team*"),
            ("*a", "a*"),
            ("", "*"),
            ("ab", "a?"),
            ("a*c", "a*"),
        ] {
            assert!(!glob_covers(wide, narrow), "{wide} {narrow}");
        }
    }

    /// The claim held against the matcher itself, over all short texts of a small alphabet.
    #[test]
    fn what_is_covered_never_matches_without() {
        let letters = ['a', 'b', '*', '?'];
        let words = |letters: &[char], longest: usize| {
            let mut all = vec![String::new()];
            let mut last = all.clone();
            for _ in 0..longest {
                last = last
                    .iter()
                    .flat_map(|word| letters.iter().map(move |letter| format!("{word}{letter}")))
                    .collect();
                all.extend(last.clone());
            }
            all
        };
        let texts = words(&['a', 'b', 'c'], 4);
        for wide in words(&letters, 3) {
            for narrow in words(&letters, 3) {
                if glob_covers(&wide, &narrow) {
                    for text in &texts {
                        let leaks = crate::glob::matches(&narrow, text)
                            && !crate::glob::matches(&wide, text);
                        assert!(!leaks, "{wide} {narrow} {text}");
                    }
                }
            }
        }
    }

    fn remarks(rules: &str) -> Vec<(Gravity, usize, String)> {
        let file = std::sync::Arc::from(std::path::Path::new("policy.toml"));
        let text = format!("version = 1\n{rules}");
        let policy = Policy::from_toml(file, &text).expect("a policy");
        let all = policy.remarks().into_iter();
        all.map(|one| (one.gravity, one.at.line, one.message))
            .collect()
    }

    #[test]
    fn shadows_are_found_and_only_those() {
        let rule = |when: &str| format!("[[rule]]\nwhen = {{ {when} }}\n");
        let shadowed = [
            ("", "namespace = \"a\""),
            (
                "namespace = \"team-*\"",
                "namespace = [\"team-a\", \"team-b*\"]",
            ),
            ("engine = [\"containerd\", \"cri-o\"]", "namespace = \"a\""),
            ("handler = \"*\"", "pod = \"x\""),
            ("host_pid = true", "host_pid = true, host_ipc = true"),
            ("privileged = true", "privileged = true, namespace = \"a\""),
            ("privileged = false", "namespace = \"a\""),
            (
                "annotation = { k = \"*\" }",
                "annotation = { k = \"v\", l = \"w\" }",
            ),
            (
                "requested = [\"spec\", \"Local*\", \"R*\", \"U*\"]",
                "engine = \"docker\"",
            ),
        ];
        for (first, second) in shadowed {
            let found = remarks(&format!("{}{}", rule(first), rule(second)));
            assert_eq!(found.len(), 1, "{first} / {second}: {found:?}");
            assert_eq!((found[0].0, found[0].1), (Gravity::Error, 4), "{found:?}");
        }
        let reached = [
            ("namespace = \"*\"", "engine = \"docker\""),
            ("namespace = \"team-a\"", "namespace = \"team-*\""),
            ("", "privileged = true"),
            ("privileged = true", "namespace = \"a\""),
            ("engine = \"containerd\"", "namespace = \"a\""),
            ("host_pid = true", "host_pid = false"),
            ("annotation = { k = \"*\" }", "annotation = { l = \"*\" }"),
            ("image = \"*:1\"", "namespace = \"a\""),
        ];
        for (first, second) in reached {
            let found = remarks(&format!("{}{}", rule(first), rule(second)));
            assert_eq!(found, [], "{first} / {second}");
        }
    }

    #[test]
    fn rules_that_can_never_match_are_found() {
        for (when, gravity) in [
            ("engine = \"docker\", namespace = \"a\"", Gravity::Error),
            (
                "engine = [\"podman\", \"un*\"], image = \"*x*\"",
                Gravity::Error,
            ),
            (
                "privileged = true, requested = \"Localhost\"",
                Gravity::Error,
            ),
            (
                "requested = \"Localhost\", engine = \"containerd\"",
                Gravity::Error,
            ),
            ("namespace = \"Team_A\"", Gravity::Warning),
            ("image = \"nginx\"", Gravity::Warning),
            (
                "namespace = \"a\", user_namespace = true, host_pid = true",
                Gravity::Warning,
            ),
        ] {
            let found = remarks(&format!("[[rule]]\nwhen = {{ {when} }}"));
            assert_eq!(found.len(), 1, "{when}: {found:?}");
            assert_eq!(found[0].0, gravity, "{found:?}");
        }
        let honours = "request.annotations = true\n[[rule]]\nwhen = { requested = \"Localhost\" }";
        assert_eq!(remarks(honours), []);
        assert_eq!(
            remarks("[[rule]]\nwhen = { requested = \"Localhost\" }"),
            []
        );
    }
}

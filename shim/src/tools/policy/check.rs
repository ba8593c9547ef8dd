//! `shim policy check`: all that is wrong with a policy directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use policy::{Directory, Gravity, Named, Survey};
use profile::{Source, Target};
use serde_json::{Value, json};

use super::finding::{Finding, Texts};
use super::warm::Warm;
use crate::argv::{Flavor, Own};
use crate::tools::profile::capability::{Caps, set};
use crate::tools::profile::examine::of_source;
use crate::tools::profile::finding::Finding as OfProfile;
use crate::tools::{Format, complain, page::page, paint::Paint, print};
use crate::{errno_words, node, policy_directory};

/// Say what is wrong with a policy directory: every file, every rule, every profile that it names;
/// exit status 1 if anything is
///
/// It reads all of it as a create would, and goes on after the first error. The directory need not
/// be installed: in a pipeline, give the checkout. Owners and modes are then held against the
/// calling user, as for a rootless engine; --no-trust leaves them out where the checkout belongs to
/// somebody else or its group may write to it.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The policy directory; /etc/seccomp-shim by default
    #[arg(value_name = "DIR", conflicts_with = "policy")]
    directory: Option<PathBuf>,
    /// The same, as an option
    #[arg(long, alias = "shim-policy", value_name = "DIR")]
    policy: Option<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Say nothing of owners and modes
    #[arg(long)]
    no_trust: bool,
    /// Make the filters of the profiles that the policy gives, where nothing is wrong with it and the
    /// runtime is crun: then the first container has its filter, too
    ///
    /// As root, on the node. The runtime is the one that a create would use.
    #[arg(long)]
    warm: bool,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What there is to say of a directory.
struct Report {
    findings: Vec<Finding>,
    rules: usize,
    floors: usize,
    profiles: usize,
    texts: BTreeMap<PathBuf, Vec<u8>>,
}

impl Check {
    pub(super) fn run(&self, own: &Own) -> i32 {
        let named = self.directory.as_deref().or(self.policy.as_deref());
        let folder = named.unwrap_or_else(|| policy_directory(own));
        let target = match node::this(Flavor::Unknown) {
            Ok(node) => node,
            Err(refusal) => {
                complain(&errno_words::chain(&refusal));
                return 2;
            }
        };
        match Survey::of(folder, self.no_trust) {
            Err(error) => {
                complain(&errno_words::chain(&error));
                2
            }
            Ok(None) if named.is_some() => {
                complain(&format!(
                    "there is no {}; name the policy directory",
                    folder.display()
                ));
                2
            }
            Ok(None) => self.conclude(own, None, true, |warm| match self.format {
                Format::Text => print(&embedded_text(folder, warm)),
                Format::Json => print(&embedded_json(warm)),
            }),
            Ok(Some(survey)) => {
                let mut report = Report::of(survey, target);
                if self.strict {
                    for finding in &mut report.findings {
                        if finding.gravity == Gravity::Warning {
                            finding.gravity = Gravity::Error;
                        }
                    }
                }
                let sound = report.count(Gravity::Error) == 0;
                self.conclude(own, Some(folder), sound, |warm| match self.format {
                    Format::Text => {
                        let filters = warm.map(Warm::text).unwrap_or_default();
                        page(&(report.text(folder, Paint::of_stdout()) + &filters));
                    }
                    Format::Json => {
                        let mut value = report.json(folder);
                        add(&mut value, warm);
                        print(&format!("{value:#}\n"));
                    }
                })
            }
        }
    }

    /// Fills the cache if that is asked for and the directory is `sound`, has all of it said, and
    /// gives the exit status.
    fn conclude(
        &self,
        own: &Own,
        folder: Option<&Path>,
        sound: bool,
        say: impl Fn(Option<&Warm>),
    ) -> i32 {
        if !(self.warm && sound) {
            say(None);
            return i32::from(!sound);
        }
        let directory = folder.map_or(Ok(None), Directory::open);
        let warm = directory.map_err(|error| errno_words::chain(&error));
        match warm.and_then(|directory| Warm::fill(own, directory)) {
            Ok(warm) => {
                say(Some(&warm));
                i32::from(!warm.is_sound())
            }
            Err(error) => {
                say(None);
                complain(&format!("no filter was made: {error}"));
                1
            }
        }
    }
}

fn embedded_text(folder: &Path, warm: Option<&Warm>) -> String {
    let filters = warm.map(Warm::text).unwrap_or_default();
    format!(
        "there is no {}: the embedded policy applies, and nothing is wrong with it\n{filters}",
        folder.display()
    )
}

fn embedded_json(warm: Option<&Warm>) -> String {
    let mut value = json!({
        "directory": null, "sound": true, "findings": [],
        "rules": 0, "floors": 0, "profiles": 0,
    });
    add(&mut value, warm);
    format!("{value:#}\n")
}

/// Adds what came of the filters.
fn add(value: &mut Value, warm: Option<&Warm>) {
    if let (Some(warm), Some(object)) = (warm, value.as_object_mut()) {
        object.insert("filters".to_owned(), warm.json());
    }
}

impl Report {
    fn of(mut survey: Survey, node: policy::Node) -> Self {
        let mut profiles: Vec<(Named, PathBuf, Vec<OfProfile>)> = Vec::new();
        let mut bytes_of: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut done: Vec<String> = Vec::new();
        let mut known = 0_usize;
        for named in survey.named() {
            // A missing file is said wherever it is named; what is in one, once.
            let again = done.iter().any(|name| name == named.name.as_str());
            if again && profiles.iter().any(|(one, ..)| one.name == named.name) {
                continue;
            }
            done.push(named.name.as_str().to_owned());
            if let Some(found) = survey.find(&named) {
                known = known.saturating_add(1);
                let findings = of_file(&found.bytes, node);
                bytes_of.insert(found.file.clone(), found.bytes);
                profiles.push((named, found.file, findings));
            }
        }
        let outline = survey.policy.outline();
        let mut texts = survey.texts;
        texts.append(&mut bytes_of);
        let text = |file: &Path| texts.get(file).cloned();
        let mut findings: Vec<Finding> = survey.faults.iter().map(Finding::of_fault).collect();
        let remarks = survey.remarks.into_iter();
        findings.extend(remarks.map(|remark| Finding::of_remark(remark, &text)));
        for (named, file, more) in profiles {
            let more = more.into_iter();
            findings.extend(more.map(|one| Finding::of_profile(one, &file, &named.at, &named.by)));
        }
        findings.sort_by_key(|one| (one.gravity, one.order()));
        Self {
            findings,
            rules: outline.rules.len(),
            floors: outline.floors.len(),
            profiles: known,
            texts,
        }
    }

    fn count(&self, gravity: Gravity) -> usize {
        let of_gravity = self.findings.iter().filter(|one| one.gravity == gravity);
        of_gravity.count()
    }

    fn text(&self, folder: &Path, paint: Paint) -> String {
        let texts: &Texts<'_> = &|file| self.texts.get(file).cloned();
        let shown = self.findings.iter().map(|one| one.shown(paint, texts));
        let mut text: String = shown.collect();
        let count = |gravity, what| match self.count(gravity) {
            0 => None,
            count => Some(plural(count, what)),
        };
        let counts: Vec<String> = [
            count(Gravity::Error, "error"),
            count(Gravity::Warning, "warning"),
            count(Gravity::Note, "note"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let verdict = match counts.join(", ") {
            none if none.is_empty() => paint.green("sound"),
            some if self.count(Gravity::Error) > 0 => paint.red(&some),
            some if self.count(Gravity::Warning) > 0 => paint.yellow(&some),
            some => paint.green(&format!("sound, {some}")),
        };
        text.push_str(&format!(
            "{}: {verdict} ({}, {}, {})\n",
            folder.display(),
            plural(self.rules, "rule"),
            plural(self.floors, "floor"),
            plural(self.profiles, "profile"),
        ));
        text
    }

    fn json(&self, folder: &Path) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(Finding::json).collect();
        json!({
            "directory": folder.to_string_lossy(),
            "sound": self.count(Gravity::Error) == 0,
            "findings": findings,
            "rules": self.rules,
            "floors": self.floors,
            "profiles": self.profiles,
        })
    }
}

/// What is wrong with a profile on this node: with every capability and with Docker's, as runc and
/// crun compile it.
fn of_file(bytes: &[u8], node: policy::Node) -> Vec<OfProfile> {
    let source = match Source::read(bytes) {
        Ok(source) => source,
        Err(problems) => return problems.iter().map(OfProfile::of_problem).collect(),
    };
    let targets = [Caps::All, Caps::Docker].map(|caps| Target {
        capabilities: set(&[caps]),
        arch: node.arch,
        kernel: node.kernel,
    });
    of_source(&source, node.arch, &targets)
}

pub(super) fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

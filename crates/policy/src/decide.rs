//! request → privileged? → first matching rule → profile resolved → combined → mode → floor.

use std::path::Path;
use std::rc::Rc;

use bundle::Config;
use default_profile::Newer;
use profile::{Action, Arch, Asker, Joint, Kernel, Seccomp, Target, ask, restrict_unless_said};

use crate::decision::{AskAgent, DecidedBy, Decision, Logging, Outcome, Untold};
use crate::document::{Combine, ProfileDocument, WithoutAgent};
use crate::error::Problem;
use crate::policy::{Floor, Place, Rule};
use crate::privileged::looks_privileged;
use crate::profile_name::ProfileName;
use crate::profiles::{Profiles, named_at, problems_at};
use crate::request::Asked;
use crate::when::{Subject, Verdict};
use crate::{Identity, Mode, Policy, PolicyError, Request, Wanted, transform};

/// A container about to be created.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// Its config.json.
    pub config: &'a Config<'a>,
    /// The folder that its bundle is in, as absolute as it is known.
    pub bundle: &'a Path,
    /// The runtime handler: `--shim-handler`, or the name that the binary was started by.
    pub handler: &'a str,
}

/// The node that it is created on.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// The native architecture.
    pub arch: Arch,
    /// The running kernel.
    pub kernel: Kernel,
    /// Who answers ENOSYS to calls newer than the default profile: a matter of the runtime.
    pub newer: Newer,
    /// Where the runtime takes notifications; none if that is not known.
    pub asker: Option<Asker>,
}

/// What the policy picked before anything was resolved.
pub(crate) struct Picked<'p> {
    by: DecidedBy,
    pub(crate) profile: &'p ProfileDocument,
    /// Where the policy names the profile.
    place: Option<&'p Place>,
    pub(crate) combine: Combine,
    pub(crate) mode: Mode,
    pub(crate) without_agent: WithoutAgent,
    learned: Option<&'p (ProfileName, Place)>,
    pub(crate) native_only: bool,
}

const RUNTIME_DEFAULT: &ProfileDocument = &ProfileDocument::Wanted(Wanted::RuntimeDefault);
const UNCONFINED: &ProfileDocument = &ProfileDocument::Wanted(Wanted::Unconfined);

impl Policy {
    /// Decides what `container` gets.
    ///
    /// # Errors
    /// A request that cannot be read, a profile that is missing or wrong, a combination that
    /// cannot be made, or, in a strict policy, annotations that steer crun's seccomp.
    pub fn decide(&self, container: Container<'_>, node: Node) -> Result<Decision, PolicyError> {
        let config = container.config;
        let stripped: Vec<String> = config.seccomp_annotations().map(str::to_owned).collect();
        if let (true, Some(first)) = (self.strict, stripped.first()) {
            return Err(PolicyError::request(format!(
                "annotation {first} would replace the policy's filter on crun, and the policy is \
                 strict; remove the annotation"
            )));
        }
        let identity = Identity::read(config.facts(), container.bundle);
        let request = Request::read(config, &identity, self.honour_annotations)?;
        let privileged = !identity.sandbox && looks_privileged(config.facts(), &request);
        let subject = Subject {
            identity: &identity,
            facts: config.facts(),
            request: &request,
            handler: container.handler,
            privileged,
        };
        let mut untold = Vec::new();
        let picked = self.pick(&subject, &mut untold);

        let target = Target {
            capabilities: config.facts().bounding.clone(),
            arch: node.arch,
            kernel: node.kernel,
        };
        let profiles = Profiles {
            policy: self,
            target: &target,
            // Recording goes by the denials that are written out, so that they must be.
            newer: if picked.mode == Mode::Record {
                Newer::Profile
            } else {
                node.newer
            },
        };
        let mut rounded = Vec::new();
        let mut stacker = Stacker {
            native: node.arch,
            rounded: &mut rounded,
        };

        let mut profile_file = None;
        // Read only where it counts: what is replaced may be anything.
        let mut theirs = None;
        let combined = match picked.profile {
            ProfileDocument::Requested => {
                theirs = asked(config, &request, &profiles)?;
                theirs.clone()
            }
            ProfileDocument::Wanted(wanted) => {
                let ours = profiles
                    .resolve(wanted)
                    .map_err(|error| match picked.place {
                        Some(place) => named_at(error, place),
                        None => error,
                    })?;
                profile_file = ours.as_ref().and_then(|resolved| resolved.file.clone());
                let ours = ours.map(|resolved| Rc::new(resolved.seccomp));
                match picked.combine {
                    Combine::Replace => ours,
                    Combine::Restrict => {
                        theirs = asked(config, &request, &profiles)?;
                        stacker.both(ours, theirs.clone())?
                    }
                }
            }
        };
        let mut result = combined;
        if picked.native_only {
            let native_only = |profile| transform::native_only(own(profile), node.arch);
            result = result.map(native_only).map(Rc::new);
        }
        match picked.mode {
            Mode::Audit => {
                let audit = |profile| transform::audit(own(profile), node.arch);
                result = result.map(audit).map(Rc::new);
            }
            Mode::Record => {
                let recorded = transform::record(result.map(own), node.arch);
                result = Some(Rc::new(recorded));
            }
            Mode::Enforce | Mode::Observe | Mode::ObserveLite => {}
        }
        let (mut floors, mut exceptions) = (Vec::new(), Vec::new());
        for floor in &self.floors {
            let place = format!("{}, line {}", floor.place.file.display(), floor.place.line);
            if let Some(exception) = floor.exception(&subject) {
                exceptions.push(format!("{place}: {exception}"));
                continue;
            }
            let least = profiles
                .resolve(&floor.profile)
                .map_err(|error| named_at(error, &floor.place))?;
            let least = least.map(|resolved| Rc::new(resolved.seccomp));
            result = stacker.both(least, result)?;
            floors.push(place);
        }
        // Also what is taken as it was asked for must not be left out by libseccomp.
        if let Some(profile) = result.as_mut().filter(|profile| profile.lacks_anchor()) {
            Rc::make_mut(profile).anchor();
        }

        let logging = result
            .as_ref()
            .filter(|_| picked.mode == Mode::ObserveLite)
            .map(|plain| Logging {
                profile: transform::logged(Seccomp::clone(plain)),
                without: picked.without_agent,
            });
        let agent = self.ask_agent(&picked, result.as_deref(), node, &profiles)?;
        let present = theirs.filter(|_| request.asked == Asked::Spec);
        let outcome = outcome(config, result.as_deref(), present.as_deref());
        Ok(Decision {
            privileged,
            profile: picked.profile.to_string(),
            profile_file,
            combine: picked.combine,
            mode: picked.mode,
            native_only: picked.native_only,
            decided_by: picked.by,
            floors,
            exceptions,
            rounded,
            untold,
            stripped,
            agent,
            logging,
            outcome,
            identity,
            request,
        })
    }

    /// What the agent is asked, if the mode needs it and there is a filter to ask with.
    fn ask_agent(
        &self,
        picked: &Picked<'_>,
        result: Option<&Seccomp>,
        node: Node,
        profiles: &Profiles<'_>,
    ) -> Result<Option<AskAgent>, PolicyError> {
        let (Mode::Observe | Mode::Record, Some(plain)) = (picked.mode, result) else {
            return Ok(None);
        };
        let problem = |problem| PolicyError {
            file: None,
            line: None,
            column: None,
            problem,
        };
        let mode = picked.mode.name();
        let asker = node
            .asker
            .ok_or_else(|| problem(Problem::NoAsker { mode }))?;
        let notifies = plain.default_action == Action::ScmpActNotify
            || plain
                .rules
                .iter()
                .any(|rule| rule.action == Action::ScmpActNotify);
        if notifies || plain.listener_path.is_some() {
            return Err(problem(Problem::OtherListener { mode }));
        }
        let mut asking = if picked.mode == Mode::Observe {
            ask(plain, node.arch, asker, |outcome| {
                outcome.action() == Action::ScmpActErrno
            })
        } else {
            ask(plain, node.arch, asker, |outcome| {
                matches!(outcome.action(), Action::ScmpActAllow | Action::ScmpActLog)
            })
        };
        let learned = match picked.learned {
            Some((name, place)) => {
                let wanted = Wanted::Localhost(name.clone());
                let known = profiles.resolve(&wanted);
                let known = known.map_err(|error| named_at(error, place))?;
                known.map(|known| transform::spare(&mut asking.profile, plain, &known.seccomp))
            }
            None => None,
        };
        Ok(Some(AskAgent {
            plain: plain.clone(),
            asking: asking.profile,
            unasked: asking.unasked,
            learned,
            without: picked.without_agent,
            sockets: self.agent.clone(),
        }))
    }

    /// The first rule that matches, or what applies without one.
    fn pick(&self, subject: &Subject<'_>, untold: &mut Vec<Untold>) -> Picked<'_> {
        for rule in &self.rules {
            // A privileged container is Unconfined unless a rule names it.
            if subject.privileged && rule.when.privileged != Some(true) {
                continue;
            }
            match rule.when.judge(subject) {
                Verdict::Holds => return self.by_rule(rule),
                Verdict::Fails(_) => {}
                Verdict::Untold(field) => untold.push(Untold {
                    rule: rule.name.clone(),
                    field,
                }),
            }
        }
        let defaults = &self.defaults;
        let base = Picked {
            by: if self.directory.is_some() {
                DecidedBy::Defaults
            } else {
                DecidedBy::Embedded
            },
            profile: &defaults.profile,
            place: defaults.place.as_ref(),
            combine: defaults.combine,
            mode: defaults.mode,
            without_agent: defaults.without_agent,
            learned: defaults.learned.as_ref(),
            native_only: defaults.native_only,
        };
        if subject.privileged {
            let combine = Combine::Replace;
            Picked {
                by: DecidedBy::Privileged,
                profile: UNCONFINED,
                place: None,
                combine,
                ..base
            }
        } else if subject.identity.sandbox {
            Picked {
                by: DecidedBy::Sandbox,
                profile: RUNTIME_DEFAULT,
                place: None,
                ..base
            }
        } else {
            base
        }
    }

    pub(crate) fn by_rule<'p>(&'p self, rule: &'p Rule) -> Picked<'p> {
        let defaults = &self.defaults;
        // A rule with a profile means that profile; one without changes the defaults' fate only.
        let combine = match (rule.combine, &rule.profile) {
            (Some(combine), _) => combine,
            (None, Some(_)) => Combine::Replace,
            (None, None) => defaults.combine,
        };
        Picked {
            by: DecidedBy::Rule {
                name: rule.name.clone(),
                file: rule.place.file.to_path_buf(),
                line: rule.place.line,
            },
            profile: rule.profile.as_ref().unwrap_or(&defaults.profile),
            place: match rule.profile {
                Some(_) => Some(&rule.place),
                None => defaults.place.as_ref(),
            },
            combine,
            mode: rule.mode.unwrap_or(defaults.mode),
            without_agent: rule.without_agent.unwrap_or(defaults.without_agent),
            learned: match rule.mode {
                Some(_) => rule.learned.as_ref(),
                None => defaults.learned.as_ref(),
            },
            native_only: rule.native_only.unwrap_or(defaults.native_only),
        }
    }
}

impl Floor {
    /// The exception that frees this container from the floor.
    fn exception(&self, subject: &Subject<'_>) -> Option<&str> {
        let mut names = self.except.iter();
        let (name, _) = names.find(|(_, when)| when.judge(subject) == Verdict::Holds)?;
        Some(name)
    }
}

/// The profile that the container asked for; none for Unconfined.
fn asked(
    config: &Config<'_>,
    request: &Request,
    profiles: &Profiles<'_>,
) -> Result<Option<Rc<Seccomp>>, PolicyError> {
    match &request.asked {
        Asked::Nothing => Ok(None),
        Asked::Wanted(wanted) => {
            let resolved = profiles.resolve(wanted).map_err(|error| {
                if error.file.is_some() {
                    return error;
                }
                PolicyError::request(format!("annotation {}: {}", request.by, error.problem))
            })?;
            Ok(resolved.map(|resolved| Rc::new(resolved.seccomp)))
        }
        Asked::Spec => spec(config),
    }
}

/// The profile in `linux.seccomp`.
fn spec(config: &Config<'_>) -> Result<Option<Rc<Seccomp>>, PolicyError> {
    let Some(value) = config.seccomp() else {
        return Ok(None);
    };
    let read = Seccomp::from_oci(&value);
    read.map(|profile| Some(Rc::new(profile)))
        .map_err(|problems| problems_at(Path::new("config.json"), &problems))
}

/// The profile itself, copied only where it is needed elsewhere too.
fn own(profile: Rc<Seccomp>) -> Seccomp {
    Rc::unwrap_or_clone(profile)
}

/// Combines profiles as the kernel does filters, noting where that could not be exact.
pub(crate) struct Stacker<'a> {
    pub(crate) native: Arch,
    pub(crate) rounded: &'a mut Vec<String>,
}

impl Stacker<'_> {
    /// Both profiles at once; no profile restricts nothing.
    pub(crate) fn both(
        &mut self,
        policy: Option<Rc<Seccomp>>,
        request: Option<Rc<Seccomp>>,
    ) -> Result<Option<Rc<Seccomp>>, PolicyError> {
        let (policy, request) = match (policy, request) {
            (None, one) | (one, None) => return Ok(one),
            (Some(policy), Some(request)) => (policy, request),
        };
        let joint = restrict_unless_said(&policy, &request, self.native);
        let joint = joint.map_err(|error| PolicyError {
            file: None,
            line: None,
            column: None,
            problem: Problem::Combine(error.to_string()),
        })?;
        Ok(Some(match joint {
            // As it is written it costs the runtime just what it would have cost without us.
            Joint::Request => request,
            Joint::Written(profile, rounded) => {
                self.rounded.extend(rounded.iter().map(ToString::to_string));
                Rc::new(profile)
            }
        }))
    }
}

/// What to do to `linux.seccomp`, which says `present` if that was read, to have `result` there.
fn outcome(config: &Config<'_>, result: Option<&Seccomp>, present: Option<&Seccomp>) -> Outcome {
    match result {
        None if config.seccomp().is_none() => Outcome::Kept,
        None => Outcome::Removed,
        // What says just this already stays as it is written.
        Some(profile)
            if present
                .is_some_and(|present| std::ptr::eq(profile, present) || profile == present) =>
        {
            Outcome::Kept
        }
        Some(profile) => {
            let json = profile.to_json();
            let same = config.seccomp().is_some_and(|value| value.raw() == json);
            if same {
                Outcome::Kept
            } else {
                Outcome::Set(json)
            }
        }
    }
}

//! `create`, `run` and `restore`: bundle → policy → profile → rewritten bundle.

use std::path::Path;
use std::time::Instant;

use agent::signpost::{self, Sign};
use bundle::Bundle;
use policy::{Decision, Directory, LogTo, Policy, PolicyError, WithoutAgent, check_trusted};

use crate::argv::{Own, Request};
use crate::files::Files;
use crate::handover::{Handover, Missing};
use crate::judged::Judged;
use crate::listener::{self, Place, Seat, Subject};
use crate::record::{Record, record};
use crate::refusal::Refusal;
use crate::runtime::Runtime;
use crate::{errno_words, filter_flags, handler, node, swapped_masks, watchdog};

/// One call that makes a container.
#[derive(Debug)]
pub struct Job<'a> {
    /// When the program started.
    pub started: Instant,
    /// Our own options.
    pub own: &'a Own,
    /// The runtime handler.
    pub handler: &'a str,
    /// What its links name.
    pub settings: Option<&'a handler::Policy>,
    /// The real runtime.
    pub runtime: &'a Runtime,
    /// What the command line says.
    pub request: &'a Request,
}

impl Job<'_> {
    /// Leaves the bundle as the policy wants it, and the decision on record. Where there is no
    /// configuration file there is nothing to do: the runtime says so in its own words. Gives the
    /// way back, for when the runtime cannot be run after all.
    ///
    /// # Errors
    /// Whatever is in doubt; then the bundle is as it was.
    pub fn prepare(
        &self,
        directory: Result<Option<Directory>, PolicyError>,
    ) -> Result<Undo, Refusal> {
        let files = Files::of(self.request);
        let mut log_to = LogTo::Auto;
        let made = match self.decide(&files, directory, &mut log_to) {
            Ok(Some(made)) => made,
            Ok(None) => {
                tracing::debug!(path = %files.shown.display(), "no configuration file, passing on");
                return Ok(Undo {
                    files,
                    log_to,
                    before: None,
                    seat: None,
                });
            }
            Err(refusal) => {
                self.record_refusal(&log_to, &files, &refusal);
                return Err(refusal);
            }
        };
        let decision = Some((&made.decision, made.profile.as_deref()));
        record(
            &log_to,
            &Record {
                decision,
                absent: made.absent.as_deref(),
                ..self.blank_record(&files)
            },
        );
        if let Some(group) = &made.group {
            self.leave_sign(&made.decision, group);
        }
        if let Some(missing) = made.missing {
            missing.fill_meanwhile();
        }
        Ok(Undo {
            files,
            log_to,
            before: made.before,
            seat: made.seat,
        })
    }

    fn blank_record<'r>(&'r self, files: &'r Files) -> Record<'r> {
        Record {
            id: &self.request.id,
            command: self.request.command,
            runtime: self.runtime.flavor(),
            bundle: &files.shown,
            started: self.started,
            decision: None,
            absent: None,
            refused: None,
        }
    }

    fn record_refusal(&self, log_to: &LogTo, files: &Files, refusal: &Refusal) {
        let refused = Some(errno_words::chain(refusal));
        record(
            log_to,
            &Record {
                refused: refused.as_deref(),
                ..self.blank_record(files)
            },
        );
    }

    /// Takes back what [`Job::prepare`] did, since the runtime could not be run for `refusal`, and
    /// puts that on record. Where the old configuration cannot be put back the rewritten one stays,
    /// which is as good a bundle.
    pub fn take_back(&self, undo: Undo, refusal: &Refusal) {
        if let Some(before) = undo.before
            && let Ok(Some(bundle)) = undo.files.open()
        {
            // The caller is told already why there is no container.
            let _ = bundle.replace(&before);
        }
        self.record_refusal(&undo.log_to, &undo.files, refusal);
    }

    /// Decides and rewrites; none where there is no configuration file.
    fn decide(
        &self,
        files: &Files,
        directory: Result<Option<Directory>, PolicyError>,
        log_to: &mut LogTo,
    ) -> Result<Option<Made>, Refusal> {
        let Some(bundle) = files.open()? else {
            return Ok(None);
        };
        let mut read = None;
        let mut missing = None;
        let mut hand_over = |profile: &str, at_once: bool| {
            missing = None;
            let native = node::arch()?;
            let look = || {
                let handover = Handover::to(self.runtime, self.request.command, native)?;
                Some(handover.filter(profile))
            };
            let mut filter = look()?;
            if let (true, Err(Some(found))) = (at_once, &mut filter) {
                // Whatever is in the way, there is none then.
                let _ = found.fill_now();
                filter = look()?;
            }
            filter.map_err(|found| missing = found).ok()
        };
        let mut judged = policy::ask(directory, |policy| {
            policy.log().clone_into(log_to);
            // Looked for before; this is what was read in the end.
            if let Some(settings) = self.settings.filter(|_| policy.is_embedded()) {
                return Err(settings.missing());
            }
            let named_now = policy.runtime();
            if self.own.runtime.is_none()
                && named_now.is_some_and(|path| path != self.runtime.path())
            {
                return Err(Refusal::PolicyChanged);
            }
            check_bundle(policy, &bundle, files)?;
            let bytes = match read.take() {
                Some(bytes) => bytes,
                None => bundle.read().map_err(|error| files.fail(error))?,
            };
            let bytes = read.insert(bytes);
            let meant = swapped_masks::meant(self.runtime, bytes, files)?;
            Judged::of(
                policy,
                meant.as_deref().unwrap_or(bytes),
                files,
                self.handler,
                self.runtime.flavor(),
                &mut hand_over,
            )
        })?;
        if let (Some(_), Some(bytes)) = (&judged.decision.agent, &read) {
            self.ask_agent(&mut judged, bytes, files)?;
        }
        if let (Some(_), Some(bytes)) = (&judged.decision.logging, &read) {
            self.have_logged(&mut judged, bytes, files)?;
        }
        if let Some(bytes) = &read {
            judged.fit(self.runtime, bytes, files)?;
        }
        let mut before = None;
        if let Some(new) = &judged.rewritten {
            bundle.replace(new).map_err(|error| files.fail(error))?;
            tracing::info!(path = %files.shown.display(), "rewritten");
            before = read;
        }
        Ok(Some(Made {
            decision: judged.decision,
            profile: judged.profile,
            absent: judged.absent,
            group: judged.group,
            seat: judged.seat,
            before,
            missing,
        }))
    }
}

impl Job<'_> {
    /// Registers the container with the agent, and has it get the profile that asks it.
    fn ask_agent(&self, judged: &mut Judged, bytes: &[u8], files: &Files) -> Result<(), Refusal> {
        let Some(asked) = &judged.decision.agent else {
            return Ok(());
        };
        let folder = files.shown.parent().unwrap_or(&files.shown);
        let subject = Subject {
            id: &self.request.id.to_string_lossy(),
            bundle: &folder.to_string_lossy(),
            runtime: self.runtime.flavor(),
            native: std::env::consts::ARCH,
            no_new_privileges: judged.no_new_privileges,
        };
        match listener::place(&judged.decision, asked, subject)? {
            Place::Taken(profile, seat) => {
                judged.seat = (judged.decision.mode == policy::Mode::Record).then_some(seat);
                judged.set(profile.to_json(), bytes, files)?;
            }
            Place::Absent(why) => judged.absent = Some(why),
        }
        Ok(())
    }
}

impl Job<'_> {
    /// Has the container get the profile whose denials the kernel logs, if the runtime takes that.
    fn have_logged(&self, judged: &mut Judged, bytes: &[u8], files: &Files) -> Result<(), Refusal> {
        let Some(logging) = &judged.decision.logging else {
            return Ok(());
        };
        if !filter_flags::takes_log(self.runtime) {
            let refusal = Refusal::NoLogging(self.runtime.path().to_owned());
            if logging.without == WithoutAgent::Refuse {
                return Err(refusal);
            }
            judged.absent = Some(refusal.to_string());
            return Ok(());
        }
        judged.set(logging.profile.to_json(), bytes, files)
    }
}

impl Job<'_> {
    /// Has the agent know the container by its cgroup. Without that it is known by its id at best,
    /// which is no reason to refuse it.
    fn leave_sign(&self, decision: &Decision, group: &str) {
        let identity = &decision.identity;
        let sign = Sign {
            id: self.request.id.to_string_lossy().into_owned(),
            engine: identity.engine.name().to_owned(),
            mode: decision.mode.name().to_owned(),
            namespace: identity.namespace.clone(),
            pod: identity.pod.clone(),
            container: identity.container.clone(),
            image: identity.image.clone(),
        };
        if let Some(key) = signpost::key(Some(group), &sign.id)
            && let Err(error) = signpost::leave(Path::new(signpost::FOLDER), &key, &sign)
        {
            tracing::warn!(%error, "no sign was left for the agent");
        }
    }
}

/// A strict policy wants a bundle that nobody else could change before the runtime reads it.
///
/// # Errors
/// Somebody else could.
pub fn check_bundle(policy: &Policy, bundle: &Bundle, files: &Files) -> Result<(), Refusal> {
    if !policy.is_strict() {
        return Ok(());
    }
    let folder = files.shown.parent().unwrap_or(&files.shown);
    check_trusted(bundle.folder(), folder)
        .and_then(|()| check_trusted(bundle.file(), &files.shown))
        .map_err(Refusal::OpenBundle)
}

/// What came of a call.
struct Made {
    decision: Decision,
    /// The profile that the container has now.
    profile: Option<String>,
    /// Why the agent is not asked although the mode wants it.
    absent: Option<String>,
    /// The container's cgroup (`linux.cgroupsPath`), where the kernel logs what it does.
    group: Option<String>,
    /// The agent's, to be watched.
    seat: Option<Box<Seat>>,
    /// The configuration as it was; none if it was not rewritten.
    before: Option<Vec<u8>>,
    /// The profile that the runtime will have to compile.
    missing: Option<Box<Missing>>,
}

/// The way back from a rewritten bundle: a call that fails leaves the bundle as it was.
#[derive(Debug)]
#[must_use]
pub struct Undo {
    files: Files,
    log_to: LogTo,
    before: Option<Vec<u8>>,
    seat: Option<Box<Seat>>,
}

impl Undo {
    /// Has the agent watched from here on, where the container would hang without it.
    ///
    /// # Errors
    /// That cannot be had, so that the container is better not made.
    pub fn watch(&mut self, runtime: &Runtime) -> Result<(), Refusal> {
        match self.seat.take() {
            Some(seat) => watchdog::start(*seat, runtime.flavor()).map_err(Refusal::Watch),
            None => Ok(()),
        }
    }
}

/// The policy of an opened directory, or the embedded one where there is none.
///
/// # Errors
/// Anything wrong with it.
pub fn load(directory: Result<Option<Directory>, PolicyError>) -> Result<Policy, PolicyError> {
    match directory? {
        Some(directory) => directory.load(),
        None => Ok(Policy::embedded()),
    }
}

//! Getting a container its place with the agent, in the modes that need one.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use agent::client::{RegisterError, register, token};
use agent::{NOTIFY_SOCKET, Registration};
use policy::{AskAgent, Decision, Mode, WithoutAgent};
use profile::{Action, Seccomp};
use serde_json::{Value, json};

use crate::argv::Flavor;
use crate::refusal::Refusal;

/// What of a container the decision does not say.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its bundle's folder.
    pub bundle: &'a str,
    /// By which runtime it is made.
    pub runtime: Flavor,
    /// The native architecture, as libseccomp names it.
    pub native: &'a str,
    /// Whether its process has noNewPrivileges.
    pub no_new_privileges: bool,
}

/// What came of asking the agent.
#[derive(Debug)]
pub enum Place {
    /// It has the container; the profile is for the runtime.
    Taken(Seccomp, Box<Seat>),
    /// It is not there, and the policy wants the profile enforced then. Why, in words.
    Absent(String),
}

/// A container's place with the agent.
#[derive(Debug)]
pub struct Seat {
    /// Tells how the container gets on.
    pub connection: UnixStream,
    sockets: PathBuf,
    registration: Registration,
}

impl Seat {
    /// Takes it again, with an agent that was started anew.
    ///
    /// # Errors
    /// There is none, or it does not know of the container.
    pub fn take_again(&mut self) -> Result<(), RegisterError> {
        self.connection = register(&self.sockets, &self.registration)?;
        Ok(())
    }
}

/// Registers the container with the agent, as the decision wants it.
///
/// # Errors
/// The agent does not have it, and the policy allows no less.
pub fn place(
    decision: &Decision,
    asked: &AskAgent,
    subject: Subject<'_>,
) -> Result<Place, Refusal> {
    let refused = |error| Refusal::Agent {
        mode: decision.mode.name(),
        error,
    };
    let token = token().map_err(Refusal::Random)?;
    let identity = &decision.identity;
    let registration = Registration {
        token: token.clone(),
        mode: match decision.mode {
            Mode::Record => agent::Mode::Record,
            _ => agent::Mode::Observe,
        },
        runtime: match subject.runtime {
            Flavor::Runc => agent::Runtime::Runc,
            _ => agent::Runtime::Crun,
        },
        runtime_name: format!("{:?}", subject.runtime).to_lowercase(),
        no_new_privileges: subject.no_new_privileges,
        native: subject.native.to_owned(),
        id: subject.id.to_owned(),
        bundle: subject.bundle.to_owned(),
        engine: identity.engine.name().to_owned(),
        namespace: identity.namespace.clone(),
        pod: identity.pod.clone(),
        container: identity.container.clone(),
        image: identity.image.clone(),
        plain: asked.plain.to_json(),
        asking: readable(asked).to_json(),
        asks_by_default: asked.asking.default_action == Action::ScmpActNotify,
        unasked: asked.unasked.clone(),
        learned: asked.learned.clone().map(|learned| agent::Learned {
            names: learned.names,
            architectures: learned.architectures,
        }),
    };
    match register(&asked.sockets, &registration) {
        Ok(connection) => {
            let seat = Seat {
                connection,
                sockets: std::path::absolute(&asked.sockets)
                    .unwrap_or_else(|_| asked.sockets.clone()),
                registration,
            };
            Ok(Place::Taken(listening(asked, &token), Box::new(seat)))
        }
        Err(error)
            if error.is_absence()
                && decision.mode == Mode::Observe
                && asked.without == WithoutAgent::Enforce =>
        {
            Ok(Place::Absent(crate::errno_words::chain(&error)))
        }
        Err(error) => Err(refused(error)),
    }
}

/// The profile as one that may be read: no file has NOTIFY for its default.
fn readable(asked: &AskAgent) -> Seccomp {
    if asked.asking.default_action != Action::ScmpActNotify {
        return asked.asking.clone();
    }
    Seccomp {
        default_action: asked.plain.default_action,
        default_errno: asked.plain.default_errno,
        ..asked.asking.clone()
    }
}

/// The profile that the runtime gets.
#[must_use]
pub fn listening(asked: &AskAgent, token: &str) -> Seccomp {
    let path = asked.sockets.join(NOTIFY_SOCKET);
    Seccomp {
        listener_path: Some(path.to_string_lossy().into_owned()),
        listener_metadata: Some(token.to_owned()),
        ..asked.asking.clone()
    }
}

/// What the decision record and `shim explain` say of the agent.
#[must_use]
pub fn to_json(asked: &AskAgent, absent: Option<&str>) -> Value {
    let mut value = json!({
        "sockets": asked.sockets.to_string_lossy(),
        "unasked": asked.unasked,
        "withoutAgent": match asked.without {
            WithoutAgent::Enforce => "enforce",
            WithoutAgent::Refuse => "refuse",
        },
    });
    if let (Some(learned), Some(fields)) = (&asked.learned, value.as_object_mut()) {
        fields.insert("learned".to_owned(), json!(learned.names.len()));
    }
    if let (Some(why), Some(fields)) = (absent, value.as_object_mut()) {
        fields.insert("absent".to_owned(), json!(why));
        fields.insert("enforced".to_owned(), json!(true));
    }
    value
}

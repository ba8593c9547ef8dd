//! Going on with what an agent before us left: its containers, their listeners, and the connections
//! that brought none yet.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::mpsc::unbounded_channel;

use crate::attach;
use crate::attend::Origin;
use crate::container::Container;
use crate::legacy::{Inheritance, ListenerName};
use crate::serve::{Agent, Errand, with_place};

/// Goes on where an agent before us was ended.
pub(crate) fn take_over(agent: &Arc<Agent>, left: Inheritance) {
    for (who, program) in left.ended {
        let (watcher, _) = unbounded_channel();
        let mut fields = Container::new(who, program, watcher).names();
        fields.insert("meanwhile".to_owned(), json!(true));
        agent.journal.say("ended", fields);
    }
    for (who, program) in left.containers {
        let (watcher, _) = unbounded_channel();
        let one = Container::new(who, program, watcher);
        let of_it = |name: &ListenerName| name.token == one.who.token;
        let mut its = left.listeners.iter().filter(|(name, _)| of_it(name));
        if its.clone().next().is_some() && !its.any(|(name, _)| name.first) {
            one.outlived();
        }
        // The one before us had no more of them.
        let _ = agent.containers.add(Arc::new(one));
    }
    for (name, fd) in left.listeners {
        let seated = match agent.containers.find(&name.token) {
            Some(container) => attach::seat(agent, container, name.clone(), fd, Origin::Inherited),
            None => Err("a listener was left whose container is not known".to_owned()),
        };
        if let Err(why) = seated {
            agent.legacy.release_listener(&name);
            agent.say("turned away", [("reason", json!(why))]);
        }
    }
    for (number, fd) in left.connections {
        let stream = std::os::unix::net::UnixStream::from(fd);
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| UnixStream::from_std(stream));
        match stream {
            Ok(stream) => {
                tokio::spawn(with_place(
                    Arc::clone(agent),
                    stream,
                    Errand::Listener(number),
                ));
            }
            Err(_) => agent.legacy.release_connection(number),
        }
    }
}

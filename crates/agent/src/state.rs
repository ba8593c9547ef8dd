//! What a runtime sends with a listener: the runtime spec's ContainerProcessState
//! (config-linux.md, "The Container Process State").
#![forbid(unsafe_code)]

use serde::Deserialize;

/// The state, as far as it is of use. What it says of the container is not believed: who it is was
/// registered under the token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProcessState {
    /// The token.
    pub(crate) metadata: String,
    /// Which of the fds is the listener.
    pub(crate) listener: usize,
    /// The process, for the runtime; 0 from crun's exec.
    pub(crate) pid: u32,
    /// Whether it is the container's first process, and not an exec'd one.
    pub(crate) first: bool,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    fds: Vec<String>,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    metadata: String,
    #[serde(default)]
    state: RawState,
}

#[derive(Default, Deserialize)]
struct RawState {
    #[serde(default)]
    status: String,
}

/// What the bytes that came so far are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// The beginning of a state.
    More,
    /// A whole one.
    Whole(ProcessState),
    /// Something else.
    Other,
}

/// Reads what came so far: the runtimes send no length, and not all of them end the connection.
pub(crate) fn read(bytes: &[u8]) -> Read {
    // Only a brace can end it; most pieces of a long one need not be looked at.
    if bytes.iter().rev().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'}') {
        return Read::More;
    }
    match serde_json::from_slice::<Raw>(bytes) {
        Ok(raw) => match raw.fds.iter().position(|name| name == "seccompFd") {
            Some(listener) => Read::Whole(ProcessState {
                metadata: raw.metadata,
                listener,
                pid: raw.pid,
                first: raw.state.status == "creating",
            }),
            None => Read::Other,
        },
        Err(error) if error.is_eof() => Read::More,
        Err(_) => Read::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"ociVersion":"1.0.2","fds":["seccompFd"],"pid":12,"metadata":"t",
        "state":{"ociVersion":"1.0.2","id":"x","status":"creating","pid":12,"bundle":"/b",
        "annotations":{"a":"}"}}}"#;

    #[test]
    fn a_state_is_whole_at_its_last_byte() {
        for end in 0..STATE.len() {
            assert_eq!(read(&STATE.as_bytes()[..end]), Read::More, "{end}");
        }
        let Read::Whole(state) = read(STATE.as_bytes()) else {
            panic!("whole");
        };
        assert_eq!((state.pid, state.first, state.listener), (12, true, 0));
        assert_eq!(state.metadata, "t");
    }

    #[test]
    fn what_is_no_state_is_told() {
        assert_eq!(read(b"{}"), Read::Other);
        assert_eq!(read(br#"{"fds":["other"]}"#), Read::Other);
        assert_eq!(read(b"nonsense}"), Read::Other);
        assert_eq!(read(br#"{"fds":["seccompFd"],"pid":"x"}"#), Read::Other);
    }
}

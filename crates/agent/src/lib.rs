//! The notification agent: one process on a node that containers' filters ask.
//!
//! A filter that says SCMP_ACT_NOTIFY stops the calling thread, and whoever holds the filter's
//! listener says how it goes on (seccomp_unotify(2)). The shim registers each container with the
//! agent before it is made ([`client`], all that the runtime path uses); the runtime then hands over
//! the listener. [`serve`] is the agent itself: a control plane in tokio, and a thread of its own for
//! each listener, which waits in the kernel for the next call.
//!
//! Promised: a call is answered as the container's own profile would have been answered by the
//! kernel, errno and all, or let go on where that profile allows it. No answer ever rests on memory
//! that the container can change. Every call that was received is answered, or its listener closed,
//! which the kernel answers with ENOSYS. Not promised: that a line is written for every call; what
//! is not written is counted.

mod answer;
mod arguments;
mod attach;
mod attend;
mod audit;
pub mod client;
mod compile;
mod container;
mod control;
mod journal;
mod learned;
mod legacy;
mod listener;
mod metrics;
mod name;
mod observe;
mod privilege;
mod recording;
mod register;
mod scrape;
mod serve;
pub mod signpost;
mod spare;
mod state;
#[allow(unsafe_code, reason = "seccomp's ioctls have no safe wrapper")]
mod sys;
mod take_over;
mod wire;

pub use compile::compile;
pub use journal::LogTo;
pub use learned::learn;
pub use recording::{Call, Recording, Store};
pub use scrape::MetricsAt;
pub use serve::{Options, ServeError, serve};
pub use wire::{
    CONTROL_SOCKET, Learned, Mode, NOTIFY_SOCKET, REGISTER_SOCKET, Registration, Runtime,
};

/// Where recordings are kept unless told otherwise.
pub const RECORDINGS: &str = "/var/lib/seccomp-shim/recordings";

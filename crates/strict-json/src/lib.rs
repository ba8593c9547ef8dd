//! JSON that every parser reads alike, addressed by byte range.
//!
//! An OCI bundle is read by Go's `encoding/json` (runc), by yajl or json-c (crun) and by serde
//! (youki), and they disagree: about keys in another case, about keys that stand twice, about
//! what may follow the value. Whoever edits a document for a reader it does not control must
//! refuse what the readers would take differently. That is this crate's one job.
//!
//! * [`Text::check`] accepts exactly RFC 8259 in UTF-8 with nothing around it, to a set depth,
//!   without recursion.
//! * [`Value::fields`] walks an object that readers decode into a *struct*: no two keys may fold
//!   to one, no key may be a known one in another spelling.
//! * [`Value::entries`] walks an object that readers decode into a *map*: no key may stand twice.
//!
//! Nothing is copied but what has escapes; every value knows its byte range, so that an editor
//! can replace one and leave the rest as it was.
//!
//! ```
//! use strict_json::{Text, MAX_DEPTH};
//! let text = Text::check(br#"{"linux": {"seccomp": null}}"#, MAX_DEPTH)?;
//! let top = text.root().fields(&["linux"])?;
//! let linux = top.first().map(|field| field.value.raw());
//! assert_eq!(linux, Some(r#"{"seccomp": null}"#));
//! # Ok::<(), strict_json::Fault>(())
//! ```
#![forbid(unsafe_code)]

mod escape;
mod fault;
mod fold;
mod number;
mod place;
mod text;
mod value;
mod walk;

pub use fault::{Fault, FaultKind};
pub use place::{Place, Places, place};
pub use text::Text;
pub use value::{Kind, Member, Value};

/// How deep arrays and objects may nest: far above any real config.json, far below the 10,000 at
/// which Go gives up and the depths at which recursive parsers overflow.
pub const MAX_DEPTH: usize = 1_000;

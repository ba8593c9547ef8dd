//! Models that share no code with what is tested: a small reader of JSON, the way in which the runtimes'
//! readers take an object, and documents to read.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod documents;
pub(crate) mod readers;
pub(crate) mod tree;

/// A profile as the shim writes it.
pub(crate) const OURS: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}"#;

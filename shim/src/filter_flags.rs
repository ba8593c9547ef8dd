//! Whether the runtime takes SECCOMP_FILTER_FLAG_LOG in `linux.seccomp.flags`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::argv::Flavor;
use crate::kept;
use crate::runtime::Runtime;

const LOG: &str = "SECCOMP_FILTER_FLAG_LOG";

/// crun and youki always take it. runc does since 1.2, and says so to `runc features`; older ones
/// refuse any flag. What it said is kept for as long as its file stays as it is.
#[must_use]
pub(crate) fn takes_log(runtime: &Runtime) -> bool {
    let path = runtime.path();
    match runtime.flavor() {
        Flavor::Crun | Flavor::Youki => true,
        Flavor::Runc => kept::answer(path, "log", || ask(path)).as_deref() == Some(LOG),
        Flavor::Unknown => false,
    }
}

/// None if it could not be asked.
fn ask(path: &Path) -> Option<&'static str> {
    let asked = Command::new(path)
        .arg("features")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let features = serde_json::from_slice(&asked.ok()?.stdout);
    // Before 1.1 there is no such command.
    let features: Value = features.unwrap_or_default();
    let flags = features.pointer("/linux/seccomp/supportedFlags");
    let mut flags = flags.and_then(Value::as_array).into_iter().flatten();
    let takes = flags.any(|flag| flag == LOG);
    Some(if takes { LOG } else { "none" })
}

//! Target `reader`: any bytes as a profile, in every dialect, for several nodes.

use profile::{Dialect, Kernel, Seccomp, Source, Target, native_from_name};
use strict_json::{MAX_DEPTH, Text};

use super::shape;

/// The largest file that is linted, in bytes.
const LINTED: usize = 1 << 16;

const DIALECTS: [Dialect; 3] = [Dialect::Oci, Dialect::Docker, Dialect::Podman];

/// Reads, resolves, writes and reads back; what that comes to.
pub(crate) fn check(input: &[u8]) -> Result<Vec<u64>, String> {
    let mut seen = Vec::new();
    let targets = targets();
    if let Ok(source) = Source::read(input) {
        let again = Source::read_as(input, source.dialect());
        let again = again.map_err(|error| format!("read, but not as its own dialect: {error}"))?;
        if again.warnings() != source.warnings() {
            return Err("read twice, with other warnings".to_owned());
        }
        as_serde_reads_it(input)?;
        // For people who ask, and slower than reading: the largest are not linted here.
        let node = targets.first().filter(|_| input.len() <= LINTED);
        for warning in node.map_or(Vec::new(), |node| source.lint(node.arch)) {
            seen.push(shape::message("lint", &warning.kind.to_string()));
        }
    }
    for dialect in DIALECTS {
        let place = dialect.to_string();
        let read = Source::read_as(input, dialect);
        let as_engine = Source::read_as_engine(input, dialect);
        if read.is_ok() && !matches!(as_engine, Ok(Some(_))) {
            return Err(format!("{place}: read, but not as the engine does"));
        }
        let source = match read {
            Ok(source) => source,
            Err(problems) => {
                for problem in problems.iter().take(8) {
                    seen.push(shape::message(&place, &problem.kind.to_string()));
                }
                seen.push(shape::size(&place, problems.to_string().len()));
                continue;
            }
        };
        for warning in source.warnings() {
            seen.push(shape::message(&place, &warning.kind.to_string()));
        }
        for target in &targets {
            match source.resolve_with_places(target) {
                Ok((seccomp, places)) if places.len() != seccomp.rules.len() => {
                    return Err(format!("{place}: not a place for each rule"));
                }
                Ok((seccomp, _)) => round_trip(&place, &seccomp, &mut seen)?,
                Err(problems) => seen.push(shape::message(&place, &problems.to_string())),
            }
        }
    }
    Ok(seen)
}

/// What was written is JSON and reads back to the same.
pub(crate) fn round_trip(
    place: &str,
    seccomp: &Seccomp,
    seen: &mut Vec<u64>,
) -> Result<(), String> {
    let json = seccomp.to_json();
    seen.push(shape::size(place, json.len()));
    seen.push(shape::of(&(
        place,
        seccomp.default_action as u32,
        seccomp.architectures.len(),
    )));
    seen.push(shape::size("rules", seccomp.rules.len()));
    let text = Text::check(json.as_bytes(), MAX_DEPTH);
    let text = text.map_err(|fault| format!("{place}: what was written is no JSON: {fault}"))?;
    let back = Seccomp::from_oci(&text.root());
    let back = back.map_err(|error| format!("{place}: not read back: {error}"))?;
    if back != *seccomp {
        return Err(format!("{place}: read back as another profile"));
    }
    Ok(())
}

/// A text that was accepted is JSON to another parser, too, within that one's own limits.
pub(crate) fn as_serde_reads_it(input: &[u8]) -> Result<(), String> {
    let Err(error) = serde_json::from_slice::<serde_json::Value>(input) else {
        return Ok(());
    };
    let error = error.to_string();
    let own = ["recursion limit", "surrogate", "hex escape", "out of range"];
    if own.iter().any(|limit| error.contains(limit)) {
        return Ok(());
    }
    Err(format!("accepted, and refused by serde_json: {error}"))
}

fn targets() -> Vec<Target> {
    let nodes = [
        ("amd64", 6, 18, &["CAP_CHOWN"][..]),
        ("arm64", 4, 4, &[]),
        ("s390x", 5, 8, &["CAP_SYS_ADMIN", "CAP_BPF"]),
    ];
    let target = |(arch, major, minor, capabilities): (&str, u32, u32, &[&str])| {
        Some(Target {
            capabilities: capabilities.iter().map(|one| (*one).to_owned()).collect(),
            arch: native_from_name(arch)?,
            kernel: Kernel { major, minor },
        })
    };
    nodes.into_iter().filter_map(target).collect()
}

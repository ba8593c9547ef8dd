//! Target `config`: any bytes as a config.json, rewritten in every way.

use bundle::{Change, Config};
use profile::Seccomp;
use strict_json::{MAX_DEPTH, Text, Value};

use super::{reader, shape};

/// What is written in the place of `linux.seccomp`.
const OURS: &str = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#;

/// Parses and rewrites.
pub(crate) fn check(input: &[u8]) -> Result<Vec<u64>, String> {
    let mut seen = Vec::new();
    let config = match Config::parse(input) {
        Ok(config) => config,
        Err(error) => return Ok(vec![shape::message("config", &error.fault.to_string())]),
    };
    let facts = config.facts();
    seen.push(shape::of(&(
        facts.annotations.len().min(4),
        facts.bounding.len().min(4),
        facts.no_new_privileges,
        facts.masks_paths,
        facts.all_devices,
        facts.cgroups_path.is_some(),
        facts.namespaces.as_ref().map(|all| all.len().min(4)),
    )));
    reader::as_serde_reads_it(input)?;
    if let Some(asked) = config.seccomp() {
        match Seccomp::from_oci(&asked) {
            Ok(seccomp) => reader::round_trip("request", &seccomp, &mut seen)?,
            Err(problems) => seen.push(shape::message("request", &problems.to_string())),
        }
    }
    for change in [Change::Keep, Change::Remove, Change::Set(OURS)] {
        let said = |what: &str| format!("{change:?}: {what}");
        let text = config.rewrite(change);
        seen.push(shape::of(&(format!("{change:?}"), text.is_some())));
        let text = text.as_deref().unwrap_or(input);
        rewritten(&config, input, change, text).map_err(|why| said(&why))?;
    }
    Ok(seen)
}

/// Whether `text` is `input` with `change` made and nothing else changed.
fn rewritten(
    config: &Config<'_>,
    input: &[u8],
    change: Change<'_>,
    text: &[u8],
) -> Result<(), String> {
    let now = Config::parse(text).map_err(|error| format!("not read again: {error}"))?;
    let had = config.seccomp().map(|value| value.raw());
    let expected = match change {
        Change::Keep => had,
        Change::Remove => None,
        Change::Set(ours) => Some(ours),
    };
    if now.seccomp().map(|value| value.raw()) != expected {
        return Err("linux.seccomp is not what was set".to_owned());
    }
    if now.seccomp_annotations().next().is_some() {
        return Err("an annotation that steers seccomp stays".to_owned());
    }
    if now.rewrite(change).is_some() {
        return Err("rewritten again".to_owned());
    }
    if others(input)? != others(text)? {
        return Err("something else changed".to_owned());
    }
    around(config, input, change, text)?;
    if let Ok(document) = serde_json::from_slice::<serde_json::Value>(text) {
        let found = document
            .pointer("/linux/seccomp")
            .filter(|value| !value.is_null());
        let expected = expected.and_then(|raw| serde_json::from_str(raw).ok());
        if found != expected.as_ref() {
            return Err("serde_json finds another linux.seccomp".to_owned());
        }
    }
    Ok(())
}

/// Every byte around a profile that was there stays, if no annotation goes.
fn around(
    config: &Config<'_>,
    input: &[u8],
    change: Change<'_>,
    text: &[u8],
) -> Result<(), String> {
    let (Change::Set(ours), Some(had), None) = (
        change,
        config.seccomp(),
        config.seccomp_annotations().next(),
    ) else {
        return Ok(());
    };
    let mut expected = input.get(..had.range().start).unwrap_or(b"").to_vec();
    expected.extend_from_slice(ours.as_bytes());
    expected.extend_from_slice(input.get(had.range().end..).unwrap_or(b""));
    if text == expected {
        Ok(())
    } else {
        Err("bytes around linux.seccomp changed".to_owned())
    }
}

/// All keys and values but those that a rewriting may change, in order.
fn others(text: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = Text::check(text, MAX_DEPTH).map_err(|fault| fault.to_string())?;
    let mut all = Vec::new();
    for member in text.root().members() {
        match member.key.as_ref() {
            "linux" => below("linux", member.value, |key| key == "seccomp", &mut all),
            "annotations" => {
                let goes = |key: &str| key.starts_with("run.oci.seccomp");
                below("annotations", member.value, goes, &mut all);
            }
            key => all.push((key.to_owned(), member.value.raw().to_owned())),
        }
    }
    Ok(all)
}

fn below(
    name: &str,
    value: Value<'_>,
    goes: impl Fn(&str) -> bool,
    all: &mut Vec<(String, String)>,
) {
    for member in value.members().filter(|member| !goes(&member.key)) {
        all.push((
            format!("{name}.{}", member.key),
            member.value.raw().to_owned(),
        ));
    }
}

//! `shim profile test --batch`: many calls, a line of JSON each.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};

use filter::{Call, Filter, Runtime, X32_BIT};
use profile::{Arch, native_from_name};
use serde_json::{Value, json};

use super::deciding::compile;
use super::failure::Failure;
use super::file::File;
use super::target::TargetArgs;

/// Answers the calls of `lines`; exit status 1 if any line could not be answered.
///
/// An answer is written out before the next line is waited for.
pub(super) fn answer(filter: &Filter, abi: Arch, lines: &mut impl Read) -> Result<i32, Failure> {
    let mut lines = BufReader::with_capacity(BUFFER, lines);
    let mut out = BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
    let mut names = Names::default();
    let mut line = Vec::new();
    let mut code = 0;
    loop {
        if lines.buffer().is_empty() && out.flush().is_err() {
            return Ok(code);
        }
        line.clear();
        let read = lines.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Err(Failure::Asked(format!("cannot read the calls: {error}"))),
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let said = match call(&line, abi, &mut names) {
            Ok((call, mut said)) => {
                said.insert("action".to_owned(), json!(filter.run(&call).to_string()));
                Value::Object(said)
            }
            Err(reason) => {
                code = 1;
                json!({"error": reason})
            }
        };
        if writeln!(out, "{said}").is_err() {
            // The reader has gone away.
            return Ok(code);
        }
    }
    let _ = out.flush();
    Ok(code)
}

/// Profile and calls both from standard input: the profile comes first, as one JSON value, and the
/// calls begin on the line after it.
pub(super) fn from_stdin(
    native: Arch,
    abi: Arch,
    runtime: Runtime,
    target: &TargetArgs,
) -> Result<i32, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LARGEST)
        .read_to_end(&mut bytes);
    read.map_err(|error| Failure::Asked(format!("cannot read standard input: {error}")))?;
    let end = profile_end(&bytes);
    let (profile, calls) = bytes.split_at_checked(end).unwrap_or((&bytes, b""));
    let file = File {
        name: "<stdin>".to_owned(),
        bytes: profile.to_vec(),
    };
    let loaded = file.load(target)?;
    let filter = compile(&loaded, native, runtime)?;
    answer(&filter, abi, &mut &*calls)
}

/// Where the JSON value that `bytes` begin with ends.
fn profile_end(bytes: &[u8]) -> usize {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    match values.next() {
        Some(Ok(_)) => values.byte_offset(),
        _ => bytes.len(),
    }
}

/// Numbers of syscalls by name, as far as they were asked for.
#[derive(Default)]
struct Names(HashMap<(String, u32), Option<u32>>);

impl Names {
    fn nr(&mut self, name: &str, arch: Arch) -> Option<u32> {
        let key = (name.to_owned(), arch as u32);
        let nr = self.0.entry(key);
        *nr.or_insert_with(|| super::syscalls::nr(name, arch))
    }
}

/// The call that a line asks for, and what of the answer is known already.
fn call(
    line: &[u8],
    abi: Arch,
    names: &mut Names,
) -> Result<(Call, serde_json::Map<String, Value>), String> {
    let asked: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let Value::Object(asked) = asked else {
        return Err("a call is a JSON object".to_owned());
    };
    let mut said = serde_json::Map::new();
    let arch = match asked.get("arch") {
        None | Some(Value::Null) => abi,
        Some(Value::String(name)) => {
            native_from_name(name).ok_or_else(|| format!("no such architecture: {name:?}"))?
        }
        Some(_) => return Err("\"arch\" is a string".to_owned()),
    };
    said.insert("arch".to_owned(), json!(super::arches::name(arch)));
    let nr = match (asked.get("nr"), asked.get("name")) {
        (Some(nr), _) if !nr.is_null() => {
            let nr = value(nr).ok().and_then(|nr| u32::try_from(nr).ok());
            nr.ok_or_else(|| "\"nr\" is a number of 32 bits".to_owned())?
        }
        (_, Some(Value::String(name))) => names
            .nr(name, arch)
            .ok_or_else(|| format!("{} has no syscall {name:?}", super::arches::name(arch)))?,
        _ => return Err("a call has a \"nr\" or a \"name\"".to_owned()),
    };
    // As it was asked, so that answers can be laid beside questions.
    said.insert("nr".to_owned(), json!(nr));
    let nr = if arch == Arch::ScmpArchX32 {
        nr | X32_BIT
    } else {
        nr
    };
    if let Some(name) = asked.get("name") {
        said.insert("name".to_owned(), name.clone());
    }
    let mut args = [0; 6];
    match asked.get("args") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) if list.len() <= args.len() => {
            for (arg, from) in args.iter_mut().zip(list) {
                *arg = value(from)?;
            }
        }
        Some(_) => return Err("\"args\" is a list of up to six numbers".to_owned()),
    }
    Ok((Call::new(arch, nr, args), said))
}

/// A number: as JSON has it, or as a string.
fn value(value: &Value) -> Result<u64, String> {
    let found = match value {
        Value::String(text) => number(text).ok(),
        Value::Number(one) => one
            .as_u64()
            .or_else(|| one.as_i64().map(i64::cast_unsigned)),
        _ => None,
    };
    found.ok_or_else(|| format!("{value} is no number of 64 bits"))
}

/// Reads an argument: decimal or `0x…`, also negative, as registers hold it.
pub(super) fn number(word: &str) -> Result<u64, String> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let plain = digits
        .bytes()
        .chain(hex.unwrap_or_default().bytes())
        .all(|c| c.is_ascii_alphanumeric());
    let number = match hex {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    match number {
        Ok(number) if plain && !negative => Ok(number),
        Ok(number) if plain && number <= 1 << 63 => Ok(number.wrapping_neg()),
        _ => Err("no number of 64 bits, decimal or 0x…".to_owned()),
    }
}

/// The longest line that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// The most that is read where profile and calls come together, in bytes.
const LARGEST: u64 = 256 << 20;

const BUFFER: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_decimal_or_hexadecimal_and_may_be_negative() {
        for (word, expect) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("0xffffffffffffffff", Some(u64::MAX)),
            ("-1", Some(u64::MAX)),
            ("-0x64", Some(0_u64.wrapping_sub(100))),
            ("-9223372036854775809", None),
            ("18446744073709551616", None),
            ("0x", None),
            ("+1", None),
            ("0x+1", None),
            ("", None),
            ("read", None),
        ] {
            assert_eq!(number(word).ok(), expect, "{word}");
        }
    }

    #[test]
    fn a_profile_ends_where_its_json_does() {
        let text = b"{\"a\": {}}\n{\"nr\": 1}\n";
        assert_eq!(profile_end(text), 9);
        assert_eq!(profile_end(b"{broken"), 7);
    }
}

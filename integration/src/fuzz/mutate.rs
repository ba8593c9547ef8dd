//! New inputs from old ones: small changes, grafts, and growth to the largest size.

use std::ops::Range;

use super::rng::Rng;

/// The largest input, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;

/// A changed copy of `base`, perhaps with a part of `other`.
pub(crate) fn mutate(rng: &mut Rng, base: &[u8], other: &[u8], words: &[&str]) -> Vec<u8> {
    let mut data = base.to_vec();
    // Growth alone: what was read before is read still, only more of it.
    if rng.one_in(48) {
        grow(rng, &mut data);
        data.truncate(LARGEST);
        return data;
    }
    let many = rng.one_in(8);
    let changes = 1_usize.saturating_add(rng.below(if many { 24 } else { 4 }));
    for _ in 0..changes {
        change(rng, &mut data, other, words);
    }
    if rng.one_in(96) {
        grow(rng, &mut data);
    }
    data.truncate(LARGEST);
    data
}

fn change(rng: &mut Rng, data: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let at = rng.below(data.len().saturating_add(1));
    match rng.below(12) {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1_u8.wrapping_shl(u32::from(rng.byte() & 7));
            }
        }
        1 => {
            let odd = *rng.pick(ODD_BYTES).unwrap_or(&0);
            if let Some(byte) = data.get_mut(at) {
                *byte = odd;
            }
        }
        2 => {
            let range = short(rng, at, data.len());
            data.drain(range);
        }
        3 => {
            let word = rng.pick(words).map_or(&b""[..], |word| word.as_bytes());
            put(data, at..at, word);
        }
        4 | 5 => {
            let word = rng.pick(words).map_or(&b""[..], |word| word.as_bytes());
            let range = token(data, at);
            put(data, range, word);
        }
        6 => {
            let range = short(rng, at, data.len());
            let copy = data.get(range).unwrap_or(b"").to_vec();
            put(data, at..at, &copy);
        }
        7 => {
            let from = rng.below(other.len().saturating_add(1));
            let range = short(rng, from, other.len());
            put(data, at..at, other.get(range).unwrap_or(b""));
        }
        8 => {
            // A value, or the like, of the other in the place of one of ours.
            let theirs = chunk(other, rng.below(other.len().saturating_add(1)));
            let ours = chunk(data, at);
            put(data, ours, other.get(theirs).unwrap_or(b""));
        }
        9 => {
            let ours = chunk(data, at);
            let to = chunk(data, rng.below(data.len().saturating_add(1)));
            let copy = data.get(ours).unwrap_or(b"").to_vec();
            put(data, to, &copy);
        }
        10 => {
            let ours = chunk(data, at);
            let mut copy = b",".to_vec();
            copy.extend_from_slice(data.get(ours.clone()).unwrap_or(b""));
            put(data, ours.end..ours.end, &copy);
        }
        _ => {
            let ours = chunk(data, at);
            data.drain(ours);
        }
    }
}

/// Makes something much longer or deeper.
fn grow(rng: &mut Rng, data: &mut Vec<u8>) {
    let room = LARGEST.saturating_sub(data.len());
    let room = room >> rng.below(10);
    let at = rng.below(data.len().saturating_add(1));
    let here = chunk(data, at);
    let copy = data.get(here.clone()).unwrap_or(b"").to_vec();
    let mut more = Vec::with_capacity(room);
    match rng.below(8) {
        // An element again and again, as it is or with a number inside its first string.
        kind @ 0..=3 => {
            let quote = copy.iter().position(|byte| *byte == b'"');
            let inside = quote.map_or(0, |at| at.saturating_add(1));
            let (head, tail) = copy.split_at_checked(inside).unwrap_or((&copy, b""));
            let mut count = 0_usize;
            while more.len() < room {
                more.push(b',');
                more.extend_from_slice(head);
                if kind > 1 && quote.is_some() {
                    more.extend_from_slice(count.to_string().as_bytes());
                }
                more.extend_from_slice(tail);
                count = count.saturating_add(1);
            }
            more.truncate(room);
            put(data, here.end..here.end, &more);
        }
        4 => {
            let levels = *rng.pick(&[990, 1_001, 40_000, 400_000]).unwrap_or(&0);
            let (open, close) = *rng
                .pick(&[
                    ("[", "]"),
                    ("{\"a\":", "}"),
                    ("[[],{\"\":", "}]"),
                    ("{", ""),
                ])
                .unwrap_or(&("[", "]"));
            let levels = (room / 8).min(levels);
            let mut deep = open.repeat(levels).into_bytes();
            deep.extend_from_slice(&copy);
            deep.extend_from_slice(close.repeat(levels).as_bytes());
            put(data, here, &deep);
        }
        5 => {
            let unit = *rng
                .pick(&[
                    " ", "\n", "\t\r\n ", "a", "\\u0041", "\\ud800", "é", "0", "-", "\\\\",
                ])
                .unwrap_or(&" ");
            put(
                data,
                at..at,
                unit.repeat(room / unit.len().max(1)).as_bytes(),
            );
        }
        6 => {
            let line = line(data, at);
            let copy = data.get(line.clone()).unwrap_or(b"").to_vec();
            while more.len() < room && !copy.is_empty() {
                more.extend_from_slice(&copy);
            }
            put(data, line.end..line.end, &more);
        }
        // The tiniest elements that there are.
        _ => {
            let unit = *rng
                .pick(&["{},", "[],", "\"\",", "null,", "0,", "\"a\",", "\"\":0,"])
                .unwrap_or(&"{},");
            let bracket = data
                .iter()
                .skip(at)
                .position(|byte| matches!(byte, b'[' | b'{'));
            let inside = bracket.map_or(at, |more| at.saturating_add(more).saturating_add(1));
            put(
                data,
                inside..inside,
                unit.repeat(room / unit.len()).as_bytes(),
            );
        }
    }
}

/// Puts `with` in the place of `range`, if that is there.
fn put(data: &mut Vec<u8>, range: Range<usize>, with: &[u8]) {
    if range.start <= range.end && range.end <= data.len() {
        data.splice(range, with.iter().copied());
    }
}

/// A range from `at` of mostly few bytes.
fn short(rng: &mut Rng, at: usize, length: usize) -> Range<usize> {
    let most = if rng.one_in(4) { 512 } else { 12 };
    let end = at.saturating_add(rng.below(most)).min(length);
    at.min(end)..end
}

/// The word or number around `at`.
fn token(data: &[u8], at: usize) -> Range<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = data.get(..at).unwrap_or(b"");
    let after = data.get(at..).unwrap_or(b"");
    let back = before.iter().rev().take_while(|byte| is_word(byte)).count();
    let on = after.iter().take_while(|byte| is_word(byte)).count();
    at.saturating_sub(back)..at.saturating_add(on).min(data.len())
}

/// The line around `at`, with its end.
fn line(data: &[u8], at: usize) -> Range<usize> {
    let before = data.get(..at).unwrap_or(b"");
    let start = before.iter().rposition(|byte| *byte == b'\n');
    let after = data.get(at..).unwrap_or(b"");
    let on = after.iter().position(|byte| *byte == b'\n');
    let end = on.map_or(data.len(), |on| at.saturating_add(on).saturating_add(1));
    start.map_or(0, |start| start.saturating_add(1))..end
}

/// The first string, array or object that begins at `at` or after it; nearly so in what is no JSON.
fn chunk(data: &[u8], at: usize) -> Range<usize> {
    let rest = data.get(at..).unwrap_or(b"");
    let Some(skip) = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'[' | b'{'))
    else {
        return at.min(data.len())..data.len();
    };
    let start = at.saturating_add(skip);
    let (mut depth, mut text, mut escaped) = (0_usize, false, false);
    for (more, byte) in data.iter().skip(start).take(LONGEST_CHUNK).enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => depth = depth.saturating_add(1),
            b']' | b'}' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && !text {
            return start..start.saturating_add(more).saturating_add(1);
        }
    }
    start..start.saturating_add(LONGEST_CHUNK).min(data.len())
}

const LONGEST_CHUNK: usize = 1 << 14;

const ODD_BYTES: &[u8] = b"\0\x01\n\r\t \"\\/{}[]:,'-+.eE019aunkKS\x7f\x80\xc3\xed\xef\xff=#";

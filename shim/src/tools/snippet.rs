//! The line that a message is about, with a caret under the value.

use strict_json::Place;

use super::paint::Paint;

/// The place as `file:line:column` and the line there, of the file called `name` that holds
/// `bytes`; of a long line the part around the place.
pub(super) fn snippet(name: &str, bytes: &[u8], place: Place, paint: Paint) -> String {
    let number = place.line.to_string();
    let pad = " ".repeat(number.len());
    let [arrow, bar, numbered] = [
        paint.blue("-->"),
        paint.blue("|"),
        paint.blue(&format!("{number} |")),
    ];
    let mut text = format!("{pad}{arrow} {name}:{number}:{}\n", place.column);
    let line = bytes
        .split(|byte| *byte == b'\n')
        .nth(place.line.saturating_sub(1));
    let Some(line) = line.and_then(|line| std::str::from_utf8(line).ok()) else {
        return text;
    };
    let (shown, before, width) = around(line, place.column);
    let spaces = " ".repeat(before);
    let caret = paint.red(&"^".repeat(width));
    text.push_str(&format!(
        "{pad} {bar}\n{numbered} {shown}\n{pad} {bar} {spaces}{caret}\n"
    ));
    text
}

/// The line as it is shown, how many characters of it are before the value at `column`, and how
/// many the value has.
fn around(line: &str, column: usize) -> (String, usize, usize) {
    // What a terminal would not show as one column would move the caret.
    let chars: Vec<char> = line
        .trim_end_matches('\r')
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let at = column.saturating_sub(1).min(chars.len());
    let width = token(chars.get(at..).unwrap_or_default());
    let cut = chars.len() > WIDEST;
    let from = if cut { at.saturating_sub(CONTEXT) } else { 0 };
    let to = if cut {
        from.saturating_add(WIDEST).min(chars.len())
    } else {
        chars.len()
    };
    let mut shown = String::new();
    if from > 0 {
        shown.push('…');
    }
    let before = at
        .saturating_sub(from)
        .saturating_add(shown.chars().count());
    shown.extend(chars.get(from..to).unwrap_or_default());
    if to < chars.len() {
        shown.push('…');
    }
    (shown, before, width.min(to.saturating_sub(at)).max(1))
}

/// How many characters the JSON value has that begins here; 1 for an object or a list.
fn token(rest: &[char]) -> usize {
    match rest.first() {
        Some('"') => {
            let mut escaped = false;
            let end = rest.iter().skip(1).position(|c| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end.saturating_add(2))
        }
        Some('{' | '[') | None => 1,
        Some(_) => {
            let ends = |c: &char| matches!(c, ',' | '}' | ']' | ':') || c.is_whitespace();
            rest.iter().position(ends).unwrap_or(rest.len()).max(1)
        }
    }
}

/// Longer lines are cut.
const WIDEST: usize = 100;

/// How much of a long line is shown before the place.
const CONTEXT: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_under_the_whole_value() {
        assert_eq!(
            around(r#"  "op": "EQ\"", x"#, 9),
            (r#"  "op": "EQ\"", x"#.to_owned(), 8, 6)
        );
        assert_eq!(around("\t[1.50, 2]", 3), (" [1.50, 2]".to_owned(), 2, 4));
        assert_eq!(around("{\"a\": {}}\r", 7).2, 1);
        assert_eq!(around("", 1), (String::new(), 0, 1));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}\"here\"{}", "a".repeat(500), "b".repeat(500));
        let (shown, before, width) = around(&line, 501);
        assert_eq!(shown.chars().count(), WIDEST + 2);
        let caret: String = shown.chars().skip(before).take(width).collect();
        assert_eq!(caret, "\"here\"");
    }
}

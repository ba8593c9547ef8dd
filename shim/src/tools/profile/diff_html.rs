//! A difference as one page: every syscall a square, coloured and lettered by what changed.
//!
//! The page needs nothing but itself: no script, no other file. Colour never stands alone: each
//! kind has its own mark, and each square the letters of what both profiles do.

use profile::{Arch, Diff};

use super::diff::{on, short, where_};
use super::file::Loaded;
use super::grid::{Kind, LETTERS, Square, squares};
use super::{arches, words};

/// The page.
pub(super) fn page(a: &Loaded, b: &Loaded, diff: &Diff, native: Arch) -> String {
    let squares = squares(&a.seccomp, &b.seccomp, diff, native);
    let (first, second) = (escaped(short(&a.file.name)), escaped(short(&b.file.name)));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{first} and {second}</title>\n<style>{STYLE}</style>\n\
         <h1><span>{first}</span> → <span>{second}</span></h1>\n\
         <p>What happens to each syscall of {}: by the first profile, and by the second.</p>\n",
        arches::name(native)
    );
    html.push_str(&frame(diff));
    html.push_str(&legend(&squares));
    html.push_str("<ol class=\"grid\">\n");
    for square in &squares {
        html.push_str(&item(square));
    }
    html.push_str("</ol>\n");
    html.push_str(&details(&squares));
    html.push_str("</html>\n");
    html
}

/// What differs beside the calls.
fn frame(diff: &Diff) -> String {
    let mut rows = Vec::new();
    if let Some(one) = &diff.default {
        rows.push(("default", format!("{} → {}", one.from, one.to)));
    }
    if !diff.lost.is_empty() {
        rows.push(("no longer let in", arches::names(&diff.lost)));
    }
    if !diff.gained.is_empty() {
        rows.push(("newly let in", arches::names(&diff.gained)));
    }
    if let Some(one) = &diff.flags {
        let (from, to) = (words::flags(&one.from), words::flags(&one.to));
        rows.push(("flags", format!("{from} → {to}")));
    }
    for (label, changed) in [
        ("listenerPath", &diff.listener_path),
        ("listenerMetadata", &diff.listener_metadata),
    ] {
        if let Some(one) = changed {
            let word = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
            rows.push((label, format!("{} → {}", word(&one.from), word(&one.to))));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<String> = rows
        .into_iter()
        .map(|(label, words)| format!("<dt>{label}<dd>{}\n", escaped(&words)))
        .collect();
    format!("<dl>\n{}</dl>\n", rows.concat())
}

/// The kinds with their counts, the letters, and the switch that hides what is the same.
fn legend(squares: &[Square<'_>]) -> String {
    let mut html = String::from("<ul class=\"legend\">\n");
    for kind in KINDS {
        let count = squares.iter().filter(|square| square.kind == kind).count();
        let (class, mark, words) = described(kind);
        html.push_str(&format!(
            "<li class=\"{class}\"><b>{mark}</b> {words}: {count}</li>\n"
        ));
    }
    html.push_str("</ul>\n<p class=\"letters\">");
    for (letter, words) in LETTERS {
        html.push_str(&format!("<span><b>{letter}</b> {words}</span> "));
    }
    html.push_str(
        "</p>\n<p><label><input type=\"checkbox\" id=\"changed\"> only what changed</label></p>\n",
    );
    html
}

fn item(square: &Square<'_>) -> String {
    let (class, mark, words) = described(square.kind);
    let letters = if square.before == square.after {
        square.before.clone()
    } else {
        format!("{} → {}", square.before, square.after)
    };
    let name = escaped(&square.name);
    format!(
        "<li class=\"{class}\" title=\"{name}: {words}\"><span>{name}</span> \
         <b>{letters}{}{mark}</b></li>\n",
        if mark.is_empty() { "" } else { " " }
    )
}

/// The changes in words, for those calls that changed.
fn details(squares: &[Square<'_>]) -> String {
    let mut rows = String::new();
    for square in squares {
        let Some(call) = square.change else { continue };
        for change in &call.changes {
            let when = format!("{}{}", where_(change), on(change.bits));
            let when = match when.trim() {
                "" => "always",
                when => when,
            };
            rows.push_str(&format!(
                "<tr><td>{}<td>{}<td>{}<td>{}\n",
                escaped(&square.name),
                change.from,
                change.to,
                escaped(when)
            ));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<h2>What changed</h2>\n<table>\n<tr><th>syscall<th>before<th>after<th>for which \
         arguments\n{rows}</table>\n"
    )
}

/// A kind's class, its mark, and what it means.
fn described(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Looser => ("looser", "▲", "less strict"),
        Kind::Stricter => ("stricter", "▼", "stricter"),
        Kind::Otherwise => ("otherwise", "◆", "changed otherwise"),
        Kind::Allowed => ("same allowed", "", "allowed by both"),
        Kind::Arguments => ("same arguments", "", "by arguments, the same"),
        Kind::Denied => ("same denied", "", "not allowed by either"),
    }
}

const KINDS: [Kind; 6] = [
    Kind::Looser,
    Kind::Stricter,
    Kind::Otherwise,
    Kind::Allowed,
    Kind::Arguments,
    Kind::Denied,
];

/// Text as HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// The colours of what changed are told apart by people who see few colours, too, and differ in
/// lightness; text on them has a contrast of 4.5 or more.
const STYLE: &str = "
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1500px; padding: 0 1em;
  color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5em; } h1 span { font-family: ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em; }
dt { font-weight: 600; } dd { margin: 0; font-family: ui-monospace, monospace; }
ul, ol { list-style: none; padding: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .4em; }
.legend li { padding: .3em .7em; }
.letters span { margin-right: 1em; white-space: nowrap; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5em, 1fr)); gap: 3px; }
.grid li { display: flex; justify-content: space-between; gap: .5em; padding: .2em .5em; }
.grid span { font-family: ui-monospace, monospace; font-size: .86em; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.grid b { white-space: nowrap; }
li { border-radius: 3px; border: 1px solid transparent; }
.looser { background: #e69f00; color: #000; border-color: #7a5400; }
.stricter { background: #004f7c; color: #fff; border-color: #002f4a; }
.otherwise { background: #e8b3d3; color: #000; border-color: #8f3f6f; }
.allowed { background: #dff0e4; color: #1a1a1a; }
.arguments { background: #fff6c9; color: #1a1a1a; }
.denied { background: #ececec; color: #444; }
.legend .same { border-color: #bbb; }
body:has(#changed:checked) .grid .same { display: none; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .25em .8em; border-bottom: 1px solid #ddd; vertical-align: top; }
td { font-family: ui-monospace, monospace; font-size: .9em; }
@media print { body { margin: 0; } li { print-color-adjust: exact; } }
";

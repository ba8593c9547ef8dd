//! Editing TOML: by place where the file is people's, by document where it is ours.

use std::ops::Range;

use toml_edit::{Array, Document, DocumentMut, Item, Table, TableLike, Value};

/// The document with the place of everything in it.
pub(super) fn parse(text: &str) -> Result<Document<String>, String> {
    Document::parse(text.to_owned()).map_err(|error| one_line(&error, text))
}

/// The document for changing it.
pub(super) fn parse_mut(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error| one_line(&error, text))
}

fn one_line(error: &toml_edit::TomlError, text: &str) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let words = error.message().lines().collect::<Vec<_>>().join(", ");
    format!("line {line}: {words}; mend it first")
}

/// What stands at a path of keys.
pub(super) fn at<'d>(table: &'d dyn TableLike, path: &[&str]) -> Option<&'d Item> {
    let (first, rest) = path.split_first()?;
    let item = table.get(first)?;
    if rest.is_empty() {
        return Some(item);
    }
    at(item.as_table_like()?, rest)
}

/// The string at `path`.
pub(super) fn word(table: &dyn TableLike, path: &[&str]) -> Option<String> {
    at(table, path).and_then(Item::as_str).map(str::to_owned)
}

/// The entries of the table at `path`, each with what `of` finds in it, or nothing.
pub(super) fn entries(
    table: &dyn TableLike,
    path: &[&str],
    of: impl Fn(&Item) -> Option<String>,
) -> Vec<(String, String)> {
    let all = at(table, path).and_then(Item::as_table_like);
    let all = all.into_iter().flat_map(TableLike::iter);
    all.map(|(name, item)| (name.to_owned(), of(item).unwrap_or_default()))
        .collect()
}

/// The text of a drop-in that is ours alone, which says so where it is new.
pub(super) fn drop_in(engine: &str, before: Option<&str>, document: &DocumentMut) -> String {
    match before {
        Some(_) => document.to_string(),
        None => format!(
            "# Written by `shim install {engine}`; `shim uninstall {engine}` takes it out again.\n{document}"
        ),
    }
}

/// A path of keys as a header or a message has it.
pub(super) fn dotted(path: &[&str]) -> String {
    let bare = |key: &str| {
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let quote = |key: &&str| {
        if bare(key) {
            (*key).to_owned()
        } else {
            quoted(key)
        }
    };
    path.iter().map(quote).collect::<Vec<_>>().join(".")
}

/// A string as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as TOML has it, without the space and the comments around it.
pub(super) fn bare(value: &Value) -> String {
    let mut value = value.clone();
    value.decor_mut().clear();
    value.to_string()
}

/// The text with lines at its end, after an empty line.
pub(super) fn append(text: &str, block: &str) -> String {
    let line = line_end(text);
    let block = block.replace('\n', line);
    let gap = if text.is_empty() { "" } else { line };
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        line
    };
    format!("{text}{end}{gap}{block}")
}

/// The text without lines that [`append`] put at its end, if they are still there as they were.
pub(super) fn cut(text: &str, block: &str) -> Option<String> {
    let line = line_end(text);
    let block = block.replace('\n', line);
    let start = text.find(&block)?;
    let end = start.checked_add(block.len())?;
    let before = text.get(..start)?;
    let gap = format!("{line}{line}");
    let before = if before.ends_with(&gap) {
        before.strip_suffix(line)?
    } else {
        before
    };
    Some(format!("{before}{}", text.get(end..)?))
}

/// The text with `key = "value"` in the table at `path`: in the place of the old value, else below
/// the table's header, else at the end below a header of its own.
pub(super) fn set(text: &str, path: &[&str], key: &str, value: &str) -> Result<String, String> {
    let document = parse(text)?;
    let new = quoted(value);
    let Some(item) = at(document.as_table(), path) else {
        return Ok(append(
            text,
            &format!("[{}]\n  {key} = {new}\n", dotted(path)),
        ));
    };
    let there = item.as_table_like().and_then(|table| table.get(key));
    if let Some(there) = there {
        let span = there.span().ok_or_else(|| unclear(path))?;
        return Ok(splice(text, span, &new));
    }
    let table = item.as_table().filter(|table| !table.is_dotted());
    let table = table.ok_or_else(|| unclear(path))?;
    if table.is_implicit() {
        return Ok(append(
            text,
            &format!("[{}]\n  {key} = {new}\n", dotted(path)),
        ));
    }
    let header = table.span().ok_or_else(|| unclear(path))?.start;
    let rest = text.get(header..).unwrap_or_default();
    let line = line_end(text);
    let length = rest.find('\n').map(|at| at.saturating_add(1));
    let (end, lead) = match length {
        Some(length) => (header.saturating_add(length), ""),
        None => (text.len(), line),
    };
    let before = text.get(..header).unwrap_or_default();
    let indent = before.rsplit('\n').next().unwrap_or_default();
    let indent = if indent.trim().is_empty() { indent } else { "" };
    Ok(splice(
        text,
        end..end,
        &format!("{lead}{indent}  {key} = {new}{line}"),
    ))
}

/// A table that holds one string.
pub(super) fn table_with(path: &[&str], key: &str, value: &str) -> String {
    format!("[{}]\n  {key} = {}\n", dotted(path), quoted(value))
}

/// The text with one more string in the array `key` at the top, which is made if it is not there.
pub(super) fn push_top(text: &str, key: &str, value: &str) -> Result<String, String> {
    let document = parse(text)?;
    let new = quoted(value);
    let line = line_end(text);
    let Some(item) = document.get(key) else {
        // Keys of the top go before the first header; right after `version` is where people look.
        let after = document
            .get("version")
            .and_then(Item::span)
            .map_or(0, |span| span.end);
        let rest = text.get(after..).unwrap_or_default();
        let end = rest.find('\n').map_or(text.len(), |length| {
            after.saturating_add(length).saturating_add(1)
        });
        let (end, lead) = match after {
            0 => (0, ""),
            _ if rest.contains('\n') => (end, ""),
            _ => (end, line),
        };
        return Ok(splice(
            text,
            end..end,
            &format!("{lead}{key} = [{new}]{line}"),
        ));
    };
    let array = item
        .as_array()
        .ok_or_else(|| format!("{key} is not an array; mend it first"))?;
    let last = array.iter().last().and_then(Value::span);
    let span = item.span().ok_or_else(|| unclear(&[key]))?;
    Ok(match last {
        Some(last) => splice(text, last.end..last.end, &format!(", {new}")),
        None => splice(text, span, &format!("[{new}]")),
    })
}

fn unclear(path: &[&str]) -> String {
    format!(
        "{} is written in a way that cannot be added to; give it a [header] of its own",
        dotted(path)
    )
}

fn splice(text: &str, range: Range<usize>, new: &str) -> String {
    super::json_text::splice(text, range, new)
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The table at a path of a document of ours, made if it is not there.
pub(super) fn table<'d>(
    document: &'d mut DocumentMut,
    path: &[&str],
) -> Result<&'d mut Table, String> {
    let mut table = document.as_table_mut();
    for (depth, key) in path.iter().enumerate() {
        let last = depth.saturating_add(1) == path.len();
        let item = table.entry(key).or_insert_with(|| {
            let mut new = Table::new();
            new.set_implicit(!last);
            Item::Table(new)
        });
        table = item.as_table_mut().ok_or_else(|| unclear(path))?;
        if last {
            table.set_implicit(false);
        }
    }
    Ok(table)
}

/// An array of strings.
pub(super) fn strings<'s>(values: impl IntoIterator<Item = &'s str>) -> Array {
    values.into_iter().collect()
}

/// The strings of an array.
pub(super) fn strings_of(item: &Item) -> Vec<String> {
    let values = item.as_array().into_iter().flatten();
    values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The text without the table or value at a path, and without the tables above it that this leaves
/// empty, as far as `keep` keys.
pub(super) fn without(text: &str, path: &[&str], keep: usize) -> Result<String, String> {
    let mut document = parse_mut(text)?;
    for length in (keep.max(1)..=path.len()).rev() {
        let Some((key, above)) = path.get(..length).and_then(|path| path.split_last()) else {
            break;
        };
        let mut table: Option<&mut dyn TableLike> = Some(document.as_table_mut());
        for part in above {
            table = table
                .and_then(|table| table.get_mut(part))
                .and_then(Item::as_table_like_mut);
        }
        let Some(table) = table else { continue };
        let whole = length == path.len();
        let empty = table
            .get(key)
            .and_then(Item::as_table_like)
            .is_some_and(TableLike::is_empty);
        if whole || empty {
            table.remove(key);
        } else {
            break;
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_set_where_it_belongs() {
        for (before, after) in [
            ("", "[a.b]\n  k = \"v\"\n"),
            ("x = 1\n", "x = 1\n\n[a.b]\n  k = \"v\"\n"),
            ("[a.b]\nk = 'o' # c\n", "[a.b]\nk = \"v\" # c\n"),
            ("[a.b]\r\n# c\r\n", "[a.b]\r\n  k = \"v\"\r\n# c\r\n"),
            ("[a.b]", "[a.b]\n  k = \"v\"\n"),
            ("[a.b.c]\nz = 1\n", "[a.b.c]\nz = 1\n\n[a.b]\n  k = \"v\"\n"),
            ("a = { b = { k = \"o\" } }\n", "a = { b = { k = \"v\" } }\n"),
        ] {
            assert_eq!(
                set(before, &["a", "b"], "k", "v").unwrap(),
                after,
                "{before:?}"
            );
        }
        assert!(set("a.b.c = 1\n", &["a", "b"], "k", "v").is_err());
    }

    #[test]
    fn what_was_appended_can_be_cut() {
        for before in ["", "x = 1\n", "x = 1\r\n", "x = 1\n\n", "# only words\n"] {
            let with = append(before, "[t]\ny = 1\n");
            assert_eq!(
                cut(&with, "[t]\ny = 1\n").as_deref(),
                Some(before),
                "{with:?}"
            );
        }
    }

    #[test]
    fn an_import_is_added_at_the_top() {
        for (before, after) in [
            (
                "version = 3\n[a]\n",
                "version = 3\nimports = [\"v\"]\n[a]\n",
            ),
            ("version = 3", "version = 3\nimports = [\"v\"]\n"),
            ("# c\n[a]\n", "imports = [\"v\"]\n# c\n[a]\n"),
            ("imports = [ 'x' ] # c\n", "imports = [ 'x', \"v\" ] # c\n"),
            ("imports = []\n", "imports = [\"v\"]\n"),
        ] {
            assert_eq!(push_top(before, "imports", "v").unwrap(), after);
        }
    }
}

//! A file of many rules in pieces: what is before the first `[[rule]]`, and each rule.
//!
//! Parsing a thousand rules at once takes megabytes for the tree, and most of the time goes into
//! getting those from the kernel. A piece at a time needs them once. The pieces mean what the whole
//! means only if a line that begins with `[[rule]]` is sure to be a header, and all that follows up
//! to the next is below it. So wherever there is a doubt there are no pieces; and whoever finds a
//! piece wrong reads the whole, for the error.

/// The pieces, each with its offset in the text; none if they could mean something else.
pub(crate) fn split(text: &str) -> Option<(&str, Vec<(usize, &str)>)> {
    // Strings that span lines could hold anything.
    if text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let mut starts = Vec::new();
    let mut offset = 0_usize;
    for line in text.split_inclusive('\n') {
        let blanks = line
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let words = line.get(blanks..).unwrap_or("");
        let comment = words.starts_with('#');
        if let Some(rest) = words.strip_prefix("[[rule]]") {
            if !is_blank(rest) {
                return None;
            }
            starts.push(offset);
        } else if starts.is_empty() {
            // The head must not say anything of rules itself.
            if !comment && (line.contains("rule") || line.contains('\\')) {
                return None;
            }
        } else if words.starts_with('[')
            && !words.starts_with("[rule.")
            && !words.starts_with("[[rule.")
        {
            return None;
        }
        offset = offset.saturating_add(line.len());
    }
    let (head, _) = text.split_at_checked(*starts.first()?)?;
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let pieces = starts.iter().zip(ends);
    let pieces = pieces.map(|(start, end)| Some((*start, text.get(*start..end)?)));
    Some((head, pieces.collect::<Option<_>>()?))
}

/// Whether nothing but a comment may follow.
fn is_blank(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '\t']);
    rest.is_empty() || rest.starts_with(['\n', '\r', '#'])
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn rules_are_pieces_and_the_rest_is_the_head() {
        let text = "version = 1 # rules below? no: a\n[[rule]]\nname = \"a\"\n[rule.when]\npod = \"x\"\n  [[rule]] # b\n";
        assert_eq!(split(text), None, "the head says rule");
        let text = text.replace(" # rules below? no: a", "");
        let (head, pieces) = split(&text).unwrap_or_default();
        assert_eq!(head, "version = 1\n");
        assert_eq!(pieces.len(), 2);
        assert_eq!(
            pieces.concat_text(),
            text.get(head.len()..).unwrap_or_default()
        );
    }

    trait ConcatText {
        fn concat_text(&self) -> String;
    }

    impl ConcatText for Vec<(usize, &str)> {
        fn concat_text(&self) -> String {
            self.iter().map(|(_, text)| *text).collect()
        }
    }

    #[test]
    fn where_there_is_a_doubt_there_are_no_pieces() {
        for text in [
            "version = 1\n",
            "version = 1\nrule = []\n[[rule]]\n",
            "version = 1\n\"\\u0072ule\" = []\n[[rule]]\n",
            "version = 1\n[[rule]]\n[floor]\n",
            "version = 1\n[[rule]]\n[[rule]] x\n",
            "version = 1\n[[rule]]\nname = \"\"\"\n[[rule]]\n\"\"\"\n",
            "version = 1\n[[rule]]\n[[ rule ]]\n",
        ] {
            assert_eq!(split(text), None, "{text:?}");
        }
    }
}

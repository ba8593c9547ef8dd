//! Conditions and rules in words.

use profile::{Condition, Flag, Operator};

/// A condition as a person would write it: `arg0 == 5`, `arg1 & 0xf0 == 0x10`.
pub(super) fn condition(one: &Condition) -> String {
    let (arg, value) = (one.index, number(one.value));
    let op = match one.op {
        Operator::ScmpCmpNe => "!=",
        Operator::ScmpCmpLt => "<",
        Operator::ScmpCmpLe => "<=",
        Operator::ScmpCmpEq => "==",
        Operator::ScmpCmpGe => ">=",
        Operator::ScmpCmpGt => ">",
        Operator::ScmpCmpMaskedEq => {
            let (mask, bits) = (one.value, one.value & one.value_two);
            return format!("arg{arg} & {mask:#x} == {bits:#x}");
        }
    };
    format!("arg{arg} {op} {value}")
}

/// Conditions that must all hold.
pub(super) fn all(conditions: &[Condition]) -> String {
    let each: Vec<String> = conditions.iter().map(condition).collect();
    each.join(" and ")
}

/// Small numbers as people count, others as hardware does.
pub(super) fn number(value: u64) -> String {
    if value < 4096 {
        value.to_string()
    } else {
        format!("{value:#x}")
    }
}

/// Flags without the prefix that all have.
pub(super) fn flags(flags: &[Flag]) -> String {
    if flags.is_empty() {
        return "none".to_owned();
    }
    let word = |flag: &Flag| {
        let long = flag.to_string();
        let short = long.strip_prefix("SECCOMP_FILTER_FLAG_");
        short.unwrap_or(&long).to_owned()
    };
    let words: Vec<String> = flags.iter().map(word).collect();
    words.join(", ")
}

/// Names in lines of at most `WIDTH` characters, each line after `indent`.
pub(super) fn wrapped<'a>(names: impl IntoIterator<Item = &'a str>, indent: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for name in names {
        let full = line
            .len()
            .saturating_add(name.len())
            .saturating_add(indent.len())
            >= WIDTH;
        if full && !line.is_empty() {
            text.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
    }
    if !line.is_empty() {
        text.push_str(&format!("{indent}{line}\n"));
    }
    text
}

/// How wide lists are.
const WIDTH: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_read_as_a_person_would_write_them() {
        let one = |op, value, value_two| Condition {
            index: 1,
            value,
            value_two,
            op,
        };
        for (one, said) in [
            (one(Operator::ScmpCmpEq, 5, 0), "arg1 == 5"),
            (one(Operator::ScmpCmpGe, 1 << 32, 0), "arg1 >= 0x100000000"),
            (
                one(Operator::ScmpCmpMaskedEq, 0xf0, 0x1f),
                "arg1 & 0xf0 == 0x10",
            ),
        ] {
            assert_eq!(condition(&one), said);
        }
    }

    #[test]
    fn lists_are_wrapped() {
        let names = vec!["read"; 60];
        let text = wrapped(names.iter().copied(), "  ");
        assert!(
            text.lines()
                .all(|line| line.len() <= WIDTH && line.starts_with("  r"))
        );
        assert_eq!(text.matches("read").count(), 60);
    }
}

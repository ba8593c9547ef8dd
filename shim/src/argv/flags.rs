//! What a flag is, and how each runtime's flags are looked up.
//!
//! A table holds the flags of every version of a runtime that is known, and those of `create`,
//! `run` and `restore` together. A flag that the installed version lacks makes that version refuse
//! the whole command line, so knowing too many is harmless; not knowing one is not, and is refused.
#![forbid(unsafe_code)]

/// Whether a flag takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// No value; Go's parsers also take `--flag=true`.
    Nothing,
    /// A value, in the same word or the next one.
    Value,
    /// A value in the same word, or none.
    Inline,
}

/// What a flag means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The folder that holds config.json.
    Bundle,
    /// crun's file read in the place of config.json.
    Config,
    /// Shows help: nothing is made.
    Help,
    /// Where the runtime's errors go.
    Log,
    /// In which form they go there.
    LogFormat,
    /// Nothing that bears on the bundle.
    Plain,
    /// Shows the version: nothing is made.
    Version,
}

/// One flag of one runtime.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    /// The name, without dashes; never empty.
    pub(super) long: &'static str,
    /// Its one-letter names.
    pub(super) short: &'static [u8],
    /// Whether it takes a value.
    pub(super) takes: Takes,
    /// What it means to us.
    pub(super) role: Role,
}

impl Flag {
    /// A flag without a value.
    pub(super) const fn switch(long: &'static str) -> Self {
        Self {
            long,
            short: b"",
            takes: Takes::Nothing,
            role: Role::Plain,
        }
    }

    /// A flag with a value.
    pub(super) const fn value(long: &'static str) -> Self {
        Self {
            takes: Takes::Value,
            ..Self::switch(long)
        }
    }

    /// The same flag with one-letter names.
    pub(super) const fn short(self, short: &'static [u8]) -> Self {
        Self { short, ..self }
    }

    /// The same flag with a meaning.
    pub(super) const fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// The same flag with a value only after `=`.
    pub(super) const fn inline(self) -> Self {
        Self {
            takes: Takes::Inline,
            ..self
        }
    }
}

/// Some tables of flags, looked up in this order.
pub(super) type Tables = [&'static [Flag]];

/// The flag of this whole name, long or of one letter, as Go's parsers know names.
pub(super) fn by_name(tables: &Tables, name: &[u8]) -> Option<&'static Flag> {
    all(tables).find(|flag| {
        flag.long.as_bytes() == name || matches!(name, [letter] if flag.short.contains(letter))
    })
}

/// The flag of this long name.
pub(super) fn by_long(tables: &Tables, name: &[u8]) -> Option<&'static Flag> {
    all(tables).find(|flag| flag.long.as_bytes() == name)
}

/// The flag of this letter.
pub(super) fn by_short(tables: &Tables, letter: u8) -> Option<&'static Flag> {
    all(tables).find(|flag| flag.short.contains(&letter))
}

/// The flag whose long name this is, or the only one whose long name begins so, as `getopt_long`
/// finds it.
pub(super) fn by_abbreviation(tables: &Tables, name: &[u8]) -> Option<&'static Flag> {
    if let Some(exact) = by_long(tables, name) {
        return Some(exact);
    }
    let mut begins = all(tables).filter(|flag| flag.long.as_bytes().starts_with(name));
    match (begins.next(), begins.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Whether these letters after one dash are Go's form of a switch. containerd restores with
/// `-no-subreaper` whatever the runtime; crun and youki refuse it.
pub(super) fn is_go_switch(tables: &Tables, letters: &[u8]) -> bool {
    by_long(tables, letters).is_some_and(|flag| flag.takes == Takes::Nothing)
}

fn all(tables: &Tables) -> impl Iterator<Item = &'static Flag> {
    tables.iter().flat_map(|table| table.iter())
}

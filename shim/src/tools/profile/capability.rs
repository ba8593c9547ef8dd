//! Capabilities, as `--cap` takes them.

use std::collections::BTreeSet;

use profile::{CAPABILITIES, DOCKER_CAPABILITIES, is_capability, near_capability};

use crate::tools::complain;

/// What one `--cap` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) enum Caps {
    /// `all`: every capability of Linux.
    All,
    /// `docker`: what Docker gives by default.
    Docker,
    /// `none`: no capability, as without any `--cap`.
    None,
    /// One, as it stands in a config.json.
    One(String),
}

/// Reads the value of a `--cap`. A name is taken to the letter, as engines compare it.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
pub(super) fn parse(word: &str) -> Result<Caps, String> {
    Ok(match word {
        "all" => Caps::All,
        "docker" => Caps::Docker,
        "none" => Caps::None,
        name => Caps::One(name.to_owned()),
    })
}

/// The set that some `--cap` make.
pub(in crate::tools) fn set(caps: &[Caps]) -> BTreeSet<String> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for one in caps {
        match one {
            Caps::All => names.extend(CAPABILITIES),
            Caps::Docker => names.extend(DOCKER_CAPABILITIES),
            Caps::None => {}
            Caps::One(name) => {
                names.insert(name);
            }
        }
    }
    names.into_iter().map(str::to_owned).collect()
}

/// Says of names that no Linux has that they match nothing.
pub(super) fn remark(caps: &[Caps]) {
    for one in caps {
        if let Caps::One(name) = one
            && !is_capability(name)
        {
            let mend = near_capability(name);
            let mend = mend
                .map(|mend| format!("; did you mean {mend}?"))
                .unwrap_or_default();
            complain(&format!("{name:?} is no capability that Linux has{mend}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_taken_to_the_letter() {
        for word in ["CAP_SYS_ADMIN", "sys_admin", ""] {
            assert_eq!(parse(word), Ok(Caps::One(word.to_owned())), "{word}");
        }
        assert_eq!(set(&[]).len(), 0);
        assert_eq!(set(&[Caps::None]).len(), 0);
        assert_eq!(set(&[Caps::Docker]).len(), 14);
        assert_eq!(set(&[Caps::All]).len(), 41);
        assert_eq!(
            set(&[Caps::One("CAP_X".into())]),
            ["CAP_X".to_owned()].into()
        );
    }
}

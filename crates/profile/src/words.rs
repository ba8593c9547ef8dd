//! The words of the OCI format, both ways: actions, operators, architectures, flags
//! (runtime-spec config-linux.md, section "Seccomp").

use crate::{Action, Arch, Flag, Operator};

/// A set of words that a field may hold, with what each means.
pub(crate) trait Word: Copy + PartialEq + Sized + 'static {
    /// What the word is, for messages.
    const WHAT: &'static str;
    /// Every word.
    const ALL: &'static [(&'static str, Self)];
}

/// What `word` means, if it is one of its set; to the letter, as runc reads it.
pub(crate) fn meaning<W: Word>(word: &str) -> Option<W> {
    let found = W::ALL.iter().find(|(name, _)| *name == word);
    found.map(|(_, meaning)| *meaning)
}

/// The word for `meaning`. Every variant stands in the tables; a new one would be empty.
pub(crate) fn word<W: Word>(meaning: W) -> &'static str {
    let found = W::ALL.iter().find(|(_, other)| *other == meaning);
    found.map_or("", |(name, _)| name)
}

/// The word that `found` was probably meant to be: the same without its prefix or in another
/// case, or else one a few letters off.
pub(crate) fn near<W: Word>(found: &str) -> Option<&'static str> {
    nearest(found, W::ALL.iter().map(|(name, _)| *name))
}

/// The name among `names` that `found` was probably meant to be.
pub(crate) fn nearest(
    found: &str,
    names: impl Iterator<Item = &'static str> + Clone,
) -> Option<&'static str> {
    if found.is_empty() || found.len() > LONGEST {
        return None;
    }
    let upper = found.to_ascii_uppercase();
    let whole = names.clone().find(|name| {
        let rest = name.strip_suffix(upper.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    });
    whole.or_else(|| {
        names
            .map(|name| (strsim::damerau_levenshtein(&upper, name), name))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, name)| *distance <= name.len() / 4)
            .map(|(_, name)| name)
    })
}

/// Longer than every word by far; what is longer is no typing error.
const LONGEST: usize = 64;

impl Word for Action {
    const WHAT: &'static str = "action";
    const ALL: &'static [(&'static str, Self)] = &[
        ("SCMP_ACT_ALLOW", Self::ScmpActAllow),
        ("SCMP_ACT_ERRNO", Self::ScmpActErrno),
        ("SCMP_ACT_KILL", Self::ScmpActKill),
        ("SCMP_ACT_KILL_PROCESS", Self::ScmpActKillProcess),
        ("SCMP_ACT_KILL_THREAD", Self::ScmpActKillThread),
        ("SCMP_ACT_LOG", Self::ScmpActLog),
        ("SCMP_ACT_NOTIFY", Self::ScmpActNotify),
        ("SCMP_ACT_TRACE", Self::ScmpActTrace),
        ("SCMP_ACT_TRAP", Self::ScmpActTrap),
    ];
}

impl Word for Operator {
    const WHAT: &'static str = "operator";
    const ALL: &'static [(&'static str, Self)] = &[
        ("SCMP_CMP_EQ", Self::ScmpCmpEq),
        ("SCMP_CMP_GE", Self::ScmpCmpGe),
        ("SCMP_CMP_GT", Self::ScmpCmpGt),
        ("SCMP_CMP_LE", Self::ScmpCmpLe),
        ("SCMP_CMP_LT", Self::ScmpCmpLt),
        ("SCMP_CMP_MASKED_EQ", Self::ScmpCmpMaskedEq),
        ("SCMP_CMP_NE", Self::ScmpCmpNe),
    ];
}

impl Word for Flag {
    const WHAT: &'static str = "flag";
    const ALL: &'static [(&'static str, Self)] = &[
        ("SECCOMP_FILTER_FLAG_LOG", Self::SeccompFilterFlagLog),
        (
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            Self::SeccompFilterFlagSpecAllow,
        ),
        ("SECCOMP_FILTER_FLAG_TSYNC", Self::SeccompFilterFlagTsync),
        (
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
            Self::SeccompFilterFlagWaitKillableRecv,
        ),
    ];
}

impl Word for Arch {
    const WHAT: &'static str = "architecture";
    const ALL: &'static [(&'static str, Self)] = &[
        ("SCMP_ARCH_AARCH64", Self::ScmpArchAarch64),
        ("SCMP_ARCH_ARM", Self::ScmpArchArm),
        ("SCMP_ARCH_LOONGARCH64", Self::ScmpArchLoongarch64),
        ("SCMP_ARCH_M68K", Self::ScmpArchM68k),
        ("SCMP_ARCH_MIPS", Self::ScmpArchMips),
        ("SCMP_ARCH_MIPS64", Self::ScmpArchMips64),
        ("SCMP_ARCH_MIPS64N32", Self::ScmpArchMips64n32),
        ("SCMP_ARCH_MIPSEL", Self::ScmpArchMipsel),
        ("SCMP_ARCH_MIPSEL64", Self::ScmpArchMipsel64),
        ("SCMP_ARCH_MIPSEL64N32", Self::ScmpArchMipsel64n32),
        ("SCMP_ARCH_NATIVE", Self::ScmpArchNative),
        ("SCMP_ARCH_PARISC", Self::ScmpArchParisc),
        ("SCMP_ARCH_PARISC64", Self::ScmpArchParisc64),
        ("SCMP_ARCH_PPC", Self::ScmpArchPpc),
        ("SCMP_ARCH_PPC64", Self::ScmpArchPpc64),
        ("SCMP_ARCH_PPC64LE", Self::ScmpArchPpc64le),
        ("SCMP_ARCH_RISCV64", Self::ScmpArchRiscv64),
        ("SCMP_ARCH_S390", Self::ScmpArchS390),
        ("SCMP_ARCH_S390X", Self::ScmpArchS390x),
        ("SCMP_ARCH_SH", Self::ScmpArchSh),
        ("SCMP_ARCH_SHEB", Self::ScmpArchSheb),
        ("SCMP_ARCH_X32", Self::ScmpArchX32),
        ("SCMP_ARCH_X86", Self::ScmpArchX86),
        ("SCMP_ARCH_X86_64", Self::ScmpArchX86_64),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_means_itself_and_is_the_oci_types_own() {
        fn check<W: Word + std::fmt::Display + std::fmt::Debug>() {
            for (name, value) in W::ALL {
                assert_eq!(meaning::<W>(name), Some(*value));
                assert_eq!(word(*value), *name);
                assert_eq!(value.to_string(), *name);
            }
        }
        check::<Action>();
        check::<Operator>();
        check::<Flag>();
        check::<Arch>();
    }

    #[test]
    fn words_are_taken_to_the_letter() {
        assert_eq!(meaning::<Action>("scmp_act_allow"), None);
        assert_eq!(meaning::<Action>("ALLOW"), None);
        assert_eq!(meaning::<Arch>("x86_64"), None);
    }

    #[test]
    fn a_near_word_is_found_for_what_people_write() {
        for (found, meant) in [
            ("ALLOW", "SCMP_ACT_ALLOW"),
            ("scmp_act_errno", "SCMP_ACT_ERRNO"),
            ("SCMP_ACT_ERNO", "SCMP_ACT_ERRNO"),
            ("SCMP_ACT_ALOLW", "SCMP_ACT_ALLOW"),
        ] {
            assert_eq!(near::<Action>(found), Some(meant), "{found}");
        }
        assert_eq!(near::<Arch>("x86_64"), Some("SCMP_ARCH_X86_64"));
        assert_eq!(near::<Operator>("EQ"), Some("SCMP_CMP_EQ"));
        for nothing in ["", "deny everything", &"X".repeat(1_000)] {
            assert_eq!(near::<Action>(nothing), None, "{nothing}");
        }
    }
}
